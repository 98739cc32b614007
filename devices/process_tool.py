"""A tool that runs stored programmes by itself."""

from __future__ import annotations

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Readback, Setting
from devices.scpi import Query, identity, quoted

POLL_S = 10.0
"""How often a programme that runs is looked after [s]."""


class ProcessTool(LinkedDevice):
    """A spin coater, oven, coater or gauge behind a programmable controller that speaks a few words of SCPI.

    The tool works at a level for a time, then rests (cools, pumps, dries) before its door may be opened. Which of
    its programmes a station has, the lab file says with the limits of `programme`.
    """

    protocol = "SCPI"
    source = "docs/reference/devices.md, Process tool"
    safe_state = "Level 0: the programme is dropped; a rest goes on, for the door stays shut until it is over."
    models = ("process-tool",)
    example_address = "TCPIP0::192.168.1.23::5025::SOCKET"
    process = ("output",)

    programme = Cpt(
        Setting, point=Query(":PROG?", ":PROG {:.0f}"), units=None, dtype="integer", limits=(1, 999), kind="normal"
    )
    level = Cpt(Setting, point=Query(":LEV?", ":LEV {:.6g}"), units="percent", limits=(0.0, 100.0), kind="normal")
    duration = Cpt(Setting, point=Query(":DUR?", ":DUR {:.3f}"), units="s", limits=(0.0, 604_800.0), kind="normal")
    rest = Cpt(Setting, point=Query(":REST?", ":REST {:.3f}"), units="s", limits=(0.0, 604_800.0), kind="normal")
    output = Cpt(Readback, point=Query(":OUTP?"), units="percent", kind="normal")
    elapsed = Cpt(Readback, point=Query(":ELAP?"), units="s", kind="normal")
    dose = Cpt(Readback, point=Query(":DOSE?"), units="h", kind="normal")
    state = Cpt(Readback, point=Query(":STAT?", None, quoted), units=None, dtype="string", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    def run_programme(self, limit_s: float) -> ClockStatus:
        """Start the programme that is set; return its status, which ends when the door may be opened.

        Args:
            limit_s: lab seconds after which it fails.

        Raises:
            LinkError: the tool does not answer.
        """
        self.link.write(":INIT")
        return self.start_action(limit_s).poll(POLL_S, self._is_done)

    def _is_done(self) -> bool:
        state = str(self.state.get())
        if state not in ("RUN", "REST", "DONE"):
            raise RuntimeError(f"{self.name} stopped its programme by itself: {state.lower()}")
        return state == "DONE"

    @override
    def make_safe(self) -> None:
        """Drop the programme; raises `LinkError`."""
        self.link.write(":ABOR")
