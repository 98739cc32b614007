"""A vacuum gauge controller with an enquiry for each answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import Identity
from devices._signals import Readback, Setting
from devices.vacuum_gauge import VacuumGauge
from labctl.link import Link, Plausible

UNITS_PA = (100.0, 133.322368, 1.0, 0.133322368, 100.0)
"""Of the units 0 to 4: mbar, Torr, pascal, micron, hectopascal."""
_STATUS = ("", "underrange", "overrange", "sensor error", "sensor off", "no sensor", "identification error")
_UNDER, _OVER = 1, 2
OVER_PA = 1e5
"""Upper end of a full range gauge [Pa]: what it reads at least when it tells that it is over its range."""
_ACK, _ENQ = b"\x06\r\n", b"\x05"


def ask(link: Link, mnemonic: str, parse: Callable[[str], Any] = str, plausible: Plausible | None = None) -> Any:
    """Return the parsed data of a mnemonic: it is acknowledged, then enquired; raises `LinkError`."""

    def missing(got: bytes) -> int:
        n = 2 if got[:1] == _ACK[:1] else 1  # a refusal has one line
        return max(0, n - got.count(b"\n"))

    def data(reply: bytes) -> Any:
        if reply[:3] != _ACK:
            raise ValueError("refused" if reply[:1] == b"\x15" else "not acknowledged")
        return parse(reply[3:].decode("ascii").strip())

    return link.exchange(mnemonic.encode("ascii") + b"\r" + _ENQ, missing, data, plausible=plausible)


@dataclass(frozen=True)
class _Pressure:
    """A gauge's pressure [Pa], whatever unit the front panel is set to."""

    channel: int

    @override
    def __str__(self) -> str:
        return f"PR{self.channel}"

    def read(self, link: Link) -> float:
        def pressure(reply: str) -> float:
            status, _, value = reply.partition(",")
            if int(status) == _OVER:
                return max(float(value), OVER_PA / unit_Pa)
            if int(status) not in (0, _UNDER):
                raise ValueError(_STATUS[int(status)])
            return float(value)

        unit_Pa = UNITS_PA[ask(link, "UNI", int)]
        return float(ask(link, str(self), pressure, Plausible(1e-12, 1e6))) * unit_Pa

    def write(self, link: Link, value: float) -> None:
        raise TypeError("a pressure is read-only")


@dataclass(frozen=True)
class _Data:
    """One of the data that a mnemonic tells."""

    mnemonic: str
    index: int = 0
    parse: Callable[[str], Any] = str
    is_settable: bool = False

    @override
    def __str__(self) -> str:
        return f"{self.mnemonic}[{self.index}]"

    def read(self, link: Link) -> Any:  # as `parse` gives it
        return ask(link, self.mnemonic, lambda reply: self.parse(reply.split(",")[self.index]))

    def write(self, link: Link, value: Any) -> None:
        if not self.is_settable:
            raise TypeError(f"{self.mnemonic} is read-only")
        ask(link, f"{self.mnemonic},{value}")


class PfeifferTPG362(VacuumGauge):
    """Pfeiffer TPG 361 or 362 with a full range gauge on channel 1 and, where there is one, a Pirani on channel 2.

    A gauge that is off or unplugged tells a status in place of a pressure; reading it then fails with that word. Over
    its range, at atmosphere, it reads 1e5 Pa or more; below its range, what it tells is the end of that.
    """

    protocol = "mnemonics with ACK and ENQ, no checksum; pressures are checked for plausibility"
    source = "Pfeiffer Vacuum, TPG 361/362 Operating Instructions BG 5500 BEN, chapter 7 'Communication protocol'"
    safe_state = "It only listens: nothing to do."
    models = ("TPG361", "TPG362")
    verified = "in simulation, which the driver labmcp-pfeiffer-tpg accepts; not yet on hardware"
    open_options: ClassVar = {"read_termination": "", "write_termination": "", "baud_rate": 9600}
    process = ("pressure",)

    pressure = Cpt(Readback, point=_Pressure(1), units="Pa", kind="hinted")
    foreline_pressure = Cpt(Readback, point=_Pressure(2), units="Pa", kind="normal")
    panel_unit = Cpt(
        Setting,
        point=_Data("UNI", parse=int, is_settable=True),
        units=None,
        dtype="integer",
        limits=(0, 4),
        kind="config",
    )
    gauge_type = Cpt(Readback, point=_Data("TID"), units=None, dtype="string", kind="config")
    error = Cpt(Readback, point=_Data("ERR"), units=None, dtype="string", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``AYT``: type, part number, serial number, firmware, hardware; raises `LinkError`."""

        def parse(reply: str) -> Identity:
            model, _, serial, firmware, _ = reply.split(",")
            return Identity("Pfeiffer Vacuum", model, serial, firmware)

        return ask(self.link, "AYT", parse)

    @override
    def make_safe(self) -> None:
        """Do nothing: the gauges are passive."""
