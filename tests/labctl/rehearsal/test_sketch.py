"""A sketch beside the whole system: the same lab time, the same figures, in a small part of the computing."""

import json

import pytest

from labctl.app._running import check
from labctl.clock import VirtualClock
from labctl.errors import FileError
from labctl.files import read_yaml
from labctl.lab import build_lab, build_swift_plant, check_lab
from labctl.rehearsal import BASELINES, THIS, Race, Sketch, accelerations, extended, gain_of, race, require_sketchable
from labctl.rehearsal._extension import sketched_s
from labctl.rehearsal._night import played
from plans import OPERATIONS
from tests.labctl.rehearsal.conftest import DEPOSIT, HEAT, LOOK, write_campaign
from tests.laboratory import EXAMPLE, SCHEMAS


@pytest.mark.slow
def test_a_sketch_comes_to_what_engine_drivers_and_records_come_to(tmp_path):
    file = write_campaign(tmp_path / "files", (DEPOSIT, HEAT, LOOK), trials=3)
    with played(file, OPERATIONS, tmp_path / "store", 4) as night:
        outcomes = {outcome.trial: outcome.objectives["clear"] for outcome in night.campaign.outcomes}
        lab_s = night.ending.lab_s
    checked = check(file)
    for n, objective in enumerate(outcomes.values(), 1):
        assert race(checked, THIS, 4, min(list(outcomes.values())[:n]) * 0.99, 3).reached, objective
    assert sketched_s(checked, checked.lab, 4) == pytest.approx(lab_s, rel=0.01)
    hardest = race(checked, THIS, 4, max(outcomes.values()) * 0.995, 3)
    assert hardest.reached
    assert not race(checked, THIS, 4, max(outcomes.values()) * 1.005, 3).reached


def test_a_way_that_is_given_up_says_how_long_it_was_tried(tmp_path):
    checked = check(write_campaign(tmp_path))
    found = race(checked, BASELINES[1], 4, 2.0, 2)  # nothing lets through more than all light
    assert (found.baseline, found.reached, found.n_ended, found.n_begun) == ("b", False, 2, 2)
    assert 5 * 60 < found.lab_s < 3600


def test_what_cannot_be_sketched_is_named(tmp_path):
    checked = check(write_campaign(tmp_path))
    checked.content["operations"][1]["operation"] = "weigh"
    with pytest.raises(FileError, match=r"operations\[1\]\.operation: weigh cannot be sketched; known: transfer"):
        require_sketchable(checked)


def ran(baseline, seed, hours, reached=True):
    return Race(baseline, seed, 1.0, reached, 10, 12, hours * 3600.0, 40)


def test_factors_compare_the_same_seed_and_what_was_given_up_is_a_least():
    own = [ran("this", seed, 10.0 + seed) for seed in range(3)] + [ran("this", 3, 99.0, reached=False)]
    others = [ran("a", seed, 20.0 * (10.0 + seed), reached=seed != 1) for seed in range(4)]
    this, a = accelerations([*own, *others])
    assert (this.n_seeds, this.n_reached, this.factor.middle) == (4, 3, 1.0)
    assert (a.factor.middle, a.factor.low, a.factor.high) == (20.0, 20.0, 20.0)
    assert a.factor.is_least
    assert a.factor.text == "> 20 (20 to 20)"
    assert accelerations([ran("a", 0, 1.0)])[0].factor is None


def test_another_station_like_one_that_is_there_shortens_what_waits_for_it(tmp_path):
    file = write_campaign(tmp_path, ({**DEPOSIT, "thickness": "200 nm"}, LOOK), trials=6)
    content = read_yaml(tmp_path / "lab.yaml")
    more, problems = check_lab(extended(content, "sputter_b=sputter"), SCHEMAS, EXAMPLE)
    assert problems == []
    assert more.stations["sputter_b"].operations["sputter"]["supply"] == "sputter_b_magnetron"
    assert more.devices["sputter_b_magnetron"].limits == more.devices["magnetron"].limits
    assert more.safe_order[0] == ["magnetron", "furnace_a_control", "furnace_b_control", "sputter_b_magnetron"]
    found = gain_of(check(file), more, [4])
    assert 0.0 < found.share < 0.5
    assert json.dumps(content) == json.dumps(read_yaml(tmp_path / "lab.yaml"))


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("sputter_b", "must be NEW=STATION"),
        ("b=sputer", "no station is called 'sputer'; did you mean 'sputter'"),
        ("probe=sputter", "'probe' is there already"),
        ("robot=mover", "mover is the mover, and a laboratory has one"),
    ],
)
def test_a_station_that_cannot_be_copied_is_refused(wanted, told):
    with pytest.raises(ValueError, match=told):
        extended(read_yaml(EXAMPLE / "lab.yaml"), wanted)


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//labctl//test//EN
BEGIN:VEVENT
UID:staff
DTSTART:20231115T090000Z
DTEND:20231115T170000Z
RRULE:FREQ=DAILY
CATEGORIES:WORKING-HOURS
LOCATION:photometer
END:VEVENT
BEGIN:VEVENT
UID:others
DTSTART:20231114T223000Z
DTEND:20231114T233000Z
LOCATION:sputter
END:VEVENT
END:VCALENDAR
"""


def test_a_campaign_keeps_out_of_reservations_and_waits_for_people(tmp_path):
    photometer = read_yaml(EXAMPLE / "lab.yaml")["stations"]["photometer"] | {"attended": True}
    stations = read_yaml(EXAMPLE / "lab.yaml")["stations"] | {"photometer": photometer}
    recipe = ({**DEPOSIT, "thickness": "100 nm"}, LOOK)
    file = write_campaign(tmp_path, recipe, trials=4, stations=stations, calendar="lab.ics")
    (tmp_path / "lab.ics").write_text(CALENDAR)
    checked, clock = check(file), VirtualClock()  # at 22:13:20 on 2023-11-14
    lab = build_lab(checked.lab, clock, checked.schemas, seed=4)
    sketch = Sketch(checked, lab, build_swift_plant(checked.lab, clock, 4))
    done = sketch.run(4)
    clock.close()
    lab.close()
    assert len(done) == 4
    records = [record for by_sample in sketch.records.values() for record in by_sample.values()]
    taken = (1_700_001_000.0, 1_700_004_600.0)
    sputtered = [(r.start, r.end) for r in records if r.kind == "sputter"]
    assert len(sputtered) == 4
    assert not [span for span in sputtered if span[0] < taken[1] and span[1] > taken[0]]
    assert any(begin < taken[0] for begin, _ in sputtered)
    assert any(begin >= taken[1] for begin, _ in sputtered)
    opens = 1_700_038_800.0  # nine o'clock
    looked = [(r.start, r.end) for r in records if r.kind == "measure_transmittance"]
    assert all(opens <= begin and end <= opens + 8 * 3600 for begin, end in looked)
    assert min(begin for begin, _ in looked) < opens + 600
