"""The plant's physics on recorded traces: what a sample must have become by what was written down."""

from sim_devices.replay._air import RoomAir
from sim_devices.replay._anneal import anneal_checks
from sim_devices.replay._check import CannotReplay, Check
from sim_devices.replay._laboratory import Laboratory
from sim_devices.replay._noise import blurred
from sim_devices.replay._property import MEASURED, Property, property_of, with_blurred
from sim_devices.replay._recording import Recording
from sim_devices.replay._sample import SampleRuns, replay_sample
from sim_devices.replay._sputter import deposit, energy_kWh
from sim_devices.replay._sputter_checks import sputter_checks
from sim_devices.replay._wall import FurnaceWall, WallTrace, smooth

__all__ = [
    "MEASURED",
    "CannotReplay",
    "Check",
    "FurnaceWall",
    "Laboratory",
    "Property",
    "Recording",
    "RoomAir",
    "SampleRuns",
    "WallTrace",
    "anneal_checks",
    "blurred",
    "deposit",
    "energy_kWh",
    "property_of",
    "replay_sample",
    "smooth",
    "sputter_checks",
    "with_blurred",
]
