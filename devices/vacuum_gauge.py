"""What gauges of a vacuum have in common."""

from __future__ import annotations

from devices._device import LinkedDevice
from devices._signals import Readback


class VacuumGauge(LinkedDevice):
    """A gauge that tells the pressure of a chamber as `pressure` [Pa]."""

    pressure: Readback
