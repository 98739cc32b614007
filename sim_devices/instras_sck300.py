"""A simulated Instras SCK-300 spin coater."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import SpinChuck
from sim_devices.wire import Fault, LineInstrument

_HIGHEST_RPM, _LOWEST_RPM = 6000, 300
_RESPONSE_S = 0.9  # invented: how fast the chuck follows
NOISE_RPM = 6.0
"""Of one reading, standard deviation [rpm]."""


class SimInstrasSCK300(LineInstrument):
    """Motor on and off, speed, measured speed; it tells nothing but the speed, and acknowledges nothing.

    Source: Instras Scientific, SCK-300P Spin Coating Kit, 'MiM serial commands' (SetStartPWM, SetSlope, SetIntercept,
    BLDCon, BLDCoff, SetRPM, GetRPM; 19200 baud, CR LF; the answer ends with LF CR), as its published Python program
    (SCP-300_Control) uses them. The speed set is forgotten when the motor is switched off.
    """

    request_end = b"\n"
    reply_end = b"\n\r"
    reply_delay_s = 0.02
    fault_kinds: ClassVar = {"slips": "the chuck turns at `amount` times what was asked"}

    def __init__(self, clock: Clock, seed: int | str, chuck: SpinChuck, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._chuck, chuck.speed_rpm = chuck, self.speed_rpm
        self._has_motor, self._aim_rpm, self._from_rpm, self._since = False, 0.0, 0.0, clock.monotonic()
        self._profile = {"SetStartPWM": 110.0, "SetSlope": 950.0, "SetIntercept": 550.0}

    def speed_rpm(self, now_s: float) -> float:
        """Return how fast the chuck turns [rpm] at an instant [s, monotonic] since the last change."""
        age_s = max(0.0, now_s - self._since)
        speed = self._aim_rpm + (self._from_rpm - self._aim_rpm) * math.exp(-age_s / _RESPONSE_S)
        slip = self.faults.active("slips", now_s)
        return speed * (slip.amount if slip is not None else 1.0)

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the chuck is driven."""
        return (f"chuck driven at {self._aim_rpm:g} rpm",) if self._aim_rpm > 0.0 else ()

    @override
    def power_down(self) -> None:
        """Lose the power: the chuck runs down, the motor is off afterwards."""
        super().power_down()
        self._aim(0.0)
        self._has_motor = False

    def _aim(self, rpm: float) -> None:
        self._chuck.advance()
        now_s = self.clock.monotonic()
        self._from_rpm, self._since = self.speed_rpm(now_s), now_s
        self._aim_rpm = rpm

    def answer_line(self, line: str) -> str | None:
        """Act on a command; only ``GetRPM`` has an answer."""
        self._chuck.advance()
        command, _, value = line.partition(",")
        if command == "GetRPM":
            speed = self.speed_rpm(self.clock.monotonic())
            return f"{max(0, round(speed + (self.random.gauss(0.0, NOISE_RPM) if speed > 50.0 else 0.0)))}"
        if command == "BLDCon":
            self._has_motor = True
        elif command == "BLDCoff":
            self._has_motor = False
            self._aim(0.0)
        elif command == "SetRPM" and value.isdigit() and self._has_motor:
            wanted = int(value)
            self._aim(0.0 if wanted < _LOWEST_RPM else min(float(wanted), float(_HIGHEST_RPM)))
        elif command in self._profile and value.replace(".", "", 1).isdigit():
            self._profile[command] = float(value)
        return None
