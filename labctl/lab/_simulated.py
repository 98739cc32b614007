"""Simulated instruments in the place of real ones: which tool each belongs to, and the plant behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.clock import Clock
from labctl.lab._described_instrument import described_instrument
from labctl.lab._described_kind import is_described, is_on_wire, is_remembered
from labctl.lab._file import LabFile
from labctl.lab._substrates import Certificate
from labctl.quantities import Quantity

if TYPE_CHECKING:
    from sim_devices.plant import Line
    from sim_devices.wire import Instrument, SimVisaLibrary, WireMemory

_TARGET_USED_KWH, _AIR_OXYGEN = 2.0, 0.21  # where a station's fittings do not say it
SHUTTER, OPEN = "shutter", "open"
"""Role of a described instrument that uncovers the target of its station's chamber, and its signal that does."""
FITTINGS = {
    "target_used": Quantity("kWh", 0, 60),
    "oxygen": Quantity("", 1e-6, 1),
    "heater_rating": Quantity("kW", 0.001, 1000),
    "time_spread": Quantity("", 0, 0.5),
}
"""Fittings of a station that a simulated laboratory reads: wear of the target, share of oxygen in a furnace's gas,
what its heater takes at full power (for a rehearsal's account of energy), and how much the time that a process tool
takes varies, as a share."""


def simulation(kind: str) -> type[Instrument]:
    """Return the simulation of a device class, by their names: ``devices.x:Y`` has ``sim_devices.x:SimY``."""
    from devices import DEVICES

    module = DEVICES[kind].rpartition(".")[2]
    found: type[Instrument] = getattr(import_module(f"sim_devices.{module}"), f"Sim{kind}")
    return found


def has_simulation(kind: str) -> bool:
    """Return whether a device class can be simulated; what an instrument file describes is remembered."""
    if is_described(kind):
        return True
    try:
        simulation(kind)
    except (KeyError, ImportError, AttributeError):
        return False
    return True


def wire_faults() -> tuple[str, ...]:
    """Return the faults that the simulation of any device knows."""
    from sim_devices.wire import WIRE_FAULTS

    return tuple(WIRE_FAULTS)


def fault_kinds(kind: str) -> tuple[str, ...]:
    """Return the faults that the simulation of a device class knows."""
    if is_described(kind):
        return wire_faults() if is_on_wire(kind) else ()
    return (*wire_faults(), *simulation(kind).fault_kinds)


@dataclass
class SimulatedPlant:
    """Every simulated instrument of a laboratory, and the line behind them."""

    line: Line
    seed: int = 0
    """Of the instruments' noise."""
    rows: Sequence[Mapping[str, float]] = ()
    """What tables of measured recipes answer with."""
    instruments: dict[str, Instrument] = field(default_factory=dict)
    """By device name."""
    stations: set[str] = field(default_factory=set)
    """Names of those whose places and instruments are there."""
    wire: SimVisaLibrary | None = None
    """On which the instruments are, once `library` was called."""
    memory: WireMemory | None = None
    """Keeps what is sent to the instruments; None where nobody will want the plant back."""

    def hazards(self) -> dict[str, str]:
        """Return what is not in its safe state, in words, by device; whatever the wires do."""
        told = {name: "; ".join(instrument.hazards()) for name, instrument in self.instruments.items()}
        return {name: text for name, text in told.items() if text}

    def library(self, clock: Clock, addresses: Mapping[str, str], memory: Path | None = None) -> SimVisaLibrary:
        """Return a VISA library with the instruments at their addresses.

        Args:
            clock: the lab's.
            addresses: of the instruments, by device.
            memory: file that keeps what is sent; what it holds from an earlier process is sent again first.
        """
        from sim_devices.wire import SimVisaLibrary, WireMemory, requests

        library = self.wire = SimVisaLibrary.create(clock)
        for name, instrument in self.instruments.items():
            library.add(addresses[name], instrument)
        if memory is not None:
            library.repeat(requests(memory))
            library.memory = self.memory = WireMemory(memory)
        return library

    def add_station(self, file: LabFile, station: str) -> None:
        """Add a station's places and instruments, as a checked lab file has them; on the wire where there is one."""
        entry = file.stations[station]
        self.stations.add(station)
        places = self.line.add_places(station, entry.places) if station != file.mover else ()
        tool = _Tool(file, self, self.seed, places, entry.fittings)
        for roles in entry.operations.values():
            for role, device in roles.items():
                if device not in self.instruments and not is_remembered(file.devices[device].kind):
                    self.instruments[device] = tool.make(device, role, self.rows)
                    if self.wire is not None:
                        self.wire.add(file.devices[device].address, self.instruments[device])


def build_plant(
    file: LabFile,
    clock: Clock,
    seed: int,
    rows: Sequence[Mapping[str, float]] | None = None,
    substrates: Mapping[str, Certificate] | None = None,
) -> SimulatedPlant:
    """Return the simulated instruments of a lab file, its racks full of fresh substrates.

    Args:
        file: a checked lab file.
        clock: the lab's.
        seed: of noise, weather and substrates.
        rows: what tables of measured recipes answer with.
        substrates: certificates by rack place; ``roughness_nm`` is what the glass has.
    """
    from sim_devices.plant import Line

    plant = SimulatedPlant(Line(clock, seed), seed, rows or ())
    certified = (substrates or {}).items()
    roughness = {place: float(row["roughness_nm"]) for place, row in certified if "roughness_nm" in row}
    for rack, n in file.racks.items():
        plant.line.add_places(rack, n)
        plant.line.load_substrates(rack, roughness)
    for station in file.stations:
        plant.add_station(file, station)
    everywhere = _Tool(file, plant, seed, (), {})
    for device in file.devices:
        if device not in plant.instruments and not is_remembered(file.devices[device].kind):
            plant.instruments[device] = everywhere.make(device, "", rows or ())
    return plant


class _Tool:
    """Makes the instruments of one station; those of a chamber or a furnace share it."""

    def __init__(
        self,
        file: LabFile,
        plant: SimulatedPlant,
        seed: int,
        places: Sequence[str],
        fittings: Mapping[str, str | float | int | bool],
    ) -> None:
        self._file, self._plant, self._seed, self._places = file, plant, seed, tuple(places)
        self._fittings = {name: FITTINGS[name].parse(value) for name, value in fittings.items() if name in FITTINGS}
        self._shared: dict[str, Any] = {}

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]

    def _chamber(self) -> Any:
        from sim_devices.plant import SputterChamber

        used = self._fittings.get("target_used", _TARGET_USED_KWH)
        return self._once("chamber", lambda: SputterChamber(self._plant.line, self._places, used))

    def _furnace(self) -> Any:
        from sim_devices.plant import TubeFurnace

        oxygen = self._fittings.get("oxygen", _AIR_OXYGEN)
        return self._once("furnace", lambda: TubeFurnace(self._plant.line, self._places, oxygen))

    def _probe(self) -> Any:
        from sim_devices.plant import ProbeHead

        return self._once("probe", lambda: ProbeHead(self._plant.line, self._places[0] if self._places else ""))

    def _chuck(self) -> Any:
        from sim_devices.plant import SpinChuck

        return self._once("chuck", lambda: SpinChuck(self._plant.line, self._places[0] if self._places else ""))

    def make(self, device: str, role: str, rows: Sequence[Mapping[str, float]]) -> Instrument:
        """Return the simulation of a device, with what it asks for by the names of its arguments."""
        from sim_devices.wire import Fault

        kind, line, options = self._file.devices[device].kind, self._plant.line, self._file.simulated
        offered: dict[str, Callable[[], Any]] = {
            "ambient": lambda: line.ambient,
            "chamber": self._chamber,
            "chuck": self._chuck,
            "furnace": self._furnace,
            "inlet": lambda: self._chamber() if role in ("argon", "oxygen") else None,
            "line": lambda: line,
            "place": lambda: self._places[0] if self._places else "",
            "probe": self._probe,
            "role": lambda: role,
            "rows": lambda: rows,
            "time_spread": lambda: self._fittings.get("time_spread", 0.0),
            "measure_s": lambda: options.measure_time,
            "move_s": lambda: options.move_time,
        }
        faults = [
            Fault(entry.kind, entry.start, entry.duration or math.inf, entry.probability, entry.amount)
            for entry in options.faults
            if entry.device == device
        ]
        if is_on_wire(kind):
            described = described_instrument(kind, line.clock, f"{self._seed}:{device}", faults)
            if role == SHUTTER and OPEN in described.quantities:
                described.before_change = self._chamber().advance
                self._chamber().uncovered = lambda now_s: bool(described.value(OPEN))
            return described
        simulated = simulation(kind)
        wanted = signature(simulated).parameters
        given = {name: offer() for name, offer in offered.items() if name in wanted}
        return simulated(line.clock, f"{self._seed}:{device}", faults=faults, **given)
