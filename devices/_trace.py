"""The readings of several devices as one stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ophyd import Kind

from devices._device import PATIENCE_S, LinkedDevice
from devices._events import EventLog
from devices._signals import Readback
from labctl.errors import LabError, LinkError
from labctl.link import Job

Readings = dict[str, dict[str, Any]]


class Trace:
    """Every process quantity of `devices`, read together every `period_s` [s] while monitored.

    When a quantity cannot be read for `PATIENCE_S`, or a reading cannot be written down, the devices' actions
    in progress fail: a process that cannot be recorded must not go on. A shorter gap is told as an event.

    Args:
        devices: each with the attributes named in its class's `process`.
        period_s: time between readings [s], above 0.
        events: is told when an instrument's alarm comes or goes.
        name: of the Bluesky object; the stream is named by the plan.
    """

    parent = None

    def __init__(
        self, devices: Sequence[LinkedDevice], period_s: float, events: EventLog, name: str = "process"
    ) -> None:
        if period_s <= 0:
            raise ValueError(f"period_s={period_s} must be above 0")
        self.name, self.devices, self.period_s = name, tuple(devices), period_s
        self._signals: tuple[Readback, ...] = tuple(getattr(d, attr) for d in devices for attr in d.process)
        self._events, self._alarms = events, dict[str, tuple[str, ...]]()
        self._clock = devices[0].link.clock
        self._lock = self._clock.make_rlock()
        self._callback: Callable[[Readings], None] | None = None
        self._job: Job | None = None
        self._unread_since: float | None = None

    @property
    def hints(self) -> dict[str, list[str]]:
        """The main quantity of each device."""
        return {"fields": [signal.name for signal in self._signals if signal.kind is Kind.hinted]}

    def read(self) -> Readings:
        """Read every quantity over the wire; raises `LinkError`."""
        readings: Readings = {}
        for device in self.devices:
            told = device.read_process()
            self._watch(device, device.alarms(told))
            readings |= told
        return readings

    def _watch(self, device: LinkedDevice, alarms: tuple[str, ...]) -> None:
        before = self._alarms.get(device.name, ())
        if alarms == before:
            return
        self._alarms[device.name] = alarms
        for text in alarms:
            if text not in before:
                self._events.tell("alarm", text, source=device.name, severity="alarm")
        for text in before:
            if text not in alarms:
                self._events.tell("alarm", f"{text}: over", source=device.name)

    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe every quantity."""
        return {key: entry for signal in self._signals for key, entry in signal.describe().items()}

    def read_configuration(self) -> Readings:
        """Return the configuration of all devices."""
        return {key: reading for device in self.devices for key, reading in device.read_configuration().items()}

    def describe_configuration(self) -> dict[str, dict[str, Any]]:
        """Describe the configuration of all devices."""
        return {key: entry for device in self.devices for key, entry in device.describe_configuration().items()}

    def subscribe(self, callback: Callable[[Readings], None], **_: Any) -> None:
        """Read at once and then every period; `callback` gets the readings."""
        with self._lock:
            self._callback = callback
            self._poll()
            self._job = self.devices[0].link.every(self.period_s, self._poll)

    def clear_sub(self, callback: Callable[[Readings], None]) -> None:
        """Stop; when this returns, no reading is delivered any more."""
        with self._lock:
            self._callback = None
            if self._job is not None:
                self._job.cancel()

    def _poll(self) -> None:
        with self._lock:  # clear_sub waits for a reading in progress: no event after the stop document
            if self._callback is None:
                return
            began = self._clock.monotonic()
            try:
                try:
                    readings = self.read()
                except LinkError as error:
                    self._unread(began, error)
                else:
                    self._read_again()
                    self._callback(readings)
            except LabError as error:  # an instrument stays mute, or the journal cannot be written
                for device in self.devices:
                    device.abandon(error)

    def _unread(self, began: float, error: LinkError) -> None:
        """Tell of a gap in the readings; raise the error when it is too long."""
        if self._unread_since is None:
            self._unread_since = began
            self._events.tell("alarm", f"no reading: {error.reason}", source=error.device, severity="warning")
        if self._clock.monotonic() - self._unread_since >= PATIENCE_S:
            raise error

    def _read_again(self) -> None:
        since, self._unread_since = self._unread_since, None
        if since is not None:
            gap_s = self._clock.monotonic() - since
            self._events.tell("alarm", f"no reading for {gap_s:.1f} s: over", source=self.name)
