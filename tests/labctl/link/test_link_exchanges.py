"""What a link sends, believes and writes down."""

import struct

import pytest

from labctl.errors import LinkError
from labctl.link import Plausible
from sim_devices.wire import Fault

BELIEVABLE = Plausible(0.0, 100.0)


def test_a_query_strips_the_termination_and_parses(wire):
    assert wire().link.query("ECHO 7.5", float) == 7.5


def test_a_write_waits_for_nothing(wire):
    made = wire()
    made.link.write("ACT")
    assert made.instrument.acted == 1
    assert made.clock.monotonic() == 0.0
    assert str(made.link.log[0]) == "1700000000.000 > b'ACT\\n' < b''"


def test_a_frame_is_read_in_as_many_pieces_as_it_says(wire):
    made, lengths = wire(read_termination="", write_termination=""), []

    def missing(received):
        lengths.append(len(received))
        return 1 if not received else int(received[:1]) + 1 - len(received)

    assert made.link.exchange(b"ECHO 3abc\n", missing, bytes) == b"3abc"
    assert lengths == [0, 1, 4]


def test_a_binary_exchange_is_not_cut_at_a_line_feed(wire):
    made = wire(read_termination="", write_termination="")
    parse = struct.Struct("3s").unpack
    assert made.link.exchange(b"ECHO a\nECHO b\n", lambda received: 3 - len(received), parse) == (b"a\nb",)


def test_the_second_agreeing_reading_is_believed(wire):
    made = wire()
    assert made.link.query("ECHO 250", float, plausible=BELIEVABLE) == 250.0
    assert len(made.link.log) == 2


def test_a_single_garbled_digit_is_not_believed(wire):
    made = wire()
    replies = iter(["9512", "25", "26"])
    parse = lambda reply: float(next(replies))  # noqa: E731  stands for one garbled reply
    assert made.link.query("N?", parse, plausible=BELIEVABLE) == 25.0
    assert made.link.query("N?", parse, plausible=BELIEVABLE) == 26.0


def test_two_implausible_readings_that_differ_are_an_error(wire):
    made = wire()
    replies = iter(["9512", "-80"])
    with pytest.raises(LinkError, match=r"implausible: outside 0\.\.100 or changes too fast") as caught:
        made.link.query("N?", lambda reply: float(next(replies)), plausible=BELIEVABLE)
    assert caught.value.reply == "9512.0 then -80.0"
    assert "implausible" in made.link.log[-1].error


def test_a_number_that_is_none_is_implausible(wire):
    with pytest.raises(LinkError, match="implausible"):
        wire().link.query("ECHO nan", float, plausible=BELIEVABLE)


def test_a_request_that_must_not_act_twice_is_not_confirmed(wire):
    made = wire()
    with pytest.raises(LinkError, match="implausible"):
        made.link.query("N?", lambda reply: -1.0, plausible=BELIEVABLE, repeatable=False)
    assert made.instrument.asked == 1


def test_a_reading_that_jumps_is_confirmed_and_time_allows_change(wire):
    made, slow = wire(), Plausible(0.0, 1000.0, rate=2.0)
    values = iter([20.0, 21.9, 60.0, 60.0, 260.0])
    parse = lambda reply: next(values)  # noqa: E731
    assert made.link.query("N?", parse, plausible=slow) == 20.0
    assert made.link.query("N?", parse, plausible=slow) == 21.9
    assert made.link.query("N?", parse, plausible=slow) == 60.0
    assert made.instrument.asked == 4
    made.clock.sleep(100.0)
    assert made.link.query("N?", parse, plausible=slow) == 260.0
    assert made.instrument.asked == 5


def test_the_log_keeps_the_latest_exchanges_only(wire):
    made = wire()
    for _ in range(1005):
        made.link.query("N?")
    assert len(made.link.log) == 1000
    assert made.link.log[-1].received == b"1005\n"
    assert made.link.log[0].received == b"6\n"


def test_the_log_file_has_every_exchange_with_its_error(wire, log_file):
    made = wire([Fault("lost", start_s=1.0)], retries=0, log_file=log_file)
    made.link.query("N?")
    made.clock.sleep(1.0)
    with pytest.raises(LinkError):
        made.link.query("N?")
    first, second = log_file.read_text().splitlines()
    assert first == "counter 1700000000.000 > b'N?\\n' < b'1\\n'"
    assert second.startswith("counter 17000000") and second.endswith("no reply in time")
