"""A simulated Newport ESP300 motion controller with one linear stage."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.motion import Axis
from sim_devices.plant import ProbeHead
from sim_devices.wire import Fault, LineInstrument

_TRAVEL_MM = 50.0
_COMMAND = re.compile(r"(\d*)([A-Z]{2})(\?|[-+.\dE]*)$")
_AXIS_ERRORS = {
    "limit": (4, "PARAMETER OUT OF RANGE"),
    "off": (10, "MOTOR NOT ENABLED"),
    "travel": (15, "MAXIMUM VELOCITY OR TRAVEL EXCEEDED"),
    "home": (20, "HOMING ABORTED"),
}


class SimNewportESP300(LineInstrument):
    """One stage of 50 mm: motor, homing, absolute and relative moves, software limits, error buffer.

    Source: Newport, ESP300 Motion Controller/Driver User's Manual, chapter 3 'Remote mode' (MO, MF, OR, PA, PR, ST,
    TP, MD, VA, AC, SL, SR, TB, TE, TS, VE, ID, SN). Several commands may stand in a line, with semicolons between.
    When it is switched on the motor is off and the position counts from where the stage stands.
    """

    request_end = b"\r"
    reply_end = b"\r\n"
    reply_delay_s = 0.01
    fault_kinds: ClassVar = {"jammed": "the carriage does not move"}

    def __init__(
        self, clock: Clock, seed: int | str, probe: ProbeHead, role: str = "", faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(clock, seed, faults)
        self._axis = Axis(clock, 0.0, _TRAVEL_MM, 17.3)
        probe.carried(role, lambda: self._axis.position, _TRAVEL_MM / 2)
        self._has_power, self._acceleration = False, 20.0
        self._limits = [0.0, _TRAVEL_MM]
        self._errors: deque[tuple[int, int, str]] = deque(maxlen=10)

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the stage moves."""
        return ("stage moves",) if self._axis.is_moving else ()

    @override
    def power_down(self) -> None:
        """Lose the power: the motor is off, and the position is unknown."""
        super().power_down()
        self._axis.halt()
        self._has_power, self._axis.is_homed = False, False

    def answer_line(self, line: str) -> str | None:
        """Do every command of a line."""
        replies = [reply for part in line.upper().split(";") if (reply := self._do(part.strip())) is not None]
        return "\r\n".join(replies) if replies else None

    def _complain(self, code: int, text: str, axis: int = 1) -> None:
        number = 100 * axis + code if axis else code
        self._errors.append((number, round(self.clock.monotonic() * 1000), text))

    def _do(self, text: str) -> str | None:
        if not text:
            return None
        match = _COMMAND.match(text.replace(" ", ""))
        if match is None:
            self._complain(6, "COMMAND DOES NOT EXIST", 0)
            return None
        axis, command, value = match.groups()
        asks = value == "?" or command in ("TP", "MD", "TE", "TB", "TS", "VE", "ID", "TV")
        if axis not in ("", "1"):
            self._complain(9, "AXIS NUMBER OUT OF RANGE", 0)
            return None
        if asks:
            return self._ask(command)
        self._act(command, value)
        return None

    def _ask(self, command: str) -> str | None:
        told = {
            "TP": f"{self._axis.position:.5f}",
            "PA": f"{self._axis._to:.5f}",
            "MD": str(int(not self._axis.is_moving)),
            "MO": str(int(self._has_power)),
            "VA": f"{self._axis.speed:.5f}",
            "AC": f"{self._acceleration:.5f}",
            "SL": f"{self._limits[0]:.5f}",
            "SR": f"{self._limits[1]:.5f}",
            "SN": "2",
            "VE": "ESP300 Version 3.04 07/27/01",
            "ID": "MFA-CC, SN 0000",
            "TS": chr(0x40 | (1 if self._axis.is_moving else 0) | (0x10 if self._has_power else 0)),
            "TV": f"{self._axis.speed if self._axis.is_moving else 0.0:.5f}",
        }
        if command == "TE":
            return str(self._errors.popleft()[0] if self._errors else 0)
        if command == "TB":
            number, stamp, text = self._errors.popleft() if self._errors else (0, 0, "NO ERROR DETECTED")
            return f"{number}, {stamp}, {text}"
        if command not in told:
            self._complain(6, "COMMAND DOES NOT EXIST", 0)
        return told.get(command)

    def _act(self, command: str, value: str) -> None:
        number = float(value) if re.fullmatch(r"[-+]?\d*\.?\d+(E[-+]?\d+)?", value) else 0.0
        if command in ("MO", "MF"):
            self._has_power = command == "MO"
            if command == "MF":
                self._axis.halt()
        elif command in ("ST", "AB"):
            self._axis.halt()
            self._has_power = self._has_power and command == "ST"
        elif command in ("PA", "PR", "OR"):
            self._move(command, number)
        elif command == "VA" and 0.0 < number <= 10.0:
            self._axis.speed = number
        elif command == "AC" and 0.0 < number <= 100.0:
            self._acceleration = number
        elif command in ("SL", "SR"):
            self._limits[command == "SR"] = number
        elif command in ("VA", "AC"):
            self._complain(*_AXIS_ERRORS["limit"])
        else:
            self._complain(6, "COMMAND DOES NOT EXIST", 0)

    def _move(self, command: str, number: float) -> None:
        to = number if command == "PA" else self._axis.position + number
        if not self._has_power:
            self._complain(*_AXIS_ERRORS["off"])
        elif self.faults.active("jammed") is not None:
            self._has_power = False
            self._complain(2, "FOLLOWING ERROR THRESHOLD EXCEEDED")
        elif command == "OR":
            self._axis.home()
        elif not self._limits[0] <= to <= self._limits[1]:
            self._complain(*_AXIS_ERRORS["travel"])
        else:
            self._axis.move(to)
