"""Faults of the wire: what they do, when, and that a seed repeats them."""

import pytest

from labctl.clock import VirtualClock
from sim_devices.recipe_table import SimRecipeTable
from sim_devices.wire import WIRE_FAULTS, Fault

REQUEST = b"*IDN?\n"
REPLY = b"labctl,recipe-table,0,1.0\n"


def table(*faults, seed=1):
    return SimRecipeTable(VirtualClock(), seed, [{}], faults)


def replies(instrument, n=1):
    return [reply for _ in range(n) for reply in instrument.receive(REQUEST)]


def test_without_faults_the_reply_is_whole_and_quick():
    (reply,) = replies(table())
    assert (reply.data, reply.delay_s) == (REPLY, 0.005)


def test_a_lost_reply_does_not_come():
    assert replies(table(Fault("lost"))) == []


def test_a_late_reply_comes_later_by_its_amount():
    assert replies(table(Fault("late")))[0].delay_s == pytest.approx(3.005)
    assert replies(table(Fault("late", amount=0.5)))[0].delay_s == pytest.approx(0.505)


def test_a_garbled_reply_differs_in_one_byte():
    for reply in replies(table(Fault("garbled")), n=50):
        assert len(reply.data) == len(REPLY)
        assert sum(a != b for a, b in zip(reply.data, REPLY, strict=True)) == 1


def test_a_partial_reply_stops_half_way():
    assert replies(table(Fault("partial")))[0].data == REPLY[: len(REPLY) // 2]


def test_a_disconnected_instrument_says_nothing():
    instrument = table(Fault("disconnected"))
    assert not instrument.connected
    assert replies(instrument) == []


def test_a_fault_lasts_from_its_start_for_its_duration():
    instrument = table(Fault("lost", start_s=10.0, duration_s=5.0))
    heard = []
    for _ in range(20):
        heard.append(bool(replies(instrument)))
        instrument.clock.sleep(1.0)
    assert heard == [True] * 10 + [False] * 5 + [True] * 5
    instrument.clock.close()


def test_probability_is_the_share_of_replies_that_is_struck():
    assert 420 < len(replies(table(Fault("lost", probability=0.5)), n=1000)) < 580


@pytest.mark.parametrize("kind", ["garbled", "lost", "partial", "late"])
def test_the_same_seed_gives_the_same_bytes(kind):
    def bytes_of(seed):
        return [(r.data, r.delay_s) for r in replies(table(Fault(kind, probability=0.3), seed=seed), n=100)]

    assert bytes_of("7:probe") == bytes_of("7:probe")
    assert bytes_of("7:probe") != bytes_of("8:probe")


def test_several_faults_strike_together():
    (reply,) = replies(table(Fault("garbled"), Fault("late", amount=1.0)))
    assert reply.data != REPLY
    assert reply.delay_s > 1.0


def test_an_unknown_fault_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"SimRecipeTable has no fault melted; known: .*garbled"):
        table(Fault("melted"))


@pytest.mark.parametrize("wrong", [{"start_s": -1.0}, {"duration_s": 0.0}, {"probability": 1.5}])
def test_a_senseless_fault_is_refused(wrong):
    with pytest.raises(ValueError, match="fault lost"):
        Fault("lost", **wrong)


def test_every_kind_of_fault_is_described():
    assert set(WIRE_FAULTS) == {"late", "lost", "garbled", "partial", "disconnected"}
