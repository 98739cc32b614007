"""A VISA library inside the process: simulated instruments below pyvisa.

`pyvisa.ResourceManager` takes an instance of a `VisaLibraryBase` subclass, so whatever talks pyvisa
(the devices here, or anybody's driver) meets the simulated instruments unchanged.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from pyvisa import attributes, constants, errors, highlevel, rname
from pyvisa.constants import BufferOperation, InterfaceType, ResourceAttribute, SerialTermination, StatusCode
from pyvisa.util import LibraryPath
from typing_extensions import override

from labctl.clock import Clock
from sim_devices.wire._instrument import Instrument
from sim_devices.wire._memory import Request, WireMemory

_LIBRARIES = itertools.count(1)
_DISCARD_READ = int(
    BufferOperation.discard_read_buffer
    | BufferOperation.discard_read_buffer_no_io
    | BufferOperation.discard_receive_buffer
    | BufferOperation.discard_receive_buffer2
)


class _Chunk:
    """Bytes on their way to the host."""

    __slots__ = ("data", "ready_at")

    def __init__(self, ready_at: float, data: bytes) -> None:
        self.ready_at, self.data = ready_at, bytearray(data)


class _Session:
    """An open resource."""

    def __init__(self, manager: int, name: rname.ResourceName, instrument: Instrument, incoming: deque[_Chunk]) -> None:
        self.instrument, self.incoming = instrument, incoming
        self.kind = (name.interface_type_const, name.resource_class)
        self.serial = name.interface_type_const == InterfaceType.asrl
        self.stream = self.serial or name.resource_class == "SOCKET"
        self.attributes: dict[Any, Any] = {
            ResourceAttribute.resource_manager_session: manager,
            ResourceAttribute.resource_name: str(name),
            ResourceAttribute.resource_class: name.resource_class,
            ResourceAttribute.interface_type: name.interface_type_const,
            ResourceAttribute.timeout_value: 2000,
        }

    def terminator(self) -> int | None:
        """Return the byte that ends a read, or None."""
        if self.serial:
            mode = self.attributes.get(ResourceAttribute.asrl_end_in, SerialTermination.termination_char)
            ends = mode == SerialTermination.termination_char
        else:
            ends = bool(self.attributes.get(ResourceAttribute.termchar_enabled, False))
        return int(self.attributes.get(ResourceAttribute.termchar, 10)) if ends else None


class SimVisaLibrary(highlevel.VisaLibraryBase):
    """Simulated instruments by VISA address: GPIB, USB, ASRL, TCPIP INSTR and SOCKET.

    Delays and time-outs run on the lab clock. Make one with `create`, add instruments, and give it to
    `pyvisa.ResourceManager`.
    """

    clock: Clock
    memory: WireMemory | None

    @classmethod
    def create(cls, clock: Clock, memory: WireMemory | None = None) -> SimVisaLibrary:
        """Return an empty library of its own.

        Args:
            clock: the lab's.
            memory: keeps what is sent.
        """
        library = cls(LibraryPath(f"labctl-simulated-{next(_LIBRARIES)}", "in process"))
        library.clock, library.memory = clock, memory
        return library

    @override
    def _init(self) -> None:  # pyvisa calls this in place of __init__
        self._handles = itertools.count(1)
        self._sessions: dict[Any, _Session] = {}
        self._instruments: dict[str, Instrument] = {}
        self._incoming: dict[str, deque[_Chunk]] = {}
        # A leaf: instruments never wait inside it, so it may be an ordinary lock on any clock.
        self._wire = threading.Lock()

    def add(self, address: str, instrument: Instrument) -> None:
        """Connect an instrument; raises ValueError for a malformed or an occupied address."""
        try:
            name = str(rname.ResourceName.from_string(address))
        except rname.InvalidResourceName as error:
            raise ValueError(f"{address!r} is no VISA address: {error}") from error
        if name in self._instruments:
            raise ValueError(f"{address} is taken")
        self._instruments[name], self._incoming[name] = instrument, deque()

    def repeat(self, made: Iterable[Request]) -> None:
        """Bring the instruments to where they were after some requests, at the times they were made."""
        acts: dict[str, Callable[[Instrument, bytes], object]] = {
            "write": lambda instrument, data: instrument.receive(data),
            "clear": lambda instrument, _: instrument.clear(),
            "trigger": lambda instrument, _: instrument.trigger(),
        }
        everywhere: dict[str, Callable[[Instrument], None]] = {
            "power down": lambda instrument: instrument.power_down(),
            "power up": lambda instrument: instrument.power_up(),
        }
        with self.clock.held(), self.clock.flow():
            for now_s, address, act, data in made:
                self.clock.sleep_until(now_s)
                if act in everywhere:
                    for instrument in self._instruments.values():
                        everywhere[act](instrument)
                else:
                    acts[act](self._instruments[address], data)

    def _remember(self, found: _Session, act: str, data: bytes = b"") -> None:
        if self.memory is not None:
            address = str(found.attributes[ResourceAttribute.resource_name])
            self.memory.remember(self.clock.monotonic(), address, act, data)

    # Sessions.

    @override
    def open_default_resource_manager(self) -> tuple[Any, StatusCode]:
        """Open the library."""
        return next(self._handles), StatusCode.success

    @override
    def open(self, session: Any, resource_name: str, access_mode: Any = 0, open_timeout: int = 0) -> Any:
        """Open a resource; error_resource_not_found when nothing is connected there."""
        name = rname.parse_resource_name(resource_name)
        instrument = self._instruments.get(str(name))
        if instrument is None or not instrument.connected:
            raise errors.VisaIOError(StatusCode.error_resource_not_found)
        if name.resource_class == "SOCKET":
            self._incoming[str(name)] = deque()  # what was sent on another connection does not come on this one
        handle = next(self._handles)
        self._sessions[handle] = _Session(session, name, instrument, self._incoming[str(name)])
        return handle, StatusCode.success

    @override
    def close(self, session: Any) -> StatusCode:
        """Close a session; closing twice does no harm."""
        self._sessions.pop(session, None)
        return StatusCode.success

    @override
    def list_resources(self, session: Any, query: str = "?*::INSTR") -> tuple[str, ...]:
        """Return the addresses that match."""
        return tuple(rname.filter(sorted(self._instruments), query))

    def _session(self, handle: Any) -> _Session:
        session = self._sessions.get(handle)
        if session is None:
            raise errors.VisaIOError(StatusCode.error_invalid_object)
        if not session.instrument.connected:
            raise errors.VisaIOError(StatusCode.error_connection_lost)
        return session

    # Bytes.

    @override
    def write(self, session: Any, data: bytes) -> tuple[int, StatusCode]:
        """Hand bytes to the instrument."""
        found = self._session(session)
        with self._wire:
            self._remember(found, "write", bytes(data))
            for reply in found.instrument.receive(bytes(data)):
                found.incoming.append(_Chunk(self.clock.monotonic() + reply.delay_s, reply.data))
        return len(data), StatusCode.success

    @override
    def read(self, session: Any, count: int) -> tuple[bytes, StatusCode]:
        """Wait on the lab clock for a reply's end, a termination character or `count` bytes."""
        found, clock = self._session(session), self.clock
        timeout_ms = found.attributes.get(ResourceAttribute.timeout_value, 2000)
        endless = timeout_ms == constants.VI_TMO_INFINITE
        deadline = float("inf") if endless else clock.monotonic() + timeout_ms / 1000
        terminator, received = found.terminator(), bytearray()
        while True:
            status = self._take(found, received, count, terminator)
            if status is not None:
                return bytes(received), status
            ready_at = found.incoming[0].ready_at if found.incoming else float("inf")
            if ready_at > deadline or ready_at == float("inf"):
                if not endless:
                    clock.sleep_until(deadline)
                self._session(session)
                raise errors.VisaIOError(StatusCode.error_timeout)
            clock.sleep_until(ready_at)

    def _take(self, found: _Session, received: bytearray, count: int, terminator: int | None) -> StatusCode | None:
        """Move what has arrived; return why the read is complete, or None."""
        now = self.clock.monotonic()
        while found.incoming and found.incoming[0].ready_at <= now:
            chunk = found.incoming[0].data
            n = min(count - len(received), len(chunk))
            if terminator is not None and (position := chunk.find(terminator, 0, n)) >= 0:
                n = position + 1
            received += chunk[:n]
            del chunk[:n]
            message_ended = not chunk and not found.stream
            if not chunk:
                found.incoming.popleft()
            if terminator is not None and received and received[-1] == terminator:
                return StatusCode.success_termination_character_read
            if message_ended:
                return StatusCode.success
            if len(received) >= count:
                return StatusCode.success_max_count_read
        return None

    @override
    def clear(self, session: Any) -> StatusCode:
        """Drop what is on its way in both directions; on a line or a socket only what has come."""
        found = self._session(session)
        if found.stream:
            self._drop_arrived(found)
            return StatusCode.success
        found.incoming.clear()
        with self._wire:
            self._remember(found, "clear")
            found.instrument.clear()
        return StatusCode.success

    @override
    def flush(self, session: Any, mask: Any) -> StatusCode:
        """Drop what has come, when the mask says so."""
        found = self._session(session)
        if int(mask) & _DISCARD_READ:
            self._drop_arrived(found)
        return StatusCode.success

    def _drop_arrived(self, found: _Session) -> None:
        while found.incoming and found.incoming[0].ready_at <= self.clock.monotonic():
            found.incoming.popleft()

    @override
    def read_stb(self, session: Any) -> tuple[int, StatusCode]:
        """Serial poll; bit 4 (message available) is set while a reply waits.

        Raises error_nonsupported_operation on a line or a socket, which have no status byte.
        """
        found = self._session(session)
        if found.stream:
            raise errors.VisaIOError(StatusCode.error_nonsupported_operation)
        waits = bool(found.incoming) and found.incoming[0].ready_at <= self.clock.monotonic()
        return found.instrument.status_byte() | (16 if waits else 0), StatusCode.success

    @override
    def assert_trigger(self, session: Any, protocol: Any) -> StatusCode:
        """Send a group execute trigger."""
        found = self._session(session)
        with self._wire:
            self._remember(found, "trigger")
            found.instrument.trigger()
        return StatusCode.success

    @override
    def lock(self, session: Any, lock_type: Any, timeout: int, requested_key: Any = None) -> tuple[str, StatusCode]:
        """Do nothing: one process, one host."""
        return "", StatusCode.success

    @override
    def unlock(self, session: Any) -> StatusCode:
        """Do nothing."""
        return StatusCode.success

    @override
    def enable_event(self, session: Any, event_type: Any, mechanism: Any, context: Any = None) -> StatusCode:
        """Do nothing: there are no events."""
        return StatusCode.success

    @override
    def disable_event(self, session: Any, event_type: Any, mechanism: Any) -> StatusCode:
        """Do nothing."""
        return StatusCode.success

    @override
    def discard_events(self, session: Any, event_type: Any, mechanism: Any) -> StatusCode:
        """Do nothing."""
        return StatusCode.success

    # Attributes.

    @override
    def get_attribute(self, session: Any, attribute: Any) -> tuple[Any, StatusCode]:
        """Return an attribute as set, or the standard's default."""
        found = self._sessions[session]
        if attribute in found.attributes:
            return found.attributes[attribute], StatusCode.success
        if attribute == ResourceAttribute.asrl_avalaible_number:
            now = self.clock.monotonic()
            return sum(len(chunk.data) for chunk in found.incoming if chunk.ready_at <= now), StatusCode.success
        about = attributes.AttributesByID[attribute]
        if not about.in_resource(found.kind):
            raise errors.VisaIOError(StatusCode.error_nonsupported_attribute)
        return about.default, StatusCode.success

    @override
    def set_attribute(self, session: Any, attribute: Any, attribute_state: Any) -> StatusCode:
        """Set an attribute."""
        found = self._sessions[session]
        if not attributes.AttributesByID[attribute].in_resource(found.kind):
            raise errors.VisaIOError(StatusCode.error_nonsupported_attribute)
        found.attributes[attribute] = attribute_state
        return StatusCode.success
