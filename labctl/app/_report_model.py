"""The part of a report that shows what the optimizer expects, and how right it has been."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.app._belief_text import diagnosis_rows, outlook_rows
from labctl.app._html import table
from labctl.app._pictures import figure_of, image, label
from labctl.app._reading import hours_per_trial
from labctl.app._values import units_of
from labctl.campaign import CheckedCampaign, Told
from labctl.objectives import Objective
from labctl.optimize import Diagnosis, Explains, hypervolume, is_front, reference
from labctl.records import TrialRecord
from labctl.trials import Candidates, Categorical, Integer, SearchSpace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_N_POINTS = 41
_MOST_PAIRS = 3
_BLUE, _ORANGE, _RED, _GREY = "#1b6ca8", "#e08e0b", "#c0392b", "#999999"


def model_section(told: Told, checked: CheckedCampaign, trials: Sequence[TrialRecord]) -> str:
    """Return headings, tables and pictures; an empty text while the model has seen too little to be shown.

    Args:
        told: an optimizer that knows all trials.
        checked: the campaign's files.
        trials: as recorded.
    """
    parts = []
    completed = [trial for trial in trials if trial.outcome is not None and trial.outcome.status == "completed"]
    if len(checked.objectives) > 1 and len(completed) > 1:
        gains = _gains(completed, checked.objectives)
        parts += [
            "<h2>Compromises</h2>",
            image(_front(completed, gains, checked.objectives), "objectives against each other, and the Pareto front"),
            image(_volume(completed, trials, gains), "hypervolume by trial"),
        ]
    optimizer = told.optimizer
    if isinstance(optimizer, Explains) and len(completed) > len(checked.space.names) and told.best is not None:
        found = optimizer.diagnose()
        rows = diagnosis_rows(found, checked.objectives)
        outlook = optimizer.outlook()
        rows += [] if outlook is None else outlook_rows(outlook, hours_per_trial(trials))
        parts += ["<h2>What the optimizer expects</h2>" if rows else "", table(rows)]
        for objective in checked.objectives:
            if objective.name in found:
                parts += [
                    f"<p>{label(objective)}: each trial foretold from the others, and the expectation on either side "
                    "of the best recipe; bars and bands hold it in 95 % of all cases.</p>",
                    image(_foretold(found[objective.name], objective), "foretold against measured"),
                    image(_slices(optimizer, checked, told.best.values, objective), "slices through the best recipe"),
                ]
    return "\n".join(part for part in parts if part)


def _gains(completed: Sequence[TrialRecord], objectives: Sequence[Objective]) -> Any:
    figures = [[o.gain(t.outcome.objectives[o.name]) for o in objectives] for t in completed if t.outcome is not None]
    return np.array(figures)


def _foretold(model: Diagnosis, objective: Objective) -> Figure:
    figure = figure_of(4.6, 3.8, None)  # a layout that is worked out costs more than the picture
    figure.subplots_adjust(left=0.2, right=0.97, top=0.97, bottom=0.14)
    axes = figure.subplots()
    measured = np.array([each.measured for each in model.left_out])
    middle = np.array([each.expected.middle for each in model.left_out])
    low = middle - [each.expected.low for each in model.left_out]
    high = np.array([each.expected.high for each in model.left_out]) - middle
    inside = np.array([each.is_inside for each in model.left_out])
    for some, colour in ((inside, _BLUE), (~inside, _RED)):
        bars = (low[some], high[some])
        axes.errorbar(measured[some], middle[some], yerr=bars, fmt="o", color=colour, elinewidth=0.8, markersize=4)
    axes.locator_params(axis="x", nbins=5)
    ends = float(measured.min()), float(measured.max())
    axes.plot(ends, ends, color=_GREY, linewidth=1)
    axes.set_xlabel(f"measured, {label(objective)}")
    axes.set_ylabel("foretold from the others")
    return figure


def _slices(optimizer: Explains, checked: CheckedCampaign, best: Mapping[str, Any], objective: Objective) -> Figure:
    names, units = checked.space.names, units_of(checked.space)
    columns, rows = min(3, len(names)), -(-len(names) // min(3, len(names)))
    figure = figure_of(9, 2.3 * rows, None)
    figure.subplots_adjust(left=0.1, right=0.99, top=1 - 0.08 / rows, bottom=0.24 / rows, wspace=0.08, hspace=0.36)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for name, axes in zip(names, grid.flat, strict=False):
        values = _values_of(checked.space, name)
        expected = [
            each.expected[objective.name] for each in optimizer.explain([{**best, name: value} for value in values])
        ]
        middle, low, high = ([getattr(each, end) for each in expected] for end in ("middle", "low", "high"))
        if all(isinstance(value, float | int) and not isinstance(value, bool) for value in values):
            axes.fill_between(values, low, high, color=_BLUE, alpha=0.18, linewidth=0)
            axes.plot(values, middle, color=_BLUE, linewidth=1.4)
            axes.axvline(float(best[name]), color=_ORANGE, linewidth=0.9, linestyle="--")
        else:
            _bars(axes, [str(value) for value in values], middle, low, high, str(best[name]))
        if _is_logarithmic(checked.space, name):
            axes.set_xscale("log")
        axes.set_xlabel(f"{name} [{units[name]}]" if units.get(name) else name)
    for axes in list(grid.flat)[len(names) :]:
        axes.set_visible(False)
    figure.supylabel(label(objective), fontsize=9)
    return figure


def _bars(
    axes: Axes, values: Sequence[str], middle: Sequence[float], low: Sequence[float], high: Sequence[float], best: str
) -> None:
    for value, at, below, above in zip(values, middle, low, high, strict=True):
        colour = _ORANGE if value == best else _BLUE
        axes.errorbar([value], [at], yerr=([at - below], [above - at]), fmt="o", color=colour, markersize=4)
    axes.margins(x=0.18)


def _values_of(space: SearchSpace | Candidates, name: str) -> list[Any]:
    """Return the values along one parameter, at most some forty where it is a number."""
    if isinstance(space, Candidates):
        found = sorted({row[name] for row in space.rows}, key=lambda value: (isinstance(value, str), value))
        return found if isinstance(found[0], str) else _thinned(found)
    parameter = next(each for each in space.parameters if each.name == name)
    if isinstance(parameter, Categorical):
        return list(parameter.values)
    if isinstance(parameter, Integer):
        return _thinned(list(range(parameter.low, parameter.high + 1)))
    spaced = np.geomspace if parameter.scale == "log" else np.linspace
    return [min(max(float(x), parameter.low), parameter.high) for x in spaced(parameter.low, parameter.high, _N_POINTS)]


def _thinned(values: Sequence[Any]) -> list[Any]:
    places = np.unique(np.linspace(0, len(values) - 1, min(_N_POINTS, len(values))).astype(int))
    return [values[place] for place in places]


def _is_logarithmic(space: SearchSpace | Candidates, name: str) -> bool:
    return any(each.name == name and getattr(each, "scale", "") == "log" for each in getattr(space, "parameters", ()))


def _front(completed: Sequence[TrialRecord], gains: Any, objectives: Sequence[Objective]) -> Figure:
    pairs = list(itertools.combinations(range(len(objectives)), 2))[:_MOST_PAIRS]
    figure = figure_of(4.4 * len(pairs), 3.6)
    best = is_front(gains)
    for (across, up), axes in zip(pairs, figure.subplots(1, len(pairs), squeeze=False).flat, strict=True):
        x, y = (
            np.array([t.outcome.objectives[objectives[number].name] for t in completed if t.outcome is not None])
            for number in (across, up)
        )
        axes.scatter(x[~best], y[~best], s=16, color=_GREY, label="beaten")
        axes.scatter(x[best], y[best], s=22, color=_ORANGE, label="Pareto front", zorder=3)
        for number in np.flatnonzero(best).tolist():
            axes.annotate(
                completed[number].trial, (x[number], y[number]), fontsize=6, xytext=(3, 3), textcoords="offset points"
            )
        axes.set_xlabel(label(objectives[across]))
        axes.set_ylabel(label(objectives[up]))
        axes.legend(fontsize=7)
    return figure


def _volume(completed: Sequence[TrialRecord], trials: Sequence[TrialRecord], gains: Any) -> Figure:
    """Draw the hypervolume after each trial, as a part of the last one's."""
    order = {trial.trial: number for number, trial in enumerate(trials, start=1)}
    worst = reference(gains)
    volumes = np.array([hypervolume(gains[: number + 1], worst) for number in range(len(gains))])
    figure = figure_of(9, 2.6)
    axes = figure.subplots()
    axes.step([order[trial.trial] for trial in completed], volumes / volumes[-1], where="post", color=_ORANGE)
    axes.set_xlabel("trial")
    axes.set_ylabel("hypervolume, part of the last")
    return figure
