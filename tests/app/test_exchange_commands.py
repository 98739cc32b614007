"""The commands that give records away and take records in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT, STORE_FAILED
from tests.histories import record_sample


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded") / "store"
    record_sample(folder)
    return folder


@pytest.fixture
def store(recorded, tmp_path):
    return Path(shutil.copytree(recorded, tmp_path / "store"))


def call(*arguments):
    done = CliRunner().invoke(command_line, list(map(str, arguments)), env={"COLUMNS": "300"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_export_list_and_import(store, tmp_path):
    made = tmp_path / "crate.zip"
    done = call("export", store, "S-1", "--to", "rocrate", "--out", made, "--by", "K. Sato [x]")
    assert (done.exit_code, done.stdout) == (0, f"{made}: 4 runs of 1 samples\n")
    assert "K. Sato [x]" in call("exports", store).stdout
    done = call("import", made, store, "--access", "open")
    assert done.exit_code == 0
    assert done.stdout.startswith("Sample S-1 of ito-line: tied to S-1, ")
    assert "sputter" in done.stdout
    done = call("import", made, "--store", tmp_path / "again")
    assert done.stdout == f"{tmp_path / 'again'}: 4 runs\n"
    assert call("store", "verify", tmp_path / "again").exit_code == 0


def close(store):
    for file in (store / "journal").glob("*.jsonl"):
        first, rest = file.read_text().split("\n", 1)
        start = json.loads(first)[1]
        start["policy"]["access"] = "closed"
        file.write_text(json.dumps(["start", start]) + "\n" + rest)


def test_closed_records_are_refused_in_one_line(store, tmp_path):
    close(store)
    done = call("export", store, "S-2", "--to", "gemd", "--out", tmp_path / "s2.json")
    assert done.exit_code == BAD_INPUT
    (line,) = done.stderr.splitlines()
    assert line.startswith("S-2: is refused to public: run ")
    assert line.endswith("closed, and public may have open data only")
    assert "refused" in call("exports", store).stdout
    assert call("export", store, "S-2", "--to", "gemd", "--out", tmp_path / "s2.json", "--as", "owner").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (
            ("export", "STORE", "S-9", "--to", "gemd", "--out", "new"),
            STORE_FAILED,
            "has no sample and no campaign 'S-9'",
        ),
        (("export", "STORE", "S-1", "--to", "gmd", "--out", "new"), BAD_INPUT, "--to: unknown format 'gmd'; did you"),
        (("export", "STORE", "S-1", "--to", "gemd", "--out", "STORE"), BAD_INPUT, "exists already"),
        (("export", "nowhere", "S-1", "--to", "gemd", "--out", "new"), STORE_FAILED, "is no store"),
        (("export", "STORE", "S-1", "--to", "gemd", "--out", "new", "--as", "all"), BAD_INPUT, "--as"),
        (("exports", "nowhere"), STORE_FAILED, "is no store"),
        (("import", "nowhere", "STORE", "--sample", "S-1"), BAD_INPUT, "nowhere: no such file or folder"),
        (("import", "STORE", "STORE", "--sample", "S-1"), BAD_INPUT, "is no RO-Crate"),
        (("import", "STORE"), BAD_INPUT, "give the folder of a store"),
        (("import", "STORE", "--store", "STORE"), BAD_INPUT, "exists already"),
    ],
)
def test_a_mistake_gives_one_clear_message(store, tmp_path, monkeypatch, arguments, code, text):
    monkeypatch.chdir(tmp_path)
    done = call(*(store if argument == "STORE" else argument for argument in arguments))
    assert done.exit_code == code
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


@pytest.mark.slow
def test_a_report_for_others_asks_the_policy(tmp_path):
    from labctl.app._running import run_demo

    folder = tmp_path / "demo"
    assert run_demo(1, 1, folder) == 0
    assert call("campaign", "report", folder, "--as", "public", "--out", tmp_path / "a.html").exit_code == 0
    close(folder)
    done = call("campaign", "report", folder, "--as", "public", "--out", tmp_path / "b.html")
    assert done.exit_code == BAD_INPUT and "ito-night: is refused to public" in done.stderr
    assert not (tmp_path / "b.html").exists()
    assert call("campaign", "report", folder, "--out", tmp_path / "b.html").exit_code == 0
