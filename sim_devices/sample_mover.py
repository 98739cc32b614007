"""A simulated sample mover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import Line, PlantError
from sim_devices.wire import Fault, LineInstrument

MOVE_SPREAD = (0.8, 1.2)
"""How long a move takes at least and at most, as a share of its time."""


def checksum(text: str) -> str:
    """Return the exclusive or of all characters as two hexadecimal digits."""
    value = 0
    for byte in text.encode("latin1"):
        value ^= byte
    return f"{value:02X}"


class SimSampleMover(LineInstrument):
    """Carries one sample at a time; half-way through a move the sample changes its place.

    The protocol is docs/reference/sample-mover.md.
    """

    request_end = b"\n"
    reply_end = b"\n"
    reply_delay_s = 0.01
    fault_kinds: ClassVar = {"dropped": "the next move fails: the gripper is empty"}

    def __init__(
        self, clock: Clock, seed: int | str, line: Line, faults: Sequence[Fault] = (), move_s: float = 60.0
    ) -> None:
        super().__init__(clock, seed, faults)
        self._line, self._move_s = line, move_s
        self._next = 1
        self._state = "IDLE"
        self._move: tuple[int, str, str] | None = None
        self._half_at = self._end_at = 0.0
        self._carried = False

    def answer_line(self, line: str) -> str | None:
        """Answer a line whose checksum is right."""
        text, star, check = line.rpartition("*")
        if not star or check != checksum(text):
            return self._with_checksum("ERR checksum")
        self._advance()
        return self._with_checksum(self._act(*text.split(" ")))

    def _with_checksum(self, text: str) -> str:
        return f"{text}*{checksum(text)}"

    def _act(self, command: str, *words: str) -> str:
        if command == "ID?":
            return "labctl,mover-1,0,1.0"
        if command == "STATUS?":
            return self._state
        if command == "NEXT?":
            return str(self._next)
        if command == "HALT":
            return self._halt()
        if command == "MOVE" and len(words) == 3 and words[0].isdigit():
            return self._start(int(words[0]), words[1], words[2])
        return "ERR unknown command"

    def _start(self, number: int, source: str, destination: str) -> str:
        if self._move == (number, source, destination):
            return "OK"  # said again because the reply was lost
        if number != self._next:
            return f"ERR next number is {self._next}"
        if self._state.startswith("MOVING"):
            return "ERR busy"
        try:
            full, taken = self._line.sample_at(source), self._line.sample_at(destination)
        except PlantError as error:
            return f"ERR {error}"
        if full is None or taken is not None:
            return f"ERR {source} is empty" if full is None else f"ERR {destination} is taken"
        now = self.clock.monotonic()
        duration_s = self._move_s * self.random.uniform(*MOVE_SPREAD)
        self._half_at, self._end_at, self._carried = now + duration_s / 2, now + duration_s, False
        self._move, self._next = (number, source, destination), number + 1
        self._state = f"MOVING {number} {source} {destination}"
        return "OK"

    def _advance(self) -> None:
        if self._move is None or not self._state.startswith("MOVING"):
            return
        number, source, destination = self._move
        now = self.clock.monotonic()
        if now >= self._half_at and not self._carried:
            if self.faults.active("dropped") is not None:
                self._state = f"FAILED {number} gripper is empty"
                return
            self._line.move(source, destination)
            self._carried = True
        if now >= self._end_at:
            self._state = f"DONE {number}"

    @override
    def power_down(self) -> None:
        """Lose the power: a move that is not at its end fails; numbers and state are in lasting memory."""
        super().power_down()
        self._advance()
        if self._move is not None and self._state.startswith("MOVING"):
            self._state = f"FAILED {self._move[0]} power was lost"

    def _halt(self) -> str:
        if self._move is not None and self._state.startswith("MOVING"):
            place = self._move[2] if self._carried else self._move[1]
            self._state = f"HALTED {self._move[0]} at {place}"
        return "OK"
