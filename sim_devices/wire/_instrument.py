"""What every simulated instrument shares: bytes in, bytes out."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from labctl.clock import Clock
from sim_devices.wire._faults import Fault, Faults


@dataclass(frozen=True, slots=True)
class Reply:
    """What an instrument sends, and when."""

    data: bytes
    delay_s: float
    """Time from the end of the request to the reply [s]."""


class Instrument:
    """A simulated instrument, whatever carries its bytes.

    Args:
        clock: the lab's.
        seed: of its noise and faults; every instrument has its own.
        faults: what will go wrong.

    Raises:
        ValueError: a fault of a kind that this instrument does not have.
    """

    reply_delay_s: ClassVar[float] = 0.005
    """Time from a request to its reply [s]."""
    fault_kinds: ClassVar[Mapping[str, str]] = {}
    """Faults beyond those of the wire, and what they do."""

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = ()) -> None:
        from sim_devices.wire._faults import WIRE_FAULTS

        known = {**WIRE_FAULTS, **self.fault_kinds}
        unknown = sorted({fault.kind for fault in faults} - set(known))
        if unknown:
            raise ValueError(f"{type(self).__name__} has no fault {', '.join(unknown)}; known: {', '.join(known)}")
        self.clock, self.random = clock, random.Random(f"{seed}:noise")
        self.faults = Faults(clock, seed, faults)
        self.busy_s = 0.0
        """How much longer than usual the request that is being answered takes [s]; `answer` sets it."""
        self._received = bytearray()
        self.has_power = True

    @property
    def connected(self) -> bool:
        """Whether anything can be sent at all."""
        return self.faults.active("disconnected") is None

    def receive(self, data: bytes) -> list[Reply]:
        """Take bytes from the host and return the replies to every request that is whole."""
        if not self.has_power:
            return []
        self._received += data
        replies = []
        while (request := self.take_request(self._received)) is not None:
            self.busy_s = 0.0
            answer = self.answer(request)
            if answer is not None:
                left, late_s = self.faults.disturb(answer)
                if left is not None:
                    replies.append(Reply(left, self.reply_delay_s + self.busy_s + late_s))
        return replies

    def clear(self) -> None:
        """Drop a request that is not whole."""
        self._received.clear()

    def status_byte(self) -> int:
        """Return the status byte for a serial poll."""
        return 0

    def hazards(self) -> tuple[str, ...]:
        """Return what is not in its safe state, in words; read in the instrument itself, whatever its wire does."""
        return ()

    def power_down(self) -> None:
        """Lose the power; what the instrument drives, stops, and it hears nothing."""
        self._received.clear()
        self.has_power = False

    def power_up(self) -> None:
        """Have the power again: be what the manual says of a start; settings in lasting memory are as they were."""
        self.has_power = True

    def trigger(self) -> None:
        """Act on a group execute trigger."""

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut the first whole request off what was received, or return None."""
        raise NotImplementedError

    def answer(self, request: bytes) -> bytes | None:
        """Act on a request; return the reply, or None when there is none."""
        raise NotImplementedError


class LineInstrument(Instrument):
    """An instrument with one line of ASCII for each request and reply."""

    request_end: ClassVar[bytes] = b"\r"
    reply_end: ClassVar[bytes] = b"\r"

    def take_request(self, received: bytearray) -> bytes | None:
        """Cut the first line off."""
        end = received.find(self.request_end)
        if end < 0:
            return None
        line = bytes(received[:end])
        del received[: end + len(self.request_end)]
        return line

    def answer(self, request: bytes) -> bytes | None:
        """Answer with a line."""
        reply = self.answer_line(request.decode("latin1").strip())
        return None if reply is None else reply.encode("latin1") + self.reply_end

    def answer_line(self, line: str) -> str | None:
        """Act on a line without its end; return the reply without its end, or None."""
        raise NotImplementedError
