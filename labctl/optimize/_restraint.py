"""The part of a box that constraints leave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from labctl.constraints import Constraint
from labctl.optimize._axes import Axis, Floats, NominalAxis, NumericAxis
from labctl.trials import Categorical, SearchSpace

_N_TRIED, _N_ROUNDS, _N_KEPT = 4096, 60, 64
_WIDTHS = (0.02, 0.1, 0.3)


class _Equation:
    """A weighted sum of continuous inputs that has to be `total`."""

    def __init__(self, constraint: Constraint, names: Sequence[str], axes: Sequence[Axis]) -> None:
        weights = constraint.weights() or {}
        self.inputs = [names.index(name) for name in weights]
        self.axes = [axis for axis in (axes[number] for number in self.inputs) if isinstance(axis, NumericAxis)]
        self.weights = np.array(list(weights.values()))
        self.total = -float(constraint.excess(dict.fromkeys(names, 0.0)))
        ends = np.array([axis.numbers(np.array([0.0, 1.0])) for axis in self.axes])
        self.low, self.high = ends.T

    def spread(self, uniform: Floats) -> Floats:
        """Return codes evenly over the simplex, if it is one: spacings of exponential variables, from uniform ones."""
        room = self.total - float(self.weights @ self.low)
        if not ((self.weights > 0).all() and room > 0):
            return self.restored(uniform)
        shares = -np.log(np.clip(uniform, 1e-12, 1.0))
        shares /= shares.sum(axis=1, keepdims=True)
        return self._settled(self.low + room * shares / self.weights)

    def restored(self, codes: Floats) -> Floats:
        """Return near codes for which the sum is right, as far as the limits allow."""
        numbers = np.stack([axis.numbers(column) for axis, column in zip(self.axes, codes.T, strict=True)], axis=1)
        return self._settled(numbers)

    def _settled(self, numbers: Floats) -> Floats:
        numbers = np.clip(numbers, self.low, self.high)
        reach = self.weights * (self.high - self.low) ** 2
        for _ in range(len(self.inputs) + 1):  # each round ends, or leaves one more input at a limit
            missing = self.total - numbers @ self.weights
            upward = missing[:, None] * self.weights > 0
            free = np.where(upward, numbers < self.high, numbers > self.low)
            moved = free * reach
            scale = np.maximum(moved @ self.weights, 1e-300)
            numbers = np.clip(numbers + missing[:, None] * moved / scale[:, None], self.low, self.high)
        return np.stack([axis.codes(column) for axis, column in zip(self.axes, numbers.T, strict=True)], axis=1)


class Restraint:
    """Which codes of a space its constraints allow.

    Raises:
        ValueError: no recipe was found that satisfies all constraints; with those that contradict.
    """

    def __init__(self, space: SearchSpace, axes: Sequence[Axis]) -> None:
        self._space, self._axes, self._constraints = space, tuple(axes), space.constraints
        self._equations = [_Equation(each, space.names, axes) for each in self._constraints if each.is_equation]
        self._inside = self._search()

    def allowed(self, codes: Floats) -> NDArray[np.bool_]:
        """Return which codes, shape (n, n_inputs), satisfy every constraint."""
        numbers, found = self._numbers(codes), np.ones(len(codes), dtype=bool)
        for constraint in self._constraints:
            found &= constraint.allows(numbers)
        return found

    def restored(self, codes: Floats) -> Floats:
        """Return near codes that satisfy the equations, as far as the limits allow."""
        codes = codes.copy()
        for equation in self._equations:
            codes[:, equation.inputs] = equation.restored(codes[:, equation.inputs])
        return codes

    def spread(self, codes: Floats, uniform: Floats) -> Floats:
        """Return codes with those of the equations' inputs drawn from numbers that are uniform in 0..1."""
        codes = codes.copy()
        for equation in self._equations:
            codes[:, equation.inputs] = equation.spread(uniform[:, equation.inputs])
        return codes

    def walk(self, n: int, rng: Generator) -> Floats:
        """Return up to `n` allowed codes around some that are known, where few of those drawn evenly are allowed."""
        found = self._inside
        for _ in range(_N_ROUNDS):
            base = found[rng.integers(len(found), size=n)]
            moved = base + rng.normal(size=base.shape) * rng.choice(_WIDTHS, size=(n, 1))
            moved = self.restored(np.stack([axis.snap(c) for axis, c in zip(self._axes, moved.T, strict=True)], axis=1))
            found = np.vstack([found, moved[self.allowed(moved)]])
            if len(found) >= n + len(self._inside):
                break
        return found[len(self._inside) :][:n]

    def _numbers(self, codes: Floats) -> dict[str, Floats]:
        numbers = {}
        for parameter, axis, column in zip(self._space.parameters, self._axes, codes.T, strict=True):
            if isinstance(axis, NumericAxis):
                numbers[parameter.name] = axis.numbers(column)
            elif isinstance(axis, NominalAxis) and isinstance(parameter, Categorical) and parameter.is_numeric:
                numbers[parameter.name] = np.array(parameter.values, np.float64)[axis.indices(column)]
        return numbers

    def _search(self) -> Floats:
        """Return some codes that are allowed: drawn evenly, then led there by what they violate."""
        rng = np.random.default_rng(0)
        uniform = rng.random((_N_TRIED, len(self._axes)))
        codes = np.stack([axis.spread(c) for axis, c in zip(self._axes, uniform.T, strict=True)], axis=1)
        codes = self.spread(codes, uniform)
        alone = [bool(each.allows(self._numbers(codes)).any()) for each in self._constraints]
        for _ in range(_N_ROUNDS):
            if (allowed := self.allowed(codes)).any():
                return codes[allowed][:_N_KEPT]
            codes = self._nearer(codes, rng)
        wrong = [each.text for each, satisfied in zip(self._constraints, alone, strict=True) if not satisfied]
        texts = " and ".join(repr(text) for text in wrong or [each.text for each in self._constraints])
        raise ValueError(f"no recipe within the limits satisfies {texts}")

    def _nearer(self, codes: Floats, rng: Generator) -> Floats:
        excess = np.zeros(len(codes))
        for constraint in self._constraints:
            one = constraint.excess(self._numbers(codes))
            one = np.abs(one) if constraint.is_equation else np.maximum(one, 0.0)
            excess += one / max(
                float(np.median(one[np.isfinite(one)], axis=0)) if np.isfinite(one).any() else 1.0, 1e-9
            )
        best = codes[np.argsort(excess, kind="stable")[:_N_KEPT]]
        moved = np.repeat(best, _N_TRIED // len(best), axis=0)
        moved = moved + rng.normal(size=moved.shape) * rng.choice(_WIDTHS, size=(len(moved), 1))
        moved = np.stack([axis.snap(c) for axis, c in zip(self._axes, moved.T, strict=True)], axis=1)
        return np.vstack([best, self.restored(moved)])
