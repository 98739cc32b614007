"""Pictures of traces as SVG within a page: sharp on paper, and in the page's own colours, light or dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.app._html import escaped
from labctl.app._panels import Panel
from labctl.records import Event, Trace

_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 8.0, 20.0, 20.0
_EDGE = 16.0
_N_COLOURS = 4
_MINUTE_S, _HOUR_S = 60.0, 3600.0
_LANE = 22.0


@dataclass(frozen=True)
class _Plot:
    """Where values lie in a picture [px]."""

    width: float
    height: float
    begin: float
    """Left end [s]."""
    end: float
    low: float
    high: float

    def x(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        return _LEFT + (times - self.begin) / (self.end - self.begin) * (self.width - _LEFT - _RIGHT)

    def y(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.height - _BOTTOM - (values - self.low) / (self.high - self.low) * (self.height - _TOP - _BOTTOM)


def chart(panel: Panel, events: Sequence[tuple[float, Event]], width: float, height: float, end: float) -> str:
    """Return the picture of one panel.

    Args:
        panel: what is drawn.
        events: each with its time since the operation began [s].
        width: [px].
        height: [px].
        end: of the time axis [s since the operation began].
    """
    plot = _plot_of(panel, width, height, end)
    title = f"{panel.title} [{panel.unit}]"
    parts = [
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escaped(title)}">',
        f'<text class="title" x="{_LEFT:g}" y="13">{escaped(title)}</text>',
        *_outside(panel, plot),
        *_axes(plot),
        *_bands(panel, plot),
        *(_line(trace, plot, "asked") for trace in panel.traces if trace.key in panel.setpoints),
        *(
            _line(trace, plot, f"read c{number % _N_COLOURS}")
            for number, trace in enumerate(trace for trace in panel.traces if trace.key not in panel.setpoints)
        ),
        *_marks(events, plot),
        "</svg>",
    ]
    return "".join(parts)


def states_chart(traces: Sequence[tuple[str, Trace]], width: float, end: float) -> str:
    """Return when each state was not 0, one bar below the other.

    Args:
        traces: numbers without a unit, each with the label that is shown.
        width: [px].
        end: of the time axis [s since the operation began].
    """
    height = _TOP + _LANE * len(traces) + _BOTTOM
    plot = _Plot(width, height, 0.0, end, 0.0, 1.0)
    parts = [f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="states">']
    parts.append(f'<text class="title" x="{_LEFT:g}" y="13">states: bar while not 0</text>')
    for row, (label, trace) in enumerate(traces):
        top = _TOP + row * _LANE
        for begin, until in _held(trace):
            left, right = plot.x(np.array([begin, until]))
            parts.append(f'<rect class="held" x="{left:.1f}" y="{top:g}" width="{right - left:.1f}" height="16"/>')
        parts.append(f'<text class="state" x="{_LEFT + 4:g}" y="{top + 12:g}">{escaped(label)}</text>')
    return "".join([*parts, *_time_axis(plot), "</svg>"])


def ticks_of(low: float, high: float, most: int) -> list[float]:
    """Return round numbers from low to high, at most `most` + 1."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [step * n for n in range(first, math.floor(high / step + 1e-9) + 1)]


def time_unit(seconds: float) -> tuple[float, str]:
    """Return the unit a span of time is shown in: its length [s] and its name."""
    if seconds > 3 * _HOUR_S:
        return _HOUR_S, "h"
    return (_MINUTE_S, "min") if seconds > 3 * _MINUTE_S else (1.0, "s")


def _plot_of(panel: Panel, width: float, height: float, end: float) -> _Plot:
    edges = [edge for band in panel.bands for edge in (band.low, band.high)]
    values = np.concatenate([*(trace.values.astype(float) for trace in panel.traces), *edges])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return _Plot(width, height, 0.0, max(end, 1e-3), low - margin, high + margin)


def _axes(plot: _Plot) -> Iterator[str]:
    right = plot.width - _RIGHT
    for value in ticks_of(plot.low, plot.high, 3 if plot.height < 200 else 6):
        y = float(plot.y(np.array([value]))[0])
        yield f'<path class="grid" d="M{_LEFT:g} {y:.1f}H{right:g}"/>'
        yield f'<text class="y" x="{_LEFT - 5:g}" y="{y + 3.5:.1f}">{value:.4g}</text>'
    yield from _time_axis(plot)


def _time_axis(plot: _Plot) -> Iterator[str]:
    length, name = time_unit(plot.end - plot.begin)
    bottom = plot.height - _BOTTOM
    yield f'<path class="axis" d="M{_LEFT:g} {bottom:g}H{plot.width - _RIGHT:g}"/>'
    shown = ticks_of(plot.begin / length, plot.end / length, 4 if plot.width < 400 else 8)
    for number, value in enumerate(shown):
        x = float(plot.x(np.array([value * length]))[0])
        unit = f" {name}" if number == len(shown) - 1 else ""
        at = min(x, plot.width - 0.6 * _EDGE * (1 + len(unit) / 4))  # the last label must not be cut
        yield f'<path class="axis" d="M{x:.1f} {bottom:g}v4"/>'
        yield f'<text class="x" x="{at:.1f}" y="{bottom + 15:g}">{value:.4g}{unit}</text>'


def _outside(panel: Panel, plot: _Plot) -> Iterator[str]:
    for begin, end in panel.outside:
        left, right = plot.x(np.array([begin, end]))
        width, height = max(right - left, 1.0), plot.height - _TOP - _BOTTOM
        yield f'<rect class="outside" x="{left:.1f}" y="{_TOP:g}" width="{width:.1f}" height="{height:g}"/>'


def _bands(panel: Panel, plot: _Plot) -> Iterator[str]:
    """Yield where each reading should be: set point and tolerance, while the set point counts."""
    for band in panel.bands:
        for part in _finite_parts(band.low):
            times, low, high = band.times_s[part], band.low[part], band.high[part]
            times, low, high = _thinned(times, low, high, n=int(plot.width))
            edge = np.concatenate((high, low[::-1]))
            points = _points(plot.x(np.concatenate((times, times[::-1]))), plot.y(edge))
            yield f'<polygon class="band" points="{points}"/>'


def _line(trace: Trace, plot: _Plot, kind: str) -> str:
    values = trace.values.astype(float)
    lines = []
    for part in _finite_parts(values):
        times, shown = envelope(trace.times_s[part], values[part], int(plot.width))
        lines.append(f'<polyline class="{kind}" points="{_points(plot.x(times), plot.y(shown))}"/>')
    return "".join(lines)


def _marks(events: Sequence[tuple[float, Event]], plot: _Plot) -> Iterator[str]:
    for time, event in events:
        x = float(plot.x(np.array([min(max(time, plot.begin), plot.end)]))[0])
        told = escaped(f"{event.kind}, {event.source}: {event.message}")
        yield f'<path class="event {escaped(event.severity)}" d="M{x:.1f} {_TOP:g}V{plot.height - _BOTTOM:g}">'
        yield f"<title>{told}</title></path>"


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _finite_parts(values: NDArray[np.float64]) -> list[slice]:
    """Return the parts of an array that hold no gap."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], np.isfinite(values), [False])).astype(int)))
    return [slice(begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def envelope(
    times: NDArray[np.float64], values: NDArray[np.float64], width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return as many points as a picture can show, the lowest and highest of each pixel among them.

    Args:
        times: (n,) [s].
        values: (n,) without gaps.
        width: of the picture [px].

    Returns:
        Times and values, (m,) each, m at most 2 `width`.
    """
    if len(values) <= 2 * width:
        return times, values
    kept: set[int] = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), width - 1):
        kept.update((int(part[values[part].argmin()]), int(part[values[part].argmax()])))
    chosen = np.array(sorted(kept))
    return times[chosen], values[chosen]


def _thinned(*arrays: NDArray[np.float64], n: int) -> list[NDArray[np.float64]]:
    """Return arrays without points on a straight line where there are more than n."""
    if len(arrays[0]) <= n:
        return list(arrays)
    chosen = np.unique(np.linspace(0, len(arrays[0]) - 1, n).astype(int))
    return [array[chosen] for array in arrays]


def _held(trace: Trace) -> list[tuple[float, float]]:
    """Return when a state was not 0 [s]: from its first such reading to the one after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], trace.values != 0, [False])).astype(int)))
    last = len(trace.times_s) - 1
    return [
        (float(trace.times_s[begin]), float(trace.times_s[min(end, last)]))
        for begin, end in zip(edges[::2], edges[1::2], strict=True)
    ]
