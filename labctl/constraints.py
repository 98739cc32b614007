"""What the parameters of a recipe have to satisfy together."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.objectives import InputOf, Objective

__all__ = ["Constraint"]

_COMPARED = re.compile(r"^(.+?)(<=|>=|==)(.+)$", re.DOTALL)
_EQUAL, _ROUND = 1e-4, 1e-9
_WORD = re.compile(r"[A-Za-z_]\w*")
_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = MappingProxyType(
    {
        ast.Add: np.add,
        ast.Sub: np.subtract,
        ast.Mult: np.multiply,
        ast.Div: np.divide,
        ast.Pow: np.power,
        ast.USub: np.negative,
        ast.UAdd: np.positive,
    }
)
_FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "abs": np.abs,
        "exp": np.exp,
        "log": np.log,
        "log10": np.log10,
        "max": np.maximum,
        "min": np.minimum,
        "sqrt": np.sqrt,
    }
)


@dataclass(frozen=True)
class Constraint:
    """Two sides, arithmetic on parameters, and how they compare: ``power * thickness <= 20000``, ``a + b == 1``.

    Raises:
        ValueError: it does not compare two sides with ``<=``, ``>=`` or ``==``, or a side is no arithmetic on the
            parameters; with the text.
    """

    text: str
    """As written."""
    names: tuple[str, ...]
    """Parameters that it may use; each a number, in its unit."""

    def __post_init__(self) -> None:
        if not self._parts:
            raise ValueError(f"{self.text!r} must compare two sides with <=, >= or ==")
        used = [name for name in dict.fromkeys(_WORD.findall(self.text)) if name in self.names]
        if not used:
            raise ValueError(f"{self.text!r} uses no parameter; those that are numbers: {', '.join(self.names)}")
        try:
            assert self._sides
        except ValueError as error:
            reason = str(error).removeprefix("constraint: ").replace("its inputs:", "parameters that are numbers:")
            raise ValueError(f"{self.text!r}: {reason.partition(': ')[2] or reason}") from error

    @property
    def is_equation(self) -> bool:
        """Whether both sides have to be equal."""
        return self._parts[1] == "=="

    def excess(self, values: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return by how much the left side is too large; of an equation, by how much it is larger, with its sign.

        Args:
            values: one number or an array for each parameter, all of one shape; the result has it, too. Infinite
                where the arithmetic has no finite result.
        """
        with np.errstate(all="ignore"):
            left, right = (np.asarray(_worked_out(side, values), np.float64) for side in self._sides)
            excess = right - left if self._parts[1] == ">=" else left - right
        return np.where(np.isfinite(excess), excess, np.inf)

    def allows(self, values: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Return whether recipes satisfy it, to 1e-9 of its larger side; an equation to 1e-4 of what it adds up."""
        excess, weights = self.excess(values), self.weights() if self.is_equation else None
        with np.errstate(all="ignore"):
            size = sum((np.abs(weight * np.asarray(values[name])) for name, weight in (weights or {}).items()), 0.0)
            sides = [np.abs(np.nan_to_num(_worked_out(side, values))) for side in self._sides]
        size = np.maximum(size, np.maximum(*sides))
        return np.abs(excess) <= _EQUAL * size if self.is_equation else excess <= _ROUND * size

    @cached_property
    def _parts(self) -> Sequence[str]:
        found = _COMPARED.match(self.text)
        sides = [] if found is None else [found[1].strip(), found[2], found[3].strip()]
        return sides if len(sides) == 3 and not re.search("[<>=]", sides[0] + sides[2]) else []

    @cached_property
    def _sides(self) -> tuple[ast.expr, ast.expr]:
        left, _, right = self._parts
        inputs = {name: InputOf("recipe", name) for name in self.names}
        for side in (left, right):
            Objective("constraint", "minimize", side, inputs)  # refuses whatever is no arithmetic
        return ast.parse(left, mode="eval").body, ast.parse(right, mode="eval").body

    def weights(self) -> dict[str, float] | None:
        """Return the factor of each parameter where the excess is a weighted sum of parameters and a constant."""
        at_zero = dict.fromkeys(self.names, 0.0)
        base = float(self.excess(at_zero))
        weights = {name: float(self.excess({**at_zero, name: 1.0})) - base for name in self.names}
        for scale in (1.7, -0.6):  # where it is no such sum, one of these differs
            probe = {name: scale * (number + 1) for number, name in enumerate(self.names)}
            expected = base + sum(weights[name] * value for name, value in probe.items())
            if not np.isclose(self.excess(probe), expected, rtol=1e-9, atol=1e-9):
                return None
        return {name: weight for name, weight in weights.items() if weight} if np.isfinite(base) else None


def _worked_out(node: ast.expr, values: Mapping[str, Any]) -> Any:  # a number, or an array of them
    match node:
        case ast.Constant(value=value):
            return float(value)  # type: ignore[arg-type]  # nothing else passed the check
        case ast.Name(id=name):
            return np.asarray(values[name], np.float64)
        case ast.UnaryOp(op=operator, operand=operand):
            return _OPERATORS[type(operator)](_worked_out(operand, values))
        case ast.BinOp(left=left, op=operator, right=right):
            return _OPERATORS[type(operator)](_worked_out(left, values), _worked_out(right, values))
        case ast.Call(func=ast.Name(id=name), args=[first, *others]):
            result = _worked_out(first, values)
            for other in others:  # only the greatest and the least have any
                result = _FUNCTIONS[name](result, _worked_out(other, values))
            return result if others else _FUNCTIONS[name](result)
    raise TypeError(f"{type(node).__name__} is no arithmetic")
