import math

import pytest
from event_model import DocumentNames, schema_validators
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.app._replay import recording_of
from labctl.errors import LabError
from labctl.records import automatic_flags, operation_history
from labctl.store._run import gather
from plans import OPERATIONS
from tests.faults import TRIALS, Cell, outcome
from tests.laboratory import SCHEMAS, Laboratory

SHORT_SPUTTER = {"power": "100 W", "thickness": "5 nm", "argon_flow": "20 sccm", "oxygen_flow": "0.3 sccm"}
SHORT_ANNEAL = {"temperature": "60 degC", "ramp_rate": "20 K/min", "dwell": "2 min", "unload_below": "50 degC"}


def off(laboratory, *names):
    """Return whether the named sources of harm are off, as the instruments themselves tell."""
    devices = laboratory.lab.devices
    state = {
        "magnetron": lambda: devices["magnetron"].output.get() == 0,
        "argon": lambda: devices["argon"].setpoint.get() == 0,
        "oxygen": lambda: devices["oxygen"].setpoint.get() == 0,
        "furnace": lambda: devices["furnace_a_control"].mode.get() == 2,
        "meter": lambda: devices["probe_meter"].output.get() == 0,
    }
    with laboratory.clock.held():
        return all(state[name]() for name in names)


def test_sputter_deposits_the_thickness_and_ends_safe(laboratory):
    laboratory.put("sputter.1")
    stop = laboratory.run("sputter", "sputter", **SHORT_SPUTTER)
    assert stop["exit_status"] == "success"
    assert laboratory.film("sputter.1").thickness_nm == pytest.approx(5, rel=0.15)
    assert off(laboratory, "magnetron", "argon", "oxygen")
    assert stop["num_events"]["baseline"] == 2
    process = laboratory.rows("process")
    assert max(row["magnetron_power"] for row in process) == 100
    assert {"argon_setpoint", "argon_flow", "chamber_gauge_pressure", "quartz_thickness"} <= set(process[0])


def test_anneal_reaches_the_temperature_and_ends_with_the_heater_off(laboratory):
    laboratory.put("furnace_a.1")
    stop = laboratory.run("anneal", "furnace_a", **SHORT_ANNEAL)
    assert stop["exit_status"] == "success"
    temperatures = [row["furnace_a_control_temperature"] for row in laboratory.rows("process")]
    assert 59 < max(temperatures) < 70
    assert temperatures[-1] < 51
    assert off(laboratory, "furnace")


def test_a_whole_recipe_gives_a_conducting_transparent_film(laboratory):
    laboratory.put("sputter.1")
    laboratory.run(
        "sputter", "sputter", power="100 W", thickness="150 nm", argon_flow="20 sccm", oxygen_flow="0.3 sccm"
    )
    laboratory.put("furnace_a.1", "sputter.1")
    laboratory.run("anneal", "furnace_a", temperature="350 degC", ramp_rate="8 K/min", dwell="45 min")
    laboratory.put("probe.1", "furnace_a.1")
    assert laboratory.run("measure_sheet_resistance", "probe")["exit_status"] == "success"
    laboratory.put("photometer.1", "probe.1")
    laboratory.run("measure_transmittance", "photometer")
    resistance, transmittance = laboratory.rows("result")
    film = laboratory.film("photometer.1")
    assert resistance["sheet_resistance"] == pytest.approx(film.sheet_resistance_ohm, rel=0.01)
    assert transmittance["transmittance"] == pytest.approx(film.transmittance(550), rel=0.01)
    assert 5 < resistance["sheet_resistance"] < 50
    assert 0.7 < transmittance["transmittance"] < 0.95


def test_a_bare_plate_is_measured_as_not_valid(laboratory):
    laboratory.put("probe.1")
    assert laboratory.run("measure_sheet_resistance", "probe")["exit_status"] == "success"
    assert laboratory.rows("result") == [{"sheet_resistance": 0.0, "sheet_resistance_error": 0.0, "valid": 0.0}]
    assert off(laboratory, "meter")


def test_transfer_carries_the_sample(laboratory):
    stop = laboratory.run("transfer", "mover", source="rack.2", destination="probe.1")
    assert stop["exit_status"] == "success"
    assert laboratory.film("rack.2") is None
    assert laboratory.film("probe.1") is not None


def test_transfer_from_an_empty_place_fails_with_the_movers_own_words(laboratory):
    stop = laboratory.run("transfer", "mover", source="probe.1", destination="rack.1")
    assert stop["exit_status"] == "fail"
    assert "probe.1 is empty" in stop["reason"]


def test_every_document_is_valid_and_stamped_on_the_lab_clock(laboratory):
    laboratory.put("sputter.1")
    laboratory.run("sputter", "sputter", **SHORT_SPUTTER)
    last = laboratory.clock.epoch
    for name, document in laboratory.documents:
        schema_validators[DocumentNames[name]].validate(document)
        if "time" in document:
            assert last <= document["time"] <= laboratory.clock.time()
            last = document["time"]
    assert " at 0x" not in str(laboratory.documents), "a memory address means nothing in a record"
    assert [name for name, _ in laboratory.documents].count("start") == 1
    assert [name for name, _ in laboratory.documents].count("stop") == 1


def test_configuration_holds_identity_and_calibration(laboratory):
    with laboratory.clock.held():
        laboratory.lab.connect()
    laboratory.put("probe.1")
    laboratory.run("measure_sheet_resistance", "probe")
    descriptor = next(d for n, d in laboratory.documents if n == "descriptor" and d["name"] == "primary")
    data = descriptor["configuration"]["probe_meter"]["data"]
    assert data["probe_meter_model"] == "MODEL 2400"
    assert data["probe_meter_calibration_date"] == "2022-11-20"


@pytest.mark.parametrize(
    ("device", "kind", "operation", "station", "parameters"),
    [
        ("furnace_a_control", "lost", "anneal", "furnace_a", SHORT_ANNEAL),
        ("quartz", "lost", "sputter", "sputter", SHORT_SPUTTER),
        ("argon", "garbled", "sputter", "sputter", SHORT_SPUTTER),
        ("magnetron", "arc", "sputter", "sputter", {**SHORT_SPUTTER, "time_limit": "5 min"}),
        ("chamber_gauge", "disconnected", "sputter", "sputter", SHORT_SPUTTER),
        ("probe_meter", "lost", "measure_sheet_resistance", "probe", {}),
    ],
)
def test_a_fault_fails_the_run_with_a_reason_and_what_can_be_made_safe_is_safe(
    device, kind, operation, station, parameters
):
    fault = {"device": device, "kind": kind, "start": 70.0 if station != "probe" else 0.2, "duration": 400.0}
    with Laboratory([fault]) as laboratory:
        laboratory.put(f"{station}.1")
        stop = laboratory.run(operation, station, **parameters)
        assert stop["exit_status"] == "fail"
        assert stop["reason"]
        with laboratory.clock.held():
            laboratory.clock.sleep(500)  # the cable is back
        sources = {"furnace_a": ("furnace",), "sputter": ("magnetron", "argon", "oxygen"), "probe": ("meter",)}[station]
        mute = {"furnace_a_control": "furnace", "argon": "argon", "probe_meter": "meter"}.get(device)
        assert off(laboratory, *(name for name in sources if name != mute))
        if mute is not None:
            assert "may NOT be safe" in stop["reason"]


def test_a_mute_furnace_mid_ramp_is_off_once_it_answers_the_safing(laboratory):
    fault = {"device": "furnace_a_control", "kind": "lost", "start": 100.0, "duration": 24.0}
    with Laboratory([fault]) as faulty:
        faulty.put("furnace_a.1")
        stop = faulty.run("anneal", "furnace_a", **SHORT_ANNEAL)
        assert stop["exit_status"] == "fail"
        assert "no reply in time" in stop["reason"]
        assert off(faulty, "furnace")


def test_an_abort_makes_safe_and_says_why(laboratory):
    laboratory.put("furnace_a.1")

    def stop_it():
        laboratory.clock.sleep(600)
        laboratory.engine.abort_reason = "a person asked"
        laboratory.engine.abort("a person asked")

    laboratory.clock.spawn(stop_it, "person")
    stop = laboratory.run("anneal", "furnace_a", temperature="300 degC", ramp_rate="5 K/min", dwell="60 min")
    assert stop["exit_status"] == "abort"
    assert stop["reason"] == "a person asked"
    assert off(laboratory, "furnace")


def test_a_journal_that_cannot_be_written_fails_the_run_and_the_plasma_is_off(laboratory):
    laboratory.put("sputter.1")
    n = 0

    def full_disk(name, document):
        nonlocal n
        n += 1
        if 12 <= n <= 14:
            raise LabError("no space left on device")

    laboratory.engine.subscribe(full_disk)
    stop = laboratory.run("sputter", "sputter", **SHORT_SPUTTER)
    assert stop["exit_status"] == "fail"
    assert "no space left" in stop["reason"]
    assert off(laboratory, "magnetron", "argon", "oxygen")


@pytest.mark.parametrize("kind", sorted(TRIALS))
def test_wrong_parameters_are_refused_before_the_first_message(kind, laboratory):
    devices = next(s.operations[kind] for s in laboratory.lab.stations.values() if kind in s.operations)
    with pytest.raises(ValueError, match="nonsense"):
        OPERATIONS[kind](*devices, ["S-1"], nonsense=1)
    with pytest.raises(ValueError, match=f"{kind}.{next(iter(SCHEMAS[kind].roles))} must be a"):
        OPERATIONS[kind](object(), *devices[1:], ["S-1"])


def test_a_sample_name_in_place_of_a_list_is_refused(laboratory):
    with pytest.raises(ValueError, match="list of names"):
        OPERATIONS["anneal"](laboratory.lab.devices["furnace_a_control"], "S-1", **SHORT_ANNEAL)


def test_a_value_outside_the_devices_limits_fails_before_anything_is_set(laboratory):
    laboratory.put("furnace_a.1")
    stop = laboratory.run("anneal", "furnace_a", **{**SHORT_ANNEAL, "temperature": "900 degC"})
    assert stop["exit_status"] == "fail"
    assert "outside 20..600" in stop["reason"]
    link = laboratory.lab.devices["furnace_a_control"].link
    written = [entry.sent for entry in link.log if entry.sent[1] == 6]
    assert all(entry[3] in (0x11, 0x17) for entry in written), "only mode off and timer reset may have been sent"


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    power=st.floats(20, 300),
    thickness=st.floats(1, 8),
    oxygen=st.floats(0, 10),
    argon=st.floats(5, 100),
    presputter=st.floats(0, 99),
)
def test_any_valid_sputter_recipe_ends_safe(power, thickness, oxygen, argon, presputter):
    with Laboratory() as laboratory:
        laboratory.put("sputter.1")
        stop = laboratory.run(
            "sputter",
            "sputter",
            power=f"{power} W",
            thickness=f"{thickness} nm",
            oxygen_flow=f"{oxygen} sccm",
            argon_flow=f"{argon} sccm",
            presputter=f"{presputter} s",
            time_limit="20 min",
        )
        assert stop["exit_status"] in ("success", "fail")
        assert off(laboratory, "magnetron", "argon", "oxygen")


@pytest.mark.parametrize(("kind", "start", "rows"), [("late", 0.0, 2), ("lost", 0.0, 2), ("disconnected", 10.0, 1)])
def test_an_operation_goes_on_without_the_rooms_sensor(kind, start, rows):
    with Laboratory([{"device": "room", "kind": kind, "start": start, "duration": 900.0}]) as laboratory:
        stop = laboratory.run("transfer", "mover", source="rack.2", destination="probe.1")
        told = [row["event_message"] for row in laboratory.rows("events")]
        run = gather(laboratory.documents)
    assert stop["exit_status"] == "success"
    assert len(told) == rows
    assert told[0].startswith("no ambient reading: room (ASRL8::INSTR)")
    flags = {flag.key: flag for flag in automatic_flags(run) if flag.kind == "missing"}
    assert set(flags) == {"room_temperature", "room_humidity"}
    assert flags["room_humidity"].detail == f"{rows} of 2 readings"
    assert ("room_humidity" in operation_history(run, "S-1").ambient) == (rows == 1)
    assert len(recording_of(run).room_degC) == 2 - rows


@pytest.mark.parametrize("start", [0.0, 0.15])
def test_a_dead_lamp_is_no_dark_film(start):
    with Laboratory([{"device": "photometer_meter", "kind": "lamp_off", "start": start}]) as laboratory:
        laboratory.put("photometer.1")
        stop = laboratory.run("measure_transmittance", "photometer")
        assert (stop["exit_status"], laboratory.rows("result")) == ("fail", [])
        assert "photometer_meter.power=" in stop["reason"]


@pytest.mark.parametrize("kind", sorted(TRIALS))
def test_an_abort_in_the_middle_of_any_operation_is_safe_within_5_s(kind):
    trial, asked_s = TRIALS[kind], []
    with Laboratory() as laboratory:
        if trial.place:
            laboratory.put(trial.place)

        def stop_it():
            clock = laboratory.clock
            clock.sleep({"sputter": 60.0, "anneal": 600.0, "transfer": 30.0}.get(kind, 0.3))
            asked_s.append(clock.time())
            laboratory.engine.abort_reason = "a person asked"
            laboratory.engine.abort("a person asked")

        laboratory.clock.spawn(stop_it, "person")
        stop = laboratory.run(kind, trial.station, **trial.parameters)
        assert (stop["exit_status"], stop["reason"]) == ("abort", "a person asked")
        assert sum(name == "stop" for name, _ in laboratory.documents) == 1
        assert stop["time"] - asked_s[0] < 5
        with laboratory.clock.held():
            assert laboratory.lab.plant.hazards() == {}


@pytest.mark.parametrize(
    ("cell", "kind", "safe"),
    [
        (Cell("measure_sheet_resistance", "probe_meter", "lost", "begin", 5.0), "again", "safe"),
        (Cell("measure_sheet_resistance", "probe_meter", "open_contact", "begin", math.inf), "spoilt", "safe"),
        (Cell("measure_transmittance", "photometer_meter", "lamp_off", "middle", math.inf), "failed", "safe"),
        (Cell("measure_transmittance", "photometer_meter", "partial", "begin", 5.0), "again", "safe"),
        (Cell("sputter", "argon", "disconnected", "middle", math.inf), "failed", "wire gone"),
        (Cell("sputter", "magnetron", "disconnected", "middle", 5.0), "failed", "safe"),
        (Cell("sputter", "quartz", "garbled", "begin", 5.0), "failed", "safe"),
        (Cell("anneal", "furnace_a_control", "lost", "middle", 5.0), "flagged", "safe"),
        (Cell("transfer", "robot", "disconnected", "middle", 5.0), "repeated", "safe"),
        (Cell("transfer", "room", "lost", "end", math.inf), "flagged", "safe"),
    ],
    ids=lambda value: f"{value.device} {value.fault}" if isinstance(value, Cell) else "",
)
def test_a_fault_ends_as_declared(cell, kind, safe):
    found = outcome(cell)
    assert (found.kind, found.safe) == (kind, safe), found
