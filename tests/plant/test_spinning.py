"""Liquid on a chuck becomes a film."""

from __future__ import annotations

import pytest

from labctl.clock import VirtualClock
from sim_devices.plant import Line, SpinChuck


def spun_nm(rpm: float, *poured_mL: float) -> float:
    """Return how thick a film is after a minute; somebody wets the sample where nothing is poured."""
    clock = VirtualClock()
    line = Line(clock, 1)
    line.add_places("coater", 1)
    line.load_substrates("coater")
    chuck = SpinChuck(line, "coater.1")
    chuck.is_wetted_by_hand = not poured_mL
    with clock.held(), clock.flow():
        for volume in poured_mL:
            chuck.pour(volume)
        chuck.speed_rpm = lambda now_s: rpm
        clock.sleep(60.0)
        chuck.advance()
        film = line.sample_at("coater.1")
    clock.close()
    assert film is not None
    return film.thickness_nm


def test_four_times_the_speed_leaves_half_the_film():
    assert spun_nm(1500.0) / spun_nm(6000.0) == pytest.approx(2.0, rel=0.05)


def test_a_sample_is_coated_once_while_it_turns_however_it_was_wetted():
    assert spun_nm(3000.0) == spun_nm(3000.0, 0.5) == spun_nm(3000.0, 0.25, 0.25)
    assert spun_nm(3000.0) == pytest.approx(123.0, rel=0.1)


def test_too_little_liquid_leaves_no_film():
    assert spun_nm(3000.0, 0.1) == 0.0
