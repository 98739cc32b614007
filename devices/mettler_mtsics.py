"""A balance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from ophyd import Component as Cpt
from ophyd.status import Status
from typing_extensions import override

from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Readback, Setting, Soft
from labctl.link import Link, Plausible

POLL_S = 0.5
_WEIGHT = re.compile(r"S ([SD]) +(-?\d+\.?\d*) g$")
_TARE = re.compile(r"TA A +(-?\d+\.?\d*) g$")
_ANSWER = re.compile(r'I\d A "(.*)"$')
_REFUSALS = {
    "ES": "syntax error",
    "ET": "transmission error",
    "EL": "logical error",
    "S I": "not executable now",
    "S +": "overload",
    "S -": "underload",
}


def _weight(reply: str) -> tuple[float, int]:
    """Return net weight [g] and whether it is stable; ValueError for another unit, a refusal or garbage."""
    if reply in _REFUSALS:
        raise ValueError(_REFUSALS[reply])
    match = _WEIGHT.match(reply)
    if match is None:
        raise ValueError("not a weight in grams")
    return float(match[2]), int(match[1] == "S")


@dataclass(frozen=True)
class _Immediate:
    """One part of the reading that ``SI`` gives at once: 0 the weight [g], 1 whether it is stable."""

    part: int

    @override
    def __str__(self) -> str:
        return f"SI[{self.part}]"

    def read(self, link: Link) -> float | int:
        if self.part:
            return link.query("SI", lambda reply: _weight(reply)[1])
        return link.query("SI", lambda reply: _weight(reply)[0], plausible=Plausible(-6500, 6500))

    def write(self, link: Link, value: float) -> None:
        raise TypeError("a weight is read-only")


@dataclass(frozen=True)
class _Tare:
    """The tare [g]."""

    @override
    def __str__(self) -> str:
        return "TA"

    def _parse(self, reply: str) -> float:
        match = _TARE.match(reply)
        if match is None:
            raise ValueError("refused" if reply[:2] in ("TA", "ES", "EL") else "not a tare in grams")
        return float(match[1])

    def read(self, link: Link) -> float:
        return link.query("TA", self._parse, plausible=Plausible(0, 6500))

    def write(self, link: Link, value: float) -> None:
        link.query(f"TA {value:.4f} g", self._parse)


class MettlerMTSICS(LinkedDevice):
    """Mettler Toledo balance of the lines MS, ML, ME, XS, XP, XPR that speaks MT-SICS, levels 0 and 1, in grams.

    A stable reading is taken by `weigh` and kept in `stable_weight`. The line has no checksum: a weight is checked for
    plausibility, and `weigh` takes two stable readings that agree.
    """

    protocol = "MT-SICS, ASCII lines, no checksum; weights are checked for plausibility"
    source = (
        "Mettler-Toledo, Reference Manual MT-SICS Interface Commands 11781363, chapters 2 and 3 (SI, Z, T, TA, I2..I4)"
    )
    safe_state = "It only listens: nothing to do."
    models = ("MS", "ML", "ME", "XS", "XP", "AB", "PB", "AX", "AG")
    verified = "in simulation, which the driver mettler-toledo-device accepts; not yet on hardware"
    open_options: ClassVar = {"read_termination": "\r\n", "write_termination": "\r\n", "baud_rate": 9600}
    process = ()

    weight = Cpt(Readback, point=_Immediate(0), units="g", kind="normal")
    is_stable = Cpt(Readback, point=_Immediate(1), units=None, dtype="integer", kind="normal")
    tare = Cpt(Setting, point=_Tare(), units="g", limits=(0.0, 300.0), kind="normal")
    stable_weight = Cpt(Soft, value=0.0, units="g", kind="hinted")

    @override
    def identify(self) -> Identity:
        """Ask for model, software and serial number; raises `LinkError`."""

        def told(reply: str) -> str:
            match = _ANSWER.match(reply)
            if match is None:
                raise ValueError("not an answer of a balance")
            return match[1]

        model, software, serial = (self.link.query(f"I{n}", told) for n in (2, 3, 4))
        return Identity("Mettler Toledo", model.partition(" ")[0], serial, software)

    def weigh(self, timeout_s: float) -> ClockStatus:
        """Wait for two stable readings that agree; return the status of that; raises `LinkError`."""
        before: list[float] = []

        def is_stable() -> bool:
            weight, stable = self.link.query("SI", _weight)
            agrees = bool(stable and before) and abs(weight - before[-1]) <= 1e-3 + 1e-5 * abs(weight)
            before[:] = [weight] if stable else []
            if agrees:
                self.stable_weight.put(weight)
            return agrees

        return self.start_action(timeout_s).poll(POLL_S, is_stable)

    def zero(self) -> Status:
        """Take what lies on the pan as zero; return a finished status. Raises `LinkError` while it is not stable."""

        def accepted(reply: str) -> None:
            if reply != "Z A":
                raise ValueError(_REFUSALS.get(reply.replace("Z", "S"), "refused"))

        self.link.query("Z", accepted)
        return self.finished()

    @override
    def make_safe(self) -> None:
        """Do nothing: the balance is passive."""
