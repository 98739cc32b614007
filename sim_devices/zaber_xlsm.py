"""A simulated Zaber X-LSM stage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.motion import Axis
from sim_devices.plant import ProbeHead
from sim_devices.wire import Fault, LineInstrument

MICROSTEP_MM = 0.047625e-3
"""Of an X-LSM at its default resolution of 64 microsteps a step [mm]."""
_TRAVEL_MM = 50.8
_SPEED_UNIT = MICROSTEP_MM / 1.6384
"""Of the setting maxspeed [mm/s]: microsteps a second times 1.6384."""
_LINE = re.compile(r"/(?:(\d\d?) )?(?:(\d) )?(?:(\d\d) )?(.*)$")
_SETTINGS = ("comm.checksum", "deviceid", "maxspeed", "pos", "resolution", "version", "system.serial", "limit.max",
             "limit.min", "system.temperature", "peripheralid")  # fmt: skip


def checksum(text: str) -> str:
    """Return what makes the sum of all bytes zero, as two hexadecimal digits."""
    return f"{-sum(text.encode('latin1')) & 0xFF:02X}"


class SimZaberXLSM(LineInstrument):
    """One axis: home, absolute and relative moves, stop, settings, warnings; message ids and checksums are echoed.

    Source: Zaber, ASCII Protocol Manual version 2 (firmware 6 and 7), sections 'Message Format', 'Commands' (get,
    set, home, move abs, move rel, stop, warnings) and 'Checksum'. Replies carry a checksum when ``comm.checksum`` is
    1. Switched on, it has no reference: warning flag WR until it was homed, and no absolute move.
    """

    request_end = b"\n"
    reply_end = b"\r\n"
    reply_delay_s = 0.003
    fault_kinds: ClassVar = {"jammed": "the carriage stalls: warning flag FS"}

    def __init__(
        self, clock: Clock, seed: int | str, probe: ProbeHead, role: str = "", faults: Sequence[Fault] = ()
    ) -> None:
        super().__init__(clock, seed, faults)
        self._axis = Axis(clock, 0.0, _TRAVEL_MM, 11.7)
        probe.carried(role, lambda: self._axis.position, _TRAVEL_MM / 2)
        self._axis.speed = 20.0
        self._sums = False
        self._limits_mm = {"limit.min": 0.0, "limit.max": _TRAVEL_MM}

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that the stage moves."""
        return ("stage moves",) if self._axis.is_moving else ()

    @override
    def power_down(self) -> None:
        """Lose the power, and with it the reference; settings are kept."""
        super().power_down()
        self._axis.halt()
        self._axis.is_homed = False

    def answer_line(self, line: str) -> str | None:
        """Answer a command to device 1 or to all, axis 0 or 1."""
        text, colon, check = line.partition(":")
        if colon and check != checksum(text[1:]):
            return None  # as the manual says: a message with a wrong checksum is ignored
        match = _LINE.match(text)
        if match is None or match[1] not in (None, "0", "00", "1", "01"):
            return None
        flag, data = self._do(match[4].strip()) if match[2] in (None, "0", "1") else ("RJ", "BADAXIS")
        identity = f" {match[3]}" if match[3] else ""
        state = "BUSY" if self._axis.is_moving else "IDLE"
        body = f"01 {match[2] or 0}{identity} {flag} {state} {self._warning()} {data}"
        return f"@{body}" + (f":{checksum(body)}" if self._sums else "")

    def _warning(self) -> str:
        if self.faults.active("jammed") is not None:
            return "FS"
        return "--" if self._axis.is_homed else "WR"

    def _do(self, command: str) -> tuple[str, str]:
        words = command.split()
        if not words:
            return "OK", "0"
        if words[0] == "get" and len(words) == 2:
            return ("OK", self._get(words[1])) if words[1] in _SETTINGS else ("RJ", "BADCOMMAND")
        if words[0] == "set" and len(words) == 3:
            return self._set(words[1], words[2])
        if words[0] == "home":
            return self._start(None)
        if words[0] == "move" and len(words) >= 2:
            return self._move(words[1:])
        if words[0] in ("stop", "estop"):
            self._axis.halt()
            return "OK", "0"
        if words[0] == "warnings":
            return "OK", "00" if self._warning() == "--" else f"01 {self._warning()}"
        return "RJ", "BADCOMMAND"

    def _get(self, name: str) -> str:
        axis = self._axis
        return {
            "comm.checksum": str(int(self._sums)),
            "deviceid": "50081",
            "maxspeed": str(round(axis.speed / _SPEED_UNIT)),
            "pos": str(round(axis.position / MICROSTEP_MM)),
            "resolution": "64",
            "version": "7.28",
            "system.serial": "00000",
            **{limit: str(round(value / MICROSTEP_MM)) for limit, value in self._limits_mm.items()},
            "system.temperature": "31.2",
            "peripheralid": "0",
        }[name]

    def _set(self, name: str, value: str) -> tuple[str, str]:
        if not re.fullmatch(r"-?\d+", value):
            return "RJ", "BADDATA"
        if name == "comm.checksum" and value in ("0", "1"):
            self._sums = value == "1"
        elif name in self._limits_mm and -1e-9 <= int(value) * MICROSTEP_MM <= _TRAVEL_MM + MICROSTEP_MM:
            self._limits_mm[name] = int(value) * MICROSTEP_MM
        elif name == "maxspeed" and 0 < int(value) * _SPEED_UNIT <= 104.0:
            self._axis.speed = int(value) * _SPEED_UNIT
        else:
            return "RJ", "BADDATA" if name in _SETTINGS else "BADCOMMAND"
        return "OK", "0"

    def _move(self, words: list[str]) -> tuple[str, str]:
        low, high = self._limits_mm.values()
        ends = {"min": low, "max": high}
        if words[0] in ends:
            return self._start(ends[words[0]])
        if len(words) != 2 or not re.fullmatch(r"-?\d+", words[1]) or words[0] not in ("abs", "rel"):
            return "RJ", "BADCOMMAND"
        if not self._axis.is_homed and words[0] == "abs":
            return "RJ", "BADDATA"
        to = int(words[1]) * MICROSTEP_MM + (self._axis.position if words[0] == "rel" else 0.0)
        return self._start(to) if low - 1e-9 <= to <= high + MICROSTEP_MM else ("RJ", "BADDATA")

    def _start(self, to: float | None) -> tuple[str, str]:
        if self.faults.active("jammed") is None:
            if to is None:
                self._axis.home()
            else:
                self._axis.move(to)
        return "OK", "0"
