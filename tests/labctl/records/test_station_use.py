from types import SimpleNamespace

import pytest

from labctl.records import station_use


def run(station, kind, begin, end, status="success", **parameters):
    stop = None if end is None else {"time": float(end), "exit_status": status}
    return SimpleNamespace(
        start={"station": station, "operation": kind, "time": float(begin), "parameters": parameters}, stop=stop
    )


def move(source, destination, begin, end):
    return run("mover", "transfer", begin, end, source=source, destination=destination)


RUNS = [
    move("rack.1", "oven.1", 0, 10),
    run("oven", "bake", 10, 40),
    move("oven.1", "rack.1", 50, 60),
    run("oven", "dry", 70, 80),
    run("oven", "dry", 80, 85, "fail"),
    run("probe", "measure", 90, None),
    run("oven", "dry", 95, 100),
]
"""A hundred seconds."""


def test_every_second_of_a_station_has_one_use():
    oven, probe, mover = station_use(
        RUNS,
        ("oven", "probe", "mover"),
        lambda station, before, kind: 5.0 if before != kind else 0.0,
        lambda station, begin, end: [(82.0, 83.0), (60.0, 61.0)] if station == "oven" else [],
    )
    assert oven.busy == pytest.approx(0.50)  # 30 + 10 + 5 + 5
    assert oven.waiting == pytest.approx(0.20)  # 40 to 60: the mover has it out at 60
    assert oven.down == pytest.approx(0.11)  # a failure, 85 to 95, and closed from 60 to 61
    assert oven.set_up == pytest.approx(0.05)
    assert oven.idle == pytest.approx(0.14)
    assert oven.n_operations == 4
    assert probe.busy == pytest.approx(0.10)  # it goes on
    assert mover.busy == pytest.approx(0.20)
    for use in (oven, probe, mover):
        assert use.busy + use.waiting + use.set_up + use.down + use.idle == pytest.approx(1.0)


def test_where_nothing_was_done_everything_is_idle():
    (use,) = station_use([], ("oven",))
    assert (use.busy, use.idle, use.n_operations) == (0.0, 1.0, 0)
