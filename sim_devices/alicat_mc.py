"""A simulated Alicat mass flow controller."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, LineInstrument

_RESPONSE_S = 0.4
_REGISTERS = {"R122": 37}
"""What is controlled: mass flow."""
NOISE = 2e-4
"""Of one reading of the flow, standard deviation as a share of full scale."""


class SimAlicatMC(LineInstrument):
    """Data frames, set point, manufacturing data; the flow follows the set point within a second.

    Source: Alicat Scientific, MC-Series Operating Manual, 'RS-232 / RS-485 Serial Communication'; Serial Primer,
    register 122 (what the loop controls).
    """

    reply_delay_s = 0.008
    fault_kinds: ClassVar = {
        "no_flow": "the bottle is empty: no gas flows",
        "wrong_flow": "the flow is `amount` times what is shown",
        "stuck_readback": "the flow shown keeps its value",
    }

    def __init__(
        self,
        clock: Clock,
        seed: int | str,
        faults: Sequence[Fault] = (),
        inlet: SputterChamber | None = None,
        role: str = "argon",
        full_scale_sccm: float = 100.0,
    ) -> None:
        super().__init__(clock, seed, faults)
        self._gas, self._full_scale = {"argon": "Ar", "oxygen": "O2"}.get(role, "Air"), full_scale_sccm
        self._setpoint, self._from, self._changed_at = 0.0, 0.0, clock.monotonic()
        self._shown = 0.0
        self.before_change: Callable[[], object] = lambda: None
        """Called before the set point changes: brings up to date what the gas flows into."""
        if inlet is not None:
            inlet.let_in(role, self.flow_sccm)
            self.before_change = inlet.advance

    def _steered_sccm(self, now_s: float) -> float:
        age_s = max(0.0, now_s - self._changed_at)
        return self._setpoint + (self._from - self._setpoint) * math.exp(-age_s / _RESPONSE_S)

    def flow_sccm(self, now_s: float) -> float:
        """Return what really flows [sccm] at an instant [s, monotonic] since the last change."""
        if self.faults.active("no_flow", now_s) is not None:
            return 0.0
        wrong = self.faults.active("wrong_flow", now_s)
        return self._steered_sccm(now_s) * (wrong.amount if wrong is not None else 1.0)

    @override
    def power_down(self) -> None:
        """Lose the power: the valve closes, and a set point of the source 'unsaved digital' is zero afterwards."""
        super().power_down()
        self.before_change()
        self._setpoint, self._from, self._changed_at = 0.0, 0.0, self.clock.monotonic()

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the valve is not closed."""
        return (f"valve open, set point {self._setpoint:g} sccm",) if self._setpoint > 0.0 else ()

    def answer_line(self, line: str) -> str | None:
        """Answer a poll, a set point or a question of unit A; say nothing to others."""
        if not line.startswith("A"):
            return None
        command = line[1:]
        if command == "??M*":
            return self._about()
        if command in _REGISTERS:
            return f"A   {command[-3:]} = {_REGISTERS[command]}"
        if command.startswith("S"):
            self._set(command[1:])
        elif command:
            return "?"
        return self._frame()

    def _set(self, text: str) -> None:
        try:
            value = float(text)
        except ValueError:
            return  # as the instrument: the frame shows that nothing changed
        self.before_change()
        now_s = self.clock.monotonic()
        self._from, self._changed_at = self._steered_sccm(now_s), now_s
        self._setpoint = round(min(max(value, 0.0), self._full_scale), 2)

    def _frame(self) -> str:
        if self.faults.active("stuck_readback") is None:
            flow = 0.0 if self.faults.active("no_flow") is not None else self._steered_sccm(self.clock.monotonic())
            self._shown = flow + (self.random.gauss(0.0, NOISE) * self._full_scale if flow > 0.05 else 0.0)
        pressure = 29.40 + self.random.gauss(0.0, 0.02)
        flow_text = f"{self._shown:+07.2f}"
        return f"A {pressure:+07.2f} {22.5:+07.2f} {flow_text} {flow_text} {self._setpoint:06.2f} {self._gas}"

    def _about(self) -> str:
        texts = (
            "Alicat Scientific",
            "www.alicat.com",
            "+1 000 000 0000",
            "simulated",
            f"Model Number MC-{self._full_scale:g}SCCM-D",
            "Serial Number 000000",
            "Date Manufactured 01/01/2026",
            "Date Calibrated 01/01/2026",
            "Calibrated By simulation",
            "Software GP07R100",
        )
        return "\r".join(f"A M{number:02d} {text}" for number, text in enumerate(texts))
