"""What explains a property, as a table, as JSON and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from labctl.errors import FileError, Problem
from labctl.records import Explanation, Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDE = 10_000
"""Width of what is not shown on a terminal, so that nothing is folded [characters]."""
_COLUMNS = 3
_MOST_PLOTS = 9
_N_RIVALS = 3
_PICTURES = (".png", ".svg", ".pdf")


def show_explanation(explained: Explanation, *, everything: bool) -> None:
    """Print the findings as a table, and beneath it what the data cannot tell.

    Args:
        explained: what to show.
        everything: also the quantities of which nothing was seen.
    """
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDE
    unit = f" [{explained.effect_unit}]" if explained.effect_unit else ""
    console.print(f"{explained.objective}, {len(explained.samples)} samples{_left_out(explained)}")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("quantity", "verdict", f"effect{unit}", "when it goes", "chance", "cannot be told from"):
        table.add_column(head, overflow="fold")
    shown = explained.findings if everything else explained.of("explains", "one of several", "perhaps")
    for one in shown:
        table.add_row(one.quantity, one.verdict, effect_text(one), range_text(one), chance_text(one), _told(one))
    console.print(table)
    if not shown:
        console.print("nothing that was recorded explains it")
    for line in notes(explained, everything=everything):
        console.print(line)


def notes(explained: Explanation, *, everything: bool = False) -> list[str]:
    """Return what has to be known beside the table: what is left, what cannot be told, and warnings."""
    unit = f" {explained.effect_unit}".rstrip()
    left = f"unexplained: {explained.unexplained:.2g}{unit} of a spread of {explained.spread:.2g}{unit}"
    n = len(explained.of("not seen"))
    found = [left]
    if n and not everything:
        found.append(f"not seen: {n} other quantities; --all lists them")
    fixed = [one.quantity for one in explained.of("cannot tell")]
    if fixed and not everything:
        found.append(f"cannot tell, because they do not vary by themselves: {', '.join(fixed)}")
    return [*found, *(f"WARNING: {text}" for text in explained.warnings)]


def effect_text(one: Finding) -> str:
    """Return an effect with its interval; empty where none is known."""
    if math.isnan(one.effect):
        return ""
    digits = max(0, 1 - math.floor(math.log10(max(abs(one.high - one.low), 1e-300))))
    return f"{one.effect:+.{digits}f} ({one.low:+.{digits}f} to {one.high:+.{digits}f})"


def range_text(one: Finding) -> str:
    """Return from where to where a quantity goes for the effect that is told."""
    if math.isnan(one.begin) or " = " in one.quantity:
        return "" if math.isnan(one.begin) else "to this"
    return f"{one.begin:.4g} -> {one.end:.4g} {one.unit}".rstrip()


def chance_text(one: Finding) -> str:
    """Return the chance that it is chance."""
    return "" if math.isnan(one.p) else "< 0.001" if one.p < 0.001 else f"{one.p:.2g}"


def _told(one: Finding) -> str:
    if one.reason:
        return one.reason
    more = f", and {len(one.rivals) - _N_RIVALS} more" if len(one.rivals) > _N_RIVALS else ""
    return ", ".join(one.rivals[:_N_RIVALS]) + more


def _left_out(explained: Explanation) -> str:
    return f"; left out: {', '.join(explained.left_out)}" if explained.left_out else ""


def explanation_json(explained: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON has it; numbers that are not known are null."""

    def number(value: float) -> float | None:
        return None if math.isnan(value) else float(value)

    return {
        "objective": explained.objective,
        "unit": explained.unit,
        "n_samples": len(explained.samples),
        "left_out": list(explained.left_out),
        "effect_unit": explained.effect_unit,
        "unexplained": number(explained.unexplained),
        "spread": number(explained.spread),
        "warnings": list(explained.warnings),
        "findings": [
            {
                "quantity": one.quantity,
                "unit": one.unit,
                "verdict": one.verdict,
                "reason": one.reason,
                **{name: number(getattr(one, name)) for name in ("effect", "low", "high", "begin", "end", "p")},
                "kin": list(one.kin),
                "rivals": list(one.rivals),
            }
            for one in explained.findings
        ],
    }


def write_json(explained: Explanation, file: Path) -> None:
    """Write an explanation as JSON, or print it when the file is ``-``.

    Raises:
        OSError: it cannot be written.
    """
    import orjson

    text = orjson.dumps(explanation_json(explained), option=orjson.OPT_INDENT_2).decode()
    if str(file) == "-":
        Console(highlight=False, markup=False, soft_wrap=True).print(text)
    else:
        file.write_text(text, encoding="utf-8")


def plot_explanation(explained: Explanation) -> Figure:
    """Return the dependence on each quantity that matters: samples, curve and interval of 95 %."""
    import matplotlib.pyplot as plt

    told = [one for one in explained.of("explains", "one of several", "perhaps") if one.curve is not None]
    told = told[:_MOST_PLOTS]
    columns = min(_COLUMNS, max(len(told), 1))
    rows = max(math.ceil(len(told) / columns), 1)
    figure = plt.figure(figsize=(3.6 * columns, 3.0 * rows), layout="constrained")
    figure.suptitle(f"{explained.objective}: {len(explained.samples)} samples", fontsize=10)
    panels: Sequence[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, one in zip(panels, told, strict=False):
        _draw(axes, one, explained.effect_unit)
    for axes in panels[len(told) :]:
        axes.set_axis_off()
    if not told:
        panels[0].text(0.5, 0.5, "nothing that was recorded explains it", ha="center", va="center")
    return figure


def _draw(axes: Axes, one: Finding, unit: str) -> None:
    assert one.curve is not None
    axes.axhline(0.0, color="0.8", linewidth=0.8)
    axes.fill_between(one.curve.at, one.curve.low, one.curve.high, color="#1b6ca8", alpha=0.2, linewidth=0)
    axes.plot(one.curve.at, one.curve.effect, color="#1b6ca8")
    axes.plot(one.values, one.curve.points, ".", color="0.25", markersize=4)
    axes.set_xlabel(f"{one.quantity} [{one.unit}]" if one.unit else one.quantity, fontsize=8)
    axes.set_ylabel(f"change [{unit}]" if unit else "change", fontsize=8)
    axes.tick_params(labelsize=7)
    doubt = f", or {len(one.rivals)} like it" if one.rivals else ""
    axes.set_title(f"{one.verdict}{doubt}", fontsize=8)


def check_picture(file: Path) -> None:
    """Refuse a picture's name whose ending is none that can be drawn.

    Raises:
        FileError: it is another.
    """
    if file.suffix not in _PICTURES:
        text = f"{file.name}: a picture's name ends in {', '.join(_PICTURES)}"
        raise FileError("plot", [Problem(file.suffix or "no ending", text)])


def save_plot(explained: Explanation, file: Path) -> None:
    """Write the picture; the ending says as what.

    Raises:
        OSError: it cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    plot_explanation(explained).savefig(file, dpi=150)


__all__ = [
    "check_picture",
    "explanation_json",
    "notes",
    "plot_explanation",
    "save_plot",
    "show_explanation",
    "write_json",
]
