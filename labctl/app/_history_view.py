"""The history of a sample on a terminal and at a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from labctl.app._panels import device_of, is_number, is_setpoint, quantity_of
from labctl.app._progress import clock_text
from labctl.app._showing import when
from labctl.metadata import AccessPolicy
from labctl.records import (
    MOVE,
    Calibration,
    Concern,
    DeviceRecord,
    OperationHistory,
    SampleEntry,
    SampleHistory,
    Trace,
    Value,
    concerns_of,
    idle_before,
    operation_concerns,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"alarm": "bold red", "warning": "yellow", "info": "cyan"}
"""By gravity of a concern and severity of an event."""
_STATUS = {"success": "green", "running": "cyan"}
_BARS = "▁▂▃▄▅▆▇█"
_N_BARS = 14
_SHORTEST_WAIT_S = 1.0
_MINUTE_S = 60.0
_FOREMOST = ("python", "bluesky", "ophyd")
_WIDTH = 100
_INDENT = 4


class HistoryView:
    """A history that shows itself: on a terminal, in a notebook, as a plot.

    Args:
        history: of a sample.
        full: also every reading and setting of every device.
    """

    def __init__(self, history: SampleHistory, *, full: bool = False) -> None:
        self.history, self._full = history, full

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _summary(self.history, self._full)
        yield from _concerns(concerns_of(self.history))
        bars = "" if options.ascii_only else _BARS
        waits, day = idle_before(self.history), ""
        for (sample, operation), wait in zip(self.history.everything, waits, strict=True):
            whose = "" if sample == self.history.sample else sample
            if day != (day := day_of(operation.time)):
                yield Text(f"\n{day} UTC", style="bold")
            if wait >= _SHORTEST_WAIT_S:
                yield Text(f"{'':{_INDENT}}waited {clock_text(wait)}", style="dim italic")
            if operation.kind == MOVE:
                yield _move(operation, whose)
            else:
                yield from _operation(operation, whose, self.history, bars, self._full)

    @override
    def __repr__(self) -> str:
        return self._text(colours=False)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        import sys

        printer.text(self._text(colours=sys.stdout.isatty()))

    def _repr_html_(self) -> str:
        from labctl.app._history_page import history_fragment

        return history_fragment(self.history)

    def plot(self, *names: str) -> Figure:
        """Draw the traces against their set points.

        Args:
            names: of operations, or their kinds; every operation that recorded traces when omitted.

        Raises:
            StoreError: no such operation recorded traces.
        """
        from labctl.app._history_plot import plot_history

        return plot_history(self.history, names)

    def _text(self, *, colours: bool) -> str:
        import io

        console = Console(file=io.StringIO(), width=_WIDTH, force_terminal=colours, highlight=False)
        console.print(self)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue().rstrip("\n")


def lasted(operation: OperationHistory) -> str:
    """Return how long an operation took."""
    if operation.duration_s is None:
        return "goes on"
    return f"{operation.duration_s:.1f} s" if operation.duration_s < _MINUTE_S else clock_text(operation.duration_s)


def day_of(time: float) -> str:
    """Return the day, UTC."""
    return when(time)[:10]


def time_of_day(time: float) -> str:
    """Return the time of day, UTC."""
    return when(time)[11:]


def telling(results: Mapping[str, Value]) -> dict[str, Value]:
    """Return results without the word that they are valid, unless they are not."""
    return {name: value for name, value in results.items() if name != "valid" or not value.value}


def values_text(values: Mapping[str, Value]) -> str:
    """Return named values on one line; an empty one as ``-``."""
    return ", ".join(f"{name} {str(value) or '-'}" for name, value in values.items())


def calibration_text(calibration: Calibration) -> str:
    """Return which calibration was in force; empty when nothing is known."""
    due = f"{'was ' if calibration.overdue else ''}due {calibration.due}" if calibration.due else ""
    about = [f"calibrated {calibration.date}" if calibration.date else "", due, calibration.note]
    if calibration.by:
        about[0] = f"{about[0]} by {calibration.by}".strip()
    return ", ".join(part for part in about if part)


def summary_rows(history: SampleHistory, *, full: bool = False) -> list[tuple[str, str]]:
    """Return what a sample is, where it is and what was found, each as a label and a text; none is empty."""
    everything = [operation for _, operation in history.everything]
    own, entry = history.operations, history.entry or SampleEntry(history.sample)
    last = own[-1] if own else None
    rows = [
        ("no more", entry.consumed),
        ("judged", f"{entry.quality}: {entry.reason} ({entry.judged_by})" if entry.reason else ""),
        ("trial", f"{last.trial} of campaign {last.campaign}" if last and last.trial else ""),
        ("made from", ", ".join(entry.parents)),
        ("made into", ", ".join(entry.children)),
        ("lot", entry.lot),
        ("carrier", entry.carrier),
        ("composition", entry.composition),
        ("substrate", values_text(next((o.substrate for o in everything if o.substrate), {})) or entry.substrate),
        ("where", _where(history)),
        ("done", _done(history)),
        ("by", ", ".join(dict.fromkeys(operation.operator for operation in everything))),
        *(("measured", f"{name}: {values_text(telling(results))}") for name, results in history.figures.items()),
        ("archive", archive_text(entry)),
        *(("attached", f"{kept.name} ({kept.kind}, {kept.by}) {kept.note}".strip()) for kept in entry.attachments),
        ("note", entry.note),
        ("policy", policy_text(entry.policy)),
        ("software", software_text(last, full=full) if last else ""),
    ]
    return [(label, text) for label, text in rows if text]


def archive_text(entry: SampleEntry) -> str:
    """Return where a sample is kept for later, on one line."""
    kept = entry.archive
    if kept is None:
        return ""
    until = f"until {kept.until}" if kept.until else "for ever"
    return ", ".join(part for part in (f"shelf {kept.shelf}", f"box {kept.box}", kept.condition, until) if part)


def policy_text(policy: AccessPolicy) -> str:
    """Return who may see a record, on one line."""
    told = policy.model_dump()
    words = {
        "embargo_until": "embargo until ",
        "export_control": "export control ",
        "owner": "owner ",
        "contact": "ask ",
    }
    order = ("access", "licence", "owner", "contact", "project", "embargo_until", "export_control")
    return ", ".join(f"{words.get(key, '')}{told[key]}" for key in order if told[key])


def software_text(operation: OperationHistory, *, full: bool = True) -> str:
    """Return labctl's revision and the versions of what is beneath it, all or those that matter most."""
    own, chosen = operation.versions.get("labctl", ""), operation.versions if full else _FOREMOST
    others = [
        f"{name} {operation.versions[name]}" for name in chosen if name in operation.versions and name != "labctl"
    ]
    return ", ".join([f"labctl {own} ({operation.source_revision})", *others])


def _where(history: SampleHistory) -> str:
    move, stays = history.last_move, () if history.entry is None else history.entry.stays
    moved = None if move is None else move.end or move.time
    since = stays[-1].time if stays else moved
    told = "" if since is None else f", since {when(since)} UTC"
    return f"{history.location}{told}" if history.location else ""


def _done(history: SampleHistory) -> str:
    everything = [operation for _, operation in history.everything]
    if not everything:
        return "nothing yet"
    begin, end = everything[0].time, max(operation.end or operation.time for operation in everything)
    n_moves = sum(operation.kind == MOVE for operation in everything)
    counts = f"{_count(len(everything) - n_moves, 'operation')}, {_count(n_moves, 'move')}"
    waited = sum(idle_before(history))
    return f"{when(begin)} to {when(end)} UTC ({clock_text(end - begin)}), {counts}, {clock_text(waited)} waiting"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _grid(rows: list[tuple[str, RenderableType]], indent: int = 0, width: int = 10) -> Padding:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(style="dim", width=width)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, Text(text) if isinstance(text, str) else text)
    return Padding(table, (0, 0, 0, indent))


def _summary(history: SampleHistory, full: bool) -> Iterator[RenderableType]:
    quality = Text(history.quality, style={"good": "green", "suspect": "yellow"}.get(history.quality, "bold red"))
    yield Text.assemble((history.sample, "bold"), "  ", quality)
    yield _grid([(label, text) for label, text in summary_rows(history, full=full)])
    if any(operation.simulated for _, operation in history.everything):
        yield Text("simulated instruments and samples: no number here was measured on matter", style="yellow")
    yield Text("")


def _concerns(concerns: tuple[Concern, ...]) -> Iterator[RenderableType]:
    if not concerns:
        yield Text("nothing failed, no alarm, everything within its tolerance", style="green")
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", max_width=_WIDTH // 4)
    for concern in concerns:
        style = COLOURS[concern.gravity]
        table.add_row(Text(concern.kind, style=style), concern.operation, Text(concern.text))
    yield Text("to look at", style="bold")
    yield Padding(table, (0, 0, 0, _INDENT))


def _move(operation: OperationHistory, whose: str) -> Text:
    source, destination = operation.asked.get("source", ""), operation.asked.get("destination", "")
    text = Text.assemble(
        f"{time_of_day(operation.time)}  ", f"{source} to {destination}, {lasted(operation)}", style="dim"
    )
    text.append(f", {whose}" if whose else "")
    if operation.status != "success":
        text.append(f"  {operation.status}: {operation.reason}", style=_STATUS.get(operation.status, "bold red"))
    return text


def _operation(
    operation: OperationHistory, whose: str, history: SampleHistory, bars: str, full: bool
) -> Iterator[RenderableType]:
    name = operation.name or operation.kind
    done = f"  {operation.kind} on {operation.station}, {lasted(operation)}, "
    status = Text(operation.status, style=_STATUS.get(operation.status, "bold red"))
    yield Text("")
    yield Text.assemble(
        f"{time_of_day(operation.time)}  ", (name, "bold"), (f" ({whose})" if whose else "", "cyan"), done, status
    )
    rows: list[tuple[str, RenderableType]] = []
    if operation.reason:
        rows.append(("reason", Text(operation.reason, style="bold red")))
    found = [c for c in operation_concerns(operation) if c.kind not in ("failed", "aborted", "uncalibrated")]
    rows += [(c.kind[:10], Text(c.text, style=COLOURS[c.gravity])) for c in found]
    rows += [("asked", values_text(operation.asked)), ("measured", values_text(telling(operation.results)))]
    if operation.traces:
        rows.append(("as run", _as_run(operation, bars)))
    rows += _notes(operation)
    rows += [
        ("room", values_text(operation.ambient)),
        ("fitted", values_text(operation.fittings)),
        ("together", ", ".join(operation.together_with)),
    ]
    rows.append(("devices", _devices(operation, full)))
    last = history.operations[-1] if history.operations else operation
    if operation.versions != last.versions or operation.source_revision != last.source_revision:
        rows.append(("software", software_text(operation)))
    if operation.operator != last.operator:
        rows.append(("by", operation.operator))
    if full:
        rows += [
            ("before", values_text(operation.before)),
            ("after", values_text(operation.after)),
            ("readings", _as_run(operation, bars, operation.readings)),
        ]
    rows.append(("run", operation.uid))
    yield _grid([(label, text) for label, text in rows if text], _INDENT)


def _notes(operation: OperationHistory) -> list[tuple[str, RenderableType]]:
    return [
        (event.kind[:10], Text(f"{time_of_day(event.time)}  {event.source}: {event.message}", style=COLOURS["info"]))
        for event in operation.events
        if event.severity == "info"
    ]


def _as_run(operation: OperationHistory, bars: str, traces: Mapping[str, Trace] | None = None) -> RenderableType:
    told = operation.traces if traces is None else traces
    if not told:
        return ""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", show_edge=False)
    for title in ("device", "quantity", "set point", "reading", "course"):
        table.add_column(title, overflow="fold")
    shown = ""
    for key, trace in told.items():
        if is_setpoint(key, operation):
            continue
        device = device_of(key, operation)
        asked = told.get(trace.setpoint)
        style = "yellow" if any(deviation.key == key for deviation in operation.deviations) else ""
        setpoint = f"{_span(asked)}{f' ±{trace.tolerance:g}' if trace.tolerance else ''}" if asked else ""
        reading = Text(f"{_span(trace)} {trace.unit}".rstrip(), style=style)
        table.add_row(
            device if device != shown else "", quantity_of(key, operation), setpoint, reading, _bars(trace, bars)
        )
        shown = device
    return table


def _span(trace: Trace) -> str:
    if not len(trace.values):
        return ""
    if not is_number(trace):
        return ", ".join(dict.fromkeys(map(str, trace.values)))
    low, high = (f"{value:.5g}" for value in (np.nanmin(trace.values), np.nanmax(trace.values)))
    return low if low == high else f"{low}..{high}"


def _bars(trace: Trace, bars: str) -> str:
    """Return the course of a trace in one line of text, from its lowest to its highest reading."""
    if not bars or not is_number(trace) or len(trace.values) < 2:
        return ""
    values = trace.values.astype(float)
    low, high = np.nanmin(values), np.nanmax(values)
    if not high > low:
        return ""
    parts = np.array_split(values, min(_N_BARS, len(values)))
    heights = [(np.nanmean(part) - low) / (high - low) if np.isfinite(part).any() else np.nan for part in parts]
    return "".join(" " if np.isnan(h) else bars[min(int(h * len(bars)), len(bars) - 1)] for h in heights)


def _devices(operation: OperationHistory, full: bool) -> RenderableType:
    lines: list[RenderableType] = [_device(device, full) for device in operation.devices]
    return Group(*lines) if lines else ""


def _device(device: DeviceRecord, full: bool) -> RenderableType:
    serial = f"serial {device.serial}" if device.serial.strip("0") else ""
    firmware = f"firmware {device.firmware}" if device.firmware else ""
    who = ", ".join(part for part in (f"{device.maker} {device.model}".strip(), serial, firmware) if part)
    role = f" ({device.role})" if device.role and device.role != device.name else ""
    text = Text.assemble((device.name, "bold"), f"{role}: {who or 'not asked who it is'}")
    if calibrated := calibration_text(device.calibration):
        text.append("; ").append(calibrated, style="bold red" if device.calibration.overdue else "")
    if full and device.configuration:
        text.append(f"\n  {values_text(device.configuration)}", style="dim")
    return text
