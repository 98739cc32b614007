"""How a sample leaves a line to which nothing was done yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from labctl.dispatch import _loading

if TYPE_CHECKING:
    from labctl.dispatch._line import Line


def take_back(line: Line, sample: str) -> Mapping[str, str] | None:
    """Forget a sample and free every place that is kept for it, unless it was begun or ended.

    Returns:
        Rack places of the samples of its campaign to which nothing was done either, which no run tells; None where it
        stays.
    """
    traveller = next((each for each in line.travellers if each.sample == sample and not each.begun), None)
    if traveller is None:
        return None
    line.moves = [move for move in line.moves if move.traveller is not traveller]
    for port in line.ports.values():
        if traveller in port.load:
            _loading.withdraw(line, port, traveller)
            if not port.load:
                _loading.let_go(line, port)
    line.travellers.remove(traveller)
    line.places.free(traveller.home, sample)
    return {each.sample: each.home for each in line.travellers if each.share == traveller.share and not each.begun}
