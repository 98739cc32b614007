"""What a target has yet to be told, without threads or clocks."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.notices import KINDS, SEVERITIES, Notice, Waiting
from labctl.notices._waiting import MOST


def notice(subject="furnace_a failed", kind="failure", severity="warning", time=0.0, text=""):
    return Notice(kind, severity, subject, time, text)


def subjects(told):
    return [one.notice.subject for one in told]


def test_the_first_notice_is_told_at_once():
    waiting = Waiting({}, 900)
    waiting.add(notice(), 0.0)
    assert subjects(waiting.take(0.0)) == ["furnace_a failed"]
    assert len(waiting) == 0


def test_alike_notices_become_one_with_a_count_and_the_last_text():
    waiting = Waiting({}, 900)
    for number in range(7):
        waiting.add(notice(time=100.0 + number, text=f"{number}"), float(number))
    (told,) = waiting.take(10.0)
    assert (told.count, told.first, told.notice.time, told.notice.text) == (7, 100.0, 106.0, "6")


def test_the_same_is_not_told_again_before_its_time_and_then_with_its_count():
    waiting = Waiting({"failure": 0.0}, 900)
    waiting.add(notice(), 0.0)
    waiting.delivered(waiting.take(0.0), 1.0)
    for number in range(50):
        waiting.add(notice(), 2.0 + number)
    assert waiting.take(900.0) == []
    assert waiting.next_s(900.0) == 1.0
    assert [told.count for told in waiting.take(901.0)] == [50]


def test_different_notices_of_a_kind_keep_its_gap_and_then_come_together():
    waiting = Waiting({"failure": 300.0}, 900)
    waiting.add(notice("a"), 0.0)
    waiting.delivered(waiting.take(0.0), 0.0)
    waiting.add(notice("b"), 1.0)
    waiting.add(notice("c", severity="critical"), 2.0)
    assert waiting.take(299.0) == []
    assert subjects(waiting.take(300.0)) == ["c", "b"]


def test_one_kind_does_not_hold_up_another():
    waiting = Waiting({}, 900)
    waiting.add(notice("a"), 0.0)
    waiting.delivered(waiting.take(0.0), 0.0)
    waiting.add(notice("b"), 1.0)
    waiting.add(notice("too hot", kind="alarm"), 1.0)
    assert subjects(waiting.take(1.0)) == ["too hot"]


def test_the_most_severe_kind_is_told_first():
    waiting = Waiting({}, 900)
    waiting.add(notice("done", kind="finished", severity="info"), 0.0)
    waiting.add(notice("too hot", kind="alarm", severity="critical"), 1.0)
    assert subjects(waiting.take(1.0)) == ["too hot"]
    assert subjects(waiting.take(1.0)) == ["done"]


def test_what_comes_while_a_message_is_on_its_way_is_not_lost():
    waiting = Waiting({}, 900)
    waiting.add(notice(), 0.0)
    taken = waiting.take(0.0)
    waiting.add(notice(time=5.0), 5.0)
    for told in taken:
        assert waiting.put_back(told) is None
    (both,) = waiting.take(6.0)
    assert (both.count, both.since, both.notice.time) == (2, 0.0, 5.0)


def test_there_is_an_end_to_waiting_and_the_least_severe_goes():
    waiting = Waiting({}, 900)
    waiting.add(notice("light", severity="info"), 0.0)
    refused = [waiting.add(notice(f"{n}", severity="critical"), 1.0 + n) for n in range(MOST)]
    assert refused[:-1] == [None] * (MOST - 1)
    assert refused[-1].notice.subject == "light"
    assert len(waiting) == MOST


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(KINDS), st.sampled_from(SEVERITIES), st.floats(0, 5000)),
        max_size=40,
    )
)
def test_every_notice_is_counted_exactly_once(given_notices):
    waiting, told = Waiting({"alarm": 10.0}, 900), 0
    for subject, kind, severity, moment in sorted(given_notices, key=lambda entry: entry[3]):
        waiting.add(Notice(kind, severity, subject, moment), moment)
        if moment > 1000:
            taken = waiting.take(moment)
            waiting.delivered(taken, moment)
            told += sum(one.count for one in taken)
    while taken := waiting.take(0.0, all_of_them=True):
        told += sum(one.count for one in taken)
    assert told == len(given_notices)
