"""What every device class promises, whatever it drives."""

from __future__ import annotations

import math

import pytest
from ophyd.utils import LimitError

from devices import DEVICES, Readback, Setting, Soft, device_class
from devices.modbus import Register
from labctl.errors import LabError, LinkError, LinkTimeout
from labctl.quantities import registry
from tests.devices.conftest import CLASSES, IN_THE_EXAMPLE, Stranger, connect

TEXTS = {"source_function": ("CURR", "VOLT"), "sense_function": ("VOLT", "CURR")}
SLOW_FIRST = {"AjaDCXS": ("output",)}  # set last: while the output is on, times are locked
HARMFUL = ("AjaDCXS", "AlicatMC", "Eurotherm3216", "Keithley2400", "SampleMover", "ProcessTool", "RecipeTable")

every_class = pytest.mark.parametrize("kind", CLASSES)


def signals(device, of=Readback):
    return [signal for _, _, signal in device.walk_signals() if isinstance(signal, of)]


def settable(device):
    last = SLOW_FIRST.get(type(device).__name__, ())
    return sorted(signals(device, Setting), key=lambda signal: signal.attr_name in last)


def inside(signal):
    """Return two values that a setting allows and an instrument resolves."""
    if signal.dtype == "string":
        return TEXTS[signal.attr_name]
    low, high = signal.limits
    values = [low + share * (high - low) for share in (0.25, 0.5)]
    if signal.attr_name == "row":
        return 3, 7
    if signal.dtype == "integer":
        return tuple(dict.fromkeys(max(math.ceil(low), round(value)) for value in [*values, low, high]))[:2]
    return tuple(round(value) for value in values) if high - low > 10 else tuple(values)


def test_every_class_is_tested():
    assert set(CLASSES) == {*IN_THE_EXAMPLE, "ProcessTool", "RecipeTable"} == set(DEVICES)


@every_class
def test_it_cites_its_source_and_says_what_is_safe(kind):
    found = device_class(kind)
    assert len(found.source) > 15
    assert found.protocol
    assert found.safe_state.endswith(".")
    assert found.models
    assert all(found.models)
    assert "simulation only" in found.verified
    assert found.__doc__
    assert all(isinstance(getattr(found, attr).kwargs, dict) for attr in found.process)


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


@every_class
def test_reading_and_describing_name_the_same_keys(make, kind):
    device = make(kind).device
    assert device.read().keys() == device.describe().keys()
    assert device.read_configuration().keys() == device.describe_configuration().keys()
    wanted = {getattr(device, attr).name for attr in device.process}
    assert device.read_process().keys() == wanted


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
def test_outside_the_limits_nothing_is_sent(make, kind):
    made = make(kind)
    for signal in settable(made.device):
        if signal.dtype == "string":
            continue
        low, high = signal.limits
        for value in (low - 1, high + 1, math.inf, -math.inf):
            with pytest.raises((LimitError, ValueError) if signal.dtype == "integer" else LimitError) as caught:
                signal.set(value)
            assert signal.name in str(caught.value)
    assert made.sent == []


@every_class
def test_what_is_no_number_is_refused_and_nothing_is_sent(make, kind):
    made = make(kind)
    for signal in settable(made.device):
        if signal.dtype == "string":
            continue
        with pytest.raises(ValueError, match="is not a number"):
            signal.set(math.nan)
        if signal.dtype == "integer":
            with pytest.raises(ValueError, match="is not a whole number"):
                signal.set(signal.limits[0] + 0.5)
    assert made.sent == []


@every_class
def test_what_is_set_is_what_is_read(make, kind):
    device = make(kind).device
    for signal in settable(device):
        for value in inside(signal):
            status = signal.set(value)
            assert status.done
            assert status.success
            assert signal.get() == (value if signal.dtype == "string" else pytest.approx(value, rel=1e-3)), signal.name


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
            if not isinstance(signal.point, Register):  # which holds what a Setting may write
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


def test_making_safe_leaves_the_safe_state(make):
    supply = make("AjaDCXS").device
    supply.output.set(1)
    supply.make_safe()
    assert supply.output.get() == 0
    flow = make("AlicatMC").device
    flow.setpoint.set(50.0)
    flow.make_safe()
    assert flow.setpoint.get() == 0.0
    furnace = make("Eurotherm3216").device
    furnace.run_programme(5.0, 300.0, 10.0, 1e5)
    furnace.make_safe()
    assert (furnace.mode.get(), furnace.timer_status.get(), furnace.heater_power.get()) == (2, 0, 0.0)
    meter = make("Keithley2400").device
    meter.source_current.set(0.5)
    meter.output.set(1)
    meter.make_safe()
    assert (meter.output.get(), meter.source_current.get()) == (0, 0.0)


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
@pytest.mark.parametrize("fault", ["partial", "lost"])
def test_one_missing_reply_is_survived(make, kind, fault):
    device = make(kind, {"kind": fault, "duration": 0.001}).device
    assert device.connect() == make(kind).device.connect()
    assert device.link.log[0].error


@every_class
def test_one_garbled_reply_is_survived(make, kind):
    device, clean = make(kind, {"kind": "garbled", "duration": 0.001}).device, make(kind).device
    clean.connect()
    assert any(model in device.connect().model for model in device.models)
    assert device.link.log[0].received != clean.link.log[0].received


PROTECTED = {
    "AlicatMC": {"temperature": lambda v: -20 <= v <= 80, "pressure": lambda v: 0 <= v <= 200},
    "Eurotherm3216": {"temperature": lambda v: 15 < v < 30, "setpoint_high_limit": lambda v: v == 1200.0},
    "InficonSQM160": {"thickness": lambda v: abs(v) < 1.0, "frequency": lambda v: v == 5_990_000.0},
    "SampleMover": {"state": lambda v: v == "IDLE"},
    "VaisalaHMT330": {"temperature": lambda v: -40 <= v <= 80, "humidity": lambda v: 0 <= v <= 100},
}
"""What may be believed of a garbled reply, where a checksum or plausibility protects it."""


@pytest.mark.parametrize("kind", PROTECTED)
def test_a_garbled_reply_is_noticed_or_plausible(make, kind):
    device, believed = make(kind, {"kind": "garbled", "probability": 0.3}).device, 0
    for _ in range(20):
        for attribute, may_be in PROTECTED[kind].items():
            try:
                value = getattr(device, attribute).get()
            except LinkError:
                continue
            believed += 1
            assert may_be(value), (attribute, value)
    assert believed > 10


@pytest.mark.parametrize("kind", HARMFUL)
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


@every_class
def test_an_action_that_takes_too_long_fails_on_the_lab_clock(make, kind):
    made = make(kind)
    action = made.device.start_action(30.0)
    made.clock.sleep(29.0)
    assert not action.done
    made.clock.sleep(2.0)
    assert isinstance(action.exception(), TimeoutError)
    assert "not done within 30 s" in str(action.exception())


@every_class
def test_an_abandoned_action_fails_with_its_reason(make, kind):
    device = make(kind).device
    device.abandon(LabError("nobody listens"))
    action = device.hold(5.0)
    device.abandon(LabError("the journal is full"))
    assert str(action.exception()) == "the journal is full"
