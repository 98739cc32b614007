"""A simulated Aim-TTi PL303QMD-P supply with two outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.scpi import Handler, ScpiError, ScpiInstrument, boolean, number
from sim_devices.supply_output import SupplyOutput
from sim_devices.wire import Fault

_CONFLICT = (-221, "Settings conflict")
_NOISE_V, _NOISE_A = 3e-3, 3e-4


class SimAimTTiPL303(ScpiInstrument):
    """Two outputs of 30 V and 3 A with two current ranges; readbacks with units, queries that echo their name.

    Source: Aim-TTi, New PL & PL-P Series Instruction Manual 48511-1730 issue 18, chapter 'Remote commands' (V<n>, I<n>,
    V<n>O?, I<n>O?, OP<n>, OPALL, IRANGE<n>, EER?, LOCAL). A range is changed while the output is off.
    """

    reply_end = b"\r\n"
    reply_delay_s = 0.01
    identity = "THURLBY THANDAR, PL303QMD-P, 000000, 1.02-4.06"

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = ()) -> None:
        self._outputs = {n: SupplyOutput(30.0, 3.0) for n in (1, 2)}
        self.reset()
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Return to the factory's settings: 1 V, 1 A, off, high range."""
        self._ranges, self._last = {1: 2, 2: 2}, 0
        for output in self._outputs.values():
            output.reset()
            output.set_V, output.limit_A = 1.0, 1.0

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return what is on."""
        on = {n: output for n, output in self._outputs.items() if output.is_on and output.set_V > 0.0}
        return tuple(f"output {n} on at {output.set_V:g} V" for n, output in on.items())

    @override
    def raise_error(self, entry: tuple[int, str]) -> None:
        """Keep the last execution error for ``EER?``, too."""
        super().raise_error(entry)
        self._last = 100

    @override
    def commands(self) -> Mapping[str, Handler]:
        """Return the commands of both outputs."""
        every: dict[str, Handler] = {
            ":OPALL": lambda p: self._switch_all(p),
            ":EER?": lambda _: self._take_error(),
            ":QER?": lambda _: "0",
            ":LOCAL": lambda _: None,
            ":IFLOCK?": lambda _: "0",
            ":CONFIG?": lambda _: "2",
        }
        for n, output in self._outputs.items():
            every |= self._of(n, output)
        return every

    def _of(self, n: int, output: SupplyOutput) -> dict[str, Handler]:
        def set_voltage(parameters: str) -> None:
            output.set_V = number(parameters, 0.0, output.highest_V)

        def set_limit(parameters: str) -> None:
            output.limit_A = number(parameters, 0.0, 0.5 if self._ranges[n] == 1 else output.highest_A)

        def switch(parameters: str) -> None:
            output.is_on = boolean(parameters)

        def set_range(parameters: str) -> None:
            if output.is_on:
                raise ScpiError(_CONFLICT)
            self._ranges[n] = int(number(parameters, 1, 2))

        def measured(value: float, noise: float, form: str) -> str:
            return form.format(max(0.0, value + self.random.gauss(0.0, noise)))

        return {
            f":V{n}": set_voltage,
            f":V{n}V": set_voltage,
            f":V{n}?": lambda _: f"V{n} {output.set_V:.3f}",
            f":I{n}": set_limit,
            f":I{n}?": lambda _: f"I{n} {output.limit_A:.4f}",
            f":V{n}O?": lambda _: measured(output.voltage_V, _NOISE_V, "{:.3f}V"),
            f":I{n}O?": lambda _: measured(output.current_A, _NOISE_A, "{:.4f}A"),
            f":OP{n}": switch,
            f":OP{n}?": lambda _: str(int(output.is_on)),
            f":IRANGE{n}": set_range,
            f":IRANGE{n}?": lambda _: str(self._ranges[n]),
            f":LSR{n}?": lambda _: str(2 if output.is_limited else 1),
        }

    def _switch_all(self, parameters: str) -> None:
        for output in self._outputs.values():
            output.is_on = boolean(parameters)

    def _take_error(self) -> str:
        last, self._last = self._last, 0
        return str(last)
