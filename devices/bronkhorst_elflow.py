"""A mass flow controller."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._consumption import Consumption
from devices._device import Identity
from devices._signals import Follows, Readback, Setting
from devices.flow_controller import FlowController
from labctl.link import Link, Plausible

NODE = 3
FOLLOWS_WIRE, CLOSED = 0, 3
"""Control modes (parameter 'control mode'): the set point of the wire, and the valve closed whatever that is."""
_STATUS, _SEND_WITH_STATUS, _SEND, _REQUEST = 0, 1, 2, 4
_ERRORS = {1: "no such process", 2: "wrong command", 4: "no such parameter", 5: "wrong type", 6: "value out of range"}
_CHAR, _SHORT, _FLOAT, _TEXT = 0x00, 0x20, 0x40, 0x60


def _line(message: bytes) -> str:
    return ":" + bytes((len(message), *message)).hex().upper()


def _message(reply: str) -> bytes:
    """Return a reply's bytes from the node on; ValueError for another node, a status that complains, or garbage."""
    if not reply.startswith(":"):
        raise ValueError("not a message")
    data = bytes.fromhex(reply[1:])
    if len(data) < 4 or data[0] != len(data) - 1 or data[1] != NODE:
        raise ValueError("not a message of node 3")
    if data[2] == _STATUS and data[3]:
        raise ValueError(f"refused: {_ERRORS.get(data[3], f'status {data[3]}')}")
    return data[1:]


def _text(data: bytes) -> str:
    return data[1:].rstrip(b"\0").decode("ascii")


_PARSE: dict[int, Callable[[bytes], Any]] = {
    _CHAR: lambda data: data[0],
    _SHORT: lambda data: struct.unpack(">h", data)[0],
    _FLOAT: lambda data: struct.unpack(">f", data)[0],
    _TEXT: _text,
}


@dataclass(frozen=True)
class _Parameter:
    """One parameter of a process.

    Args:
        process: its number.
        number: of the parameter, 0 to 31.
        kind: type as the protocol has it.
        is_settable: whether it may be sent.
        plausible: range of a number.
    """

    process: int
    number: int
    kind: int
    is_settable: bool = False
    plausible: Plausible | None = None

    @override
    def __str__(self) -> str:
        return f"process {self.process} parameter {self.number}"

    def read(self, link: Link) -> Any:  # as its kind says
        typed = self.kind | self.number
        request = bytes((NODE, _REQUEST, self.process, typed, self.process, typed))

        def value(reply: str) -> Any:
            message = _message(reply)
            if message[1:4] != bytes((_SEND, self.process, typed)):
                raise ValueError("another parameter")
            return _PARSE[self.kind](message[4:])

        return link.query(_line(request + (b"\0" if self.kind == _TEXT else b"")), value, plausible=self.plausible)

    def write(self, link: Link, value: float) -> None:
        if not self.is_settable:
            raise TypeError(f"{self} is read-only")
        data = struct.pack(">f", value) if self.kind == _FLOAT else bytes((round(value),))
        link.query(_line(bytes((NODE, _SEND_WITH_STATUS, self.process, self.kind | self.number)) + data), _message)


class _Flow(Setting):
    """What is to flow; the valve that `make_safe` closed follows it again."""

    @override
    def put(self, value: Any, **kwargs: Any) -> None:
        """Set it; raises LimitError, `LinkError`."""
        self.check_value(value)
        if value > 0.0 and self.parent.mode.get() == CLOSED:
            self.parent.mode.put(FOLLOWS_WIRE)
        super().put(value, **kwargs)


class BronkhorstELFlow(FlowController):
    """Bronkhorst EL-FLOW, IN-FLOW or LOW-DP-FLOW controller at node 3, up to 100 sccm, ASCII messages of ProPar.

    Flows are in the controller's own unit, which has to be mln/min (or mls/min): `capacity_unit` is recorded.
    """

    protocol = "ProPar ASCII messages, no checksum; flows are checked for plausibility"
    source = (
        "Bronkhorst, RS232 Interface Instruction Manual 9.17.027, sections 3.3 'ASCII protocol' and 3.8 'Parameters'"
    )
    safe_state = "Set point 0, control mode 'valve closed'."
    models = ("F-", "EL-FLOW", "FG-")
    verified = "in simulation, which the maker's driver bronkhorst-propar accepts; not yet on hardware"
    open_options: ClassVar = {"read_termination": "\r\n", "write_termination": "\r\n", "baud_rate": 38400}
    process = ("flow", "setpoint")
    consumes: ClassVar = {"flow": (Consumption("gas"),)}

    flow = Cpt(
        Readback,
        point=_Parameter(33, 0, _FLOAT, plausible=Plausible(-5, 130)),
        units="sccm",
        span=(-5.0, 131.0),
        follows=Follows("setpoint", 0.2),
        kind="hinted",
    )
    setpoint = Cpt(
        _Flow,
        point=_Parameter(33, 3, _FLOAT, is_settable=True, plausible=Plausible(0, 100)),
        units="sccm",
        limits=(0.0, 100.0),
        kind="normal",
    )
    temperature = Cpt(
        Readback, point=_Parameter(33, 7, _FLOAT, plausible=Plausible(-20, 80)), units="degC", kind="normal"
    )
    mode = Cpt(
        Setting,
        point=_Parameter(1, 4, _CHAR, is_settable=True),
        units=None,
        dtype="integer",
        limits=(0, 18),
        choices=(0, 18, 3, 8),
        kind="normal",
    )
    gas = Cpt(Readback, point=_Parameter(1, 17, _TEXT), units=None, dtype="string", kind="config")
    capacity = Cpt(Readback, point=_Parameter(1, 13, _FLOAT), units="sccm", kind="config")
    capacity_unit = Cpt(Readback, point=_Parameter(1, 31, _TEXT), units=None, dtype="string", kind="config")

    @override
    def identify(self) -> Identity:
        """Ask for model, serial number and firmware; raises `LinkError`."""
        model, serial, firmware = (_Parameter(113, number, _TEXT).read(self.link) for number in (2, 3, 5))
        return Identity("Bronkhorst", model, serial, firmware)

    @override
    def make_safe(self) -> None:
        """Set 0 and close the valve; raises `LinkError`."""
        self.setpoint.put(0.0)
        self.mode.put(CLOSED)
