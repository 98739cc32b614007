"""SCPI and Modbus instruments that a file describes: on the wire as any other; mistakes are told with their field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.described_modbus import FORMS, place, point
from labctl.errors import FileError, LabError
from labctl.lab._described_kind import described_kind
from tests.devices.conftest import DESCRIBED

HOT_PLATE, CHILLER = (DESCRIBED[name].read_text(encoding="utf-8") for name in ("hot_plate.yaml", "chiller.yaml"))


@pytest.mark.parametrize(
    ("text", "old", "new", "told"),
    [
        (HOT_PLATE, "{:.1f}", "{:d}", "signals.setpoint.set_at: ':TEMP {:d}' does not take a number"),
        (HOT_PLATE, ":TEMP {:.1f}", ":TEMP", "signals.setpoint.set_at: ':TEMP' needs one place for the value"),
        (HOT_PLATE, "{heater: 0}", "{heater: 7}", "make_safe.heater: 7 is outside 0..1"),
        (CHILLER, "2:16 int16 10", "2:16 int8", "signals.temperature.at: '2:16 int8' is not [UNIT:]REGISTER"),
        (CHILLER, "2:18 float", "0:18 float", "signals.flow.at: '0:18 float': unit 1..247"),
        (CHILLER, "set: true, unit: degC", "set_at: '2:33', unit: degC", "a register is set where it is read"),
    ],
)
def test_a_mistake_is_told_with_its_field(tmp_path, text, old, new, told):
    assert old in text
    file = tmp_path / "thing.yaml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(FileError) as caught:
        described_kind(str(file))
    assert len(caught.value.problems) == 1
    assert told in str(caught.value)


def test_it_speaks_over_the_laboratorys_own_link(make):
    made = make("chiller.yaml")
    assert made.device.connect().model == "8193"
    assert made.device.flow.get() == pytest.approx(4.2)
    assert made.device.setpoint.limits == (5.0, 35.0)
    made.device.setpoint.put(12.5)
    assert made.instrument.hazards() == ("setpoint is not 20",)
    made.device.make_safe()
    assert made.instrument.hazards() == ()
    assert made.sent[0][:2] == b"\x02\x03"  # slave 2, read holding registers


def test_another_instrument_is_told_by_its_register(make):
    made = make("chiller.yaml")
    made.instrument._words[0] = 7
    with pytest.raises(LabError, match="is Example Company 7, not 8193"):
        made.device.connect()


@given(st.integers(1, 247), st.integers(0, 65535), st.sampled_from(FORMS), st.integers(1, 1000), st.booleans())
def test_a_place_is_read_as_it_is_written(unit, register, form, scale, settable):
    text = f"{unit}:{register} {form} {scale}"
    at = place(text)
    assert (at.unit, at.register, at.form, at.scale) == (unit, register, form, scale)
    assert str(register) in str(point(text, text if settable else "", "number"))
