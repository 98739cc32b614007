"""What is read beside an operation and must not end it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from devices._device import LinkedDevice
from devices._events import EventLog, Readings
from labctl.errors import LinkError


class Ambient:
    """An ambient sensor as one Bluesky readable whose readings may be missing.

    Bluesky wants every event of a stream to have the same columns, so what cannot be had is NaN, or empty where it is
    text, and an alarm is told. A count is recorded as a number.

    Args:
        device: the sensor.
        events: where the alarm is told.
    """

    parent = None

    def __init__(self, device: LinkedDevice, events: EventLog) -> None:
        self.name, self._device, self._events = device.name, device, events

    def read(self) -> Readings:
        """Return the sensor's readings, or that they are missing."""
        try:
            found: Readings = self._device.read()
        except LinkError as error:
            self._events.tell("alarm", f"no ambient reading: {error}", source=self.name, severity="warning")
            return self._missing(self.describe())
        return found

    def describe(self) -> Readings:
        """Describe the sensor's readings."""
        return {key: _fallible(about) for key, about in self._device.describe().items()}

    def read_configuration(self) -> Readings:
        """Return the sensor's configuration, or that parts of it are missing."""
        found: Readings = {}
        for name in self._device.configuration_attrs:
            signal = getattr(self._device, name)
            try:
                found |= signal.read()
            except LinkError:
                found |= self._missing(signal.describe())
        return found

    def describe_configuration(self) -> Readings:
        """Describe the sensor's configuration."""
        return {key: _fallible(about) for key, about in self._device.describe_configuration().items()}

    def _missing(self, described: Readings) -> Readings:
        now = self._device.link.clock.time()
        nothing = {"string": ""}
        return {
            key: {"value": nothing.get(about["dtype"], math.nan), "timestamp": now} for key, about in described.items()
        }


def _fallible(about: Mapping[str, Any]) -> dict[str, Any]:
    return {**about, "dtype": "string" if about["dtype"] == "string" else "number"}
