"""What an optimizer expects, in words: for the terminal and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labctl.objectives import Objective
from labctl.optimize import Diagnosis, Expected, Explanation, Outlook

_HARDLY = 2.0
_MOST = 6


def expected_text(expected: Expected, unit: str) -> str:
    """Return what is expected of a figure, with the limits that hold it in 95 % of all cases."""
    return f"{expected.middle:.4g}, {expected.low:.4g} to {expected.high:.4g} {unit}".rstrip()


def explanation_rows(
    about: Explanation, objectives: Sequence[Objective], measured: Mapping[str, float], rival: str = ""
) -> list[tuple[str, str]]:
    """Return what was expected of a recipe, line by line.

    Args:
        about: the recipe.
        objectives: that it was expected to reach.
        measured: what it reached, where it did.
        rival: the best that was known, in words.
    """
    rows = []
    for objective in objectives:
        if objective.name in about.expected:
            told = expected_text(about.expected[objective.name], objective.unit)
            reached = measured.get(objective.name)
            came = (
                ""
                if reached is None
                else f"; measured {reached:.4g}, {_where(about.expected[objective.name], reached)}"
            )
            rows.append((objective.name, f"expected {told}{came}"))
        elif objective.name in measured:
            rows.append((objective.name, f"measured {measured[objective.name]:.4g} {objective.unit}".rstrip()))
    if about.chance is not None:
        than = f"to be better than {rival}" if rival else "to be better than what is known"
        rows.append(("probability", f"{about.feasibility:.0%} to complete, {about.chance:.0%} {than}"))
    for objective in objectives:
        parts = list(about.leans_on.get(objective.name, {}).items())
        if parts:
            told = ", ".join(f"{trial} {part:.0%}" for trial, part in parts[:_MOST])
            more = f", {len(parts) - _MOST} more" if len(parts) > _MOST else ""
            rows.append((_named("leans on", objective, objectives), told + more))
    return rows


def diagnosis_rows(found: Mapping[str, Diagnosis], objectives: Sequence[Objective]) -> list[tuple[str, str]]:
    """Return how right the models are, line by line."""
    rows = []
    for objective in objectives:
        if objective.name not in found:
            continue
        model = found[objective.name]
        n, inside = len(model.left_out), sum(each.is_inside for each in model.left_out)
        noise = f"noise {model.noise:.2g} {objective.unit}".rstrip()
        right = f"{n} trials, each foretold from the others: {inside} within their 95 %"
        rows.append(
            (_named("model", objective, objectives), f"{right}, {model.explained:.0%} of the variance; {noise}")
        )
        lengths = sorted(model.lengths.items(), key=lambda pair: pair[1])
        matter = ", ".join(f"{name} {length:.2g}" for name, length in lengths if length < _HARDLY) or "none"
        idle = ", ".join(name for name, length in lengths if length >= _HARDLY)
        told = f"{matter}{'; hardly: ' if idle else ''}{idle}"
        rows.append((_named("what matters", objective, objectives), f"{told} (changes over this part of its range)"))
    return rows


def outlook_rows(outlook: Outlook, hours_per_trial: float | None) -> list[tuple[str, str]]:
    """Return what there is still to gain, and whether that is worth it, line by line.

    Args:
        outlook: of the optimizer.
        hours_per_trial: lab hours that a trial took so far [h]; None where that is not known.
    """
    gain = f"{outlook.next_gain:.2g} {outlook.unit}".rstrip()
    most = f"{outlook.may_gain:.2g} {outlook.unit}".rstrip()
    told = f"{gain} expected from the most promising recipe, and from none more than {most} (97.5 %)"
    if hours_per_trial:
        told += (
            f"; {hours_per_trial:.2g} lab h a trial: {outlook.next_gain / hours_per_trial:.2g} {outlook.unit}".rstrip()
        )
        told += " an hour"
    return [("left to gain", told), ("advice", outlook.advice)]


def _where(expected: Expected, reached: float) -> str:
    if expected.low <= reached <= expected.high:
        return "as expected"
    return "lower than expected" if reached < expected.low else "higher than expected"


def _named(label: str, objective: Objective, objectives: Sequence[Objective]) -> str:
    return label if len(objectives) == 1 else f"{label}, {objective.name}"
