"""A simulated Lake Shore 336 temperature controller on a small cryostat."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.plant import ProbeHead
from sim_devices.scpi import Handler, ScpiError, ScpiInstrument, number
from sim_devices.wire import Fault

_INPUTS = "ABCD"
_STEP_S = 1.0
_ROOM_K, _BASE_K = 295.0, 4.2
_HEATER_W = {0: 0.0, 1: 0.5, 2: 5.0, 3: 50.0}
_HEAT_CAPACITY_J_K, _COOLING_W_K = 60.0, 0.16  # invented: a copper stage on a cold finger
_SAMPLE_S = 15.0  # invented: how far the sample lags behind the stage
NOISE_K = 0.003
"""Of one reading, standard deviation [K]."""
_OVERRANGE, _SENSOR_OPEN = 32, 128


class SimLakeShore336(ScpiInstrument):
    """Four inputs and two heater outputs; input A is the sample's stage, which output 1 heats, input B the cold finger.

    Source: Lake Shore Cryotronics, Model 336 Temperature Controller User's Manual rev. 2.3, chapter 6.6 'Commands'
    (SETP, RANGE, RAMP, PID, OUTMODE, MOUT, HTR, KRDG, CRDG, SRDG, RDGST). No SCPI: one level of headers, no error
    queue; what it cannot do it leaves undone and tells in the event status register.
    """

    request_end = b"\n"
    reply_end = b"\r\n"
    reply_delay_s = 0.012
    identity = "LSCI,MODEL336,LSA0000/#######,2.9"
    fault_kinds: ClassVar = {
        "dead_heater": "the heater is open: no heat, heater status 1",
        "sensor_break": "the sensor of input A is open",
    }

    def __init__(self, clock: Clock, seed: int | str, probe: ProbeHead, faults: Sequence[Fault] = ()) -> None:
        self._sample_K = _ROOM_K
        self._stage_K, self._index, self._sum = _ROOM_K, int(clock.monotonic() // _STEP_S), 0.0
        self._working_K = _ROOM_K
        self.reset()
        super().__init__(clock, seed, faults)
        probe.kelvin = self._sample_now_K

    def _sample_now_K(self) -> float:
        """Return the temperature of the sample [K]: it follows the stage."""
        self._advance()
        return self._sample_K

    @override
    def reset(self) -> None:
        """Return to the factory's settings: heaters off."""
        self._setpoint = {1: 0.0, 2: 0.0}
        self._range, self._manual = dict.fromkeys((1, 2, 3, 4), 0), {1: 0.0, 2: 0.0}
        self._ramp = {1: (0, 0.0), 2: (0, 0.0)}
        self._pid = {1: (50.0, 20.0, 0.0), 2: (50.0, 20.0, 0.0)}
        self._mode = {1: (1, 1, 0), 2: (1, 2, 0)}
        self._names = dict.fromkeys(_INPUTS, "")

    @override
    def power_down(self) -> None:
        """Lose the power: the heaters are off when it is back, settings are kept (power-up enable off)."""
        self._advance()
        kept = self._setpoint, self._ramp, self._pid, self._mode, self._names
        super().power_down()
        self._setpoint, self._ramp, self._pid, self._mode, self._names = kept

    @override
    def commands(self) -> Mapping[str, Handler]:
        """Return the commands of the inputs and of the two heater outputs."""
        return {
            ":KRDG?": lambda p: self._readings(p, lambda kelvin: f"{kelvin:+.3f}"),
            ":CRDG?": lambda p: self._readings(p, lambda kelvin: f"{kelvin - 273.15:+.3f}"),
            ":SRDG?": lambda p: self._readings(p, lambda kelvin: f"{1.6 - 0.0033 * kelvin:+.5f}"),
            ":RDGST?": lambda p: f"{self._reading_status(p):03d}",
            ":INNAME": lambda p: self._names.update({p[:1].upper(): p[2:].strip('"')}),
            ":INNAME?": lambda p: f"{self._names[self._input(p)]:15}",
            ":INTYPE?": lambda p: "1,0,0,0,1" if self._input(p) else "",
            ":SETP": self._set_setpoint,
            ":SETP?": lambda p: f"{self._setpoint[self._output(p)]:+.3f}",
            ":RANGE": self._set_range,
            ":RANGE?": lambda p: str(self._range[self._output(p, 4)]),
            ":RAMP": self._set_ramp,
            ":RAMP?": lambda p: "{},{:+.3f}".format(*self._ramp[self._output(p)]),
            ":RAMPST?": lambda p: str(int(self._is_ramping(self._output(p)))),
            ":PID": self._set_pid,
            ":PID?": lambda p: "{:+.1f},{:+.1f},{:+.1f}".format(*self._pid[self._output(p)]),
            ":OUTMODE": self._set_mode,
            ":OUTMODE?": lambda p: "{},{},{}".format(*self._mode[self._output(p)]),
            ":MOUT": self._set_manual,
            ":MOUT?": lambda p: f"{self._manual[self._output(p)]:+.2f}",
            ":HTR?": lambda p: f"{self._heater_pct(self._output(p)):+.1f}",
            ":HTRST?": lambda p: str(int(self._output(p) == 1 and self.faults.active("dead_heater") is not None)),
        }  # fmt: skip

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return that a heater is on."""
        return tuple(f"heater {n} on, range {self._range[n]}" for n in self._range if self._range[n])

    @override
    def raise_error(self, entry: tuple[int, str]) -> None:
        """Tell of an error in the event status register only."""
        super().raise_error(entry)
        self.errors.clear()

    # Settings.

    def _input(self, parameters: str) -> str:
        letter = parameters.strip().upper()[:1]
        if letter not in _INPUTS or not letter:
            raise ScpiError((-224, "no such input"))
        return letter

    def _output(self, parameters: str, last: int = 2) -> int:
        return int(number(parameters.split(",")[0].strip(), 1, last))

    def _set_setpoint(self, parameters: str) -> None:
        output, value = self._output(parameters), number(parameters.split(",")[1], 0.0, 500.0)
        self._advance()
        self._setpoint[output] = value

    def _set_range(self, parameters: str) -> None:
        output = self._output(parameters, 4)
        self._advance()
        self._range[output] = int(number(parameters.split(",")[1], 0, 3 if output < 3 else 1))
        self._working_K = self._stage_K

    def _set_ramp(self, parameters: str) -> None:
        output, on, rate = self._output(parameters), *parameters.split(",")[1:3]
        self._ramp[output] = (int(number(on, 0, 1)), number(rate, 0.0, 100.0))

    def _set_pid(self, parameters: str) -> None:
        p, i, d = (number(part, 0.0, 1000.0) for part in parameters.split(",")[1:4])
        self._pid[self._output(parameters)] = (p, i, d)

    def _set_mode(self, parameters: str) -> None:
        mode, source, powerup = (int(number(part, 0, 5)) for part in parameters.split(",")[1:4])
        self._mode[self._output(parameters)] = (mode, source, powerup)

    def _set_manual(self, parameters: str) -> None:
        self._manual[self._output(parameters)] = number(parameters.split(",")[1], 0.0, 100.0)

    # The cryostat.

    def _readings(self, parameters: str, told: Callable[[float], str]) -> str:
        """Return the reading of an input, or of all for 0."""
        inputs = _INPUTS if parameters.strip() == "0" else self._input(parameters)
        return ",".join(told(self._kelvin(letter)) for letter in inputs)

    def _kelvin(self, parameters: str) -> float:
        letter = self._input(parameters)
        self._advance()
        if letter == "A":
            broken = self.faults.active("sensor_break") is not None
            return 0.0 if broken else self._stage_K + self.random.gauss(0.0, NOISE_K)
        return _BASE_K + 0.02 * (self._stage_K - _BASE_K) if letter == "B" else _ROOM_K

    def _reading_status(self, parameters: str) -> int:
        return _SENSOR_OPEN if self._input(parameters) == "A" and self.faults.active("sensor_break") is not None else 0

    def _is_ramping(self, output: int) -> bool:
        self._advance()
        return output == 1 and bool(self._ramp[1][0]) and abs(self._working_K - self._setpoint[1]) > 1e-3

    def _heater_pct(self, output: int) -> float:
        self._advance()
        if output != 1 or not self._range[1]:
            return 0.0
        return 100.0 * self._share()

    def _share(self) -> float:
        """Return the heater's share of its range, 0 to 1: root of the power, as the panel shows current."""
        if self._mode[1][0] == 3:
            return self._manual[1] / 100.0
        band = 100.0 / max(self._pid[1][0], 0.1)
        return min(1.0, max(0.0, (self._working_K - self._stage_K) / band + self._sum))

    def _advance(self) -> None:
        until = int(self.clock.monotonic() // _STEP_S) if hasattr(self, "clock") else self._index
        while self._index < until:
            self._index += 1
            self._step()
            if not self._range[1] and max(abs(self._stage_K - _BASE_K), abs(self._sample_K - _BASE_K)) < 1e-3:
                self._index = until

    def _step(self) -> None:
        is_on, rate = self._ramp[1]
        away = self._setpoint[1] - self._working_K
        reach = rate / 60.0 * _STEP_S if is_on and rate else abs(away)
        self._working_K += max(-reach, min(reach, away))
        works = self.faults.active("dead_heater") is None
        share = self._share()
        error = self._working_K - self._stage_K
        if self._range[1] and 0.0 < share < 1.0:
            self._sum += error * self._pid[1][0] / 100.0 * _STEP_S * self._pid[1][1] / 1000.0
        heat_W = _HEATER_W[self._range[1]] * share**2 if works else 0.0
        capacity = _HEAT_CAPACITY_J_K * math.tanh(self._stage_K / 60.0) + 1.0
        self._stage_K += (heat_W - _COOLING_W_K * (self._stage_K - _BASE_K)) / capacity * _STEP_S
        self._sample_K += (self._stage_K - self._sample_K) * _STEP_S / _SAMPLE_S
