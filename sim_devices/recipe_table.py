"""A table of measured recipes that answers as an instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labctl.clock import Clock
from sim_devices.scpi import ILLEGAL_VALUE, OUT_OF_RANGE, Handler, ScpiError, ScpiInstrument, number
from sim_devices.wire import Fault


class SimRecipeTable(ScpiInstrument):
    """Takes some time for each row, then gives its columns.

    Args:
        clock: the lab's.
        seed: of faults; the numbers themselves are those of the table.
        rows: the measured columns of each recipe.
        faults: what will go wrong.
        measure_s: lab time that a measurement takes [s].
    """

    identity = "labctl,recipe-table,0,1.0"

    def __init__(
        self,
        clock: Clock,
        seed: int | str,
        rows: Sequence[Mapping[str, float]],
        faults: Sequence[Fault] = (),
        measure_s: float = 600.0,
    ) -> None:
        self._rows, self._measure_s = tuple(rows), measure_s
        self.reset()
        super().__init__(clock, seed, faults)

    def reset(self) -> None:
        """Return to row 0, nothing measured."""
        self._row, self._ready_at = 0, float("nan")

    def commands(self) -> Mapping[str, Handler]:
        """Return the table's own commands."""
        return {
            ":ROW": lambda p: self._choose(p),
            ":ROW?": lambda _: str(self._row),
            ":ROW:COUNt?": lambda _: str(len(self._rows)),
            ":INITiate": lambda _: self._measure(),
            ":ABORt": lambda _: self._drop(),
            ":STATe?": lambda _: f'"{self._state()}"',
            ":FETCh?": lambda p: self._fetch(p),
        }

    def _choose(self, parameters: str) -> None:
        self._row = int(number(parameters, 0, len(self._rows) - 1))
        self._drop()

    def _measure(self) -> None:
        self._ready_at = self.clock.monotonic() + self._measure_s

    def _drop(self) -> None:
        self._ready_at = float("nan")

    def _state(self) -> str:
        if self._ready_at != self._ready_at:
            return "IDLE"
        return "DONE" if self.clock.monotonic() >= self._ready_at else "BUSY"

    def _fetch(self, parameters: str) -> str:
        if self._state() != "DONE":
            raise ScpiError(OUT_OF_RANGE)
        row = self._rows[self._row]
        column = parameters.strip('"')
        if column not in row:
            raise ScpiError(ILLEGAL_VALUE)
        return repr(row[column])
