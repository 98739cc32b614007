"""What was decided is on the disk, or an error says that it is not."""

import resource

import pytest

from labctl.campaign._decisions import CLOSED, HELD, Decisions, is_closed
from labctl.errors import StoreError


def test_a_decision_that_does_not_fit_on_the_disk_leaves_nothing_behind(tmp_path):
    decisions = Decisions(tmp_path)
    decisions.write(HELD, station="probe", reason="")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # the kernel takes what fits, as a full disk does
    try:
        with pytest.raises(StoreError, match=r"decisions\.jsonl cannot be written: File too large"):
            decisions.write(HELD, station="photometer", reason="x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    decisions.write(CLOSED, reason="budget")
    assert [kind for kind, _ in decisions.read()] == [HELD, CLOSED]


def test_a_decision_that_a_power_cut_tore_was_not_made(tmp_path):
    decisions = Decisions(tmp_path)
    decisions.write(HELD, station="probe", reason="")
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(path.read_bytes() + b'{"decision": "clo\x00\x00')
    assert is_closed(tmp_path) is False
    decisions.cut_torn_tail()
    decisions.write(CLOSED, reason="budget")
    assert is_closed(tmp_path) is True


def test_decisions_that_were_damaged_are_told_with_their_line(tmp_path):
    decisions = Decisions(tmp_path)
    decisions.write(HELD, station="probe", reason="")
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(b'{"decisi\n' + path.read_bytes())
    with pytest.raises(StoreError, match="line 1 is no decision"):
        list(decisions.read())
