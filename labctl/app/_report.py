"""One self-contained HTML file about a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.app._comparison import comparison
from labctl.app._html import document, escaped, table
from labctl.app._pictures import figure_of, image, label
from labctl.app._progress import clock_text
from labctl.app._reading import open_campaign
from labctl.app._report_model import model_section
from labctl.app._showing import refusal_text, when
from labctl.app._showing_comparison import comparison_section
from labctl.app._use import USES, shares, use_of
from labctl.app._values import figures_text, units_of, values_text
from labctl.campaign import CheckedCampaign, Told, retold
from labctl.errors import StoreError
from labctl.objectives import Objective
from labctl.records import TrialRecord
from labctl.store import RecordedRun, RunSummary, Store
from labctl.trials import Categorical

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; font-size: 13px } td, th { padding: .15rem .7rem .15rem 0; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums } img { max-width: 100%; display: block }
.note { background: #fff3cd; padding: .4rem .8rem; border-radius: .3rem } summary { cursor: pointer }
details { border-bottom: 1px solid #eee; padding: .2rem 0 } pre { font-size: 12px; overflow-x: auto }
"""
_COLOURS = {"completed": "#1b6ca8", "failed": "#c0392b", "lost": "#999999", "under way": "#bbbbbb"}
_MOST_PICTURES = 4
_WIDE = 0.005
"""Share of the whole time from which on a bar is wide enough for a white edge."""
_KINDS = ("#1b6ca8", "#e08e0b", "#2a8f5b", "#8e44ad", "#c0392b", "#607d8b", "#795548", "#00838f")


def write_report(directory: Path, out: Path | None) -> Path:
    """Write the report of the campaign in a store and return its path.

    Args:
        directory: of the store.
        out: the HTML file; ``report.html`` in the store when omitted.

    Raises:
        StoreError: there is no campaign, or the file cannot be written.
    """
    checked, trials = open_campaign(directory)
    compared = comparison_section(comparison(directory, checked, trials), checked.objectives[0])
    with Store.read(directory) as store:
        runs = list(reversed(store.runs(campaign=checked.file.campaign)))
        text = _page(checked, trials, runs, store, retold(checked, store, trials), compared)
    path = out or directory / "report.html"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
    return path


def _page(
    checked: CheckedCampaign,
    trials: Sequence[TrialRecord],
    runs: Sequence[RunSummary],
    store: Store,
    told: Told,
    compared: str,
) -> str:
    file, objective = checked.file, checked.objectives[0]
    completed = [trial for trial in trials if trial.status == "completed" and trial.outcome is not None]
    parts = [f"<h1>{escaped(file.campaign)}</h1>", f"<p>{escaped(file.description)}</p>" if file.description else ""]
    if checked.lab.is_simulated:
        parts.append('<p class="note">Simulated instruments and samples: no number here was measured on matter.</p>')
    parts += [_facts(checked, trials, runs), compared]
    if completed:
        best = max(completed, key=lambda trial: objective.gain(_value(trial, objective)))
        parts += ["<h2>Best recipe</h2>", _best(best, checked)]
        parts += ["<h2>Best so far</h2>", image(_progress(completed, trials, objective), "best so far by trial")]
        parts += [
            "<h2>Objective against each parameter</h2>",
            "<p>The lighter a dot, the later its trial.</p>",
            image(_scatter(completed, trials, checked, objective), "objective against each parameter"),
        ]
        parts.append(model_section(told, checked, trials))
    if runs:
        parts += ["<h2>What each station did</h2>", image(_gantt(runs), "Gantt chart of the stations")]
        used = use_of([store.run(run.uid) for run in runs], checked.lab)
        parts.append(table([(use.station, *shares(use), use.n_operations) for use in used], ("", *USES, "operations")))
    parts += ["<h2>Failures</h2>", _failures(trials, runs)]
    if told.refused:
        parts += ["<h2>Refused</h2>", _refused(told, checked)]
    parts += ["<h2>Trials, as run</h2>", *(_trial(trial, store, checked) for trial in trials)]
    body = "\n".join(part for part in parts if part)
    return document(file.campaign, _STYLE, body)


# Text.


def _value(trial: TrialRecord, objective: Objective) -> float:
    assert trial.outcome is not None
    return trial.outcome.objectives[objective.name]


def _facts(checked: CheckedCampaign, trials: Sequence[TrialRecord], runs: Sequence[RunSummary]) -> str:
    file = checked.file
    counts = {status: sum(trial.status == status for trial in trials) for status in _COLOURS}
    rows: list[tuple[str, str]] = [
        ("laboratory", f"{checked.lab.lab}; {checked.lab.description}"),
        ("recipe", str(checked.content["recipe"])),
        ("looked for", "; ".join(f"{o.direction} {o.name} = {o.expression} [{o.unit}]" for o in checked.objectives)),
        ("trials", ", ".join(f"{n} {status}" for status, n in counts.items() if n)),
        ("optimizer", f"{file.optimizer.engine}, seed {file.seed}"),
    ]
    if runs:
        end = max(run.time + (run.duration_s or 0.0) for run in runs)
        rows.append(
            (
                "lab time",
                f"{when(runs[0].time)} to {when(end)} UTC, {clock_text(end - runs[0].time)} h, {len(runs)} runs",
            )
        )
    return table(rows)


def _best(best: TrialRecord, checked: CheckedCampaign) -> str:
    assert best.outcome is not None
    figures = [(o.name, best.outcome.objectives[o.name], o.unit) for o in checked.objectives]
    lines = []
    for operation in best.recipe["operations"]:
        done = next((record for record in best.operations if record.name == operation["name"]), None)
        asked = ", ".join(f"{k} {v}" for k, v in operation.items() if k not in ("name", "operation"))
        measured = ", ".join(f"{k} {v:.5g}" for k, v in done.results.items()) if done is not None else ""
        lines.append((operation["name"], operation["operation"], asked, measured))
    head = ("operation", "kind", "set points", "measured")
    return f"<p>{escaped(best.trial)}, sample {escaped(best.sample)}</p>{table(figures)}{table(lines, head)}"


def _failures(trials: Sequence[TrialRecord], runs: Sequence[RunSummary]) -> str:
    rows = [(t.trial, t.sample, t.status, t.reason) for t in trials if t.status in ("failed", "lost")]
    bad = [
        (run.uid[:8], run.operation, run.station, f"{run.status}: {run.reason}")
        for run in runs
        if run.status in ("fail", "abort")
    ]
    text = table(rows, ("trial", "sample", "status", "reason")) if rows else "<p>No trial failed.</p>"
    return text + (table(bad, ("run", "operation", "station", "how it ended")) if bad else "")


def _refused(told: Told, checked: CheckedCampaign) -> str:
    rows = [
        (
            trial,
            refusal_text(each),
            values_text({n: told.points[trial][n] for n in checked.space.names}, checked.space, 5),
        )
        for trial, each in told.refused.items()
    ]
    return table(rows, ("trial", "refused", "recipe"))


def _trial(trial: TrialRecord, store: Store, checked: CheckedCampaign) -> str:
    figures = trial.outcome.objectives if trial.outcome is not None else {}
    told = figures_text(figures, checked.objectives) or trial.reason
    values = escaped(values_text(trial.values, checked.space, 5))
    title = f"{escaped(trial.trial)} · {escaped(trial.status)} · {escaped(told)} · {values}"
    inside = []
    for operation in trial.operations:
        measured = ", ".join(f"{k} {v:.5g}" for k, v in operation.results.items())
        text = f"{operation.name}: {operation.kind} on {operation.station}, {when(operation.start)}, {operation.status}"
        inside.append(
            f"<p>{escaped(text)}; run {operation.uid[:8]} {escaped(measured)} {escaped(operation.reason)}</p>"
        )
        figure = _traces(store.run(operation.uid))
        if figure is not None:
            inside.append(image(figure, f"set points and readings of {operation.name}"))
    return f"<details><summary>{title}</summary>{''.join(inside)}</details>"


# Pictures.


def _progress(completed: Sequence[TrialRecord], trials: Sequence[TrialRecord], objective: Objective) -> Figure:
    figure = figure_of(9, 3)
    axes = figure.subplots()
    order = {trial.trial: number for number, trial in enumerate(trials, start=1)}
    numbers = [order[trial.trial] for trial in completed]
    values = [_value(trial, objective) for trial in completed]
    best, so_far = -float("inf"), []
    for value in values:
        best = max(best, objective.gain(value))
        so_far.append(objective.gain(best))  # the sign undone
    axes.step(numbers, so_far, where="post", color="#e08e0b", label="best so far")
    axes.plot(numbers, values, "o", color=_COLOURS["completed"], label="completed", markersize=5)
    failed = [order[trial.trial] for trial in trials if trial.status == "failed"]
    if failed:
        axes.plot(failed, [min(values)] * len(failed), "x", color=_COLOURS["failed"], label="failed sample")
    axes.set_xlabel("trial")
    axes.set_ylabel(label(objective))
    axes.legend(fontsize=8, ncols=3)
    return figure


def _scatter(
    completed: Sequence[TrialRecord], trials: Sequence[TrialRecord], checked: CheckedCampaign, objective: Objective
) -> Figure:
    names = checked.space.names
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = figure_of(9, 2.4 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    units = units_of(checked.space)
    categories = {
        p.name: [_plain(value) for value in p.values]
        for p in getattr(checked.space, "parameters", ())
        if isinstance(p, Categorical)
    }
    logarithmic = {p.name for p in getattr(checked.space, "parameters", ()) if getattr(p, "scale", "") == "log"}
    floor = min(_value(trial, objective) for trial in completed)
    for name, axes in zip(names, grid.flat, strict=False):
        if name in categories:  # in the campaign file's order
            axes.plot(categories[name], [floor] * len(categories[name]), alpha=0)
        x = [_plain(trial.values[name]) for trial in completed]
        axes.scatter(x, [_value(trial, objective) for trial in completed], c=range(len(x)), cmap="viridis", s=18)
        failed = [_plain(trial.values[name]) for trial in trials if trial.status == "failed"]
        axes.plot(failed, [floor] * len(failed), "x", color=_COLOURS["failed"])
        axes.set_xlabel(f"{name} [{units[name]}]" if units.get(name) else name)
        if name in logarithmic:
            axes.set_xscale("log")
    for axes in list(grid.flat)[len(names) :]:
        axes.set_visible(False)
    figure.supylabel(label(objective), fontsize=9)
    return figure


def _plain(value: Any) -> Any:  # a number stays one, anything else is shown as text
    return value if isinstance(value, float | int) and not isinstance(value, bool) else str(value)


def _gantt(runs: Sequence[RunSummary]) -> Figure:
    stations = list(dict.fromkeys(run.station for run in runs))
    kinds = {kind: _KINDS[i % len(_KINDS)] for i, kind in enumerate(dict.fromkeys(run.operation for run in runs))}
    begin = min(run.time for run in runs)
    span_h = max(run.time + (run.duration_s or 0.0) - begin for run in runs) / 3600
    figure = figure_of(11, 0.8 + 0.42 * len(stations))
    axes = figure.subplots()
    for kind, colour in kinds.items():
        for row, station in enumerate(stations):
            mine = [run for run in runs if run.station == station and run.operation == kind]
            bars = [((run.time - begin) / 3600, (run.duration_s or 0.0) / 3600) for run in mine]
            wide = [bar for bar in bars if bar[1] > _WIDE * span_h]
            narrow = [bar for bar in bars if bar[1] <= _WIDE * span_h]
            for some, edge in ((wide, "white"), (narrow, colour)):  # one load ends where the next begins
                axes.broken_barh(some, (row - 0.38, 0.76), facecolor=colour, edgecolor=edge, linewidth=0.7)
            for run, (left, width) in zip(mine, bars, strict=True):
                if run.status in ("fail", "abort"):
                    axes.plot(left + width, row, "x", color="#c0392b", markersize=8)
        axes.plot([], [], "s", color=colour, label=kind)
    axes.set_yticks(range(len(stations)), stations)
    axes.invert_yaxis()
    axes.set_xlabel("lab time [h]")
    axes.legend(fontsize=8, ncols=6, loc="upper center", bbox_to_anchor=(0.5, -0.28), frameon=False)
    return figure


def _traces(run: RecordedRun) -> Figure | None:
    """Draw what was monitored, one picture for each unit, those of the main quantities first, or nothing."""
    stream = run.streams.get("process")
    if stream is None or len(stream.times) < 2:
        return None
    by_unit: dict[str, list[str]] = {}
    for name, column in stream.columns.items():
        unit = stream.units.get(name)
        if unit and column.dtype.kind in "fiu":
            by_unit.setdefault(unit, []).append(name)
    if not by_unit:
        return None
    main = stream.descriptors[0].get("hints", {}).get("process", {}).get("fields", [])
    units = sorted(by_unit, key=lambda unit: not set(by_unit[unit]) & set(main))[:_MOST_PICTURES]
    minutes = (stream.times - run.start["time"]) / 60.0
    figure = figure_of(2.9 * len(units), 1.9, None)  # a layout that is worked out costs more than the picture
    figure.subplots_adjust(left=0.13 / len(units), right=0.99, top=0.86, bottom=0.2, wspace=0.25)
    for axes, unit in zip(figure.subplots(1, len(units), squeeze=False).flat, units, strict=True):
        for name in by_unit[unit]:
            asked = "setpoint" in name
            axes.plot(minutes, stream.columns[name], "--" if asked else "-", linewidth=1, label=name, zorder=3 - asked)
        axes.set_title(f"[{unit}]", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.legend(fontsize=6, frameon=False)
    figure.supxlabel("min", fontsize=8)
    return figure


__all__ = ["write_report"]
