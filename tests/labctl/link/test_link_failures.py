"""What a link does when the wire does not do what it should."""

import pytest

from labctl.errors import LinkError, LinkTimeout
from sim_devices.wire import Fault

SERIAL, GPIB, SOCKET = "ASRL1::INSTR", "GPIB0::3::INSTR", "TCPIP0::10.0.0.1::4001::SOCKET"


def test_nothing_is_opened_before_the_first_exchange(wire):
    made = wire([Fault("disconnected", duration_s=5.0)])
    made.clock.sleep(6.0)  # an open at construction would have failed by now
    assert made.link.query("N?", int) == 1


def test_a_mute_instrument_times_out_after_every_retry_and_is_named(wire):
    made = wire([Fault("lost")], address=GPIB, timeout_s=1.5, retries=2)
    with pytest.raises(LinkTimeout) as caught:
        made.link.query("N?", int)
    assert made.clock.monotonic() == pytest.approx(4.5)
    assert made.instrument.asked == 3
    error = caught.value
    assert (error.device, error.address, error.command, error.reply) == ("counter", GPIB, "N?", "")
    assert all(word in str(error) for word in ("counter", GPIB, "N?", "no reply in time"))


@pytest.mark.parametrize("address", [SERIAL, GPIB, SOCKET])
def test_a_late_reply_to_the_first_try_never_answers_the_second(wire, address):
    made = wire([Fault("late", duration_s=1.0, amount=3.0)], address=address)
    assert made.link.query("N?", int) == 2
    assert made.link.query("ECHO x") == "x"


@pytest.mark.parametrize("address", [SERIAL, GPIB, SOCKET])
def test_a_late_reply_never_answers_another_request(wire, address):
    made = wire([Fault("late", duration_s=1.0, amount=3.0)], address=address, retries=0)
    with pytest.raises(LinkTimeout):
        made.link.query("N?", int)
    assert made.link.query("ECHO x") == "x"


def test_a_request_that_must_not_act_twice_is_sent_once(wire):
    made = wire([Fault("lost", duration_s=1.0)])
    with pytest.raises(LinkTimeout):
        made.link.query("ACT", repeatable=False)
    assert made.instrument.acted == 1
    made.link.query("ACT", repeatable=False)
    assert made.instrument.acted == 2


def test_a_garbled_reply_is_asked_again(wire):
    made = wire([Fault("garbled", duration_s=0.005)])
    assert made.link.query("ECHO 1234", int) == 1234
    assert [bool(entry.error) for entry in made.link.log] == [True, False]


def test_a_reply_that_stays_garbled_is_told_with_the_reply(wire):
    made = wire()
    with pytest.raises(LinkError, match=r"'ECHO what' -> 'what': unusable reply: invalid literal") as caught:
        made.link.query("ECHO what", int)
    assert caught.value.reply == "what"
    assert not isinstance(caught.value, LinkTimeout)


def test_a_reply_that_is_no_ascii_is_unusable_and_shown_as_it_came(wire):
    with pytest.raises(LinkError, match="can't decode"):
        wire().link.query("ECHO 5\xb0")


def test_half_a_reply_is_a_time_out(wire):
    made = wire([Fault("partial")], retries=0)
    with pytest.raises(LinkTimeout):
        made.link.query("ECHO 1234")


def test_a_connection_that_comes_back_works_again(wire):
    made = wire([Fault("disconnected", start_s=1.0, duration_s=10.0)])
    assert made.link.query("N?", int) == 1
    made.clock.sleep(2.0)
    with pytest.raises(LinkError, match="counter"):
        made.link.query("N?", int)
    made.clock.sleep(10.0)
    assert made.link.query("N?", int) == 2


def test_an_address_with_nothing_behind_it_is_an_error_in_the_log(wire):
    made = wire([Fault("disconnected")])
    with pytest.raises(LinkError, match=r"counter \(ASRL1::INSTR\): 'open'"):
        made.link.query("N?")
    assert "cannot be opened" in made.link.log[0].error
    assert made.link.log[0].sent == b"N?\n"


def test_a_closed_manager_is_a_link_error(wire):
    made = wire()
    made.link.query("N?")
    made.link._manager.close()
    with pytest.raises(LinkError):
        made.link.query("N?")


def test_fail_fast_neither_retries_nor_waits(wire):
    made = wire([Fault("lost", start_s=1.0)])
    made.link.query("N?")
    made.clock.sleep(1.0)
    before = made.clock.monotonic()
    made.link.fail_fast(0.25)
    with pytest.raises(LinkTimeout):
        made.link.query("N?")
    assert made.clock.monotonic() - before == pytest.approx(0.25)
    assert made.instrument.asked == 2


def test_fail_fast_cuts_the_wait_for_a_late_reply(wire):
    made = wire([Fault("lost")], timeout_s=30.0, retries=0)
    with pytest.raises(LinkTimeout):
        made.link.query("N?")
    before = made.clock.monotonic()
    made.link.fail_fast(0.5)
    with pytest.raises(LinkTimeout):
        made.link.query("N?")
    assert made.clock.monotonic() - before == pytest.approx(1.0)


def test_a_greeting_sent_before_the_first_request_answers_nothing(wire):
    made = wire()
    made.library.open_default_resource_manager()
    session, _ = made.library.open(1, "ASRL1::INSTR")
    made.library.write(session, b"ECHO >\n")
    made.clock.sleep(1.0)
    assert made.link.query("N?") == "1"


def test_a_closed_link_opens_again(wire):
    made = wire()
    made.link.query("N?")
    made.link.close()
    assert made.link.query("N?", int) == 2


def test_a_command_without_a_reply_is_sent_at_once_whatever_failed_before(wire):
    made = wire([Fault("late", duration_s=1.0, amount=3.0)], retries=0)
    with pytest.raises(LinkTimeout):
        made.link.query("N?", int)
    before = made.clock.monotonic()
    made.link.write("ACT")
    assert made.clock.monotonic() == before
    assert made.instrument.acted == 1
    assert made.link.query("ECHO x") == "x"
