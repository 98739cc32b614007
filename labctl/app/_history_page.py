"""One self-contained page about a sample: everything that was done to it, with pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from labctl.app._chart import chart, states_chart
from labctl.app._history_style import STYLE
from labctl.app._history_view import (
    calibration_text,
    day_of,
    lasted,
    policy_text,
    software_text,
    summary_rows,
    telling,
    time_of_day,
    values_text,
)
from labctl.app._html import document, escaped, table
from labctl.app._panels import device_of, is_number, is_setpoint, panels_of, quantity_of
from labctl.app._progress import clock_text
from labctl.app._timeline import timeline
from labctl.records import (
    MOVE,
    Attachment,
    Concern,
    DeviceRecord,
    OperationHistory,
    SampleHistory,
    Trace,
    Value,
    concerns_of,
    idle_before,
    operation_concerns,
)

_SMALL, _MAIN = (310.0, 150.0), (636.0, 312.0)
_SHORTEST_WAIT_S = 1.0
_LARGEST_PHOTOGRAPH = 4_000_000
_KEY = (
    '<p class="key"><span><i class="k0"></i>reading</span><span><i class="k1"></i>set point</span>'
    '<span><i class="k2"></i>tolerance</span><span><i class="k3"></i>outside it</span></p>'
)


def history_page(history: SampleHistory) -> str:
    """Return the whole HTML file."""
    return document(history.sample, STYLE, _main(history))


def history_fragment(history: SampleHistory) -> str:
    """Return the same as a part of another page, a notebook's."""
    return f"<style>{STYLE}</style>{_main(history)}"


def _main(history: SampleHistory) -> str:
    return "\n".join(['<main class="labctl">', *_head(history), *_chart_of(history), "</main>"])


def _head(history: SampleHistory) -> Iterator[str]:
    yield f"<h1>{escaped(history.sample)} {_badge(history.quality)}</h1>"
    if any(operation.simulated for _, operation in history.everything):
        yield '<p class="note">Simulated instruments and samples: no number here was measured on matter.</p>'
    rows = [(label, told) for label, told in summary_rows(history) if label != "measured"]
    yield f'<section class="card">{_pairs(rows)}'
    figures = {f"{name}: {key}": v for name, results in history.figures.items() for key, v in telling(results).items()}
    yield f"{_section('measured', _values(figures, 'big'))}</section>"
    if history.entry is not None:
        yield from map(_photograph, history.entry.attachments)
    yield (
        _look(concerns_of(history), linked=True)
        or '<p class="well">Nothing failed, no alarm, all within tolerance.</p>'
    )
    yield f'<section class="card"><h3>When and where</h3><div class="wide">{timeline(history)}</div></section>'


def _photograph(kept: Attachment) -> str:
    """Return a photograph as part of the page; nothing for another file, or for one that is large or gone."""
    if kept.media_type not in ("image/png", "image/jpeg") or not kept.path.exists():
        return ""
    if kept.path.stat().st_size > _LARGEST_PHOTOGRAPH:
        return ""
    picture = f"data:{kept.media_type};base64,{base64.b64encode(kept.path.read_bytes()).decode()}"
    text = escaped(" - ".join(part for part in (kept.name, kept.note, kept.by) if part))
    return f'<figure><img src="{picture}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def _chart_of(history: SampleHistory) -> Iterator[str]:
    day = ""
    for (sample, operation), wait in zip(history.everything, idle_before(history), strict=True):
        if wait >= _SHORTEST_WAIT_S:
            yield f'<p class="line wait">waited {clock_text(wait)}</p>'
        if day != (day := day_of(operation.time)):
            yield f'<p class="day">{day} <span class="soft">UTC</span></p>'
        whose = "" if sample == history.sample else sample
        yield _move(operation, whose) if operation.kind == MOVE else _operation(operation, whose)


def _move(operation: OperationHistory, whose: str) -> str:
    source, destination = (escaped(operation.asked.get(name, "")) for name in ("source", "destination"))
    ended = "" if operation.status == "success" else f"{_badge(operation.status)} {escaped(operation.reason)}"
    told = f"<span>{escaped(whose)} {source} → {destination}</span><span>{lasted(operation)}</span><span>{ended}</span>"
    return f'<p class="line" id="{operation.uid}"><span class="when">{time_of_day(operation.time)}</span>{told}</p>'


def _operation(operation: OperationHistory, whose: str) -> str:
    concerns = operation_concerns(operation)
    weight = "ill" if any(c.gravity == "alarm" for c in concerns) else "troubled" if concerns else ""
    parts = [
        f'<section class="card {weight}" id="{operation.uid}">',
        _title(operation, whose),
        _look(concerns, linked=False),
        _section("measured", _values(telling(operation.results), "big")),
        _section("asked", _values(operation.asked)),
        _pictures(operation),
        _section("events", _events(operation)),
        _pairs(_around(operation)),
        _section("devices", _devices(operation.devices)),
        _folded("numbers of the traces", _numbers(operation, operation.traces)),
        _folded("every setting of the devices", "".join(_settings(device) for device in operation.devices)),
        _folded("everything read before and after", _before_and_after(operation)),
        _folded("readings, point by point", _points(operation.readings)),
        _folded("the sample's whole recipe", _recipe(operation.recipe)),
        f"<details><summary>run, software, policy</summary>{_pairs(_about(operation))}</details>",
        "</section>",
    ]
    return "".join(part for part in parts if part)


def _around(operation: OperationHistory) -> list[tuple[str, str]]:
    rows = [
        ("room", values_text(operation.ambient)),
        ("fitted", values_text(operation.fittings)),
        ("together with", ", ".join(operation.together_with)),
    ]
    return [(label, told) for label, told in rows if told]


def _title(operation: OperationHistory, whose: str) -> str:
    name = escaped(operation.name or operation.kind)
    ancestor = f' <span class="info">({escaped(whose)})</span>' if whose else ""
    done = f"{operation.kind} on {operation.station}, {lasted(operation)}, {operation.operator}"
    return (
        f'<h2><span class="when">{time_of_day(operation.time)}</span> {name}{ancestor} '
        f'<span class="kind">{escaped(done)}</span> {_badge(operation.status)}</h2>'
    )


def _pictures(operation: OperationHistory) -> str:
    ends = [float(trace.times_s[-1]) for trace in operation.traces.values() if len(trace.times_s)]
    end = max([*ends, operation.duration_s or 0.0], default=0.0)
    events = [(event.time - operation.time, event) for event in operation.events]
    pictures = [
        f'<div class="{"" if number else "main"}">{chart(panel, events, *(_SMALL if number else _MAIN), end)}</div>'
        for number, panel in enumerate(panels_of(operation))
    ]
    states = [
        (f"{device_of(key, operation)} {quantity_of(key, operation)}".strip().replace("_", " "), trace)
        for key, trace in operation.traces.items()
        if not trace.unit and is_number(trace) and len(trace.values) > 1 and np.ptp(trace.values) != 0
    ]
    if states:
        pictures.append(f"<div>{states_chart(states, _SMALL[0], end)}</div>")
    return f'<div class="panels">{"".join(pictures)}</div>{_KEY}' if pictures else ""


def _events(operation: OperationHistory) -> str:
    lines = [
        f'<li class="{escaped(event.severity)}"><b>{escaped(event.kind)}</b> {time_of_day(event.time)} '
        f"{escaped(event.source)}: {escaped(event.message)}</li>"
        for event in operation.events
    ]
    return f'<ul class="look">{"".join(lines)}</ul>' if lines else ""


def _numbers(operation: OperationHistory, traces: Mapping[str, Trace]) -> str:
    rows = []
    for key, trace in traces.items():
        if is_setpoint(key, operation) or not is_number(trace) or not np.isfinite(trace.values.astype(float)).any():
            continue
        values = trace.values.astype(float)
        figures = [float(pick(values)) for pick in (np.nanmin, np.nanmean, np.nanmax)]
        follows = f"{trace.setpoint} ±{trace.tolerance:g}" if trace.setpoint and trace.tolerance is not None else ""
        rows.append((key, *figures, trace.unit, len(values), follows))
    return table(rows, ("quantity", "lowest", "mean", "highest", "unit", "readings", "follows")) if rows else ""


def _devices(devices: Sequence[DeviceRecord]) -> str:
    head = "".join(
        f"<th>{title}</th>" for title in ("device", "role", "instrument", "serial", "firmware", "calibration")
    )
    lines = "".join(f"<tr>{_device(device)}</tr>" for device in devices)
    return f'<div class="scroll"><table><tr>{head}</tr>{lines}</table></div>' if devices else ""


def _device(device: DeviceRecord) -> str:
    who = (device.name, device.role, f"{device.maker} {device.model}", device.serial, device.firmware)
    calibrated = escaped(calibration_text(device.calibration)) or '<span class="soft">none on record</span>'
    told = f'<b class="alarm">overdue</b> {calibrated}' if device.calibration.overdue else calibrated
    return "".join(f"<td>{escaped(cell)}</td>" for cell in who) + f"<td>{told}</td>"


def _settings(device: DeviceRecord) -> str:
    rows = [(key.removeprefix(f"{device.name}_"), str(value)) for key, value in device.configuration.items()]
    return f"<h3>{escaped(device.name)}</h3>{_pairs(rows)}" if rows else ""


def _before_and_after(operation: OperationHistory) -> str:
    keys = dict.fromkeys([*operation.before, *operation.after])
    rows = [(key, operation.before.get(key, ""), operation.after.get(key, "")) for key in keys]
    return table(rows, ("quantity", "before", "after")) if rows else ""


def _points(readings: Mapping[str, Trace]) -> str:
    rows = [(key, ", ".join(_short(value) for value in trace.values), trace.unit) for key, trace in readings.items()]
    return table(rows, ("quantity", "readings", "unit")) if rows else ""


def _recipe(recipe: Mapping[str, object]) -> str:
    return f"<pre>{escaped(json.dumps(recipe, indent=2, ensure_ascii=False))}</pre>" if recipe else ""


def _about(operation: OperationHistory) -> list[tuple[str, str]]:
    rows = [
        ("run", operation.uid),
        ("ended", f"{operation.status} {operation.reason}".strip()),
        ("place", operation.location),
        ("campaign", f"{operation.campaign} {operation.trial}".strip()),
        ("software", software_text(operation)),
        ("policy", policy_text(operation.policy)),
    ]
    return [(label, told) for label, told in rows if told]


# Pieces.


def _look(concerns: Sequence[Concern], *, linked: bool) -> str:
    lines = []
    for concern in concerns:
        where = f'<a href="#{concern.uid}">{escaped(concern.operation)}</a>: ' if linked else ""
        told = f"<b>{escaped(concern.kind)}</b> {where}{escaped(concern.text)}"
        lines.append(f'<li class="{concern.gravity}">{told}</li>')
    return f'<ul class="look">{"".join(lines)}</ul>' if lines else ""


def _badge(word: str) -> str:
    return f'<span class="badge {escaped(word)}">{escaped(word)}</span>'


def _section(title: str, body: str) -> str:
    return f"<h3>{escaped(title)}</h3>{body}" if body else ""


def _folded(title: str, body: str) -> str:
    return f'<details><summary>{escaped(title)}</summary><div class="scroll">{body}</div></details>' if body else ""


def _values(values: Mapping[str, Value], kind: str = "") -> str:
    pairs = [f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in values.items()]
    return f'<dl class="values {kind}">{"".join(pairs)}</dl>' if pairs else ""


def _pairs(rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"<dt>{escaped(label)}</dt><dd>{escaped(told)}</dd>" for label, told in rows]
    return f"<dl>{''.join(lines)}</dl>" if lines else ""


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
