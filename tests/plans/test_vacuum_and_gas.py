"""Operations of vacuum, gas and plasma, each on a bench of its own."""

import pytest
import yaml

from tests.plans.bench import bench

GAUGE = {"gauge": "PfeifferTPG362"}
SHUTTER = {
    "instrument": "Shutter",
    "protocol": "scpi",
    "models": ["RLY-1"],
    "identity": "*IDN?",
    "maker": "Example",
    "source": "tests/plans/test_vacuum_and_gas.py",
    "safe_state": "Closed.",
    "make_safe": {"open": 0},
    "process": ["open"],
    "signals": {"open": {"at": ":ROUT?", "set_at": ":ROUT {:d}", "type": "integer", "limits": [0, 1]}},
}
RF = {"power": "100 W", "thickness": "5 nm", "argon_flow": "20 sccm", "presputter": "20 s", "time_limit": "10 min"}


def safe(laboratory, *but):
    with laboratory.clock.held():
        return not set(laboratory.lab.plant.hazards()) - set(but)


def test_a_chamber_is_pumped_down_and_the_pump_goes_on():
    with bench("pump_down", classes=GAUGE) as laboratory:
        pump, clock = laboratory.lab.devices["pump"], laboratory.clock
        with clock.held(), clock.flow():
            pump.make_safe()
            clock.sleep(3000.0)
        stop = laboratory.run("pump_down", "bench", pressure="1 mPa")
        assert stop["exit_status"] == "success"
        (result,) = laboratory.rows("result")
        assert result["pressure"] < 1e-3
        assert 60 < result["pump_time"] < 3600
        assert pump.at_speed.get() == 1, "what it does is the purpose"
        process = laboratory.rows("process")
        assert process[0]["gauge_pressure"] > 9e4 > 1e-3 > process[-1]["gauge_pressure"]
        driven = [row["gauge_pressure"] for row in process if row["pump_speed"] > 10]
        assert max(driven) < 1e3, "the backing pump comes first"


def test_a_rotor_is_not_driven_above_the_pressure_of_the_interlock():
    with bench("pump_down", classes=GAUGE) as laboratory:
        pump, clock = laboratory.lab.devices["pump"], laboratory.clock
        with clock.held(), clock.flow():
            pump.make_safe()
            clock.sleep(3000.0)
        stop = laboratory.run("pump_down", "bench", start_below="0.1 Pa", time_limit="5 min")
        assert stop["exit_status"] == "fail"
        assert "not done within" in stop["reason"]
        assert max(row["pump_speed"] for row in laboratory.rows("process")) < 10
        assert safe(laboratory)


def test_a_pump_that_trips_fails_the_operation_and_is_off():
    with bench("pump_down", [{"device": "pump", "kind": "trip", "start": "100 s"}], classes=GAUGE) as laboratory:
        stop = laboratory.run("pump_down", "bench", pressure="1e-7 Pa")
        assert stop["exit_status"] == "fail"
        assert "drive says" in stop["reason"]
        assert safe(laboratory)


def test_a_chamber_is_vented_and_only_then_opened():
    from plans import vent

    with bench("vent", classes=GAUGE) as laboratory:
        devices = laboratory.lab.stations["bench"].operations["vent"]
        assert "opened above 90000 Pa" in vent.closed(*devices, open_above=9e4)
        stop = laboratory.run("vent", "bench")
        assert stop["exit_status"] == "success"
        with laboratory.clock.held(), laboratory.clock.flow():
            laboratory.clock.sleep(120.0)
        assert vent.closed(*devices, open_above=9e4) == ""
        assert safe(laboratory)


def test_two_gases_flow_in_a_ratio():
    with bench("mix_gases") as laboratory:
        stop = laboratory.run("mix_gases", "bench", total_flow="50 sccm", share=0.04, duration="10 min")
        assert stop["exit_status"] == "success"
        (result,) = laboratory.rows("result")
        assert result["share"] == pytest.approx(0.04, abs=0.005)
        assert result["total_flow"] == pytest.approx(50, abs=0.5)
        flowing = [row for row in laboratory.rows("process") if row["carrier_setpoint"] == 48]
        assert len(flowing) > 100
        assert laboratory.lab.devices["admixture"].setpoint.get() == 0
        assert safe(laboratory)


def test_controllers_of_another_make_flow_again_after_they_were_made_safe():
    with bench("mix_gases", classes=dict.fromkeys(("carrier", "admixture"), "BronkhorstELFlow")) as laboratory:
        for _ in range(2):
            stop = laboratory.run("mix_gases", "bench", total_flow="50 sccm", share=0.2, duration="1 min")
            assert stop["exit_status"] == "success"
            assert safe(laboratory)
        assert [row["share"] for row in laboratory.rows("result")] == pytest.approx([0.2, 0.2], abs=0.01)


def test_neither_valve_opens_where_a_flow_is_too_large():
    with bench("mix_gases", limits={"admixture": {"setpoint": ["0 sccm", "10 sccm"]}}) as laboratory:
        stop = laboratory.run("mix_gases", "bench", total_flow="50 sccm", share=0.5, duration="10 min")
        assert stop["exit_status"] == "fail"
        assert "admixture_setpoint=25 sccm is outside 0..10 sccm" in stop["reason"]
        assert laboratory.rows("process")[-1]["carrier_setpoint"] == 0


@pytest.fixture
def shutter(tmp_path):
    (tmp_path / "shutter.yaml").write_text(yaml.safe_dump(SHUTTER))
    return {"shutter": str(tmp_path / "shutter.yaml"), **GAUGE}


def test_rf_sputtering_cleans_the_target_and_deposits_the_thickness(shutter):
    with bench("sputter_rf", classes=shutter) as laboratory:
        laboratory.put("bench.1")
        stop = laboratory.run("sputter_rf", "bench", monitor_period="0.5 s", **RF)
        assert stop["exit_status"] == "success"
        assert laboratory.film("bench.1").thickness_nm == pytest.approx(5, rel=0.3)
        process = laboratory.rows("process")
        lit = [row for row in process if row["supply_forward_power"] > 90]
        assert lit[0]["shutter_open"] == 0
        assert {row["shutter_open"] for row in lit} == {0, 1}
        assert laboratory.lab.devices["shutter"].open.get() == 0
        assert safe(laboratory)


def test_a_plasma_that_is_not_matched_deposits_nothing(shutter):
    with bench("sputter_rf", classes=shutter) as laboratory:
        laboratory.put("bench.1")
        stop = laboratory.run("sputter_rf", "bench", **{**RF, "presputter": "0 s"})
        assert stop["exit_status"] == "fail"
        assert "come back; the plasma is not matched" in stop["reason"]
        assert laboratory.film("bench.1").thickness_nm == 0
        assert safe(laboratory)


def test_what_cannot_open_is_no_shutter():
    with bench("sputter_rf", classes={"shutter": "VaisalaHMT330", **GAUGE}) as laboratory:
        assert "no setting 'open'" in laboratory.run("sputter_rf", "bench", **RF)["reason"]
