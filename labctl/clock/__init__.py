"""One lab clock for drivers, engines, dispatch and simulated physics."""

from labctl.clock._clock import Clock, EventLike, LockLike
from labctl.clock._queue import ClockQueue
from labctl.clock._real import RealClock
from labctl.clock._together import together
from labctl.clock._virtual import VirtualClock

__all__ = ["Clock", "ClockQueue", "EventLike", "LockLike", "RealClock", "VirtualClock", "together"]
