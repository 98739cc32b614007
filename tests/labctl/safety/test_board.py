"""The alarms' file: what is raised stays until somebody takes note, whichever process asks."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from labctl.errors import RegistryError, StoreError
from labctl.interlocks import Response
from labctl.safety import AlarmBoard

HOT = Response("abort", "alarm", ("furnace_a",))


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def board(tmp_path: Path, hand: Hand) -> AlarmBoard:
    made = AlarmBoard(tmp_path, hand)
    made.opened(["hot", "dry"], virtual=False)
    return made


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "alarms.jsonl").read_text().splitlines()]


def test_an_alarm_stays_until_it_is_right_and_acknowledged(board: AlarmBoard, tmp_path: Path) -> None:
    board.raised("hot", "651 degC", HOT)
    board.cleared("hot")
    assert not board.alarms["hot"].active
    board.acknowledge("hot", "K. Sato", "door was open")
    assert board.alarms == {}
    told = lines(tmp_path)[-1]
    assert (told["event"], told["by"], told["note"], told["time"]) == (
        "acknowledged",
        "K. Sato",
        "door was open",
        1000.0,
    )


def test_one_that_is_still_wrong_stays_acknowledged_until_it_is_right(board: AlarmBoard) -> None:
    board.raised("hot", "651 degC", HOT)
    board.acknowledge("hot", "K. Sato")
    assert board.alarms["hot"].acknowledged_by == "K. Sato"
    with pytest.raises(RegistryError, match=r"acknowledged by K\. Sato"):
        board.acknowledge("hot", "T. Mori")
    board.cleared("hot")
    assert board.alarms == {}


def test_alarms_survive_every_process(board: AlarmBoard, tmp_path: Path, hand: Hand) -> None:
    board.raised("hot", "651 degC", HOT)
    board.acted("hot", "held furnace_a", ["abort furnace_a: mute"])
    board.cleared("hot")
    board.raised("hot", "652 degC", HOT)
    again = AlarmBoard(tmp_path, hand)
    assert again.alarms == board.alarms
    assert (again.alarms["hot"].n, again.alarms["hot"].message) == (2, "652 degC")
    assert list(again.news()) == []


def test_another_process_is_seen(board: AlarmBoard, tmp_path: Path) -> None:
    board.raised("hot", "651 degC", HOT)
    AlarmBoard.of(tmp_path).acknowledge("hot", "K. Sato")
    assert not board.alarms["hot"].acknowledged_by
    board.refresh()
    assert board.alarms["hot"].acknowledged_by == "K. Sato"
    assert [line["by"] for line in board.news()] == ["K. Sato"]


def test_writers_take_turns_and_no_line_is_lost(tmp_path: Path, hand: Hand) -> None:
    boards = [AlarmBoard(tmp_path, hand, f"writer {n}") for n in range(4)]
    threads = [threading.Thread(target=lambda b=b: [b.raised(b.source, "x", HOT) for _ in range(20)]) for b in boards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(tmp_path)) == 80
    assert {alarm.n for alarm in AlarmBoard(tmp_path, hand).alarms.values()} == {20}


def test_an_override_has_a_name_a_reason_and_an_end(board: AlarmBoard, hand: Hand, tmp_path: Path) -> None:
    override = board.override("dry", "K. Sato", "pump is being changed", 3600.0)
    assert override.until == 4600.0
    assert set(board.overrides) == {"dry"}
    hand.now = 4600.0
    assert not board.overrides  # armed again by itself
    board.expire()
    assert lines(tmp_path)[-1]["event"] == "expired"


def test_what_controller_and_supervisor_watch_may_both_be_overridden(
    board: AlarmBoard, tmp_path: Path, hand: Hand
) -> None:
    supervisor = AlarmBoard(tmp_path, hand, "supervisor")
    supervisor.opened(["burning"], virtual=False)
    board.refresh()
    assert board.names == supervisor.names == ("hot", "dry", "burning")
    board.opened(["hot"], virtual=False)
    assert board.names == ("hot", "burning")


def test_it_can_be_armed_before(board: AlarmBoard) -> None:
    board.override("dry", "K. Sato", "pump is being changed", 3600.0)
    board.rearm("dry", "T. Mori")
    assert not board.overrides


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dry", "", "because", 60.0), "say who takes the responsibility"),
        (("dry", "K. Sato", " ", 60.0), "say the reason"),
        (("dry", "K. Sato", "because", 0.0), "outside 0..24 h"),
        (("dry", "K. Sato", "because", 86401.0), "outside 0..24 h"),
        (("drv", "K. Sato", "because", 60.0), "did you mean 'dry'"),
    ],
)
def test_no_override_is_silent(
    arguments: tuple[str, str, str, float], message: str, board: AlarmBoard, tmp_path: Path
) -> None:
    with pytest.raises(RegistryError, match=message):
        board.override(*arguments)
    assert [line["event"] for line in lines(tmp_path)] == ["opened"]


@pytest.mark.parametrize(("name", "by", "message"), [("hat", "K. Sato", "did you mean 'hot'"), ("hot", "", "say who")])
def test_what_cannot_be_acknowledged_is_said(name: str, by: str, message: str, board: AlarmBoard) -> None:
    board.raised("hot", "651 degC", HOT)
    with pytest.raises(RegistryError, match=message):
        board.acknowledge(name, by)


def test_for_a_person_simulated_time_stands_where_it_was(tmp_path: Path, hand: Hand) -> None:
    AlarmBoard(tmp_path, hand).opened(["hot"], virtual=True)
    board = AlarmBoard.of(tmp_path)
    assert board.override("hot", "K. Sato", "because", 60.0).until == 1060.0
    assert set(board.overrides) == {"hot"}


def test_a_line_that_a_dead_writer_left_unfinished_is_cut_off(board: AlarmBoard, tmp_path: Path, hand: Hand) -> None:
    with (tmp_path / "alarms.jsonl").open("ab") as file:
        file.write(b'{"event": "acknow')
    again = AlarmBoard(tmp_path, hand)
    again.raised("hot", "651 degC", HOT)
    board.refresh()
    assert set(board.alarms) == {"hot"}
    assert [line["event"] for line in lines(tmp_path)] == ["opened", "raised"]


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"event": "melted", "time": 1, "by": "x"}\n', b"[]\n"])
def test_a_line_that_is_none_is_refused_with_the_file(line: bytes, tmp_path: Path, hand: Hand) -> None:
    (tmp_path / "alarms.jsonl").write_bytes(line)
    with pytest.raises(StoreError, match=r"alarms\.jsonl"):
        AlarmBoard(tmp_path, hand)


def test_a_full_disk_leaves_no_half_line(board: AlarmBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (tmp_path / "alarms.jsonl").read_bytes()
    write, calls = os.pwrite, list[int]()

    def full(file: int, data: bytes, offset: int) -> int:
        calls.append(offset)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(file, data[:7], offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StoreError, match="No space left"):
        board.raised("hot", "651 degC", HOT)
    assert (tmp_path / "alarms.jsonl").read_bytes() == before
    assert board.alarms == {}


def test_a_file_that_somebody_cut_is_noticed(board: AlarmBoard, tmp_path: Path) -> None:
    (tmp_path / "alarms.jsonl").write_bytes(b"")
    with pytest.raises(StoreError, match="somebody cut it"):
        board.refresh()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such folder"):
        AlarmBoard.of(tmp_path / "nowhere")
