"""When and where things were done to a sample, as one picture."""

from __future__ import annotations

from labctl.app._chart import ticks_of, time_unit
from labctl.app._history_view import lasted
from labctl.app._html import escaped
from labctl.records import MOVE, SampleHistory

_WIDTH, _LEFT, _RIGHT, _LANE, _BOTTOM = 960.0, 110.0, 12.0, 22.0, 20.0
_NARROWEST = 3.0


def timeline(history: SampleHistory) -> str:
    """Return a picture with a lane for each station and a bar for each operation, linked to what is told of it."""
    done = [operation for _, operation in history.everything]
    if not done:
        return ""
    begin, end = done[0].time, max(operation.end or operation.time for operation in done)
    span = max(end - begin, 1.0)
    lanes = list(dict.fromkeys(operation.station for operation in done))
    height = _LANE * len(lanes) + _BOTTOM
    scale = (_WIDTH - _LEFT - _RIGHT) / span
    parts = [f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="operations in time, by station">']
    for row, station in enumerate(lanes):
        y = row * _LANE
        parts.append(f'<text class="y" x="{_LEFT - 8:g}" y="{y + 14:g}">{escaped(station)}</text>')
        parts.append(
            f'<rect class="lane" x="{_LEFT:g}" y="{y + 3:g}" width="{_WIDTH - _LEFT - _RIGHT:g}" height="16"/>'
        )
    for operation in done:
        x = _LEFT + (operation.time - begin) * scale
        width = max((operation.duration_s or 0.0) * scale, _NARROWEST)
        kind = f"{'move' if operation.kind == MOVE else ''} {operation.status}".strip()
        y = lanes.index(operation.station) * _LANE + 3
        told = escaped(f"{operation.name or operation.kind}, {lasted(operation)}, {operation.status}")
        bar = f'<rect class="bar {kind}" x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="16" rx="2"/>'
        parts.append(f'<a href="#{operation.uid}">{bar}<title>{told}</title></a>')
    length, unit = time_unit(span)
    shown = ticks_of(0.0, span / length, 10)
    for number, value in enumerate(shown):
        x = _LEFT + value * length * scale
        label = f"{value:g}{f' {unit}' if number == len(shown) - 1 else ''}"
        parts.append(f'<text class="x" x="{x:.1f}" y="{height - 5:g}">{label}</text>')
    return "".join([*parts, "</svg>"])
