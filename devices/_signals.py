"""Signals whose value lives in the instrument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ophyd import Signal
from ophyd.status import Status
from ophyd.utils import LimitError
from typing_extensions import override

from devices._points import Point
from labctl.link import Link

DTYPES = {"number": float, "integer": int, "string": str}


@dataclass(frozen=True)
class Follows:
    """What a readback should be equal to; recorded beside it, so that deviations can be told from the record.

    Args:
        setpoint: attribute of the same device.
        tolerance: how far it may be from it [the readback's unit], above 0.
        gate: attribute that is not 0 while the set point counts; empty where it always does.
    """

    setpoint: str
    tolerance: float
    gate: str = ""


class Readback(Signal):
    """A quantity that the instrument tells.

    Args:
        point: where it lives on the wire.
        units: its unit, as pint reads it; empty for a number without one, None for text.
        dtype: "number", "integer" or "string".
        limits: lowest and highest value [units], where limits exist.
        span: lowest and highest value [units] that the instrument can tell, where it is known.
        follows: what this quantity should be equal to, where there is such a thing.
    """

    def __init__(
        self,
        *,
        point: Point,
        units: str | None = "",
        dtype: str = "number",
        limits: tuple[float, float] | None = None,
        span: tuple[float, float] | None = None,
        follows: Follows | None = None,
        **kwargs: Any,  # ophyd's own: name, parent, kind, labels
    ) -> None:
        super().__init__(**kwargs)
        self.point, self.units, self.dtype, self._limits = point, units, dtype, limits
        self.span, self.follows = span, follows
        self.newest: tuple[Any, float] | None = None
        """Value and time [s, monotonic] of the last reading, whoever asked for it; None before the first."""

    @property
    def link(self) -> Link:
        """The device's link."""
        link: Link = self.parent.link
        return link

    @property
    @override
    def limits(self) -> tuple[float, float] | None:
        """Lowest and highest value [units], or None."""
        return self.parent.narrowed_limits.get(self.attr_name, self._limits)

    @override
    def get(self, **kwargs: Any) -> Any:
        """Read over the wire; raises `LinkError`."""
        value = DTYPES[self.dtype](self.point.read(self.link))
        self.keep(value)
        return value

    def keep(self, value: Any) -> None:
        """Remember a value that was read, also one that came with others in one exchange."""
        self._readback, self._metadata["timestamp"] = value, self.link.clock.time()
        self.newest = (value, self.link.clock.monotonic())

    @override
    def read(self) -> dict[str, dict[str, Any]]:
        """Read over the wire; return value and time [s since 1970-01-01 UTC]."""
        value = self.get()
        return {self.name: {"value": value, "timestamp": self._metadata["timestamp"]}}

    @override
    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe without reading: source, type, units and limits."""
        source = f"VISA:{self.link.address}:{self.point}"
        description: dict[str, Any] = {"source": source, "dtype": self.dtype, "shape": []}
        if self.units is not None:
            description["units"] = self.units
        if self.limits is not None:
            description["lower_ctrl_limit"], description["upper_ctrl_limit"] = self.limits
        if self.span is not None:
            description["lower_range"], description["upper_range"] = self.span
        if self.follows is not None:
            description["setpoint"] = f"{self.parent.name}_{self.follows.setpoint}"
            description["tolerance"] = self.follows.tolerance
            if self.follows.gate:
                description["gate"] = f"{self.parent.name}_{self.follows.gate}"
        return {self.name: description}

    @override
    def put(self, value: Any, **kwargs: Any) -> None:
        """Refuse: the instrument alone changes this."""
        raise TypeError(f"{self.name} is read-only")


class Setting(Readback):
    """A quantity that a plan may set; reading it back asks the instrument.

    Args:
        choices: what it may be; any line of text, or any number within the limits, when omitted.
        **kwargs: of a `Readback`.
    """

    def __init__(self, *, choices: tuple[str | float, ...] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = choices

    @override
    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe without reading: as a readback, and what it may be."""
        described = super().describe()
        if self.choices:
            described[self.name]["choices"] = list(map(str, self.choices))
        return described

    @override
    def check_value(self, value: Any) -> None:
        """Raise LimitError outside the limits, ValueError for what is no choice, NaN or a broken integer."""
        if self.dtype == "string":
            self._check_choice(value)
            if not str(value).isprintable():
                raise ValueError(f"{self.name}={value!r} is not one line of text")
            return
        if value != value:
            raise ValueError(f"{self.name}={value} is not a number")
        if self.dtype == "integer" and value % 1:
            raise ValueError(f"{self.name}={value} is not a whole number")
        if self.limits is not None and not self.limits[0] <= value <= self.limits[1]:
            low, high = self.limits
            unit = f" {self.units}" if self.units else ""
            raise LimitError(f"{self.name}={value:g}{unit} is outside {low:g}..{high:g}{unit}")
        self._check_choice(value)

    def _check_choice(self, value: Any) -> None:
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.name}={value!r} is not one of {', '.join(map(str, self.choices))}")

    @override
    def put(self, value: Any, **kwargs: Any) -> None:
        """Check the value, then send; raises LimitError, ValueError, `LinkError`."""
        self.check_value(value)
        self.point.write(self.link, DTYPES[self.dtype](value))

    @override
    def set(self, value: Any, **kwargs: Any) -> Status:
        """Send and return a finished status; raises LimitError, ValueError, `LinkError`."""
        self.put(value)
        status = Status(self)
        status.set_finished()
        return status


class Soft(Signal):
    """A value that the controller itself knows (identity, calibration, a derived quantity).

    Args:
        units: its unit, as pint reads it; None for none.
        saturates: it is not 0 where the reading it belongs to was cut off by the instrument.
    """

    def __init__(self, *, units: str | None = None, saturates: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.saturates = units, saturates
        self._metadata["timestamp"] = self.parent.link.clock.time()

    @override
    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe with units and without a limit."""
        text = isinstance(self._readback, str)
        description: dict[str, Any] = {"source": "labctl", "dtype": "string" if text else "number", "shape": []}
        if self.units is not None:
            description["units"] = self.units
        if self.saturates:
            description["saturates"] = True
        return {self.name: description}

    @override
    def put(self, value: Any, *, timestamp: float | None = None, **kwargs: Any) -> None:
        """Set the value, stamped on the lab clock."""
        super().put(value, timestamp=self.parent.link.clock.time() if timestamp is None else timestamp, force=True)
