"""``labctl campaign rehearse``: nothing real is touched, nothing is left, and the same again is the same."""

import json
import socket
import tempfile
from pathlib import Path

import pytest
import pyvisa
from pyvisa.highlevel import VisaLibraryBase
from typer.testing import CliRunner

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT, STORE_FAILED
from tests.labctl.rehearsal.conftest import write_campaign


def rehearse(*arguments: str | Path):
    return CliRunner().invoke(command_line, ["campaign", "rehearse", *map(str, arguments)])


@pytest.fixture
def clean(tmp_path, monkeypatch):
    """Work in an empty folder with an empty folder for temporary files; return both."""
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return here, temporary


@pytest.mark.slow
def test_a_real_laboratory_is_rehearsed_without_a_connection_and_nothing_is_left(tmp_path, clean, monkeypatch):
    file = write_campaign(tmp_path / "files", backend="@py")
    before = {path: path.read_bytes() for path in (tmp_path / "files").iterdir()}
    libraries = []
    true_manager = pyvisa.ResourceManager

    def manager(library):
        libraries.append(library)
        assert isinstance(library, VisaLibraryBase), f"a real VISA library was asked for: {library!r}"
        return true_manager(library)

    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(pyvisa, "ResourceManager", manager)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    told = rehearse(file, "--nights", "1", "--faults", "1", "--processes", "1")
    assert told.exit_code == 0, told.output
    assert len(libraries) == 3  # reference, night, fault
    assert "The laboratory is real and its physics is not simulated" in told.stdout
    assert "go" in told.stdout
    assert [list(folder.iterdir()) for folder in clean] == [[], []]
    assert {path: path.read_bytes() for path in (tmp_path / "files").iterdir()} == before


@pytest.mark.slow
def test_the_same_seed_gives_the_same_report_on_one_processor_and_on_two(tmp_path, clean):
    file = write_campaign(tmp_path / "files")
    options = ("--nights", "2", "--faults", "2", "--json")
    first = rehearse(file, *options, "--processes", "1", "--keep", tmp_path / "kept")
    second = rehearse(file, *options, "--processes", "2")
    assert first.exit_code == second.exit_code == 0, first.output + second.output
    assert first.stdout == second.stdout
    found = json.loads(first.stdout)
    assert [night["seed"] for night in found["nights"]] == [4, 5]
    assert found["duration_s"]["lowest"] <= found["duration_s"]["mean"] <= found["duration_s"]["highest"]
    assert len(found["drills"]) == 2
    assert set(found["verdict"]) == {"verdict", "against", "warnings"}
    kept = CliRunner().invoke(command_line, ["campaign", "status", str(tmp_path / "kept" / "seed-5")])
    assert "2 of 2 trials started: 2 completed" in kept.stdout, kept.output


def test_what_cannot_be_rehearsed_is_said_in_one_line(tmp_path, clean):
    assert rehearse("nowhere.yaml").exit_code == BAD_INPUT
    file = write_campaign(tmp_path / "files")
    told = rehearse(file, "--keep", tmp_path)
    assert (told.exit_code, told.stderr) == (
        STORE_FAILED,
        f"{tmp_path} exists already; give a new folder with --keep\n",
    )
    assert rehearse(file, "--nights", "0").exit_code == BAD_INPUT


def test_a_real_lab_file_that_a_simulation_cannot_read_is_refused_by_its_own_name(tmp_path, clean):
    file = write_campaign(tmp_path / "files", backend="@py")
    lab = tmp_path / "files" / "lab.yaml"
    lab.write_text(lab.read_text().replace("target_used: 2 kWh", "target_used: 2 kW"))
    told = rehearse(file)
    assert told.exit_code == BAD_INPUT
    assert told.stderr.startswith(f"{lab}: stations.sputter.fittings.target_used: 2 kW cannot be")
    assert told.stderr.count("\n") == 1


def test_a_station_that_cannot_be_copied_is_told_with_the_lab_file(tmp_path, clean):
    told = rehearse(write_campaign(tmp_path / "files"), "--with", "sputter_b=sputer")
    assert told.exit_code == BAD_INPUT
    assert "lab.yaml: stations: --with 'sputter_b=sputer': no station is called 'sputer'" in " ".join(
        told.output.split()
    )


@pytest.mark.slow
def test_what_another_station_brings_is_told_before_the_nights(tmp_path, clean):
    file = write_campaign(tmp_path / "files", trials=3)
    told = rehearse(file, "--nights", "1", "--faults", "0", "--processes", "1", "--with", "sputter_b=sputter")
    assert told.exit_code == 0, told.output
    assert "with sputter_b=sputter: 0." in told.stdout
    assert "sputter_b   " in told.stdout
    as_json = rehearse(file, "--nights", "1", "--faults", "0", "--processes", "1", "--with", "s_b=sputter", "--json")
    gain = json.loads(as_json.stdout)["gain"]
    assert gain["n_seeds"] == 1
    assert gain["share"] == pytest.approx(1 - gain["after_h"] / gain["before_h"])
