"""Recipes that were measured before, as an instrument."""

from __future__ import annotations

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import ClockStatus, Identity, LinkedDevice
from devices._signals import Readback, Setting
from devices.scpi import Query, identity, quoted

POLL_S = 5.0


class RecipeTable(LinkedDevice):
    """Answers for a row of a table of measured recipes as an instrument would.

    It lets an optimizer be judged on real data through the whole of labctl.
    """

    protocol = "SCPI"
    source = "docs/reference/devices.md, Recipe table"
    safe_state = "It moves nothing: a look-up in progress is dropped."
    models = ("recipe-table",)
    example_address = "TCPIP0::192.168.1.21::5025::SOCKET"

    row = Cpt(
        Setting,
        point=Query(":ROW?", ":ROW {:.0f}"),
        units=None,
        dtype="integer",
        limits=(0, 10_000_000),
        kind="normal",
    )
    n_rows = Cpt(Readback, point=Query(":ROW:COUN?"), units=None, dtype="integer", kind="config")
    state = Cpt(Readback, point=Query(":STAT?", None, quoted), units=None, dtype="string", kind="normal")

    @override
    def identify(self) -> Identity:
        """Ask ``*IDN?``; raises `LinkError`."""
        return identity(self.link)

    def measure(self, timeout_s: float) -> ClockStatus:
        """Measure the row that is set; return the status of that. Raises `LinkError`."""
        self.link.write(":INIT")
        return self.start_action(timeout_s).poll(POLL_S, lambda: self.state.get() == "DONE")

    def fetch(self, column: str) -> float:
        """Return a column of the row that was measured; raises `LinkError`."""
        return self.link.query(f':FETC? "{column}"', float)

    @override
    def make_safe(self) -> None:
        """Drop a look-up in progress; raises `LinkError`."""
        self.link.write(":ABOR")
