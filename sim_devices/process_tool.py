"""A simulated process tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.scpi import Handler, ScpiError, ScpiInstrument, number
from sim_devices.wire import Fault

SETTINGS_CONFLICT = (-221, "Settings conflict")
_LONGEST_S = 604_800.0
_LEAST_SHARE = 0.5
"""No programme takes less than this share of what is set, whatever the spread."""


class SimProcessTool(ScpiInstrument):
    """Works at a level for a time, then rests; the commands are those of docs/reference/devices.md, Process tool.

    Args:
        clock: the lab's.
        seed: of faults and of how long each programme takes.
        faults: what will go wrong.
        time_spread: standard deviation of how long work and rest take, as a share of what is set.
    """

    identity = "labctl,process-tool,0,1.0"
    fault_kinds: ClassVar = {"trip": "the tool stops a programme by itself"}

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = (), time_spread: float = 0.0) -> None:
        self._time_spread = time_spread
        self._begun_s = self._worked_s = self._until_s = float("-inf")
        self._state, self._clock = "IDLE", clock
        self.reset()
        super().__init__(clock, seed, faults)

    def reset(self) -> None:
        """Return to programme 1 and level 0; what runs is dropped."""
        self._drop()
        self._programme, self._level, self._duration_s, self._rest_s = 1, 0.0, 0.0, 0.0

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that it works, while it does."""
        self._advance()
        return (f"works at {self._level:g} %",) if self._state == "RUN" and self._level > 0 else ()

    def commands(self) -> Mapping[str, Handler]:
        """Return the tool's own commands."""
        return {
            ":PROGramme": lambda p: self._set("_programme", int(number(p, 1, 999))),
            ":PROGramme?": lambda _: str(self._programme),
            ":LEVel": lambda p: self._set("_level", number(p, 0.0, 100.0)),
            ":LEVel?": lambda _: f"{self._level:.6g}",
            ":DURation": lambda p: self._set("_duration_s", number(p, 0.0, _LONGEST_S)),
            ":DURation?": lambda _: f"{self._duration_s:.3f}",
            ":REST": lambda p: self._set("_rest_s", number(p, 0.0, _LONGEST_S)),
            ":REST?": lambda _: f"{self._rest_s:.3f}",
            ":INITiate": lambda _: self._begin(),
            ":ABORt": lambda _: self._drop(),
            ":STATe?": lambda _: f'"{self._advance()}"',
            ":OUTPut?": lambda _: f"{self._level if self._advance() == 'RUN' else 0.0:.6g}",
            ":ELAPsed?": lambda _: f"{self._elapsed_s():.3f}",
            ":DOSE?": lambda _: f"{self._level / 100.0 * min(self._elapsed_s(), self._worked_s) / 3600.0:.9g}",
        }

    def _set(self, name: str, value: float) -> None:
        if self._advance() in ("RUN", "REST"):
            raise ScpiError(SETTINGS_CONFLICT)
        setattr(self, name, value)

    def _begin(self) -> None:
        if self._advance() in ("RUN", "REST"):
            raise ScpiError(SETTINGS_CONFLICT)
        share = max(_LEAST_SHARE, self.random.gauss(1.0, self._time_spread)) if self._time_spread else 1.0
        self._state, self._begun_s = "RUN", self.clock.monotonic()
        self._worked_s = self._duration_s * share
        self._until_s = self._begun_s + self._worked_s + self._rest_s * share

    def _drop(self) -> None:
        """Stop working; a tool that worked rests before its door may be opened."""
        now_s = self._clock.monotonic()
        if self._advance() == "RUN":
            self._worked_s = now_s - self._begun_s
            self._state, self._until_s = "ABORTED", now_s + self._rest_s
        elif self._state in ("DONE", "TRIPPED"):
            self._state = "IDLE"

    def _advance(self) -> str:
        """Bring the tool up to the present and return its state."""
        now_s = self._clock.monotonic()
        if self._state == "RUN" and self.faults.struck(
            "trip", self._begun_s, min(now_s, self._begun_s + self._worked_s)
        ):
            self._state, self._worked_s = "TRIPPED", now_s - self._begun_s
        if self._state == "RUN" and now_s >= self._begun_s + self._worked_s:
            self._state = "REST"
        if self._state == "REST" and now_s >= self._until_s:
            self._state = "DONE"
        if self._state == "ABORTED" and now_s >= self._until_s:
            self._state = "IDLE"
        return self._state

    def _elapsed_s(self) -> float:
        if self._advance() == "IDLE":
            return 0.0
        return min(self._clock.monotonic(), self._until_s) - self._begun_s

    @override
    def power_down(self) -> None:
        """Lose the power, and with it the programme."""
        super().power_down()
        self._state = "IDLE"
