"""The physics behind the simulated instruments of a thin-film line that makes indium tin oxide."""

from sim_devices.plant.ambient import Ambient
from sim_devices.plant.chamber import SputterChamber
from sim_devices.plant.discharge import Deposit, deposit_of
from sim_devices.plant.film import Film
from sim_devices.plant.furnace import Controller, TubeFurnace
from sim_devices.plant.line import Enclosure, Line, PlantError
from sim_devices.plant.probe import ProbeHead
from sim_devices.plant.spin import SpinChuck

__all__ = [
    "Ambient",
    "Controller",
    "Deposit",
    "Enclosure",
    "Film",
    "Line",
    "PlantError",
    "ProbeHead",
    "SpinChuck",
    "SputterChamber",
    "TubeFurnace",
    "deposit_of",
]
