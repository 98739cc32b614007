"""Alarms from another terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl.app._commands import command_line
from labctl.interlocks import Response
from labctl.safety import AlarmBoard

NOW = 1_700_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Path:
    board = AlarmBoard(tmp_path, lambda: NOW)
    board.opened(["hot", "dry"], virtual=True)
    board.raised("hot", "651 degC", Response("abort", "alarm", ("furnace_a",)))
    board.acted("hot", "held and aborted furnace_a", ["abort furnace_a: mute"])
    return tmp_path


def typed(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(command_line, ["alarms", *map(str, words)], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.output


def test_what_waits_is_listed_with_what_was_done(store: Path) -> None:
    told = typed("list", store)
    assert "is wrong, not acknowledged" in told
    assert "held and aborted furnace_a; abort furnace_a: mute" in told
    typed("ack", store, "hot", "--by", "K. Sato", "--note", "door [b] open")
    assert "acknowledged by K. Sato" in typed("list", store)
    AlarmBoard(store, lambda: NOW).cleared("hot")
    assert typed("list", store) == "nothing is wrong; interlocks and watchdogs armed: 2\n"
    assert "door [b] open" in typed("list", store, "--history")


def test_an_override_is_listed_and_counted(store: Path) -> None:
    told = typed("override", store, "dry", "--for", "30 min", "--reason", "pump", "--by", "K. Sato")
    assert told == "dry does nothing until 2023-11-14 22:43:20\n"  # simulated time stands still while nobody runs
    assert "overridden dry until 2023-11-14 22:43:20 by K. Sato: pump" in typed("list", store)
    typed("rearm", store, "dry", "--by", "K. Sato")
    assert "overridden" not in typed("list", store)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ack", "hat"), "no alarm 'hat' is waiting; did you mean 'hot'?"),
        (("override", "dry", "--for", "1", "--reason", "pump"), "--for: '1' has no unit; write '1 s'"),
        (("override", "dry", "--for", "2 d", "--reason", "pump"), "an override of 172800 s is outside 0..24 h"),
        (("override", "dry", "--for", "1 h", "--reason", ""), "say the reason: it is recorded"),
        (("rearm", "dry"), "'dry' is not overridden"),
    ],
)
def test_a_mistake_is_one_clear_line(words: tuple[str, ...], told: str, store: Path) -> None:
    output = typed(words[0], store, *words[1:], "--by", "K. Sato", code=2)
    assert output == f"{told}\n"


def test_a_folder_without_alarms_has_none_and_one_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert typed("list", tmp_path) == "nothing is wrong; interlocks and watchdogs armed: 0\n"
    assert "no such folder" in typed("list", tmp_path / "nowhere", code=4)
