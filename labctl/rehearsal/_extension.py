"""A laboratory with one more station of a kind that it has, and what that would bring."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labctl.campaign import CheckedCampaign
from labctl.files import nearest
from labctl.lab import LabFile
from labctl.rehearsal._baselines import THIS, sketched

_FIRST_PORT = 901
"""Of the serial ports that copied instruments are said to be on; they are simulated."""


def extended(content: Mapping[str, Any], wanted: str) -> dict[str, Any]:
    """Return a lab file's content with a station more, a copy of another with instruments of its own.

    Interlocks on the other's signals are not copied.

    Args:
        content: as read from the lab file.
        wanted: ``furnace_c=furnace_a``: name of the new station and of the one it is a copy of.

    Raises:
        ValueError: `wanted` has another form, the new name is taken, or there is no such station.
    """
    new, equals, like = (part.strip() for part in wanted.partition("="))
    stations = content["stations"]
    if not (new and equals and like):
        raise ValueError(f"--with {wanted!r} must be NEW=STATION, such as furnace_c=furnace_a")
    if like not in stations:
        raise ValueError(f"--with {wanted!r}: no station is called {like!r}{nearest(like, tuple(stations))}")
    if like == content.get("mover"):
        raise ValueError(f"--with {wanted!r}: {like} is the mover, and a laboratory has one")
    if new in stations or new in content["racks"]:
        raise ValueError(f"--with {wanted!r}: {new!r} is there already")
    own = {device for roles in stations[like]["operations"].values() for device in roles.values()}
    copies = {device: f"{new}_{device}" for device in content["devices"] if device in own}
    taken = {str(entry["address"]) for entry in content["devices"].values()}
    free = (address for n in itertools.count(_FIRST_PORT) if (address := f"ASRL{n}::INSTR") not in taken)
    devices = {copy: {**content["devices"][device], "address": next(free)} for device, copy in copies.items()}
    operations = {
        kind: {role: copies[device] for role, device in roles.items()}
        for kind, roles in stations[like]["operations"].items()
    }
    order = [_beside(entry, copies) for entry in content.get("safe_order", ())]
    return {
        **content,
        "devices": {**content["devices"], **devices},
        "stations": {**stations, new: {**stations[like], "operations": operations}},
        **({"safe_order": order} if order else {}),
    }


def _beside(entry: str | Sequence[str], copies: Mapping[str, str]) -> str | list[str]:
    names = [entry] if isinstance(entry, str) else list(entry)
    names += [copies[name] for name in names if name in copies]
    return names[0] if len(names) == 1 else names


@dataclass(frozen=True)
class Gain:
    """What other stations make of a campaign, sketched; middle over seeds."""

    before_h: float
    """Lab time of the campaign as it is [h]."""
    after_h: float
    """With the station more [h]."""
    n_seeds: int

    @property
    def share(self) -> float:
        """Part of the lab time that is saved; negative where it becomes longer."""
        return 1.0 - self.after_h / self.before_h


def gain_of(checked: CheckedCampaign, more: LabFile, seeds: Sequence[int]) -> Gain:
    """Return what a campaign's lab time becomes in another laboratory.

    Args:
        checked: the campaign in its simulated laboratory.
        more: the other one.
        seeds: one sketch of each laboratory for each.
    """
    before = [sketched_s(checked, checked.lab, seed) for seed in seeds]
    after = [sketched_s(checked, more, seed) for seed in seeds]
    return Gain(statistics.median(before) / 3600, statistics.median(after) / 3600, len(seeds))


def sketched_s(checked: CheckedCampaign, lab_file: LabFile, seed: int) -> float:
    """Return how long a campaign takes in a laboratory [s of lab time], sketched to the end of its budget."""
    done = sketched(dataclasses.replace(checked, lab=lab_file), THIS, seed, checked.file.budget.trials)
    return done[-1].lab_s if done else 0.0
