"""Go, go with warnings, do not."""

from dataclasses import replace

import pytest

from labctl.rehearsal import Approach, Drilled, Night, Trip
from labctl.rehearsal._verdict import judge
from tests.laboratory import example_lab

GOOD = Night(1, "budget", 3600.0, 4, 4, 0, 0, 1.0, 4, {}, (), (), (), (), {}, {}, ())
SAFE = Drilled("argon", "lost", 60.0, 2.0, "sputter", "withstood", "1 failed exchange repeated", 0, 0.0, 1, (), {}, 0.0)
BEGIN = 1_780_000_000.0
"""2026-05-28, UTC."""


def verdict(night=GOOD, drilled=SAFE, *, is_real=False, begin=None):
    return judge([GOOD, night], [drilled], example_lab(), begin, is_real=is_real)


def test_a_night_without_fault_is_a_go():
    assert (verdict().verdict, verdict().against, verdict().warnings) == ("go", (), ())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"ending": "stopped: the mover failed"}, "seed 1: the campaign ended before its time: stopped: the mover"),
        (
            {"n_lost": 2, "reasons": {"no station left": 2}},
            "seed 1: 2 of 4 samples were lost: no station left (2 times)",
        ),
        ({"n_completed": 0, "n_failed": 4, "reasons": {"film is open": 4}}, "seed 1: no trial was completed: film is"),
        (
            {"trips": (Trip("hot", "abort", "above 500 degC", 2),)},
            "seed 1: interlock hot (abort) trips: above 500 degC (2",
        ),
    ],
)
def test_what_speaks_against_a_night(changes, text):
    found = verdict(replace(GOOD, **changes))
    assert found.verdict == "do not"
    assert found.against[0].startswith(text)


def test_a_laboratory_that_stays_unsafe_speaks_against_the_night():
    left = {"furnace_a_control": "control on, wall at 400 degC"}
    assert verdict(drilled=replace(SAFE, hazards=left, safe_after_s=None)).verdict == "do not"
    found = verdict(drilled=replace(SAFE, hazards=left, safe_after_s=600.0))
    assert found.verdict == "go with warnings"
    assert found.warnings == (
        "lost on argon: safe only 10 min after the end (furnace_a_control: control on, wall at 400 degC)",
    )


def test_what_is_a_warning():
    near = Approach("magnetron_setpoint", "W", 0.0, 300.0, 100.0, 297.0)
    assert verdict(replace(GOOD, approaches=(near,))).warnings == (
        "magnetron_setpoint comes within 1 % of its limits: 100..297, allowed 0..300 W",
    )
    assert verdict(replace(GOOD, trips=(Trip("warm", "warn", "above 30 degC", 1),))).warnings == (
        "seed 1: interlock warm (warn) trips: above 30 degC",
    )
    assert verdict(drilled=replace(SAFE, outcome="unnoticed", detail="t changed")).warnings == (
        "lost on argon would go unnoticed: t changed",
    )
    assert verdict(drilled=replace(SAFE, outcome="stopped")).warnings == (
        "1 of 1 drilled faults end the campaign: lost on argon",
    )


def test_values_of_a_real_laboratory_are_not_judged():
    spoilt = replace(GOOD, n_completed=0, n_failed=4, reasons={"film is open": 4})
    assert verdict(spoilt, is_real=True).verdict == "go"


def test_a_calibration_that_ends_before_the_night_does_is_told():
    assert verdict(begin=BEGIN).warnings == ()
    late = verdict(replace(GOOD, lab_s=240 * 86400.0), begin=BEGIN)
    assert (
        late.warnings[0] == "the calibration of furnace_a_control holds until 2027-01-14; the night ends on 2027-01-23"
    )
