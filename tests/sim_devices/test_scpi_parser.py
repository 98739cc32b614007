"""SCPI headers, compound commands, status reporting, as SCPI-99 and IEEE 488.2 have them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.clock import VirtualClock
from sim_devices.scpi import ScpiInstrument, boolean, compile_header, number
from tests.sim_devices.conftest import lines, say


class Meter(ScpiInstrument):
    """A source with two settings and a text."""

    def __init__(self):
        self.current, self.label, self.on = 0.0, "", False
        super().__init__(VirtualClock(), 1)

    def commands(self):
        return {
            "[:SOURce[1]]:CURRent[:LEVel]": self.set_current,
            "[:SOURce[1]]:CURRent[:LEVel]?": lambda _: f"{self.current:g}",
            "[:SOURce[1]]:CURRent:RANGe?": lambda _: "9",
            ":DISPlay:TEXT": self.set_label,
            ":OUTPut[:STATe]": self.switch,
            ":CHANnel2:VOLTage?": lambda _: "2",
        }

    def set_current(self, parameters):
        self.current = number(parameters, -1.0, 1.0, 0.5)

    def set_label(self, parameters):
        self.label = parameters

    def switch(self, parameters):
        self.on = boolean(parameters)


@pytest.fixture
def meter():
    return Meter()


@pytest.mark.parametrize(
    "header",
    ["CURR?", "CURRENT?", "curr?", "SOUR:CURR?", ":SOURce:CURRent:LEVel?", "SOUR1:CURR:LEV?", "source1:current?"],
)
def test_every_spelling_of_a_header_is_known(meter, header):
    assert say(meter, f"{header}\n") == "0"


@pytest.mark.parametrize(
    "header", ["CUR?", "CURRE?", "SOUR2:CURR?", "CURR:LEVE?", "SOURC:CURR?", "CHAN:VOLT?", "?", ":"]
)
def test_another_spelling_is_an_undefined_header(meter, header):
    assert lines(meter, header, "SYST:ERR?") == ["", '-113,"Undefined header"']


def test_a_numeric_suffix_that_is_not_one_must_be_given(meter):
    assert say(meter, "CHAN2:VOLT?\n") == "2"


def test_replies_of_a_compound_command_are_joined(meter):
    assert say(meter, "CURR 0.25;CURR?;*OPC?\n") == "0.25;1"


def test_a_relative_header_starts_where_the_last_one_ended(meter):
    assert say(meter, ":SOUR:CURR:LEV 0.1;RANG?;LEV?\n") == "9;0.1"


def test_a_colon_starts_at_the_root_again(meter):
    assert say(meter, ":SOUR:CURR:RANG?;:OUTP ON\n") == "9"
    assert meter.on


def test_a_common_command_does_not_move_the_path(meter):
    assert say(meter, ":SOUR:CURR:LEV 0.1;*OPC?;RANG?\n") == "1;9"


@pytest.mark.parametrize("text", ['"a;b"', "'a;b'", '"it\'s; fine"', '";"'])
def test_a_quoted_semicolon_separates_nothing(meter, text):
    assert say(meter, f":DISP:TEXT {text};*OPC?\n") == "1"
    assert meter.label == text


def test_any_white_space_parts_header_and_parameter(meter):
    say(meter, "  CURR \t 0.5  \n")
    assert meter.current == 0.5


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("NONSENSE", '-113,"Undefined header"'),
        ("CURR", '-109,"Missing parameter"'),
        ("CURR 2", '-222,"Data out of range"'),
        ("CURR one", '-104,"Data type error"'),
        ("OUTP", '-109,"Missing parameter"'),
        ("OUTP 7", '-104,"Data type error"'),
        ("*ESE 256", '-222,"Data out of range"'),
    ],
)
def test_a_wrong_command_goes_into_the_error_queue_and_changes_nothing(meter, command, error):
    assert lines(meter, command, "SYST:ERR?", "SYST:ERR?") == ["", error, '0,"No error"']
    assert (meter.current, meter.on) == (0.0, False)


@pytest.mark.parametrize(("word", "value"), [("MIN", -1.0), ("MAXIMUM", 1.0), ("DEF", 0.5), ("-1e-1", -0.1)])
def test_numbers_may_be_named(meter, word, value):
    say(meter, f"CURR {word}\n")
    assert meter.current == value


def test_the_error_queue_is_first_in_first_out_and_overflows(meter):
    say(meter, "CURR 2\n")
    for _ in range(15):
        say(meter, "NONSENSE\n")
    queue = lines(meter, *["SYST:ERR:NEXT?"] * 11)
    assert queue[0].startswith("-222")
    assert queue[1:9] == ['-113,"Undefined header"'] * 8
    assert queue[9:] == ['-350,"Queue overflow"', '0,"No error"']


def test_the_event_status_register_tells_what_happened_and_is_cleared_by_reading(meter):
    assert lines(meter, "*ESR?", "*ESR?") == ["128", "0"]  # power on
    say(meter, "NONSENSE;CURR 2;*OPC\n")
    assert lines(meter, "*ESR?", "*ESR?") == [str(32 + 16 + 1), "0"]


def test_the_status_byte_sums_up_what_is_enabled(meter):
    assert lines(meter, "*CLS;*ESE 32;*SRE 36", "*STB?", "NONSENSE", "*STB?") == ["", "0", "", str(64 + 32 + 4)]
    assert lines(meter, "*ESE?", "*SRE?") == ["32", "36"]
    assert lines(meter, "*CLS", "*STB?", "SYST:ERR?") == ["", "0", '0,"No error"']


def test_service_request_enable_cannot_hold_its_own_bit(meter):
    assert lines(meter, "*SRE 255", "*SRE?") == ["", "191"]


def test_the_other_common_commands_answer(meter):
    assert lines(meter, "*WAI", "*TST?", "*RST", "*TRG", "SYST:VERS?") == ["", "0", "", "", "1999.0"]
    assert say(meter, "*IDN?\n").count(",") == 3


def test_an_empty_message_says_nothing(meter):
    assert lines(meter, "", ";", " ; ", "SYST:ERR?") == ["", "", "", '0,"No error"']


WORDS = st.from_regex(r"[A-Z]{3,4}[a-z]{0,6}", fullmatch=True)
NODES = st.lists(st.tuples(WORDS, st.booleans(), st.sampled_from(["", "[1]", "2"])), min_size=1, max_size=4)


def pattern_of(nodes):
    return "".join(f"[:{word}{suffix}]" if optional else f":{word}{suffix}" for word, optional, suffix in nodes)


def spell(nodes, random_):
    """Return one of the allowed spellings of a header."""
    spelled = ""
    for word, optional, suffix in nodes:
        if optional and random_.random() < 0.5:
            continue
        short = "".join(letter for letter in word if letter.isupper())
        chosen = random_.choice([short, word])
        digits = {"": "", "2": "2", "[1]": random_.choice(["", "1"])}[suffix]
        spelled += ":" + random_.choice([chosen.upper(), chosen.lower(), chosen]) + digits
    return spelled


@given(NODES, st.integers())
def test_any_allowed_spelling_of_any_header_matches_it(nodes, seed):
    compiled = compile_header(pattern_of(nodes))
    assert compiled.fullmatch(spell(nodes, random.Random(seed)))


@given(NODES, st.integers(), st.sampled_from(["x", "7", ":zzz", "?"]))
def test_anything_more_does_not_match(nodes, seed, more):
    required = [(word, False, suffix) for word, _, suffix in nodes]
    assert not compile_header(pattern_of(required)).fullmatch(spell(required, random.Random(seed)) + more + "#")


@given(st.text(max_size=40))
def test_no_line_breaks_the_parser(line):
    meter = Meter()
    say(meter, line.encode("latin1", "replace") + b"\n")
    assert say(meter, "*OPC?\n") == "1"
