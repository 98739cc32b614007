"""Pictures for pages that need no other file."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Literal

from labctl.app._html import escaped
from labctl.objectives import Objective

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """Return an empty figure, sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


def image(figure: Figure, alt: str) -> str:
    """Return a figure as an HTML element."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{escaped(alt)}" src="data:image/png;base64,{data}">'


def label(objective: Objective) -> str:
    """Return an objective's name with its unit."""
    return f"{objective.name} [{objective.unit}]" if objective.unit else objective.name
