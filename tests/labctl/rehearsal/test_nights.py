"""What a night comes to, beside what the simulated plant itself knows."""

from pathlib import Path

import pytest

from labctl.records._station_use import _covered
from labctl.rehearsal import Approach
from labctl.rehearsal._night import _figures, played
from plans import OPERATIONS
from tests.labctl.rehearsal.conftest import DEPOSIT, HEAT, LOOK, write_campaign

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A night of two trials, with what the plant knows of it."""
    folder = tmp_path_factory.mktemp("night")
    file = write_campaign(folder / "files", (DEPOSIT, HEAT, LOOK))
    with played(file, OPERATIONS, folder / "store", 4) as done:
        chamber = done.lab.plant.instruments["magnetron"]._chamber
        yield _figures(done, 4), done.runs, chamber.target_used_kWh - 2.0


def amount(figures, what, device):
    (found,) = [one for one in figures.spent if (one.what, one.device) == (what, device)]
    return found.amount, found.unit


def test_energy_and_target_are_what_the_plant_spent(night):
    figures, _, target_kWh = night
    assert amount(figures, "target", "magnetron")[0] == pytest.approx(target_kWh, rel=0.1)
    assert amount(figures, "electricity", "magnetron") == (amount(figures, "target", "magnetron")[0], "kWh")


def test_the_heaters_energy_is_power_share_times_rating_times_time(night):
    figures, runs, _ = night
    (run, *others) = [run for run in runs if run.start["station"] == "furnace_a"]
    stream = run.streams["process"]
    by_hand = sum(
        (b - a) * (p + q) / 2 / 100 * 2.0 / 3600
        for a, b, p, q in zip(
            stream.times[:-1],
            stream.times[1:],
            stream.columns["furnace_a_control_heater_power"][:-1],
            stream.columns["furnace_a_control_heater_power"][1:],
            strict=True,
        )
    )
    told, unit = amount(figures, "electricity", "furnace_a_control")
    assert (others, unit) == ([], "kWh")
    assert told == pytest.approx(by_hand, rel=0.01)
    assert 0.05 < told < 1.0


def test_gas_is_counted_in_standard_litres_and_named(night):
    figures, runs, _ = night
    litres, unit = amount(figures, "gas", "argon")
    seconds = sum(run.stop["time"] - run.start["time"] for run in runs if run.start["operation"] == "sputter")
    assert unit == "l"
    assert 0.5 < litres / (20.0 * seconds / 60_000) < 1.0
    assert {one.of for one in figures.spent if one.device == "argon"} == {"Ar"}


def test_shares_of_a_stations_time_add_up(night):
    figures, runs, _ = night
    loads = {load.station: load for load in figures.loads}
    assert set(loads) == {"sputter", "furnace_a", "furnace_b", "probe", "photometer", "mover"}
    for load in loads.values():
        assert load.busy + load.waiting + load.set_up + load.down + load.idle == pytest.approx(1.0)
    begin = min(run.start["time"] for run in runs)
    whole = max(run.stop["time"] for run in runs) - begin
    sputtering = sum(run.stop["time"] - run.start["time"] for run in runs if run.start["station"] == "sputter")
    assert loads["sputter"].busy == pytest.approx(sputtering / whole)
    assert loads["sputter"].waiting > 0
    assert loads["probe"] == type(loads["probe"])("probe", 0.0, 0.0, 0.0, 0.0, 1.0, 0)


def test_substrates_and_limits_are_told(night):
    figures, _, _ = night
    assert (figures.ending, figures.n_trials, figures.n_substrates, figures.n_lost) == ("budget", 2, 2, 0)
    near = {approach.key: approach for approach in figures.approaches}
    assert near["magnetron_setpoint"].high == 300.0
    assert 150.0 <= near["magnetron_setpoint"].lowest <= near["magnetron_setpoint"].highest <= 290.0
    assert "magnetron_output" not in near


@pytest.mark.parametrize(
    ("low", "high", "lowest", "highest", "margin"),
    [(0.0, 300.0, 0.1, 285.0, 0.05), (20.0, 600.0, 49.0, 300.0, 0.05), (-0.1, 0.1, -0.09, 0.01, 0.05)],
)
def test_a_low_limit_of_nothing_is_not_approached(low, high, lowest, highest, margin):
    assert Approach("x", "", low, high, lowest, highest).margin == pytest.approx(margin)


def test_time_that_is_covered_twice_counts_once():
    assert _covered([(0.0, 10.0), (5.0, 12.0), (20.0, 21.0), (6.0, 7.0)]) == 13.0


def test_without_a_rating_a_heater_has_hours_at_full_power(night, tmp_path: Path):
    import yaml

    from labctl.rehearsal import spent
    from tests.laboratory import EXAMPLE, example_lab

    stations = yaml.safe_load((EXAMPLE / "lab.yaml").read_text())["stations"]
    assert stations["furnace_a"]["fittings"]["heater_rating"] == "2 kW"
    figures, runs, _ = night
    run = next(run for run in runs if run.start["station"] == "furnace_a")
    bare = type(run)(run.uid, {**run.start, "fittings": {}}, run.stop, run.streams)
    (hours,) = [one for one in spent([bare], example_lab()) if one.what == "electricity"]
    assert (hours.unit, hours.amount) == (
        "h",
        pytest.approx(amount(figures, "electricity", "furnace_a_control")[0] / 2),
    )
