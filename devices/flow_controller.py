"""What mass flow controllers have in common."""

from __future__ import annotations

from devices._device import LinkedDevice
from devices._signals import Readback, Setting


class FlowController(LinkedDevice):
    """A controller that lets flow what `setpoint` says, and tells what flows as `flow` [sccm]; 0 closes its valve."""

    setpoint: Setting
    flow: Readback
