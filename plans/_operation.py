"""One operation is one run that records everything and ends safe, whatever happens."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import Any, Protocol

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.protocols import Readable
from bluesky.utils import FailedStatus, Msg, RunEngineControlException

from devices import Ambient, EventLog, LinkedDevice, Trace
from labctl.errors import LabError, LinkTimeout
from labctl.recipes import OnUnknown, OperationSchema

Plan = Generator[Msg, Any, Any]
"""A Bluesky plan: it yields messages, gets their results and may return anything."""
SAFE_AGAIN_S = (2.0, 4.0)
"""After what time a device that refused to become safe is asked again [s]; a mute one was waited for already."""


class OperationPlan(Protocol):
    """A plan that is a whole operation."""

    __name__: str
    schema: OperationSchema
    """Roles of its devices and its parameters."""
    closed: Callable[..., str] | None
    """Takes devices and parameters as the plan does; returns why samples may not be taken out yet. None: they may."""

    def __call__(
        self,
        *devices_and_samples: Any,  # the devices by role, then the sequence of sample names
        md: Mapping[str, Any] | None = None,
        baseline: Sequence[LinkedDevice] = (),
        events: EventLog | None = None,
        continues: str = "",
        **parameters: Any,
    ) -> Plan:
        """Return the plan; raises ValueError with every wrong parameter."""
        ...


def operation(
    results: Mapping[str, str] | None = None,
    results_from: str = "",
    on_unknown: OnUnknown = "set aside",
    continued: Callable[..., Plan] | None = None,
    closed: Callable[..., str] | None = None,
    takes: Callable[..., float] | None = None,
    keeps: Collection[str] = (),
) -> Callable[[Callable[..., Plan]], OperationPlan]:
    """Make the body of an operation a plan that any RunEngine can run.

    The plan opens a run, reads every signal of its devices into the stream ``baseline`` before and
    after (with those of the room's sensors that it is given, which may be missing), writes alarms, notes
    and interventions to ``events``, records the devices' process signals every ``monitor_period`` [s]
    into ``process`` when the body declares that parameter, makes the devices safe in the order of its
    arguments on success, error, abort and signal, and closes the run with the reason.

    The body's positional arguments are the devices by role and ``samples``; keyword-only ones are the
    parameters, annotated with `Quantity` where they have a unit. Given values are checked and converted
    before the first message.

    Args:
        results: unit of each value that the body writes with `record_result`.
        results_from: name of the parameter that lists further ones, with ``;`` between them.
        on_unknown: what is done when the controller died while the operation was under way.
        continued: body that takes the same arguments and goes on with an operation that the instrument did not stop.
        closed: takes the devices and the parameters; returns why the samples of an operation that was cut off may not
            be taken out yet, or an empty text. They may at any time when omitted.
        takes: takes the parameters and returns how long the operation is estimated to take [s].
        keeps: roles whose devices go on as they are when the body ended well: what they do is the purpose of the
            operation. They are made safe when it did not.
    """

    def decorate(body: Callable[..., Plan]) -> OperationPlan:
        schema = OperationSchema.of(body, results or {}, results_from, on_unknown, takes, keeps)

        @functools.wraps(body)
        def plan(
            *devices_and_samples: Any,
            md: Mapping[str, Any] | None = None,
            baseline: Sequence[LinkedDevice] = (),
            events: EventLog | None = None,
            continues: str = "",
            **given: Any,
        ) -> Plan:
            devices, samples, parameters = _arguments(schema, devices_and_samples, given)
            about = {
                "plan_name": schema.kind,
                "operation": schema.kind,
                "samples": samples,
                "roles": {role: device.name for role, device in zip(schema.roles, devices, strict=True)},
                "parameters": parameters,
                "parameter_units": schema.units(),
                **({"continues": continues} if continues else {}),
                **(md or {}),
            }
            chosen = continued if continues and continued is not None else body
            doing = chosen(*devices, samples, **parameters)
            log = events or EventLog(devices[0].link.clock)
            readables = [*devices, *(Ambient(device, log) for device in baseline)]
            kept = [device for role, device in zip(schema.roles, devices, strict=True) if role in schema.keeps]
            return _record(doing, devices, kept, readables, about, parameters.get("monitor_period"), log)

        plan.schema, plan.closed = schema, closed  # type: ignore[attr-defined]  # a function may carry attributes
        return plan  # type: ignore[return-value]  # with the attribute it is an OperationPlan

    return decorate


def _arguments(
    schema: OperationSchema, devices_and_samples: Sequence[Any], given: Mapping[str, Any]
) -> tuple[list[LinkedDevice], list[str], dict[str, Any]]:
    if len(devices_and_samples) != len(schema.roles) + 1:
        wanted = ", ".join([*schema.roles, "samples"])
        raise ValueError(f"{schema.kind} takes ({wanted}); {len(devices_and_samples)} arguments were given")
    *devices, samples = devices_and_samples
    if isinstance(samples, str):
        raise ValueError(f"{schema.kind}.samples must be a list of names, not the text {samples!r}")
    for (role, kind), device in zip(schema.roles.items(), devices, strict=True):
        if not isinstance(device, LinkedDevice):
            raise ValueError(f"{schema.kind}.{role} must be a {kind}, not {device!r}")
    parameters, problems = schema.check(given, schema.kind)
    if problems:
        raise ValueError("\n".join(map(str, problems)))
    return devices, list(samples), parameters


def _record(
    doing: Plan,
    devices: Sequence[LinkedDevice],
    kept: Sequence[LinkedDevice],
    readables: Sequence[Readable],
    about: Mapping[str, Any],
    monitor_period_s: float | None,
    events: EventLog,
) -> Plan:
    wanted = list(devices)  # that are made safe

    def inside() -> Plan:
        yield from _read_baseline(readables)
        yield from bps.monitor(events, name="events")
        if monitor_period_s is not None:
            yield from bps.monitor(Trace(devices, monitor_period_s, events), name="process")
        yield from doing
        wanted[:] = [device for device in devices if device not in kept]

    def safe_then_close() -> Plan:
        yield from bpp.finalize_wrapper(inside(), functools.partial(_make_safe, wanted))
        yield from _read_baseline(readables)
        yield from bps.close_run(exit_status="success")

    def failed(error: Exception) -> Plan:
        if isinstance(error, RunEngineControlException):
            yield from bps.close_run(exit_status=error.exit_status)  # the engine knows the reason
        else:
            yield from bps.close_run(exit_status="fail", reason=describe(error))

    def run() -> Plan:
        for device in devices:
            device.told_to = events
        yield from bps.open_run(about)
        yield from bpp.contingency_wrapper(safe_then_close(), except_plan=failed)

    return (yield from bpp.rewindable_wrapper(run(), False))


def _make_safe(devices: Sequence[LinkedDevice]) -> Plan:
    """Make every device safe, even when one of them does not answer; one whose cable is out is asked again."""
    failures = yield from _unstaged(devices)
    for pause_s in SAFE_AGAIN_S:
        refused = [device for device, error in failures.items() if not isinstance(error, LinkTimeout)]
        if refused:
            yield from bps.sleep(pause_s)
            mute = {device: error for device, error in failures.items() if device not in refused}
            failures = mute | (yield from _unstaged(refused))
    if failures:
        raise LabError("; ".join(f"{device.name} may NOT be safe: {error}" for device, error in failures.items()))


def _unstaged(devices: Sequence[LinkedDevice]) -> Plan:
    """Make devices safe; return what went wrong, by device."""
    failures = {}
    for device in devices:
        try:
            yield from bps.unstage(device, wait=True)
        except LabError as error:
            failures[device] = error
    return failures


def _read_baseline(devices: Sequence[Readable]) -> Plan:
    yield from bps.create("baseline")
    for device in devices:
        yield from bps.read(device)
    yield from bps.save()


def describe(error: BaseException) -> str:
    """Return an error's text with what lies beneath it."""
    if isinstance(error, FailedStatus) and error.__cause__ is not None:
        return describe(error.__cause__)
    text = f"{type(error).__name__}: {error}"
    earlier = error.__context__ if error.__context__ is not error.__cause__ else None
    return f"{text} (after {describe(earlier)})" if isinstance(error, LabError) and earlier is not None else text
