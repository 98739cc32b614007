"""The traces of a history as a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.app._chart import time_unit
from labctl.app._panels import Panel, panels_of, quantity_of
from labctl.errors import StoreError
from labctl.files import nearest
from labctl.records import OperationHistory, SampleHistory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW, _WIDTH = 2.3, 10.0
_GRAVITY = {"alarm": "#c0392b", "warning": "#e08e0b"}


def plot_history(history: SampleHistory, names: Sequence[str]) -> Figure:
    """Return readings against set points, tolerances shaded and events marked, one row for each operation.

    Args:
        history: of a sample.
        names: of operations, or their kinds: everything they recorded. When empty: what followed a set point, of
            every operation, or everything where nothing did.

    Raises:
        StoreError: no such operation recorded traces.
    """
    import matplotlib.pyplot as plt

    rows = [(operation, panels) for operation in _chosen(history, names) if (panels := _panels(operation, bool(names)))]
    if not rows:
        raise StoreError(f"no operation of {history.sample} recorded traces")
    columns = max(len(panels) for _, panels in rows)
    figure = plt.figure(figsize=(_WIDTH, _ROW * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for (operation, panels), line in zip(rows, grid, strict=True):
        for number, axes in enumerate(line):
            if number < len(panels):
                _draw(axes, operation, panels[number])
            else:
                axes.set_axis_off()
    return figure


def _chosen(history: SampleHistory, names: Sequence[str]) -> list[OperationHistory]:
    recorded = [operation for _, operation in history.everything if operation.traces]
    known = {name for operation in recorded for name in (operation.name, operation.kind) if name}
    for name in names:
        if name not in known:
            raise StoreError(f"no operation {name!r} of {history.sample} recorded traces{nearest(name, sorted(known))}")
    return [o for o in recorded if not names or o.name in names or o.kind in names]


def _panels(operation: OperationHistory, every: bool) -> list[Panel]:
    panels = panels_of(operation)
    return panels if every else [panel for panel in panels if panel.bands] or panels


def _draw(axes: Axes, operation: OperationHistory, panel: Panel) -> None:
    length, unit = time_unit(max(float(trace.times_s[-1]) for trace in panel.traces))
    for band in panel.bands:
        axes.fill_between(band.times_s / length, band.low, band.high, color="#2a8f5b", alpha=0.18, linewidth=0)
    for trace in panel.traces:
        style = "--" if trace.key in panel.setpoints else "-"
        axes.plot(trace.times_s / length, trace.values, style, linewidth=1.2, label=quantity_of(trace.key, operation))
    for begin, end in panel.outside:
        axes.axvspan(begin / length, end / length, color="#e08e0b", alpha=0.18, linewidth=0)
    for event in operation.events:
        axes.axvline((event.time - operation.time) / length, color=_GRAVITY.get(event.severity, "#607d8b"), linewidth=1)
    axes.set_title(f"{operation.name or operation.kind}: {panel.title} [{panel.unit}]", fontsize=9)
    axes.set_xlabel(unit, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7, frameon=False)
