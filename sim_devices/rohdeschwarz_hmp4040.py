"""A simulated Rohde & Schwarz HMP4040 supply with four outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.scpi import ILLEGAL_VALUE, Handler, ScpiError, boolean, number
from sim_devices.scpi_table import TableInstrument, switch, whole
from sim_devices.supply_output import SupplyOutput
from sim_devices.wire import Fault

_HIGHEST_V, _HIGHEST_A = 32.05, 10.01
_NOISE_V, _NOISE_A = 3e-4, 2e-4


class SimRohdeSchwarzHMP4040(TableInstrument):
    """Four equal outputs: each active or not, one general switch; steps up and down; one arbitrary sequence.

    Source: Rohde & Schwarz (Hameg), HMP Series SCPI Programmers Manual, chapters 2 (INSTrument, VOLTage, CURRent,
    APPLy, OUTPut, MEASure, ARBitrary) and 3; state after ``*RST``: 0 V, 0.1 A, all off.
    """

    reply_delay_s = 0.02
    identity = "ROHDE&SCHWARZ,HMP4040,000000,HW50020001/SW2.50"
    table: ClassVar = {
        "on": switch(":OUTPut:GENeral", False),
        "repetitions": whole(":ARBitrary:REPetitions", 0, 0, 255),
    }

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = ()) -> None:
        self._outputs = tuple(SupplyOutput(_HIGHEST_V, _HIGHEST_A) for _ in range(4))
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Return to the state after ``*RST``."""
        super().reset()
        self._chosen, self._step = 0, {"V": 1.0, "A": 0.1}
        self._active = [False] * 4
        self._sequence: list[float] = []
        for output in self._outputs:
            output.reset()
            output.limit_A = 0.1

    @override
    def changed(self, key: str) -> None:
        """Switch what is active."""
        self._switch()

    def _switch(self) -> None:
        for output, active in zip(self._outputs, self._active, strict=True):
            output.is_on = active and self.values["on"]

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return what is on."""
        on = [(n, output) for n, output in enumerate(self._outputs, 1) if output.is_on and output.set_V > 0.0]
        return tuple(f"output {n} on at {output.set_V:g} V" for n, output in on)

    @override
    def actions(self) -> Mapping[str, Handler]:
        """Return what belongs to the output that is chosen."""
        return {
            ":INSTrument:NSELect": lambda p: self._choose(int(number(p, 1, 4)) - 1),
            ":INSTrument:NSELect?": lambda _: str(self._chosen + 1),
            ":INSTrument[:SELect]": lambda p: self._choose(int(number(p[-1:], 1, 4)) - 1),
            ":INSTrument[:SELect]?": lambda _: f"OUTP{self._chosen + 1}",
            "[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]": lambda p: self._set("V", p),
            "[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?": lambda p: self._told("V", p),
            "[:SOURce]:VOLTage[:LEVel][:IMMediate]:STEP[:INCRement]": lambda p: self._set_step("V", p),
            "[:SOURce]:VOLTage[:LEVel][:IMMediate]:STEP[:INCRement]?": lambda _: f"{self._step['V']:.3f}",
            "[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]": lambda p: self._set("A", p),
            "[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]?": lambda p: self._told("A", p),
            "[:SOURce]:CURRent[:LEVel][:IMMediate]:STEP[:INCRement]": lambda p: self._set_step("A", p),
            "[:SOURce]:CURRent[:LEVel][:IMMediate]:STEP[:INCRement]?": lambda _: f"{self._step['A']:.4f}",
            ":APPLy": self._apply,
            ":APPLy?": lambda _: f"{self._outputs[self._chosen].set_V:.3f},{self._outputs[self._chosen].limit_A:.4f}",
            ":OUTPut[:STATe]": self._set_state,
            ":OUTPut[:STATe]?": lambda _: str(int(self._outputs[self._chosen].is_on)),
            ":OUTPut:SELect": self._activate,
            ":OUTPut:SELect?": lambda _: str(int(self._active[self._chosen])),
            ":MEASure[:SCALar][:VOLTage][:DC]?": lambda _: self._measure(current=False),
            ":MEASure[:SCALar]:CURRent[:DC]?": lambda _: self._measure(current=True),
            ":ARBitrary:DATA": self._load,
            ":ARBitrary:CLEar": self._clear,
            ":ARBitrary:TRANsfer": lambda p: self._channel(p),
            ":ARBitrary:STARt": lambda p: self._channel(p),
            ":ARBitrary:STOP": lambda p: self._channel(p),
            ":ARBitrary:SAVE": lambda p: self._channel(p),
            ":ARBitrary:RESTore": lambda p: self._channel(p),
            ":SYSTem:REMote": lambda _: None,
            ":SYSTem:LOCal": lambda _: None,
            ":SYSTem:MIX": lambda _: None,
            ":SYSTem:RWLock": lambda _: None,
            ":SYSTem:BEEPer[:IMMediate]": lambda _: None,
        }  # fmt: skip

    def _choose(self, index: int) -> None:
        self._chosen = index

    def _channel(self, parameters: str) -> None:
        number(parameters, 1, 4)

    def _clear(self, parameters: str) -> None:
        self._channel(parameters)
        self._sequence = []

    def _set_step(self, what: str, parameters: str) -> None:
        self._step[what] = number(parameters, 0.0, _HIGHEST_V if what == "V" else _HIGHEST_A)

    def _set(self, what: str, parameters: str) -> None:
        output, high = self._outputs[self._chosen], _HIGHEST_V if what == "V" else _HIGHEST_A
        was = output.set_V if what == "V" else output.limit_A
        steps = {"UP": self._step[what], "DOWN": -self._step[what]}
        said = parameters.strip().upper()
        value = was + steps[said] if said in steps else number(parameters, 0.0, high, 0.0)
        value = round(min(high, max(0.0, value)), 3 if what == "V" else 4)
        if what == "V":
            output.set_V = value
        else:
            output.limit_A = value

    def _told(self, what: str, parameters: str) -> str:
        output, high = self._outputs[self._chosen], _HIGHEST_V if what == "V" else _HIGHEST_A
        ends = {"MIN": 0.0, "MAX": high}
        value = ends.get(parameters.strip().upper()[:3], output.set_V if what == "V" else output.limit_A)
        return f"{value:.3f}" if what == "V" else f"{value:.4f}"

    def _apply(self, parameters: str) -> None:
        for what, value in zip("VA", parameters.split(","), strict=False):
            self._set(what, value.strip())

    def _set_state(self, parameters: str) -> None:
        self._active[self._chosen] = self.values["on"] = boolean(parameters)
        self._switch()

    def _activate(self, parameters: str) -> None:
        self._active[self._chosen] = boolean(parameters)
        self._switch()

    def _measure(self, *, current: bool) -> str:
        output = self._outputs[self._chosen]
        self.busy_s = 0.05
        if current:
            return f"{max(0.0, output.current_A + self.random.gauss(0.0, _NOISE_A)):.4f}"
        return f"{max(0.0, output.voltage_V + self.random.gauss(0.0, _NOISE_V)):.3f}"

    def _load(self, parameters: str) -> None:
        values = [number(part.strip(), 0.0, _HIGHEST_V) for part in parameters.split(",")]
        if len(values) % 3 or len(values) > 3 * 128:
            raise ScpiError(ILLEGAL_VALUE)
        self._sequence = values
