"""The devices against replies in the forms that makers and other people's drivers publish, byte for byte."""

from __future__ import annotations

import pytest

from devices.inficon_sqm160 import check_bytes
from devices.modbus import Register
from devices.scpi import flag, quoted
from labctl.errors import LabError, LinkError, LinkTimeout
from tests.devices.conftest import Recorded, connect


@pytest.fixture
def device(clock):
    def make(name, exchanges, address="ASRL1::INSTR"):
        return connect(name, Recorded(clock, exchanges), clock, address, timeout_s=0.1, retries=0)

    return make


def test_the_quartz_monitor_reads_published_replies(device):
    """Inficon's manual examples and a monitor's own replies."""
    monitor = device(
        "InficonSQM160",
        {
            b"!#@O7": b"!0AMON Ver 4.13Uw",
            b"!%L1?\x85{": b"!*A 0.00 [d",
            b"!$P1Z\x91": b"!/A5875830.230:X",
            b"!$N1]Q": b"!*A 0.000Z\\",
        },
    )
    identity = monitor.connect()
    assert (identity.maker, identity.model, identity.firmware) == ("Inficon", "MON", "4.13")
    assert monitor.rate.get() == 0.0
    assert monitor.frequency.get() == 5875830.23
    assert monitor.thickness.get() == 0.0


def framed(status, text=b""):
    body = bytes([len(text) + 36]) + status + text
    return b"!" + body + check_bytes(body)


def test_a_quartz_monitor_counts_kiloangstroms_and_angstroms_a_second(device):
    replies = {b"!$N1]Q": framed(b"A", b" 1.500 "), b"!%L1?\x85{": framed(b"A", b" 2.50 ")}
    monitor = device("InficonSQM160", replies)
    assert monitor.thickness.get() == pytest.approx(150.0)
    assert monitor.rate.get() == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("status", "words"),
    [(b"C", "invalid command"), (b"D", "problem with its data"), (b"B", "was reset"), (b"Z", "status Z")],
)
def test_a_quartz_monitors_refusal_is_told(device, status, words):
    with pytest.raises(LinkError, match=f"refused: .*{words}"):
        device("InficonSQM160", {b"!$N1]Q": framed(status)}).thickness.get()


def test_the_gauge_reads_published_replies_in_any_unit(device):
    """MKS 937B manual, section 9.1, with address 253."""
    gauge = device(
        "MKS937B",
        {
            b"@253PR1?;FF": b"@253ACK7.602E+2;FF",
            b"@253PR2?;FF": b"@253ACK1.10e-9;FF",
            b"@253U?;FF": b"@253ACKTORR;FF",
            b"@253MD?;FF": b"@253ACK937B;FF",
            b"@253SN?;FF": b"@253ACK0123456789;FF",
            b"@253FV?;FF": b"@253ACK1.20;FF",
        },
    )
    assert gauge.connect().serial == "0123456789"
    assert gauge.pressure.get() == pytest.approx(101352, rel=1e-3)
    assert gauge.foreline_pressure.get() == pytest.approx(1.4665e-7, rel=1e-3)


@pytest.mark.parametrize(("unit", "factor"), [("PASCAL", 1.0), ("mBAR", 100.0), ("MICRON", 0.1333)])
def test_the_gauge_knows_every_unit_of_the_panel(device, unit, factor):
    gauge = device("MKS937B", {b"@253PR1?;FF": b"@253ACK2.00E+0;FF", b"@253U?;FF": f"@253ACK{unit};FF".encode()})
    assert gauge.pressure.get() == pytest.approx(2 * factor, rel=1e-3)


@pytest.mark.parametrize("word", ["NOGAUGE", "LO<E-11", "OFF", "WAIT", "PROTECT"])
def test_a_gauge_without_a_number_is_an_error_with_its_word(device, word):
    gauge = device("MKS937B", {b"@253PR1?;FF": f"@253ACK{word};FF".encode(), b"@253U?;FF": b"@253ACKTORR;FF"})
    with pytest.raises(LinkError, match=word):
        gauge.pressure.get()


def test_a_gauges_refusal_is_an_error(device):
    with pytest.raises(LinkError, match="NAK160"):
        device("MKS937B", {b"@253U?;FF": b"@253NAK160;FF"}).panel_unit.get()


@pytest.mark.parametrize(
    ("told", "pascal"),
    [(b"0,+8.3400E-03", 0.834), (b"2,+1.0138E+03", 101380), (b"2,+0.0000E+00", 1e5), (b"1,+5.0000E-09", 5e-7)],
)
def test_a_full_range_gauge_beyond_its_range_reads_the_end_of_it(device, told, pascal):
    ack = b"\x06\r\n"
    exchanges = {b"UNI\r\x05": ack + b"0\r\n", b"PR1\r\x05": ack + told + b"\r\n"}
    assert device("PfeifferTPG362", exchanges).pressure.get() == pytest.approx(pascal)


def test_a_full_range_gauge_that_is_off_says_so(device):
    ack = b"\x06\r\n"
    exchanges = {b"UNI\r\x05": ack + b"0\r\n", b"PR1\r\x05": ack + b"4,+0.0000E+00\r\n"}
    with pytest.raises(LinkError, match="sensor off"):
        device("PfeifferTPG362", exchanges).pressure.get()


def test_the_sputter_supply_reads_published_replies(device):
    supply = device(
        "AjaDCXS",
        {b"?": b"DCXS750-4", b"z": b"V2.14", b"c": b"0", b"a": b"1", b"b": b"0097", b"d": b"0096", b"p": b"\x41"},
    )
    assert supply.connect().model == "DCXS750-4"
    assert (supply.output.get(), supply.setpoint.get(), supply.power.get(), supply.shutter.get()) == (1, 97.0, 96.0, 1)


def test_a_supply_in_another_regulation_is_refused(device):
    with pytest.raises(LabError, match="does not regulate power"):
        device("AjaDCXS", {b"?": b"DCXS750-4", b"z": b"V2.14", b"c": b"1"}).connect()


def test_a_supply_that_stays_on_is_an_error(device):
    with pytest.raises(LabError, match="stays on"):
        device("AjaDCXS", {b"a": b"1"}).make_safe()


@pytest.mark.parametrize(
    ("frame", "flow", "gas"),
    [
        (b"A +014.70 +025.00 +000.02 +000.02 0.0000 Air\r", 0.02, "Air"),
        (b"A +13.542 +24.57 +16.667 +15.444 +15.444 N2\r", 15.444, "N2"),
        (b"A +029.40 +022.50 +020.01 +020.01 020.00 Ar MOV LCK\r", 20.01, "Ar"),
    ],
)
def test_a_flow_controllers_published_frames_are_read(device, frame, flow, gas):
    controller = device("AlicatMC", {b"A\r": frame})
    assert controller.flow.get() == flow
    assert controller.gas.get() == gas


@pytest.mark.parametrize("frame", [b"B +1 +2 +3 +4 5 Ar\r", b"A +1 +2 +3 +4 5\r", b"A +1 +2 x +4 5 Ar\r", b"?\r"])
def test_what_is_no_frame_of_the_controller_is_an_error(device, frame):
    with pytest.raises(LinkError, match="unusable"):
        device("AlicatMC", {b"A\r": frame}).gas.get()


def test_a_set_point_that_is_not_taken_is_an_error(device):
    controller = device("AlicatMC", {b"AS20.00\r": b"A +029.40 +022.50 +000.00 +000.00 000.00 Ar\r"})
    with pytest.raises(LinkError, match="set point is 0 after 20 was sent"):
        controller.setpoint.set(20.0)


def test_the_source_meter_reads_published_replies(device):
    """Five elements as after *RST; bit 3 of the status is compliance."""
    meter = device(
        "Keithley2400",
        {
            b"*IDN?\n": b"KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32   Oct  4 2010 14:20:11/A02  /D/B\n",
            b":READ?\n": b"+1.000206E+00,+1.000000E-04,+1.000236E+04,+7.282600E+01,+2.153200E+04\n",
            b":SENS:FUNC?\n": b'"VOLT:DC","CURR:DC"\n',
        },
        "GPIB0::24::INSTR",
    )
    identity = meter.connect()
    assert (identity.model, identity.serial) == ("MODEL 2400", "1234567")
    assert meter.trigger().success
    assert meter.voltage.get() == 1.000206
    assert meter.resistance.get() == pytest.approx(10002.06)
    assert meter.in_compliance.get() == float(bool(21532 & 8))
    assert meter.sense_function.get() == "VOLT,CURR"


def test_the_power_meter_reads_published_replies(device):
    meter = device(
        "ThorlabsPM100D",
        {
            b"*IDN?\n": b"Thorlabs,PM100D,P0004729,2.4.0\n",
            b"SYST:SENS:IDN?\n": b'"S120C","11040529","15-APR-2011",1,18,33\n',
            b"MEAS:POW?\n": b"1.23456000E-06\n",
            b"SENS:CORR:WAV?\n": b"5.50000000E+02\n",
        },
        "USB0::0x1313::0x8078::P0004729::INSTR",
    )
    assert meter.connect().serial == "P0004729"
    assert meter.sensor.get() == "S120C,11040529,15-APR-2011,1,18,33"
    assert meter.trigger().success
    assert meter.power.get() == 1.23456e-6
    assert meter.wavelength.get() == 550.0


def test_the_room_sensor_reads_its_manuals_line(device):
    sensor = device("VaisalaHMT330", {b"SEND\r": b"RH= 98.4 %RH T= 31.1 'C\r\n", b"VERS\r": b"HMT330 / 5.16\r\n"})
    assert (sensor.humidity.get(), sensor.temperature.get()) == (98.4, 31.1)


def test_the_furnace_reads_and_writes_frames_of_the_specification(device):
    furnace = device(
        "Eurotherm3216",
        {
            bytes.fromhex("01 03 00 01 00 01 d5 ca"): bytes.fromhex("01 03 02 00 fa 38 07"),
            bytes.fromhex("01 06 00 01 00 03 98 0b"): bytes.fromhex("01 06 00 01 00 03 98 0b"),
        },
    )
    assert furnace.temperature.get() == 25.0
    Register(1).write(furnace.link, 3.0)
    with pytest.raises(LinkTimeout):
        Register(1).write(furnace.link, 4.0)


def test_an_echo_that_differs_is_an_error(device):
    replies = {bytes.fromhex("01 06 00 01 00 03 98 0b"): bytes.fromhex("01 06 00 01 00 04 d9 c9")}
    with pytest.raises(LinkError, match="echo differs"):
        Register(1).write(device("Eurotherm3216", replies).link, 3.0)


def test_a_value_that_does_not_fit_a_register_is_refused(device):
    with pytest.raises(ValueError, match="does not fit register 2"):
        Register(2, 10).write(device("Eurotherm3216", {}).link, 4000.0)


def test_a_register_may_be_signed():
    assert Register(1, 10).decode(0xFFF6) == -1.0
    assert Register(1, 10, signed=False).decode(0xFFF6) == 6552.6


def test_flags_and_texts_are_read_as_scpi_writes_them():
    assert [flag(word) for word in ("1", "ON", "0", " off ")] == [1, 1, 0, 0]
    assert quoted(' "DONE" ') == "DONE"
    with pytest.raises(ValueError, match="not a flag"):
        flag("MAYBE")
