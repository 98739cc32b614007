"""What every instrument's device shares."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from ophyd import Device
from ophyd.status import DeviceStatus, Status
from ophyd.utils import InvalidState
from typing_extensions import override

from devices._consumption import Consumption
from devices._events import EventLog
from devices._signals import Soft
from labctl.errors import LabError, LinkError
from labctl.link import Job, Link

PATIENCE_S = 10.0
"""How long an instrument may stay out of reach before what it does is given up [s]: a plug that is put back, a burst of
noise. It goes on by itself meanwhile, and what nobody read is a gap in the record."""
logger = logging.getLogger("labctl.devices")


@dataclass(frozen=True)
class Identity:
    """Who an instrument says it is."""

    maker: str
    model: str
    serial: str = ""
    firmware: str = ""


class ClockStatus(DeviceStatus):
    """A status on the lab clock; ophyd's own time-outs count real seconds.

    Args:
        device: whose action it is.
        timeout_s: lab seconds after which it fails with TimeoutError; None waits for ever.
    """

    def __init__(self, device: LinkedDevice, timeout_s: float | None = None) -> None:
        super().__init__(device)
        self._jobs: list[Job] = []
        self._unanswered_since: float | None = None
        if timeout_s is not None:
            error = TimeoutError(f"{device.name}: not done within {timeout_s:g} s")
            self._jobs.append(device.link.later(timeout_s, lambda: self.fail(error)))

    def poll(self, period_s: float, is_done: Callable[[], bool], patience_s: float = PATIENCE_S) -> ClockStatus:
        """Ask `is_done` every `period_s` [s]; it finishes the status by True and fails it by raising.

        A `LinkError` fails it only when there was no answer for `patience_s`; give 0 where the instrument does not
        end by itself what nobody watches.
        """

        def ask() -> bool:
            if not self.done:
                began = self.device.link.clock.monotonic()
                try:
                    if is_done():
                        self.finish()
                    self._unanswered_since = None
                except LinkError as error:
                    self._unanswered(began, error, patience_s)
                except (LabError, RuntimeError, ValueError) as error:
                    self.fail(error)
            return not self.done

        self._jobs.append(self.device.link.every(period_s, ask))
        return self

    def _unanswered(self, began: float, error: LinkError, patience_s: float) -> None:
        if self._unanswered_since is None:
            self._unanswered_since = began
        if self.device.link.clock.monotonic() - self._unanswered_since >= patience_s:
            self.fail(error)

    def finish_after(self, duration_s: float) -> ClockStatus:
        """Finish by itself after `duration_s` [s]."""
        self._jobs.append(self.device.link.later(duration_s, self.finish))
        return self

    def finish(self) -> None:
        """End well, unless it has ended already."""
        self._end(None)

    def fail(self, error: Exception) -> None:
        """End with `error`, unless it has ended already."""
        self._end(error)

    def _end(self, error: Exception | None) -> None:
        for job in self._jobs:
            job.cancel()
        try:
            if error is None:
                self.set_finished()
            else:
                self.set_exception(error)
        except InvalidState:
            return  # somebody was first


class LinkedDevice(Device):
    """A device on one link, with at most one action in progress.

    Args:
        prefix: unused; ophyd's convention.
        link: connection to the instrument.
        narrowed_limits: per signal attribute, limits narrower than the class has.
        calibration: what the lab file says about it: ``date``, ``by``, ``due`` (days as YYYY-MM-DD) and ``note``.
    """

    protocol: ClassVar[str]
    """How it speaks, e.g. "SCPI"."""
    source: ClassVar[str]
    """The manual the commands come from: title, revision, pages."""
    safe_state: ClassVar[str]
    """One sentence: what `make_safe` leaves behind."""
    models: ClassVar[tuple[str, ...]]
    """Texts one of which the model that answers must contain."""
    open_options: ClassVar[Mapping[str, Any]] = {}
    """Keywords for `Link` (terminations) and pyvisa (baud rate...)."""
    example_address: ClassVar[str] = "ASRL1::INSTR"
    """A VISA address such as it has, for the documentation."""
    verified: ClassVar[str] = "in simulation only; not yet on hardware"
    """How the driver was proved."""
    is_checked: ClassVar[bool] = False
    """Whether every reply carries a checksum, so that no garbled byte can become a value."""
    process: ClassVar[tuple[str, ...]] = ()
    """Attributes that are recorded all through an operation."""
    consumes: ClassVar[Mapping[str, tuple[Consumption, ...]]] = {}
    """What is used up at the rate of a process signal, by its attribute."""

    maker = Cpt(Soft, value="", kind="config")
    model = Cpt(Soft, value="", kind="config")
    serial = Cpt(Soft, value="", kind="config")
    firmware = Cpt(Soft, value="", kind="config")
    calibration_date = Cpt(Soft, value="", kind="config")
    calibration_by = Cpt(Soft, value="", kind="config")
    calibration_due = Cpt(Soft, value="", kind="config")
    calibration_note = Cpt(Soft, value="", kind="config")

    def __init__(
        self,
        prefix: str = "",
        *,
        link: Link,
        narrowed_limits: Mapping[str, tuple[float, float]] | None = None,
        calibration: Mapping[str, str] | None = None,
        **kwargs: Any,  # ophyd's own: name, parent, kind, labels
    ) -> None:
        self.link = link
        self.narrowed_limits = dict(narrowed_limits or {})
        self._action: ClockStatus | None = None
        self.told_to: EventLog | None = None
        """Where it tells what the instrument announces by itself; the operation that uses it says where."""
        super().__init__(prefix, **kwargs)
        for key, text in (calibration or {}).items():
            getattr(self, f"calibration_{key}").put(text)

    def identify(self) -> Identity:
        """Ask the instrument who it is; raises `LinkError`."""
        raise NotImplementedError

    def connect(self) -> Identity:
        """Check that the right instrument answers and keep its identity as configuration.

        Raises:
            LinkError: no or a garbled answer.
            LabError: another instrument answers at this address.
        """
        identity = self.identify()
        if not self._is_right(identity):
            identity = self.identify()  # where nothing protects a reply, one garbled letter makes another name
        if not self._is_right(identity):
            wanted = " or ".join(self.models)
            raise LabError(f"{self.name} ({self.link.address}) is {identity.maker} {identity.model}, not {wanted}")
        for name in ("maker", "model", "serial", "firmware"):
            getattr(self, name).put(getattr(identity, name))
        return identity

    def _is_right(self, identity: Identity) -> bool:
        return any(model in identity.model for model in self.models)

    def start_action(self, timeout_s: float | None = None) -> ClockStatus:
        """Return the status of a new action; it fails after `timeout_s` lab seconds."""
        self._action = ClockStatus(self, timeout_s)
        return self._action

    def finished(self) -> Status:
        """Return the status of what is done already."""
        done = Status(self)
        done.set_finished()
        return done

    def hold(self, duration_s: float) -> ClockStatus:
        """Return a status that ends after `duration_s` [s], or when the device is stopped or abandoned."""
        return self.start_action().finish_after(duration_s)

    def abandon(self, error: Exception) -> None:
        """Fail the action in progress, if there is one: its outcome can no longer be recorded."""
        action, self._action = self._action, None
        if action is not None:
            action.fail(error)

    def read_process(self) -> dict[str, dict[str, Any]]:
        """Return value and time of every signal named in `process`; raises `LinkError`."""
        return {key: reading for attr in self.process for key, reading in getattr(self, attr).read().items()}

    def alarms(self, readings: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Return what the instrument complains of, in words, by what `read_process` returned."""
        return ()

    def interruption(self) -> str:
        """Return why what the instrument does by itself will not come to its end; empty where it does or has.

        Raises:
            LinkError: it does not answer.
        """
        return ""

    def make_safe(self) -> None:
        """Bring the instrument to its safe state; may be repeated; raises `LinkError`."""
        raise NotImplementedError

    @override
    def unstage(self) -> list[object]:
        """Make safe and end the action in progress quietly; plans do this last; raises `LinkError`."""
        self.stop(success=True)
        return []

    @override
    def stop(self, *, success: bool = False) -> None:
        """Make safe and end the action in progress; raises `LinkError`."""
        action, self._action = self._action, None
        try:
            self.make_safe()
        finally:
            if action is not None:
                if success:
                    action.finish()
                else:
                    action.fail(RuntimeError(f"{self.name} was stopped"))
