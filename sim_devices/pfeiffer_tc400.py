"""A simulated Pfeiffer HiPace turbo pump with its drive TC 400."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import SputterChamber
from sim_devices.wire import Fault, LineInstrument

_FULL_HZ, _FULL_RPM = 1000, 60_000
_RUN_UP_S, _RUN_DOWN_S = 120.0, 400.0  # invented: to full speed, and down without venting
_NEVER, _AT_ONCE, _VENTS_BELOW = 1, 2, 0.5
"""Venting modes (parameter 030), and the share of the speed below which mode 0 vents (720)."""
_SETTABLE = {"001", "002", "009", "010", "012", "023", "026", "030", "707"}


def checksum(text: str) -> str:
    """Return the sum of all characters modulo 256 as three digits."""
    return f"{sum(text.encode('latin1')) % 256:03d}"


class SimPfeifferTC400(LineInstrument):
    """Pumping station on and off, speed, power, temperatures, errors; the rotor takes minutes to run up and down.

    Source: Pfeiffer Vacuum, TC 400 Electronic Drive Unit Operating Instructions PT 0203 BEN, chapters 'Pfeiffer
    Vacuum protocol' (frame, data types, checksum) and 'Parameter set'. After a power failure the pump starts again
    where pumping station and motor are on. Without the pump the chamber's pressure rises; switched off it is vented as
    the venting mode says.
    """

    request_end = b"\r"
    reply_end = b"\r"
    reply_delay_s = 0.01
    fault_kinds: ClassVar = {"trip": "the drive stops the rotor: error 0 0 1 (excess speed)"}

    def __init__(self, clock: Clock, seed: int | str, chamber: SputterChamber, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._chamber = chamber
        chamber.pumping, chamber.vents = self.share, self.vents
        self._boolean = {"001": False, "002": False, "010": True, "012": True, "023": True}
        self._mode, self._vent_mode, self._percent = 0, 0, 100.0
        self._tripped, self._powered = False, True
        self._from, self._aim, self._since = 1.0, 1.0, clock.monotonic()  # it was running when the laboratory began

    def share(self, now_s: float) -> float:
        """Return the speed as a share of the full one at an instant [s, monotonic] since the last change."""
        if not self._tripped and self._from > 0.0 and self.faults.active("trip", now_s) is not None:
            self._tripped = True
            self._change(now_s)
        age = max(0.0, now_s - self._since)
        if self._aim >= self._from:
            return min(self._aim, self._from + age / _RUN_UP_S)
        return max(self._aim, self._from * math.exp(-age / _RUN_DOWN_S))

    def vents(self, now_s: float) -> bool:
        """Return whether the vent valve is open: the station is off, and the rotor slow enough for its mode."""
        if not self._boolean["012"] or self._boolean["010"] or self._vent_mode == _NEVER:
            return False
        return self._vent_mode == _AT_ONCE or self.share(now_s) < _VENTS_BELOW

    def _change(self, now_s: float) -> None:
        """Let the rotor go on from its present speed towards what is now wanted."""
        age = max(0.0, now_s - self._since)
        rising = self._aim >= self._from
        there = self._from + age / _RUN_UP_S if rising else self._from * math.exp(-age / _RUN_DOWN_S)
        self._from, self._since = (min if rising else max)(self._aim, there), now_s
        runs = self._powered and not self._tripped and self._boolean["010"] and self._boolean["023"]
        self._aim = (self._percent / 100.0 if self._mode else 1.0) if runs else 0.0

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the pump is driven; a rotor that runs down is none."""
        return ("rotor is driven",) if self._aim > 0.0 else ()

    @override
    def power_down(self) -> None:
        """Lose the power: the rotor runs down."""
        super().power_down()
        self._chamber.advance()
        self._powered = False
        self._change(self.clock.monotonic())

    @override
    def power_up(self) -> None:
        """Have the power again: go on as it was set."""
        super().power_up()
        self._chamber.advance()
        self._powered = True
        self._change(self.clock.monotonic())

    def answer_line(self, line: str) -> str | None:
        """Answer a telegram to address 001 whose checksum is right."""
        body, check = line[:-3], line[-3:]
        if len(line) < 13 or check != checksum(body) or body[:3] != "001":
            return None
        action, parameter, data = body[3:5], body[5:8], body[10:]
        if action == "00" and data == "=?":
            told = self._ask(parameter)
        elif action == "10":
            self._chamber.advance()
            told = self._set(parameter, data)
            self._change(self.clock.monotonic())
        else:
            told = "_LOGIC"
        reply = f"00110{parameter}{len(told):02d}{told}"
        return reply + checksum(reply)

    def _set(self, parameter: str, data: str) -> str:
        if parameter not in _SETTABLE:
            return "NO_DEF"
        if parameter == "009":
            self._tripped = self._tripped and data != "111111"
        elif parameter in self._boolean:
            if data not in ("111111", "000000"):
                return "_RANGE"
            self._boolean[parameter] = data == "111111"
        elif not data.isdigit():
            return "_LOGIC"
        elif parameter == "026" and int(data) in (0, 1):
            self._mode = int(data)
        elif parameter == "030" and int(data) in (0, 1, 2):
            self._vent_mode = int(data)
        elif parameter == "707" and 2000 <= int(data) <= 10_000:
            self._percent = int(data) / 100.0
        else:
            return "_RANGE"
        return data

    def _ask(self, parameter: str) -> str:
        share = self.share(self.clock.monotonic())
        aim = self._aim
        speeding = aim > share + 1e-6
        if parameter in self._boolean:
            return "111111" if self._boolean[parameter] else "000000"
        watts = (200.0 if speeding else 25.0 + 60.0 * share**2) if aim > 0.0 else 0.0
        warm = 24.0 + 18.0 * share
        flags = {
            "302": share >= 0.8 * max(aim, 0.01),
            "304": False,
            "305": False,
            "306": not speeding and aim > 0.0,
            "307": speeding,
        }
        speeds = {
            "308": _FULL_HZ * aim,
            "309": _FULL_HZ * share,
            "315": _FULL_HZ,
            "397": _FULL_RPM * aim,
            "398": _FULL_RPM * share,
            "399": _FULL_RPM,
        }
        warmths = {"326": warm, "330": warm - 2.0, "342": warm + 3.0, "346": warm + 1.0}
        whole = {**speeds, **warmths, "311": 1234, "314": 1200, "316": watts}
        real = {"310": watts / 48.0, "313": 48.0, "707": self._percent}
        error = "Err001" if self._tripped else "000000"
        texts = {"303": error, "312": "010500", "349": "TC 400", "354": "000000"}
        if parameter in flags:
            return "111111" if flags[parameter] else "000000"
        if parameter in whole:
            return f"{round(whole[parameter]):06d}"
        if parameter in real:
            return f"{round(100 * real[parameter]):06d}"
        if parameter in ("026", "030"):
            return f"{self._mode if parameter == '026' else self._vent_mode:03d}"
        return texts.get(parameter, "NO_DEF")
