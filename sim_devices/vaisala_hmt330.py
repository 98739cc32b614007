"""A simulated Vaisala HMT330 in the room's air."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.clock import Clock
from sim_devices.plant import Ambient
from sim_devices.wire import Fault, LineInstrument

NOISE_K, NOISE_PCT = 0.05, 0.2
"""Of one reading of temperature [K] and relative humidity [%], standard deviation."""


class SimVaisalaHMT330(LineInstrument):
    """Temperature and relative humidity on ``SEND``.

    Source: Vaisala, HMT330 User's Guide M210566EN, 'Serial line commands'.
    """

    request_end = b"\r"
    reply_end = b"\r\n"
    reply_delay_s = 0.03

    def __init__(self, clock: Clock, seed: int | str, ambient: Ambient, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self._ambient = ambient

    def answer_line(self, line: str) -> str | None:
        """Answer one command; upper and lower case are the same."""
        command = line.upper()
        if command == "SEND":
            temperature = self._ambient.temperature_degC() + self.random.gauss(0.0, NOISE_K)
            humidity = self._ambient.relative_humidity_pct() + self.random.gauss(0.0, NOISE_PCT)
            return f"RH= {humidity:.1f} %RH T= {temperature:.1f} 'C"
        if command == "VERS":
            return "HMT330 / 5.16"
        if command == "SNUM":
            return "Serial number : S0000000"
        return "Unknown command" if command else None
