"""What a campaign looks for: a figure computed from what its operations measured."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from simpleeval import InvalidExpression, SimpleEval

__all__ = ["FUNCTIONS", "InputOf", "Objective"]

FUNCTIONS: Mapping[str, Callable[..., float]] = MappingProxyType(
    {
        "abs": abs,
        "exp": math.exp,
        "log": math.log,
        "log10": math.log10,
        "max": max,
        "min": min,
        "sqrt": math.sqrt,
    }
)
"""Functions that an expression may call; `log` is the natural logarithm."""

_OPERATORS: Mapping[type[ast.AST], Callable[..., float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: float(a) * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: math.pow,  # overflows at once, where whole numbers would grow without end
    ast.USub: lambda a: -a,
    ast.UAdd: lambda a: +a,
}
_STRUCTURE = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Load, *_OPERATORS)
_MAX_CHARACTERS = 500
_MAX_DEPTH = 50


@dataclass(frozen=True)
class InputOf:
    """Where an input of an objective is read from.

    Raises:
        ValueError: a name is empty.
    """

    operation: str
    """Name of the operation in the recipe."""
    field: str
    """Recorded field of its run."""

    def __post_init__(self) -> None:
        if not self.operation or not self.field:
            raise ValueError(f"an input needs an operation and a field, not {self.operation!r} and {self.field!r}")


@dataclass(frozen=True)
class Objective:
    """One figure to make large or small.

    The expression may use numbers, ``+ - * / **``, brackets, its inputs and `FUNCTIONS`.

    Raises:
        ValueError: an empty name, an unknown direction, a target that is not finite, or an expression that
            cannot be read, is too long or uses anything else.
    """

    name: str
    direction: Literal["maximize", "minimize"]
    expression: str
    inputs: Mapping[str, InputOf]
    """By the name that the expression uses."""
    target: float | None = None
    """Value that is good enough [unit]; None to go on to the end."""
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.name or self.name.startswith("_"):
            raise ValueError(f"objective name {self.name!r} must be text that does not begin with '_'")
        if self.direction not in ("maximize", "minimize"):
            raise ValueError(f"{self.name}: direction is 'maximize' or 'minimize', not {self.direction!r}")
        if self.target is not None and not math.isfinite(self.target):
            raise ValueError(f"{self.name}: target {self.target!r} is not finite")
        for given in self.inputs:
            if not given.isidentifier() or given in FUNCTIONS:
                raise ValueError(f"{self.name}: input {given!r} must be a plain word and no function")
        try:
            _check(self.expression, tuple(self.inputs))
        except ValueError as error:
            raise ValueError(f"{self.name}: {self.expression!r}: {error}") from error

    def value(self, read: Mapping[str, float]) -> float:
        """Return the figure [unit].

        Args:
            read: value of each input, as recorded.

        Raises:
            ValueError: an input is missing, or the result is no finite number; with the values.
        """
        missing = [name for name in self.inputs if name not in read]
        if missing:
            raise ValueError(f"{self.name}: no value for {', '.join(missing)}")
        values = {name: float(read[name]) for name in self.inputs}
        evaluator = SimpleEval(operators=dict(_OPERATORS), functions=dict(FUNCTIONS), names=values)
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        try:
            result = float(evaluator.eval(self.expression))
        except (ArithmeticError, ValueError, InvalidExpression) as error:
            raise ValueError(f"{self.name}: {self.expression!r} with {shown}: {error}") from error
        if not math.isfinite(result):
            raise ValueError(f"{self.name}: {self.expression!r} with {shown} is {result}")
        return result

    def gain(self, value: float) -> float:
        """Return `value` with the sign that makes larger better."""
        return value if self.direction == "maximize" else -value

    def reached(self, value: float) -> bool:
        """Return whether `value` is as good as the target; never where there is none."""
        return self.target is not None and self.gain(value) >= self.gain(self.target)


def _check(expression: str, inputs: tuple[str, ...]) -> None:
    """Refuse an expression that is more than arithmetic on its inputs."""
    if len(expression) > _MAX_CHARACTERS:
        raise ValueError(f"is longer than {_MAX_CHARACTERS} characters")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"cannot be read: {getattr(error, 'msg', error)}") from error
    _check_node(tree, inputs, _MAX_DEPTH)


def _check_node(node: ast.AST, inputs: tuple[str, ...], depth: int) -> None:
    if depth < 0:
        raise ValueError(f"is nested more than {_MAX_DEPTH} deep")
    children = list(ast.iter_child_nodes(node))
    match node:
        case ast.Name(id=name):
            if name not in inputs:
                raise ValueError(f"unknown name {name!r}; its inputs: {', '.join(inputs) or 'none'}")
        case ast.Constant(value=value):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{value!r} is not a number")
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            if name not in FUNCTIONS:
                raise ValueError(f"unknown function {name!r}; known: {', '.join(FUNCTIONS)}")
            if (len(arguments) < 2) if name in ("max", "min") else (len(arguments) != 1):
                raise ValueError(f"{name} takes {'two or more values' if name in ('max', 'min') else 'one value'}")
            children = list(arguments)
        case _ if not isinstance(node, _STRUCTURE):
            raise ValueError(f"{type(node).__name__} is not allowed; only arithmetic and {', '.join(FUNCTIONS)} are")
    for child in children:
        _check_node(child, inputs, depth - 1)
