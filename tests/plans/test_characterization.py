"""Operations that measure, each on a bench of its own."""

import math

import pytest

from devices.zaber_xlsm import ask
from labctl.errors import LinkError
from sim_devices.keysight_e4980a import capacitance_F
from tests.plans.bench import bench

GEOMETRY = math.pi / math.log(2)


def conducting(laboratory):
    """Lay a conducting film on the bench; return its resistance between inner pins [ohm]."""
    laboratory.put("bench.1")
    film = laboratory.film("bench.1")
    film.deposit(150.0, vacancies_cm3=3e20, grain_nm=10.0, disorder=0.3)
    return film.sheet_resistance_ohm / GEOMETRY


def test_a_film_has_the_resistance_that_its_current_over_voltage_shows():
    with bench("measure_current_voltage") as laboratory:
        ohm = conducting(laboratory)
        parameters = {"start": "-50 mV", "stop": "50 mV", "n_steps": 10, "n_legs": 2, "settle": "1 s"}
        stop = laboratory.run("measure_current_voltage", "bench", wires="four", compliance="50 mA", **parameters)
        assert stop["exit_status"] == "success"
        points, (result,) = laboratory.rows("primary"), laboratory.rows("result")
        assert [round(row["meter_source_voltage"], 3) for row in points[:2] + points[10:12]] == [
            -0.05,
            -0.04,
            0.05,
            0.05,
        ]
        assert len(points) == 22
        assert result["resistance"] == pytest.approx(ohm, rel=0.005)
        assert 0 < result["resistance_error"] < 0.005 * ohm
        assert abs(result["offset_current"]) < 1e-3 * 0.05 / ohm
        assert result["nonlinearity"] < 0.01
        assert result["valid"] == 1.0
        assert laboratory.clock.monotonic() > 22
        with laboratory.clock.held():
            assert laboratory.lab.plant.hazards() == {}


def test_points_at_the_limit_of_the_current_are_no_part_of_the_line():
    with bench("measure_current_voltage") as laboratory:
        ohm = conducting(laboratory)
        laboratory.run(
            "measure_current_voltage", "bench", wires="four", compliance=f"{50 / ohm} mA", start="0 V", stop="100 mV"
        )
        (result,) = laboratory.rows("result")
        assert result["valid"] == 0.0
        assert result["resistance"] == pytest.approx(ohm, rel=0.01)
        assert sum(row["meter_in_compliance"] for row in laboratory.rows("primary")) > 5


def test_an_open_contact_is_not_valid_and_the_range_may_be_a_point():
    fault = {"device": "meter", "kind": "open_contact"}
    for parameters in ({}, {"start": "1 V", "stop": "1 V"}):
        with bench("measure_current_voltage", [fault]) as laboratory:
            conducting(laboratory)
            assert laboratory.run("measure_current_voltage", "bench", **parameters)["exit_status"] == "success"
            assert laboratory.rows("result")[0]["valid"] == 0.0


def test_a_reversed_current_leaves_the_thermal_voltage_out():
    with bench("measure_sheet_resistance_delta") as laboratory:
        ohm = GEOMETRY * conducting(laboratory)
        stop = laboratory.run("measure_sheet_resistance_delta", "bench", current="1 uA")
        assert stop["exit_status"] == "success"
        points, (result,) = laboratory.rows("primary"), laboratory.rows("result")
        assert [row["source_current"] for row in points[:3]] == [1e-6, -1e-6, 1e-6]
        assert result["thermal_voltage"] == pytest.approx(1.4e-6, abs=0.4e-6), "a fifth of what is measured"
        assert result["sheet_resistance"] == pytest.approx(ohm, rel=0.01)
        assert abs(result["sheet_resistance"] - ohm) < 4 * result["sheet_resistance_error"]
        assert result["valid"] == 1.0
        assert laboratory.lab.plant.hazards() == {}


@pytest.mark.parametrize("kind", ["measure_sheet_resistance_delta", "measure_capacitance_voltage"])
def test_without_a_sample_a_measurement_is_not_valid_or_next_to_nothing(kind):
    with bench(kind) as laboratory:
        assert laboratory.run(kind, "bench")["exit_status"] == "success"
        (result,) = laboratory.rows("result")
        assert result["valid"] == 0.0 or result["highest_capacitance"] < 1e-13


def test_capacitance_over_bias_shows_where_the_semiconductor_depletes():
    with bench("measure_capacitance_voltage") as laboratory:
        conducting(laboratory)
        stop = laboratory.run("measure_capacitance_voltage", "bench", frequency="100 kHz")
        assert stop["exit_status"] == "success"
        (result,) = laboratory.rows("result")
        assert result["highest_capacitance"] == pytest.approx(capacitance_F(-3.0), rel=0.01)
        assert result["lowest_capacitance"] == pytest.approx(capacitance_F(3.0), rel=0.01)
        assert result["steepest_bias"] == pytest.approx(-0.8, abs=0.2)
        assert result["valid"] == 1.0
        points = laboratory.rows("primary")
        assert [points[0]["meter_bias"], points[-1]["meter_bias"]] == [-3.0, 3.0]
        assert {row["meter_frequency"] for row in points} == {1e5}
        with laboratory.clock.held():
            assert laboratory.lab.plant.hazards() == {}


@pytest.mark.parametrize(
    ("kind", "parameters", "limits"),
    [
        ("measure_current_voltage", {"stop": "150 V"}, {"meter": {"source_voltage": ["-100 V", "100 V"]}}),
        ("measure_capacitance_voltage", {"stop": "10 V"}, {"meter": {"bias": ["-5 V", "5 V"]}}),
    ],
)
def test_limits_of_the_lab_file_hold_and_it_ends_safe(kind, parameters, limits):
    with bench(kind, limits=limits) as laboratory:
        stop = laboratory.run(kind, "bench", n_steps=2, **parameters)
        assert stop["exit_status"] == "fail"
        assert "is outside" in stop["reason"]
        with laboratory.clock.held():
            assert laboratory.lab.plant.hazards() == {}


MAP = {"middle_x": "25 mm", "middle_y": "25 mm", "width": "25 mm", "height": "25 mm", "contact": "12 mm"}


def mapping(*faults):
    return bench("map_sheet_resistance", faults, classes=dict.fromkeys("xy", "NewportESP300") | {"lift": "ZaberXLSM"})


def test_a_map_shows_where_the_film_is_thin_and_lowers_the_head_only_there():
    with mapping() as laboratory:
        conducting(laboratory)
        film = laboratory.film("bench.1")
        stop = laboratory.run("map_sheet_resistance", "bench", clearance="2 mm", n_x=3, n_y=3, **MAP)
        assert stop["exit_status"] == "success"
        points, (result,) = laboratory.rows("primary"), laboratory.rows("result")
        where = [(round(row["x_readback"], 1), round(row["y_readback"], 1)) for row in points]
        row = [15.5, 25.0, 34.5]
        assert where == [*((x, 15.5) for x in row), *((x, 25.0) for x in row[::-1]), *((x, 34.5) for x in row)]
        assert {round(row["lift_readback"], 1) for row in points} == {12.0}
        assert laboratory.lab.devices["lift"].readback.get() == pytest.approx(2.0, abs=0.01)
        ohms = [GEOMETRY * row["meter_resistance"] for row in points]
        expected = [film.sheet_resistance_at(math.hypot(x - 25.0, y - 25.0)) for x, y in where]
        assert ohms == pytest.approx(expected, rel=0.005)
        assert (result["lowest"], result["highest"]) == (min(ohms), max(ohms))
        assert result["sheet_resistance"] == pytest.approx(sum(ohms) / 9)
        assert result["nonuniformity"] == pytest.approx(result["spread"] / result["sheet_resistance"])
        assert 0.01 < result["nonuniformity"] < 0.1
        assert result["valid"] == 1.0
        with laboratory.clock.held():
            assert laboratory.lab.plant.hazards() == {}


def test_a_round_sample_has_no_corners_and_a_head_that_is_up_measures_nothing():
    with mapping() as laboratory:
        conducting(laboratory)
        shape = {"shape": "round", "n_x": 3, "n_y": 3}
        laboratory.run("map_sheet_resistance", "bench", **{**MAP, **shape, "contact": "9 mm"})
        assert len(laboratory.rows("primary")) == 5
        assert laboratory.rows("result")[0]["valid"] == 0.0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"middle_x": "45 mm"}, "is outside 0..50"), ({"margin": "13 mm"}, "no point of 5 x 5 is on a rectangle")],
)
def test_a_map_that_leaves_the_travel_or_the_sample_moves_nothing(wrong, words):
    with mapping() as laboratory:
        stop = laboratory.run("map_sheet_resistance", "bench", **{**MAP, **wrong})
        assert stop["exit_status"] == "fail"
        assert words in stop["reason"]
        assert laboratory.lab.devices["lift"].readback.get() == pytest.approx(11.7, abs=0.01)


def test_a_lift_does_not_leave_the_limits_that_it_keeps():
    with mapping() as laboratory:
        lift = laboratory.lab.devices["lift"]
        with laboratory.clock.held():
            lift.home(60.0)
            laboratory.clock.sleep(10.0)
            lift.upper_limit.put(11.0)
        stop = laboratory.run("map_sheet_resistance", "bench", **MAP)
        assert stop["exit_status"] == "fail"
        assert "lift: 12 mm is outside 0..11 mm" in stop["reason"]
        with laboratory.clock.held(), pytest.raises(LinkError, match="BADDATA"):
            ask(lift.link, "move abs 251968")  # 12 mm, past the driver


def test_a_stage_that_jams_in_a_map_ends_it_with_no_current():
    with mapping({"device": "y", "kind": "jammed", "start": "60 s"}) as laboratory:
        conducting(laboratory)
        stop = laboratory.run("map_sheet_resistance", "bench", **MAP)
        assert stop["exit_status"] == "fail"
        assert "FOLLOWING ERROR" in stop["reason"]
        assert laboratory.rows("primary")
        with laboratory.clock.held():
            assert laboratory.lab.plant.hazards() == {}


def test_resistance_is_read_at_temperatures_that_have_settled():
    with bench("measure_resistance_temperature") as laboratory:
        conducting(laboratory)
        ohm = laboratory.film("bench.1").sheet_resistance_at(kelvin=150.0) / GEOMETRY
        stop = laboratory.run(
            "measure_resistance_temperature", "bench", start="100 K", stop="200 K", n_steps=4, settle="5 min"
        )
        assert stop["exit_status"] == "success"
        points, (result,) = laboratory.rows("primary"), laboratory.rows("result")
        assert [round(row["cryostat_temperature"]) for row in points[::2]] == [100, 125, 150, 175, 200]
        assert [row["meter_source_current"] for row in points[:2]] == [1e-4, -1e-4]
        assert result["resistance"] == pytest.approx(ohm, rel=0.01)
        film = laboratory.film("bench.1")
        colder, warmer = (film.sheet_resistance_at(kelvin=kelvin) for kelvin in (100.0, 200.0))
        assert result["temperature_coefficient"] == pytest.approx((warmer - colder) / 100 / (ohm * GEOMETRY), rel=0.1)
        assert result["temperature_coefficient"] < -3 * result["coefficient_error"], "grown cold, it is no metal"
        assert result["valid"] == 1.0
        with laboratory.clock.held():
            assert laboratory.lab.plant.hazards() == {}


def test_a_sample_is_weighed_and_an_empty_pan_is_not_valid():
    with bench("weigh") as laboratory:
        assert laboratory.run("weigh", "bench")["exit_status"] == "success"
        laboratory.put("bench.1")
        laboratory.run("weigh", "bench", n_readings=2)
        empty, plate = laboratory.rows("result")
        assert (empty["mass"], empty["valid"]) == (pytest.approx(0.0, abs=1e-3), 0.0)
        assert plate["mass"] > 0.1
        assert plate["mass_error"] < 1e-3
        assert plate["valid"] == 1.0


def test_a_chuck_spins_through_its_programme_and_slipping_fails_it():
    programme = {"speed": "3000 rpm", "duration": "30 s"}
    with bench("spin_coat") as laboratory:
        laboratory.put("bench.1")
        assert laboratory.run("spin_coat", "bench", **programme)["exit_status"] == "success"
        assert laboratory.film("bench.1").thickness_nm == pytest.approx(123, rel=0.1)
        speeds = [row["coater_speed"] for row in laboratory.rows("process")]
        assert max(speeds) == pytest.approx(3000, rel=0.05)
        assert speeds[-1] < 100
        assert sum(2700 < speed < 3300 for speed in speeds) > 20
    slips = {"device": "coater", "kind": "slips", "start": "15 s", "amount": 0.7}
    with bench("spin_coat", [slips]) as laboratory:
        stop = laboratory.run("spin_coat", "bench", **programme)
        assert stop["exit_status"] == "fail"
        assert "the chuck slips or is blocked" in stop["reason"]
        with laboratory.clock.held(), laboratory.clock.flow():
            laboratory.clock.sleep(60.0)
        assert laboratory.lab.plant.hazards() == {}


def test_a_pump_brings_out_a_volume_and_a_stalled_one_fails():
    drop = {"volume": "0.3 mL", "rate": "2 mL/min"}
    with bench("dispense") as laboratory:
        stop = laboratory.run("dispense", "bench", **drop)
        assert stop["exit_status"] == "success"
        assert laboratory.rows("result") == [{"volume": pytest.approx(0.3, abs=0.001)}]
        assert len(laboratory.rows("process")) > 8
        assert laboratory.lab.plant.hazards() == {}
    with bench("dispense", [{"device": "pump", "kind": "stalled", "start": "3 s"}]) as laboratory:
        stop = laboratory.run("dispense", "bench", **drop)
        assert stop["exit_status"] == "fail"
        assert "mL, not by 0.3 mL" in stop["reason"]
        assert laboratory.lab.plant.hazards() == {}
