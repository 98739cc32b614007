"""Whatever an instrument tells on its wire is recorded with every run: no quantity is left out."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ophyd import Kind

from sim_devices.modbus import ModbusError, ModbusInstrument
from sim_devices.scpi import ScpiInstrument, compile_header
from tests.devices.conftest import CLASSES, class_of

TOLD_ELSEWHERE = {
    "Eurotherm2408": {3: "output of manual mode, 0 whenever labctl leaves it there", 24: "set point 1, which is 2"},
    "Eurotherm3216": {3: "output limit of manual mode, always 0 in automatic"},
    "InficonSQM160": {
        "J": "number of installed channels; the device is one channel",
        "L1": "the same as L1?",
        "M": "average rate over sensors; there is one",
        "O": "average thickness over sensors; there is one",
    },
    "RecipeTable": {":FETCh?": "the result of a measurement, in the stream result"},
    "SampleMover": {"NEXT?": "number of the next move, a detail of the protocol"},
    "ThorlabsPM100D": {
        ":CONFigure?": "power, always",
        ":FETCh?": "the same once more",
        ":READ?": "the same as :MEAS?",
        ":MEASure[:SCALar][:POWer]?": "asked by trigger",
    },
}
"""What a simulation tells and no run records under that name, with the reason."""
WIDE = "it does more than the device asks of it: other clients need the whole command set"
TELL_MORE = {
    "BronkhorstELFlow": "measure and set point once more in 32000ths, and the valve's current",
    "chiller.yaml": "what its file says, and the register that says what it is",
    "hot_plate.yaml": "what its file says, and no more",
    "HcpTC038": "its monitored register is one of the two that are asked",
    "HcpTC038D": "four values of the hardware alarm, which the maker sets",
    "Keithley2182A": WIDE,
    "Keithley2400": WIDE,
    "Keithley6221": WIDE,
    "KeithleyDMM6500": WIDE,
    "Keysight34401A": WIDE,
    "KeysightE4980A": WIDE,
    "LakeShore336": "it has four inputs and two outputs; the device is one loop and a second input",
    "NewportESP300": "status byte and error buffer, which every action asks for",
    "PfeifferTC400": "it repeats speeds in other units and tells of settings that the device does not use",
    "PfeifferTPG362": "both pressures at once, and numbers of parts",
    "ZaberXLSM": "constants of the stage",
    "InstrasSCK300": "it tells nothing but its speed",
    "MettlerMTSICS": "the same weight by commands that wait for it, and numbers of parts",
    "NewEraNE1000": "its version in the answer to another command",
    **dict.fromkeys(("AimTTiLD400P", "AimTTiPL303", "KeysightE3631A", "RohdeSchwarzHMP4040", "SRSLDC500"), WIDE),
    "TCPowerCXN": "ramps, pulses and presets of the matching network, which the device does not use",
    "MKS937B": "it has six channels and twelve relays; the device is two channels and one relay",
}
"""Simulations that tell more than is recorded, with the reason."""


@pytest.mark.parametrize("kind", CLASSES)
def test_every_signal_is_read_into_the_baseline_or_the_configuration(kind: str, make: Callable[..., Any]) -> None:
    device = make(kind).device
    with device.link.clock.held():
        device.connect()
        recorded = {*device.read(), *device.read_configuration()}
    assert recorded == {f"{device.name}_{attr}" for attr in device.component_names}
    described = {**device.describe(), **device.describe_configuration()}
    assert set(described) == recorded
    for attr in device.component_names:
        signal = getattr(device, attr)
        assert signal.kind is not Kind.omitted
        if described[signal.name]["dtype"] == "number":
            assert "units" in described[signal.name], signal.name


@pytest.mark.parametrize("kind", CLASSES)
def test_every_process_signal_is_a_signal_of_the_device(kind: str) -> None:
    assert set(class_of(kind).process) <= set(class_of(kind).component_names)


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind not in TELL_MORE])
def test_whatever_the_instrument_answers_is_asked_for(kind: str, make: Callable[..., Any]) -> None:
    made = make(kind)
    with made.clock.held():
        made.device.connect()
        made.device.read()
        made.device.read_configuration()
        asked = [bytes(sent) for sent in made.sent]
        unasked = {name for name, is_asked in answers_of(kind, made) if not any(map(is_asked, asked))}
    assert unasked == set(TOLD_ELSEWHERE.get(kind, {})), "record it, or give the reason why not"


# What each simulation answers, and how a request for it is recognised.

Answers = Iterator[tuple[Any, Callable[[bytes], bool]]]


def answers_of(kind: str, made: Any) -> Answers:
    """Return what a simulation answers; one with a protocol of its own has to be in `WIRES`."""
    if kind in WIRES:
        return WIRES[kind](made)
    if isinstance(made.instrument, ModbusInstrument):
        return registers(made)
    assert isinstance(made.instrument, ScpiInstrument), f"say in WIRES what {kind} answers, or in TELL_MORE why not"
    return scpi(made)


def scpi(made: Any) -> Answers:
    assert isinstance(made.instrument, ScpiInstrument)
    for header in made.instrument.commands():
        if header.endswith("?"):
            pattern = compile_header(header)

            def is_asked(sent: bytes, pattern: re.Pattern[str] = pattern) -> bool:
                text = sent.decode().strip()
                return pattern.fullmatch(text if text.startswith((":", "*")) else f":{text}") is not None

            yield header, is_asked


def registers(made: Any) -> Answers:
    for address in range(1, 2000):
        try:
            made.instrument.read_register(address)
        except ModbusError:
            continue

        def is_asked(frame: bytes, address: int = address) -> bool:
            first, n = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
            return frame[1] in (3, 4) and first <= address < first + n

        yield address, is_asked


def frames(wrap: Callable[[str], bytes], words: list[str], refusal: bytes = b"\0") -> Callable[[Any], Answers]:
    """Ask an instrument every word there might be."""

    def answers(made: Any) -> Answers:
        for word in words:
            reply = made.instrument.answer(wrap(word))
            if reply is not None and refusal not in reply:
                yield word, lambda sent, word=word: sent.strip() == wrap(word).strip()

    return answers


def fields(made: Any) -> Answers:
    """Return the fields of an Alicat's data frame; one poll tells them all, and each needs a signal."""
    names = ("pressure", "temperature", "volume_flow", "flow", "setpoint", "gas", "status_codes")
    told = made.instrument.answer_line("A").split()[1:]
    assert len(told) <= len(names)
    for name in names:
        yield name, lambda sent, name=name: sent == b"A\r" and name in made.device.component_names


def labels(made: Any) -> Answers:
    """Return the labels of a Vaisala's line, each of which needs a signal."""
    signals = {"RH": "humidity", "T": "temperature"}
    for label in re.findall(r"([A-Za-z0-9]+)=", made.instrument.answer_line("SEND")):
        yield label, lambda sent, label=label: b"SEND" in sent.upper() and signals[label] in made.device.component_names


def moves(made: Any) -> Answers:
    from sim_devices.sample_mover import checksum

    for word in ("ID?", "STATUS?", "NEXT?"):
        assert "ERR" not in made.instrument.answer_line(f"{word}*{checksum(word)}")
        yield word, lambda sent, word=word: sent.startswith(word.encode())


def _sqm(word: str) -> bytes:
    from sim_devices.inficon_sqm160 import check_bytes

    body = bytes([len(word) + 34]) + word.encode("ascii")
    return b"!" + body + check_bytes(body)


LETTERS = [*string.ascii_lowercase, "?"]
SQM_WORDS = [
    a + b + c for a, b, c in itertools.product("@" + string.ascii_uppercase.replace("S", ""), ["", "1"], ["", "?"])
]
WIRES: dict[str, Callable[[Any], Answers]] = {
    "AjaDCXS": frames(str.encode, LETTERS),
    "AlicatMC": fields,
    "InficonSQM160": frames(_sqm, SQM_WORDS, b"!$C"),
    "SampleMover": moves,
    "VaisalaHMT330": labels,
}
