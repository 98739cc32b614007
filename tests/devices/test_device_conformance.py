"""What every device class promises, whatever it drives; a new class is tried by being in `DEVICES`."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ophyd.utils import LimitError

from devices import DEVICES, Readback, Setting, Soft
from devices.modbus import FloatRegister, LongRegister, Register
from labctl.errors import LabError, LinkError, LinkTimeout
from labctl.lab import fault_kinds, has_simulation
from labctl.quantities import registry
from tests.devices.conftest import CLASSES, Made, Stranger, bench, class_of, connect, kind_of

SET_LAST = ("output", "running")  # while they are on, an instrument may lock its other settings
PASSIVE = "nothing to do"
BY_ACTIONS_ONLY = ("InstrasSCK300", "ProcessTool", "RecipeTable", "SampleMover", "ZaberXLSM")
"""Classes that no setting brings out of the safe state, only what they do."""

every_class = pytest.mark.parametrize("kind", CLASSES)


def signals(device, of=Readback):
    return [signal for _, _, signal in device.walk_signals() if isinstance(signal, of)]


def settable(device):
    return sorted(signals(device, Setting), key=lambda signal: signal.attr_name in SET_LAST)


def inside(signal):
    """Return two values that a setting allows and an instrument resolves."""
    if signal.dtype == "string" or signal.choices:
        return (*signal.choices, "FIRST", "SECOND")[:2]
    low, high = signal.limits
    if signal.attr_name == "row":
        return 3, 7
    values = [low + share * (high - low) for share in (0.25, 0.6)]
    if signal.dtype == "integer":
        return tuple(dict.fromkeys(max(math.ceil(low), round(value)) for value in [*values, low, high]))[:2]
    return tuple(round(value) for value in values) if high - low > 10 else tuple(values)


@every_class
def test_it_cites_its_source_and_says_what_is_safe(kind):
    found = class_of(kind)
    assert len(found.source) > 15
    assert re.search("chapter|section|page|table|docs/|published program", found.source), "where in the manual?"
    assert found.protocol
    assert found.safe_state.endswith(".")
    assert found.models
    assert all(found.models)
    assert "simulation" in found.verified
    assert "not yet on hardware" in found.verified
    assert found.__doc__
    assert all(isinstance(getattr(found, attr).kwargs, dict) for attr in found.process)


@every_class
def test_it_has_a_simulation_of_its_own(kind):
    assert has_simulation(kind_of(kind))
    assert {"late", "lost", "garbled", "partial", "disconnected"} <= set(fault_kinds(kind_of(kind)))


@every_class
def test_connecting_keeps_the_identity_as_configuration(make, kind):
    device = make(kind).device
    identity = device.connect()
    assert identity.maker
    assert any(model in identity.model for model in device.models)
    configuration = device.read_configuration()
    for field in ("maker", "model", "serial", "firmware"):
        assert configuration[f"{device.name}_{field}"]["value"] == getattr(identity, field)
    assert f"{device.name}_calibration_due" in configuration


@every_class
def test_every_signal_reads_as_it_is_described(make, kind):
    device = make(kind).device
    types = {"number": float, "integer": int, "string": str}
    for signal in signals(device, (Readback, Soft)):
        description, reading = signal.describe()[signal.name], signal.read()[signal.name]
        assert type(reading["value"]) is types[description["dtype"]], signal.name
        assert reading["timestamp"] == pytest.approx(device.link.clock.time(), abs=60)
        assert description["shape"] == []
        assert description["source"]
    assert device.read().keys() == device.describe().keys()
    assert device.read_configuration().keys() == device.describe_configuration().keys()
    assert device.read_process().keys() == {getattr(device, attr).name for attr in device.process}


@every_class
def test_numbers_have_units_that_can_be_read_and_settings_have_limits(make, kind):
    for signal in signals(make(kind).device):
        if signal.dtype == "number":
            assert signal.units is not None, signal.name
            registry().Unit(signal.units)
        else:
            assert signal.units is None, signal.name
        if isinstance(signal, Setting) and signal.dtype != "string":
            low, high = signal.limits
            assert low < high
            description = signal.describe()[signal.name]
            assert (description["lower_ctrl_limit"], description["upper_ctrl_limit"]) == (low, high)


@every_class
def test_what_rests_reads_within_its_span(make, kind):
    """A reading at the end of its span is flagged as bad, and its trial with it."""
    device = make(kind).device
    device.make_safe()
    for signal in signals(device):
        told = signal.describe()[signal.name]
        if "lower_range" in told:
            assert told["lower_range"] < signal.get() < told["upper_range"], signal.name


@every_class
def test_what_is_not_allowed_is_not_sent(make, kind):
    made = make(kind)
    for signal in settable(made.device):
        if signal.dtype == "string":
            for text in ("A\nB", *(["no such choice"] if signal.choices else [])):
                with pytest.raises(ValueError, match="is not one"):
                    signal.set(text)
            continue
        low, high = signal.limits
        for value in (low - 1, high + 1, math.inf, -math.inf):
            with pytest.raises((LimitError, ValueError) if signal.dtype == "integer" else LimitError) as caught:
                signal.set(value)
            assert signal.name in str(caught.value)
        with pytest.raises(ValueError, match="is not a number"):
            signal.set(math.nan)
        if signal.choices:
            with pytest.raises(ValueError, match="is not one of"):
                signal.set((signal.choices[0] + signal.choices[1]) / 2)
        if signal.dtype == "integer":
            with pytest.raises(ValueError, match="is not a whole number"):
                signal.set(low + 0.5)
    assert made.sent == []


@every_class
def test_what_is_set_is_what_is_read_and_making_safe_leaves_no_hazard(make, kind):
    made, told = make(kind), set()
    device = made.device
    for signal in settable(device):
        for value in inside(signal):
            status = signal.set(value)
            assert status.done
            assert status.success
            assert signal.get() == (value if signal.dtype == "string" else pytest.approx(value, rel=5e-3)), signal.name
            told |= set(made.instrument.hazards())
    is_quiet = PASSIVE in device.safe_state or kind in BY_ACTIONS_ONLY
    assert bool(told) != is_quiet, "a hazard is missing, or the safe state says too little"
    for _ in range(2):
        device.make_safe()
        with made.clock.held(), made.clock.flow():
            made.clock.sleep(600.0)  # what turns, runs out
        assert made.instrument.hazards() == ()


@every_class
def test_without_power_it_drives_nothing_and_with_it_it_is_there_again(make, kind):
    made = make(kind)
    identity = made.device.connect()
    for signal in settable(made.device):
        for value in inside(signal):
            if not made.instrument.hazards():
                signal.put(value)
    with made.clock.held(), made.clock.flow():
        made.instrument.power_down()
        made.clock.sleep(600.0)  # what turns, runs out
        assert made.instrument.hazards() == ()
        made.instrument.power_up()
        assert made.device.connect() == identity
        made.device.make_safe()
        made.clock.sleep(600.0)
        assert made.instrument.hazards() == ()


@every_class
def test_an_integer_may_be_set_with_a_whole_float(make, kind):
    for signal in settable(make(kind).device):
        if signal.dtype == "integer":
            value = inside(signal)[0]
            signal.set(float(value))
            assert signal.get() == value


@every_class
def test_a_readback_cannot_be_set(make, kind):
    made = make(kind)
    for signal in signals(made.device):
        if not isinstance(signal, Setting):
            with pytest.raises(TypeError, match="read-only"):
                signal.put(0)
            if not isinstance(
                signal.point, Register | LongRegister | FloatRegister
            ):  # which holds what a Setting may write
                with pytest.raises(TypeError, match="read-only"):
                    signal.point.write(made.device.link, 0)
    assert made.sent == []


@every_class
def test_making_safe_may_be_repeated(make, kind):
    made = make(kind)
    made.device.make_safe()
    before = state(made.device)
    made.device.make_safe()
    made.device.stop(success=True)
    assert made.device.unstage() == []
    assert state(made.device) == before


def state(device):
    return {signal.attr_name: signal.get() for signal in settable(device)}


@every_class
def test_another_instrument_at_the_address_is_an_error(clock, kind):
    device = connect(kind, Stranger(clock), clock)
    with pytest.raises(LabError, match="thing"):
        device.connect()
    assert device.maker.get() == ""


@every_class
def test_a_mute_instrument_is_named(make, kind):
    made = make(kind, {"kind": "lost"})
    with pytest.raises(LinkTimeout) as caught:
        made.device.connect()
    for word in (made.device.name, made.device.link.address, "no reply in time"):
        assert word in str(caught.value)


@every_class
@pytest.mark.parametrize("fault", ["partial", "lost", "garbled"])
def test_one_spoilt_reply_is_survived(make, kind, fault):
    device, clean = make(kind, {"kind": fault, "duration": 0.001}).device, make(kind).device
    identity, right = device.connect(), clean.connect()
    assert any(model in identity.model for model in device.models)
    assert identity == right or fault == "garbled"
    assert device.link.log[0].error or fault == "garbled"
    assert device.link.log[0].received != clean.link.log[0].received


@every_class
def test_a_cable_that_is_put_back_works_again(make, kind):
    made = make(kind, {"kind": "disconnected", "start": 100.0, "duration": 10.0})
    with made.clock.held(), made.clock.flow():
        identity = made.device.connect()
        made.clock.sleep_until(101.0)
        with pytest.raises(LinkError):
            made.device.connect()
        made.clock.sleep_until(111.0)
        assert made.device.connect() == identity


@every_class
def test_stopping_makes_safe_and_ends_the_action(make, kind):
    made = make(kind)
    action = made.device.hold(100.0)
    made.device.stop()
    assert action.done
    assert isinstance(action.exception(), RuntimeError)
    assert "was stopped" in str(action.exception())
    quiet = made.device.hold(100.0)
    made.device.unstage()
    assert quiet.success
    made.device.abandon(LabError("nobody listens"))
    abandoned = made.device.hold(5.0)
    made.device.abandon(LabError("the journal is full"))
    assert str(abandoned.exception()) == "the journal is full"


@every_class
def test_an_action_that_takes_too_long_fails_on_the_lab_clock(make, kind):
    made = make(kind)
    action = made.device.start_action(30.0)
    made.clock.sleep(29.0)
    assert not action.done
    made.clock.sleep(2.0)
    assert isinstance(action.exception(), TimeoutError)
    assert "not done within 30 s" in str(action.exception())


# Replies that are protected by a checksum.

CHECKED = tuple(kind for kind in CLASSES if class_of(kind).is_checked)


def test_the_protocols_with_a_checksum_are_known():
    assert {"Eurotherm3216", "InficonSQM160", "SampleMover"} <= set(CHECKED)


@pytest.mark.parametrize("kind", CHECKED)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_no_corrupted_byte_becomes_a_value(kind, data):
    """One byte of one reply is another: it is noticed, asked for again, and what is read is what would have been."""
    clean, made = Made(kind, bench(kind)), Made(kind, bench(kind))
    try:
        told = [signal for signal in signals(made.device) if signal.kind is not None]
        attribute = data.draw(st.sampled_from(sorted(signal.attr_name for signal in told)), "signal")
        with made.clock.held():
            disturb, struck = made.instrument.faults.disturb, []

            def strike(reply):
                if struck or not reply:
                    return disturb(reply)
                place = data.draw(st.integers(0, len(reply) - 1), "place")
                struck.append(data.draw(st.integers(1, 255), "change"))
                return reply[:place] + bytes([reply[place] ^ struck[0]]) + reply[place + 1 :], 0.0

            made.instrument.faults.disturb = strike
            with made.clock.flow():
                value = getattr(made.device, attribute).get()
            assert struck
            assert any(exchange.error for exchange in made.device.link.log)
        with clean.clock.held():
            expected = getattr(clean.device, attribute).get()
        if isinstance(expected, float):
            assert value == pytest.approx(expected, abs=max(1.0, 0.05 * abs(expected)))  # noise goes on
        else:
            assert value == expected
    finally:
        for one in (clean, made):
            one.device.link.close()
            one.clock.close()


PLAUSIBLE = {
    "AlicatMC": {"temperature": lambda v: -20 <= v <= 80, "pressure": lambda v: 0 <= v <= 200},
    "VaisalaHMT330": {"temperature": lambda v: -40 <= v <= 80, "humidity": lambda v: 0 <= v <= 100},
}
"""What may be believed of a garbled reply, where nothing but plausibility protects it."""


@pytest.mark.parametrize("kind", PLAUSIBLE)
def test_a_garbled_reply_is_noticed_or_plausible(make, kind):
    device, believed = make(kind, {"kind": "garbled", "probability": 0.3}).device, 0
    for _ in range(20):
        for attribute, may_be in PLAUSIBLE[kind].items():
            try:
                value = getattr(device, attribute).get()
            except LinkError:
                continue
            believed += 1
            assert may_be(value), (attribute, value)
    assert believed > 10


def test_every_class_is_tried():
    assert set(CLASSES) > set(DEVICES)
