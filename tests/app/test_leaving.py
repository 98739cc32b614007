"""The person leaves: closes the terminal or the pipe, or ends the process from outside. Nothing may be left on."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.laboratory import EXAMPLE

pytestmark = pytest.mark.slow

LABCTL = [sys.executable, "-c", "from labctl.app import main; main()"]
ANNEAL = 'RE(anneal(furnace_a_control, ["S-1"], temperature="300 degC", ramp_rate="5 K/min", dwell="1 h"))'


def runs_in(folder: Path) -> list[list[tuple[str, dict]]]:
    files = (folder / "journal").glob("*.jsonl")
    return [[json.loads(line) for line in file.read_text().splitlines()] for file in files]


def read_until(terminal: int, text: str, limit_s: float = 60.0) -> str:
    """Return what is shown up to a text."""
    shown = ""
    while text not in shown:
        assert select.select([terminal], [], [], limit_s)[0], shown
        shown += os.read(terminal, 65536).decode(errors="replace")
    return shown


def wait_for_a_run(folder: Path, stream: str) -> None:
    """Wait until a stream of a run has its first row."""
    described = f'"name":"{stream}"'
    for _ in range(600):
        if any(described in file.read_text() for file in (folder / "journal").glob("*.jsonl")):
            return
        select.select([], [], [], 0.1)
    pytest.fail(f"no run in {folder} has a stream {stream}")


def test_a_campaign_ends_safely_when_the_program_that_reads_its_output_has_ended(tmp_path: Path) -> None:
    words = [*LABCTL, "demo", "--out", str(tmp_path / "run")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()  # Ctrl-C ends both sides of `labctl demo | tee log`
        wait_for_a_run(tmp_path / "run", "baseline")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert all(run[-1][0] == "stop" for run in runs_in(tmp_path / "run"))
    assert (tmp_path / "run" / "report.html").exists()


def test_a_campaign_ends_safely_when_its_terminal_is_closed(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = [*LABCTL, "demo", "--out", str(tmp_path / "run")]
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        read_until(ours, "station")
        wait_for_a_run(tmp_path / "run", "baseline")
        os.close(ours)
        process.send_signal(signal.SIGHUP)  # as the kernel does for the session that the terminal controls
        assert process.wait(60) == 130
    assert all(run[-1][0] == "stop" for run in runs_in(tmp_path / "run"))
    assert (tmp_path / "run" / "report.html").exists()


def test_the_shell_makes_a_running_furnace_safe_when_it_is_ended(tmp_path: Path) -> None:
    words = [*LABCTL, "shell", str(EXAMPLE / "lab.yaml"), "--real-time", "--out", str(tmp_path), "-c", ANNEAL]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        wait_for_a_run(tmp_path, "process")
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said.decode()
    (run,) = runs_in(tmp_path)
    assert (run[-1][0], run[-1][1]["exit_status"], run[-1][1]["reason"]) == ("stop", "abort", "SIGTERM")


def test_the_shell_ends_when_its_terminal_is_closed_at_the_prompt(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = [*LABCTL, "shell", str(EXAMPLE / "lab.yaml"), "--out", str(tmp_path)]
    environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "IPYTHONDIR": str(tmp_path / "ipython")}
    with subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        read_until(ours, "In [")
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 130
