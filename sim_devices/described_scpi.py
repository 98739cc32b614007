"""An instrument that speaks SCPI and is described by a file, simulated: it keeps what it was told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.scpi import UNDEFINED_HEADER, ScpiInstrument
from sim_devices.wire import Fault


@dataclass(frozen=True)
class ScpiQuantity:
    """A quantity of a described instrument."""

    read: str
    """Its query."""
    write: str
    """The command that sets it, a format of one value; empty for none."""
    value: float | str
    """What it is at first."""
    safe: float | str | None
    """What it is when the instrument is safe; None where that does not matter."""


class SimDescribedScpi(ScpiInstrument):
    """Answers each query of the file with what was set last, or at first with what the file says.

    It knows no physics: a readback stays at its first value. Source: the instrument file.
    """

    def __init__(
        self,
        clock: Clock,
        seed: int | str,
        quantities: Mapping[str, ScpiQuantity],
        identity: str,
        line_end: str = "\n",
        faults: Sequence[Fault] = (),
    ) -> None:
        self.quantities = quantities
        self.before_change: Callable[[], object] = lambda: None
        """Called before a setting changes: brings up to date what the instrument acts on."""
        self.reset()
        super().__init__(clock, seed, faults)
        self.identity = identity  # type: ignore[misc]
        self.request_end = self.reply_end = line_end.encode()  # type: ignore[misc]

    @override
    def reset(self) -> None:
        """Return to what the file says."""
        self.before_change()
        self._values = {name: quantity.value for name, quantity in self.quantities.items()}

    def value(self, name: str) -> float | str:
        """Return what a quantity is."""
        return self._values[name]

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return what is not as `make_safe` leaves it."""
        if not self.has_power:
            return ()
        safe = {name: quantity.safe for name, quantity in self.quantities.items() if quantity.safe is not None}
        return tuple(f"{name} is {self._values[name]}" for name, value in safe.items() if self._values[name] != value)

    @override
    def answer_line(self, line: str) -> str | None:
        """Answer a query, keep a setting, and leave the common commands to SCPI."""
        for name, quantity in self.quantities.items():
            if line == quantity.read:
                value = self._values[name]
                return value if isinstance(value, str) else f"{value:g}"
            if quantity.write and (match := re.fullmatch(_command(quantity.write), line)):
                self.before_change()
                self._values[name] = match[1] if isinstance(quantity.value, str) else float(match[1])
                return None
        if line.startswith("*") or "SYST" in line.upper():
            return super().answer_line(line)
        self.raise_error(UNDEFINED_HEADER)
        return None


def _command(form: str) -> str:
    """Return what matches a command whose value stands in braces in its form."""
    head, _, rest = form.partition("{")
    return f"{re.escape(head)}(.+){re.escape(rest.partition('}')[2])}"
