"""A lab file becomes stations with devices on links."""

from labctl.lab._check import check_lab, read_lab
from labctl.lab._file import LabFile
from labctl.lab._lab import Lab, Station, build_lab
from labctl.lab._limits import Limits, abilities
from labctl.lab._substrates import Certificate

__all__ = ["Certificate", "Lab", "LabFile", "Limits", "Station", "abilities", "build_lab", "check_lab", "read_lab"]
