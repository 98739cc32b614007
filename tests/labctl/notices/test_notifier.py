"""Notices on their way to people: apprise, and real servers on the loopback interface."""

import json
import logging
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from labctl.clock import RealClock, VirtualClock
from labctl.notices import About, DailySummary, Notice, NoticesEntry, Notifier, address_problems
from labctl.notices._delivery import is_understood
from tests.receiver import Mute, Receiver

SECRET = "Hu5hHu5h"
CRITICAL = Notice(
    "alarm",
    "critical",
    "furnace_a above 1200 degC",
    1_700_000_000.0,
    "1213 degC",
    About("ito", ("t1",), ("ito-0001", "ito-0002"), "furnace_a", "1a2b3c4d"),
)


def entry(**changes):
    target = changes.pop("target", {})
    return NoticesEntry.model_validate(
        {"targets": {"shift": {"env": "LABCTL_TEST", **target}}, "timezone": "Asia/Tokyo", **changes}
    )


@pytest.fixture(scope="module", autouse=True)
def apprise_is_loaded():
    """It takes a second or two, which no test's limit is for."""
    assert is_understood("json://localhost/")


@pytest.fixture
def receiver(monkeypatch):
    with Receiver() as opened:
        monkeypatch.setenv("LABCTL_TEST", opened.address)
        yield opened


def test_a_notice_says_what_happened_when_and_to_what(receiver):
    with Notifier(entry(), "ito-line", simulated=False) as notifier:
        notifier.tell(CRITICAL)
    (message,) = receiver.messages
    assert message["title"] == "[ito-line] alarm (critical): furnace_a above 1200 degC"
    assert message["type"] == "failure"
    assert message["message"].splitlines() == [
        "furnace_a above 1200 degC",
        "2023-11-15 07:13:20 JST",
        "campaign ito; trials t1; samples ito-0001, ito-0002; station furnace_a; run uid 1a2b3c4d",
        "1213 degC",
    ]


def test_a_target_is_told_of_its_kinds_from_its_severity_on(receiver):
    chosen = entry(target={"kinds": ["alarm", "failure"], "severity": "warning"})
    with Notifier(chosen, "lab", simulated=False) as notifier:
        for kind, severity in (("alarm", "info"), ("finished", "critical"), ("failure", "warning")):
            notifier.tell(Notice(kind, severity, f"{kind} {severity}", 0.0))
    assert receiver.titles == ["[lab] failure (warning): failure warning"]


def test_a_simulated_laboratory_tells_only_those_who_asked_for_it(receiver):
    with Notifier(entry(), "lab", simulated=True) as notifier:
        notifier.tell(CRITICAL)
    assert receiver.messages == []
    with Notifier(entry(target={"when_simulated": True}), "lab", simulated=True) as notifier:
        notifier.tell(CRITICAL)
    assert receiver.titles == ["[lab, simulated] alarm (critical): furnace_a above 1200 degC"]


def test_a_delivery_that_fails_is_tried_again_ever_more_seldom(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "labctl")
    clock = VirtualClock(stall_s=20)
    with Receiver(500, 503, 429, 200) as receiver:
        monkeypatch.setenv("LABCTL_TEST", receiver.address)
        notifier = Notifier(entry(), "lab", simulated=False, clock=clock)
        with clock.held(), clock.flow():
            notifier.tell(CRITICAL)
            clock.sleep(34.9)
            assert len(receiver.messages) == 3  # after 0, 5 and 15 s
            clock.sleep(0.2)
            assert len(receiver.messages) == 4
            notifier.close()
    clock.close()
    reasons = [record.reason for record in caplog.records if record.msg == "delivery failed"]
    assert reasons == [f"the service refused it (HTTP {code})" for code in (500, 503, 429)]
    assert [record.target for record in caplog.records if record.msg == "notice delivered"] == ["shift"]


def test_what_never_arrives_is_logged_and_kept(monkeypatch, caplog, tmp_path):
    clock, kept = VirtualClock(stall_s=20), tmp_path / "undelivered.jsonl"
    with Receiver(500) as receiver:
        monkeypatch.setenv("LABCTL_TEST", receiver.address)
        notifier = Notifier(entry(retry_for="10 min"), "lab", simulated=False, undelivered=kept, clock=clock)
        with clock.held(), clock.flow():
            notifier.tell(CRITICAL)
            notifier.tell(CRITICAL)
            clock.sleep(700)
            notifier.close()
    clock.close()
    (line,) = map(json.loads, kept.read_text().splitlines())
    assert {key: line[key] for key in ("target", "kind", "count", "station", "reason")} == {
        "target": "shift",
        "kind": "alarm",
        "count": 2,
        "station": "furnace_a",
        "reason": "the service refused it (HTTP 500)",
    }
    assert [record.levelname for record in caplog.records if record.msg == "notice undelivered"] == ["ERROR"]


def test_a_target_without_an_address_costs_the_others_nothing(receiver, monkeypatch, tmp_path):
    monkeypatch.delenv("LABCTL_NOBODY", raising=False)
    both = NoticesEntry.model_validate(
        {"targets": {"nobody": {"env": "LABCTL_NOBODY"}, "shift": {"env": "LABCTL_TEST"}}}
    )
    with Notifier(both, "lab", simulated=False, undelivered=tmp_path / "kept") as notifier:
        notifier.tell(CRITICAL)
    assert len(receiver.messages) == 1
    assert json.loads((tmp_path / "kept").read_text())["reason"] == "the environment variable LABCTL_NOBODY is not set"


def test_a_server_that_hangs_delays_neither_a_plan_nor_the_end(monkeypatch, tmp_path):
    """50 ms is what a plan may lose; a call that waited for the server would lose 4 s.

    The machine may be busy: of several rounds, the one that it disturbed least counts.
    """
    from bluesky import plan_stubs as bps

    from labctl.engine import LabRunEngine, ScanIds

    def plan(notifier, longest):
        for first in range(0, 150, 30):  # more than may wait
            delays = []
            for number in range(first, first + 30):
                before = time.perf_counter()
                notifier.tell(Notice("alarm", "critical", f"alarm {number}", 0.0))
                yield from bps.null()
                delays.append(time.perf_counter() - before)
            longest.append(max(delays))

    with Mute() as mute, Receiver() as receiver:
        monkeypatch.setenv("LABCTL_TEST", mute.address)
        monkeypatch.setenv("LABCTL_OTHER", receiver.address)
        targets = {"hung": {"env": "LABCTL_TEST"}, "other": {"env": "LABCTL_OTHER"}}
        both = NoticesEntry.model_validate({"targets": targets})
        assert address_problems(both, simulated=False) == []  # as a campaign does first; it loads apprise
        notifier = Notifier(both, "lab", simulated=False, undelivered=tmp_path / "kept")
        engine = LabRunEngine(RealClock(), {}, ScanIds(), lambda name, document: None)
        longest = []
        engine(plan(notifier, longest))
        engine.close()
        assert receiver.told.wait(10), "the other target was told meanwhile"
        before = time.perf_counter()
        notifier.close(limit_s=0.2)
        assert time.perf_counter() - before < 2
    assert min(longest) < 0.05
    kept = [json.loads(line) for line in (tmp_path / "kept").read_text().splitlines()]
    assert len({line["subject"] for line in kept if line["target"] == "hung"}) == 150


@pytest.fixture
def heard():
    """What comes to the root logger; pytest's own handler also hears those that do not let it come that far."""
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger().addHandler(handler)
    yield records
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("answer", [500, None, 200])
def test_no_secret_is_ever_logged_shown_or_kept(answer, monkeypatch, caplog, capfd, tmp_path, heard):
    caplog.set_level(logging.DEBUG, "labctl")
    caplog.set_level(logging.DEBUG, "apprise")
    with Receiver(answer or 200) as receiver:
        address = receiver.address if answer else "json://user:Hu5hHu5h@127.0.0.1:9/Hu5hHu5h"
        monkeypatch.setenv("LABCTL_TEST", address)
        notifier = Notifier(entry(retry_for="0 s"), "lab", simulated=False, undelivered=tmp_path / "kept")
        notifier.tell(CRITICAL)
        notifier.close()
    assert len(heard) >= 2
    seen = [str(record.__dict__) for record in heard] + [str(vars(notifier)), *capfd.readouterr()]
    seen += [file.read_text() for file in tmp_path.iterdir()]
    assert not [text for text in seen if SECRET in text]


@pytest.mark.parametrize("address", ["nonsense", "foo://Hu5hHu5h", "slack://Hu5hHu5h", "json://a/ json://Hu5hHu5h/"])
def test_an_address_of_no_use_is_found_before_it_is_needed_and_not_shown(address, monkeypatch, capfd):
    monkeypatch.setenv("LABCTL_TEST", address)
    (problem,) = address_problems(entry(), simulated=False)
    assert str(problem) == (
        "notices.targets.shift.env: the environment variable LABCTL_TEST holds no address that apprise understands"
    )
    assert capfd.readouterr() == ("", "")
    assert address_problems(entry(), simulated=True) == []


def test_an_address_may_lie_in_the_keyring(receiver):
    import keyring
    from keyring.backend import KeyringBackend

    class Drawer(KeyringBackend):
        priority = 1

        set_password = delete_password = None

        def get_password(self, service, username):
            return receiver.address if (service, username) == ("labctl", "shift") else None

    before = keyring.get_keyring()
    keyring.set_keyring(Drawer())
    try:
        chosen = NoticesEntry.model_validate({"targets": {"shift": {"keyring": "labctl/shift"}}})
        with Notifier(chosen, "lab", simulated=False) as notifier:
            notifier.tell(CRITICAL)
        (problem,) = address_problems(
            NoticesEntry.model_validate({"targets": {"shift": {"keyring": "labctl/night"}}}), simulated=False
        )
    finally:
        keyring.set_keyring(before)
    assert len(receiver.messages) == 1
    assert str(problem) == "notices.targets.shift.keyring: the keyring entry labctl/night is not set"


def test_a_summary_comes_at_its_hour_on_the_labs_clock():
    clock, told = VirtualClock(epoch=datetime(2026, 3, 28, 22, tzinfo=UTC).timestamp(), stall_s=20), []
    texts = iter("abc")

    def make():
        return Notice("summary", "info", "the campaign goes on", clock.time(), next(texts))

    zone = ZoneInfo("Europe/Berlin")  # where the clocks go forward in that night
    with clock.held(), clock.flow():
        summary = DailySummary("07:30", zone, make, told.append, clock)
        clock.sleep(3 * 86400)
        summary.close()
    clock.close()
    assert [datetime.fromtimestamp(notice.time, zone).isoformat() for notice in told] == [
        f"2026-03-{day}T07:30:00+02:00" for day in (29, 30, 31)
    ]


def test_a_simulated_day_on_which_nothing_happens_ends_the_summaries():
    clock, told = VirtualClock(stall_s=20), []
    with clock.held(), clock.flow():
        summary = DailySummary("07:30", None, lambda: Notice("summary", "info", "-", 0.0), told.append, clock)
        clock.sleep(10 * 86400)
        summary.close()
    clock.close()
    assert len(told) == 1


@pytest.mark.parametrize(
    ("kind", "severity", "subject"),
    [("alert", "info", "a"), ("alarm", "high", "a"), ("alarm", "info", "a\nb"), ("alarm", "info", " ")],
)
def test_a_notice_that_says_nothing_cannot_be_made(kind, severity, subject):
    with pytest.raises(ValueError, match=r"kind=|severity=|subject="):
        Notice(kind, severity, subject, 0.0)
