"""A lab file becomes stations with devices on links."""

from labctl.lab._file import LabFile, read_lab
from labctl.lab._lab import Lab, Station, build_lab

__all__ = ["Lab", "LabFile", "Station", "build_lab", "read_lab"]
