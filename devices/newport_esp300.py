"""A motion controller with one stage."""

from __future__ import annotations

from typing import ClassVar

from ophyd import Component as Cpt
from typing_extensions import override

from devices._device import ClockStatus, Identity
from devices._signals import Readback, Setting
from devices.linear_stage import LinearStage
from devices.scpi import Query
from labctl.errors import LabError

POLL_S = 0.2
NO_ERROR = 0


def _whole(reply: str) -> int:
    return int(float(reply))


class NewportESP300(LinearStage):
    """Newport ESP300 (or ESP301) with one linear stage on axis 1, positions in millimetres.

    When it is switched on the position counts from where the stage stands: `home` it before the first move. Setting
    `target` switches the motor on and moves.
    A command that it cannot do goes into its error buffer; every action looks there.
    """

    protocol = "ASCII lines, no checksum"
    source = "Newport, ESP300 Motion Controller/Driver User's Manual, chapter 3 'Remote mode' (commands)"
    safe_state = "Stopped where it is; the motor holds it."
    models = ("ESP300", "ESP301")
    verified = "in simulation, which pymeasure's driver accepts; not yet on hardware"
    open_options: ClassVar = {"read_termination": "\r\n", "write_termination": "\r", "baud_rate": 19200}
    process = ("readback",)

    readback = Cpt(Readback, point=Query("1TP"), units="mm", kind="hinted")
    is_still = Cpt(Readback, point=Query("1MD?", None, _whole), units=None, dtype="integer", kind="normal")
    motor = Cpt(Readback, point=Query("1MO?", None, _whole), units=None, dtype="integer", kind="normal")
    velocity = Cpt(Setting, point=Query("1VA?", "1VA{:.4f}"), units="mm/s", limits=(0.01, 10.0), kind="config")
    acceleration = Cpt(Setting, point=Query("1AC?", "1AC{:.4f}"), units="mm/s**2", limits=(0.1, 100.0), kind="config")
    lower_limit = Cpt(Setting, point=Query("1SL?", "1SL{:.4f}"), units="mm", limits=(-500.0, 0.0), kind="config")
    upper_limit = Cpt(Setting, point=Query("1SR?", "1SR{:.4f}"), units="mm", limits=(0.0, 500.0), kind="config")
    target = Cpt(Setting, point=Query("1PA?", "1MO;1PA{:.5f}"), units="mm", limits=(0.0, 50.0), kind="normal")
    stage_model = Cpt(Readback, point=Query("1ID?", None, str), units=None, dtype="string", kind="config")

    @override
    def identify(self) -> Identity:
        """Ask for version and error buffer; raises `LinkError`."""
        model, _, version = self.link.query("VE?", str).partition(" Version ")
        return Identity("Newport", model, firmware=version)

    @override
    def check_position(self, position: float) -> None:
        """Raise LimitError for a position [mm] outside the limits of `target`."""
        self.target.check_value(position)

    @override
    def home(self, timeout_s: float) -> ClockStatus:
        """Find the stage's origin; return the status of that; raises `LinkError`."""
        self.link.write("1MO;1OR")
        return self._started(timeout_s)

    @override
    def move(self, position: float, timeout_s: float) -> ClockStatus:
        """Move to a position [mm]; return the status of that.

        Raises:
            LimitError: outside the limits of `target`; nothing was sent.
            LinkError: the controller does not answer.
        """
        self.check_position(position)
        self.target.put(position)
        return self._started(timeout_s)

    def _started(self, timeout_s: float) -> ClockStatus:
        def is_there() -> bool:
            self._look()
            return bool(self.is_still.get())

        return self.start_action(timeout_s).poll(POLL_S, is_there)

    def _look(self) -> None:
        number, _, text = (part.strip() for part in self.link.query("TB?", str).split(",", 2))
        if int(number) != NO_ERROR:
            raise LabError(f"{self.name} says {number}: {text}")

    @override
    def make_safe(self) -> None:
        """Stop the stage and look; raises `LinkError`."""
        self.link.write("1ST")
