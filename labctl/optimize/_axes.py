"""Every input as a number in 0..1: how engines see parameters."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labctl.trials import Categorical, Continuous, Integer, Parameter

Floats = NDArray[np.float64]


class Axis(Protocol):
    """One input; its code is a number in 0..1."""

    @property
    def n_levels(self) -> int | None:
        """How many values there are; None where the values are continuous."""
        ...

    def code(self, value: Any) -> float:
        """Return the code of a value; outside 0..1 where the value is outside the limits.

        Raises:
            ValueError: the value has no code.
        """
        ...

    def value(self, code: float) -> Any:
        """Return the value that can be set and is nearest to a code."""
        ...

    def snap(self, codes: Floats) -> Floats:
        """Return the nearest codes of values that can be set."""
        ...

    def spread(self, uniform: Floats) -> Floats:
        """Turn numbers that are uniform in 0..1 into codes, each level as likely as any other."""
        ...


class NumericAxis:
    """A number on a linear or logarithmic scale."""

    def __init__(self, low: float, high: float, log: bool = False) -> None:
        self._log = log
        self._low = float(np.log(low)) if log else float(low)
        self._range = (float(np.log(high)) if log else float(high)) - self._low or 1.0

    @property
    def n_levels(self) -> int | None:
        """None: continuous."""
        return None

    def code(self, value: Any) -> float:
        """Return the code of a number."""
        if isinstance(value, bool) or not isinstance(value, float | int) or not np.isfinite(value):
            raise ValueError(f"{value!r} is not a finite number")
        if self._log and value <= 0:
            raise ValueError(f"{value!r} has no place on a logarithmic scale")
        return float(self.codes(np.array([value]))[0])

    def codes(self, values: Floats) -> Floats:
        """Return the codes of numbers."""
        return ((np.log(values) if self._log else values) - self._low) / self._range

    def numbers(self, codes: Floats) -> Floats:
        """Return the numbers at these codes."""
        numbers = self._low + codes * self._range
        return np.exp(numbers) if self._log else numbers

    def value(self, code: float) -> float:
        """Return the number at a code."""
        return float(self.numbers(np.array([code]))[0])

    def snap(self, codes: Floats) -> Floats:
        """Keep codes within 0..1."""
        return np.clip(codes, 0.0, 1.0)

    def spread(self, uniform: Floats) -> Floats:
        """Return the numbers as they are."""
        return uniform


class ContinuousAxis(NumericAxis):
    """A continuous parameter without a step."""

    def __init__(self, parameter: Continuous) -> None:
        super().__init__(parameter.low, parameter.high, parameter.scale == "log")
        self._parameter = parameter

    @override
    def value(self, code: float) -> float:
        """Return the nearest value that a suggestion may hold."""
        return self._parameter.nearest(super().value(code))


class GridAxis(NumericAxis):
    """An integer, or a continuous parameter with a step."""

    def __init__(self, parameter: Integer | Continuous) -> None:
        log = isinstance(parameter, Continuous) and parameter.scale == "log"
        super().__init__(parameter.low, parameter.high, log)
        self._parameter = parameter
        if isinstance(parameter, Integer):
            self._step, self._n = 1.0, parameter.high - parameter.low + 1
        else:
            self._step, self._n = parameter.step or 1.0, parameter.n_values or 1

    @property
    @override
    def n_levels(self) -> int:
        """How many grid points there are."""
        return self._n

    @override
    def value(self, code: float) -> float | int:
        """Return the nearest grid point."""
        value = float(self.numbers(self.snap(np.array([code])))[0])
        return round(value) if isinstance(self._parameter, Integer) else self._parameter.nearest(value)

    @override
    def snap(self, codes: Floats) -> Floats:
        """Return the codes of the nearest grid points."""
        steps = (self.numbers(np.clip(codes, 0.0, 1.0)) - self._parameter.low) / self._step
        return self._at(np.clip(np.round(steps), 0, self._n - 1))

    @override
    def spread(self, uniform: Floats) -> Floats:
        """Return grid points that are equally likely on the axis's scale."""
        return self.snap(uniform) if self._log else self._at(np.minimum(np.floor(uniform * self._n), self._n - 1))

    def levels(self) -> Floats:
        """Return the code of each grid point."""
        return self._at(np.arange(self._n, dtype=np.float64))

    def moves(self, code: float) -> Floats:
        """Return the codes one and two grid points away on either side."""
        here = np.round((self.numbers(np.array([code])) - self._parameter.low) / self._step)
        return self._at(np.unique(np.clip(here + np.array([-2, -1, 1, 2]), 0, self._n - 1)))

    def _at(self, steps: Floats) -> Floats:
        return self.codes(self._parameter.low + steps * self._step)


class NominalAxis:
    """One of several values without an order; a code is the middle of the value's share of 0..1."""

    def __init__(self, parameter: Categorical) -> None:
        self._parameter, self._n = parameter, len(parameter.values)

    @property
    def n_levels(self) -> int:
        """How many values there are."""
        return self._n

    def code(self, value: Any) -> float:
        """Return the code of a listed value."""
        return (self._parameter.index(value) + 0.5) / self._n

    def value(self, code: float) -> Any:
        """Return the value whose share holds the code."""
        return self._parameter.values[int(self.indices(np.array([code]))[0])]

    def indices(self, codes: Floats) -> NDArray[np.intp]:
        """Return the places of the values in the parameter's list."""
        return np.clip((codes * self._n).astype(np.intp), 0, self._n - 1)

    def snap(self, codes: Floats) -> Floats:
        """Return the middles of the shares."""
        return (self.indices(codes) + 0.5) / self._n

    def spread(self, uniform: Floats) -> Floats:
        """Return the middles of the shares."""
        return self.snap(uniform)

    def levels(self) -> Floats:
        """Return the code of each value."""
        return (np.arange(self._n) + 0.5) / self._n


def axis_of(parameter: Parameter) -> Axis:
    """Return the axis of a parameter."""
    if isinstance(parameter, Categorical):
        return NominalAxis(parameter)
    if isinstance(parameter, Integer) or parameter.step is not None:
        return GridAxis(parameter)
    return ContinuousAxis(parameter)
