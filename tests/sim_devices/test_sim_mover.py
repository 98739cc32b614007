"""A simulated sample mover, and what its fault does."""

from __future__ import annotations

import pytest

from sim_devices.sample_mover import SimSampleMover, checksum
from sim_devices.wire import Fault
from tests.sim_devices.conftest import say


class Mover:
    """A sample mover by command."""

    def __init__(self, bench, *faults):
        self.instrument = SimSampleMover(bench.clock, 1, bench.line, faults, move_s=60.0)

    def __call__(self, text):
        reply, _, check = str(say(self.instrument, f"{text}*{checksum(text)}\n")).rpartition("*")
        assert check == checksum(reply)
        return reply


def test_a_mover_carries_a_sample(bench):
    mover = Mover(bench)
    assert [mover("STATUS?"), mover("NEXT?"), mover("MOVE 1 rack.1 furnace.1")] == ["IDLE", "1", "OK"]
    assert mover("STATUS?") == "MOVING 1 rack.1 furnace.1"
    assert mover("MOVE 2 rack.2 furnace.2") == "ERR busy"
    bench.clock.sleep(80.0)
    assert mover("STATUS?") == "DONE 1"
    assert bench.line.sample_at("rack.1") is None
    assert bench.line.sample_at("furnace.1") is not None


def test_a_move_that_is_said_twice_is_done_once(bench):
    mover = Mover(bench)
    assert [mover("MOVE 1 rack.1 furnace.1"), mover("MOVE 1 rack.1 furnace.1"), mover("NEXT?")] == ["OK", "OK", "2"]
    bench.clock.sleep(80.0)
    mover("STATUS?")
    assert [mover("MOVE 1 rack.1 furnace.1"), mover("STATUS?")] == ["OK", "DONE 1"]
    assert mover("MOVE 1 rack.2 furnace.2") == "ERR next number is 2"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("MOVE 1 chamber.1 furnace.1", "ERR chamber.1 is empty"),
        ("MOVE 1 rack.1 rack.2", "ERR rack.2 is taken"),
        ("MOVE 9 rack.1 furnace.1", "ERR next number is 1"),
        ("MOVE x rack.1 furnace.1", "ERR unknown command"),
        ("JUMP", "ERR unknown command"),
        ("", "ERR unknown command"),
    ],
)
def test_a_mover_refuses_what_it_cannot_do(bench, command, error):
    mover = Mover(bench)
    assert mover(command) == error
    assert mover("NEXT?") == "1"


def test_a_mover_refuses_an_unknown_place(bench):
    assert Mover(bench)("MOVE 1 rack.1 moon.1").startswith("ERR no place 'moon.1'")


def test_a_line_with_a_wrong_checksum_moves_nothing(bench):
    mover = Mover(bench)
    assert str(say(mover.instrument, "MOVE 1 rack.1 furnace.1*00\n")).startswith("ERR checksum")
    assert mover("STATUS?") == "IDLE"


@pytest.mark.parametrize(("after_s", "place"), [(5.0, "rack.1"), (40.0, "furnace.1")])
def test_a_halted_move_leaves_the_sample_where_it_is(bench, after_s, place):
    mover = Mover(bench)
    mover("MOVE 1 rack.1 furnace.1")
    bench.clock.sleep(after_s)
    assert [mover("HALT"), mover("HALT"), mover("STATUS?")] == ["OK", "OK", f"HALTED 1 at {place}"]
    bench.clock.sleep(100.0)
    assert bench.line.sample_at(place) is not None


def test_a_dropped_sample_fails_the_move(bench):
    mover = Mover(bench, Fault("dropped"))
    mover("MOVE 1 rack.1 furnace.1")
    bench.clock.sleep(80.0)
    assert mover("STATUS?") == "FAILED 1 gripper is empty"
    assert bench.line.sample_at("rack.1") is not None
    assert mover("MOVE 2 rack.1 furnace.1") == "OK"
