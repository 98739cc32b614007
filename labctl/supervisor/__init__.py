"""A second process that makes the laboratory safe when the controller dies or hangs."""

from labctl.supervisor._channel import Address, address_of
from labctl.supervisor._heartbeat import Heartbeat, Loop
from labctl.supervisor._record import FILE, Entry, SupervisorRecord, entries, made_safe_since
from labctl.supervisor._supervisor import Supervisor

__all__ = [
    "FILE",
    "Address",
    "Entry",
    "Heartbeat",
    "Loop",
    "Supervisor",
    "SupervisorRecord",
    "address_of",
    "entries",
    "made_safe_since",
]
