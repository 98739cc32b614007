"""Frames of the instruments with protocols of their own, against what their makers publish."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices.inficon_sqm160 as sqm_device
import devices.sample_mover as mover_device
import sim_devices.inficon_sqm160 as sqm
import sim_devices.sample_mover as mover
from sim_devices.aja_dcxs import SimAjaDCXS
from sim_devices.alicat_mc import SimAlicatMC
from sim_devices.mks937b import SimMKS937B
from sim_devices.vaisala_hmt330 import SimVaisalaHMT330
from tests.sim_devices.conftest import say


@pytest.mark.parametrize("check", [sqm.check_bytes, sqm_device.check_bytes])
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"#@", b"O7"),  # the SQM-160 manual's own examples
        (b"$C?", b"g/"),
        (b"$N1", bytes((93, 81))),  # SQC-310 manual 074-550, section 4.3, the same protocol
        (b"*A 0.000", bytes((90, 92))),
        (b"$M1", bytes((92, 113))),
    ],
)
def test_the_quartz_monitors_check_bytes_agree_with_the_manuals(check, message, expected):
    assert check(message) == expected


@given(st.binary(min_size=1, max_size=30))
def test_both_sides_compute_the_same_check_bytes_and_never_a_sync(message):
    assert sqm.check_bytes(message) == sqm_device.check_bytes(message)
    assert b"!" not in sqm.check_bytes(message)


def quartz(bench):
    return sqm.SimInficonSQM160(bench.clock, 1, bench.chamber)


def test_a_quartz_monitor_answers_a_published_request(bench):
    assert say(quartz(bench), b"!#@O7") == b"!0AMON Ver 4.13Uw"


def test_a_quartz_monitor_is_silent_on_a_wrong_check_and_refuses_what_it_does_not_know(bench):
    assert say(quartz(bench), b"!#@O8") == b""
    reply = say(quartz(bench), b"!#Q" + sqm.check_bytes(b"#Q"))
    assert reply[2:3] == b"C"


def test_a_quartz_monitor_finds_the_start_of_a_frame(bench):
    assert say(quartz(bench), b"xx!#@O7") == b"!0AMON Ver 4.13Uw"


def test_a_gauge_controller_answers_as_the_manual_shows(bench):
    gauge = SimMKS937B(bench.clock, 1, bench.chamber)
    assert re.fullmatch(rb"@253ACK\d\.\d\dE[+-]\d\d?;FF", say(gauge, b"@253PR1?;FF"))
    assert say(gauge, b"@253U!MICRON;FF") == b"@253ACKMICRON;FF"
    assert say(gauge, b"@254U?;FF") == b"@253ACKMICRON;FF"
    assert say(gauge, b"@253T1?;FF") == b"@253ACKG;FF"
    assert say(gauge, b"@253XX?;FF") == b"@253NAK160;FF"
    assert say(gauge, b"@253U!FURLONG;FF") == b"@253NAK169;FF"
    assert say(gauge, b"@001PR1?;FF") == b""


@pytest.mark.parametrize(
    ("letter", "length"),
    [*[(c, 4) for c in "bdef"], *[(c, 2) for c in "ghjl"], *[(c, 1) for c in "acopy"], ("i", 3), ("n", 8), ("z", 5)],
)
def test_a_sputter_supply_answers_with_fixed_lengths(bench, letter, length):
    assert len(say(SimAjaDCXS(bench.clock, 1, bench.chamber), letter.encode())) == length


def test_a_sputter_supply_takes_published_commands(bench):
    supply = SimAjaDCXS(bench.clock, 1, bench.chamber)
    assert say(supply, b"?") == b"DCXS750-4"
    assert say(supply, b"C0097b") == b"0097"
    assert say(supply, b"D0c") == b"0"
    assert say(supply, b"IALongNamn") == b"ALongNam"
    assert say(supply, b"Aa") == b"1"


def test_a_sputter_supply_takes_a_command_in_pieces(bench):
    supply = SimAjaDCXS(bench.clock, 1, bench.chamber)
    assert say(supply, b"C00") == b""
    assert say(supply, b"50b") == b"0050"


def test_a_flow_controllers_frame_has_the_published_form(bench):
    flow = SimAlicatMC(bench.clock, 1)
    number = r"[+-]\d{3}\.\d\d"
    assert re.fullmatch(rf"A {number} {number} {number} {number} \d{{3}}\.\d\d Ar", str(say(flow, "A\r")))
    assert str(say(flow, "AS12.5\r")).split()[5] == "012.50"
    assert say(flow, "B\r") == ""
    assert say(flow, "AXYZ\r") == "?"
    about = str(say(flow, "A??M*\r")).split("\r")
    assert [line[:5] for line in about] == [f"A M{n:02d}" for n in range(10)]


def test_a_room_sensor_answers_in_the_default_format(bench):
    sensor = SimVaisalaHMT330(bench.clock, 1, bench.ambient)
    assert re.fullmatch(r"RH= \d+\.\d %RH T= -?\d+\.\d 'C", str(say(sensor, "send\r")))
    assert say(sensor, "NONSENSE\r") == "Unknown command"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_both_sides_of_the_mover_compute_the_same_checksum(text):
    assert mover.checksum(text) == mover_device.checksum(text)


def test_the_movers_checksum_is_that_of_nmea_0183():
    sentence = "GPGLL,5057.970,N,00146.110,E,142451,A"
    assert mover.checksum(sentence) == "27"
