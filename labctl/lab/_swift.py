"""The simulated plant of a lab file, to be driven directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labctl.clock import Clock
from labctl.lab._file import LabFile
from labctl.lab._simulated import FITTINGS
from labctl.lab._substrates import Certificate

if TYPE_CHECKING:
    from sim_devices.swift import SwiftPlant


def build_swift_plant(
    file: LabFile,
    clock: Clock,
    seed: int,
    rows: Sequence[Mapping[str, float]] = (),
    substrates: Mapping[str, Certificate] | None = None,
) -> SwiftPlant:
    """Return a lab file's plant without instruments, its racks full of fresh substrates.

    Args:
        file: a checked lab file.
        clock: virtual.
        seed: of substrates and weather; with the same seed they are those of `build_lab`.
        rows: what tables of measured recipes answer with.
        substrates: certificates by rack place.
    """
    from sim_devices.swift import SwiftPlant, SwiftStation

    def fitted(fittings: Mapping[str, str | float | int | bool]) -> dict[str, float]:
        return {name: FITTINGS[name].parse(value) for name, value in fittings.items() if name in FITTINGS}

    certified = (substrates or {}).items()
    return SwiftPlant(
        clock,
        seed,
        file.racks,
        {n: SwiftStation(e.places, fitted(e.fittings)) for n, e in file.stations.items() if n != file.mover},
        move_s=file.simulated.move_time,
        mover=next(iter(file.stations[file.mover].operations["transfer"].values())) if file.mover else "",
        measure_s=file.simulated.measure_time,
        rows=rows,
        roughness_nm={place: float(row["roughness_nm"]) for place, row in certified if "roughness_nm" in row},
    )
