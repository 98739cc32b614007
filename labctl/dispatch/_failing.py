"""What happens to a station and its samples when an operation failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.dispatch import _loading
from labctl.dispatch._failure import MOST_IN_A_ROW, RETRY, answers, may_unload
from labctl.dispatch._port import Handled, Port
from labctl.dispatch._timers import Timer
from labctl.errors import LabError

if TYPE_CHECKING:
    from labctl.dispatch._line import Line
    from labctl.engine import OperationResult

_ASK_AGAIN_S = 60.0


def failed(line: Line, port: Port, result: OperationResult) -> None:
    """Do what the rule says about an operation that failed."""
    operation = port.load[0].next_operation
    assert operation is not None  # it was begun
    port.n_failures, port.attempt = port.n_failures + 1, port.attempt + 1
    port.failure, port.failed_run = result.reason, result.run_uid
    rule, schema = line.rule(port), line.schemas[operation.kind]
    if result.status == "abort" or line.stopping:
        verdict = "quarantine"
    elif line.share(port.load[0].share).leaving:
        verdict = "set aside" if may_unload(schema) else "quarantine"
    elif port.attempt <= rule.retries:
        verdict = RETRY
    elif rule.then == "quarantine" and operation.timing.optional and may_unload(schema):
        verdict = "go on"
    else:
        verdict = rule.then
    handle(line, port, verdict)


def handle(line: Line, port: Port, verdict: str) -> None:
    """Do what was decided about the operation that failed last at a station."""
    operation, reason = port.load[0].next_operation, port.failure
    assert operation is not None
    if verdict == "elsewhere" and not any(
        not line.ports[name].reason for name in line.able(operation) if name != port.station.name and name in line.ports
    ):
        verdict = "quarantine"
    if verdict in ("set aside", "go on") and port.n_failures >= MOST_IN_A_ROW:
        verdict, reason = "quarantine", f"{port.n_failures} failures in a row, the last: {reason}"
    name, rule = operation.name or operation.kind, line.rule(port)
    told = f"{name} on {port.station.name}: {reason}"
    line.hands.handled(Handled(port.station.name, operation.kind, tuple(port.load), port.failed_run, told, verdict))
    if verdict == RETRY:
        retry_later(line, port, line.now)
    elif verdict == "wait":
        port.state = "waiting"
        port.n_waits += 1
        line.later(rule.wait * 3600, port, "unanswered", port.n_waits)
    elif verdict in ("quarantine", "stop"):
        port.state, port.reason, port.attempt = "quarantined", reason, 0
        share = port.load[0].share
        for traveller in port.load:
            line.end(traveller, "failed", told)
        if verdict == "stop":
            line.stop_share(share, told)
    else:
        _go_on_without(line, port, verdict, reason, told)


def retry_later(line: Line, port: Port, failed_at: float) -> None:
    """Try an operation again that failed at a lab time [s], when the rule's time has passed since."""
    port.state = "retrying"
    line.later(max(0.0, failed_at + line.rule(port).after - line.now), port, "retry")


def _go_on_without(line: Line, port: Port, verdict: str, reason: str, told: str) -> None:
    """Take the samples out of a station whose operation failed."""
    port.attempt = 0
    for traveller in port.load:
        if verdict == "set aside":
            traveller.aside = told
        elif verdict == "go on":
            traveller.leave_out()
    if verdict == "elsewhere":
        port.reason = reason
    _loading.unload(line, port)


def rung(line: Line, timer: Timer) -> None:
    """Do what was put off."""
    port = line.ports[timer.station]
    if timer.what == "retry" and port.state == "retrying":
        port.state = "loading"
    elif timer.what == "unanswered":
        if port.load and port.load[0].next_operation is not None:
            answer(line, port, line.rule(port).otherwise, timer.number)
    elif timer.what == "closed":
        open_port(line, port)


def answer(line: Line, port: Port, verdict: str, asked: int | None = None) -> None:
    """Do what a person said, or what the rule says when none did; `asked` is the question that it answers."""
    if port.state != "waiting" or asked not in (None, port.n_waits):
        return
    operation = port.load[0].next_operation
    assert operation is not None
    if verdict in answers(line.schemas[operation.kind]):
        handle(line, port, verdict)


def open_port(line: Line, port: Port) -> None:
    """Unload a station as soon as its samples may be taken out."""
    if port.state != "closed":
        return
    try:
        closed = bool(port.why_closed())
    except LabError as error:
        port.state = "quarantined"
        port.reason = f"nobody knows whether samples may be taken out: {error}"
        for traveller in port.load:
            line.end(traveller, "failed", f"{traveller.aside}; {port.reason}")
        return
    if closed:
        line.later(_ASK_AGAIN_S, port, "closed")
    else:
        _loading.unload(line, port)


def restore(line: Line, port: Port) -> None:
    """Use a station again that was in quarantine or retired; what ended in it was taken out."""
    port.reason, port.n_failures = "", 0
    if port.state == "quarantined":
        for traveller in port.load:
            line.places.free(traveller.location, traveller.sample)
            traveller.location = line.left[traveller.sample] = f"taken out of {traveller.location}"
        port.load, port.state = [], "free"
