"""Samples from the command line: what is said, and what is refused in one clear line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT, STORE_FAILED
from labctl.records import SampleRegistry


def sample(verb: str, *arguments: str | Path) -> Result:
    return CliRunner().invoke(command_line, ["sample", verb, *map(str, arguments)])


@pytest.fixture(scope="module")
def made_shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "lab"
    for arguments in (
        ("add", folder, "wafer", "--lot", "L1", "--place", "rack.1", "--by", "K. Sato"),
        ("split", folder, "wafer", "left", "right"),
        ("archive", folder, "right", "--shelf", "3", "--box", "12", "--condition", "nitrogen", "--until", "2199-12-31"),
        ("quality", folder, "left", "suspect", "--reason", "bubble"),
    ):
        result = sample(*arguments)
        assert (result.exit_code, result.stderr) == (0, "")
    return folder


@pytest.fixture
def shelf(made_shelf: Path, tmp_path: Path) -> Path:
    """A folder with a wafer that was cut in two."""
    return Path(shutil.copytree(made_shelf, tmp_path / "lab"))


def test_what_was_said_is_shown(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "edge.png").write_bytes(b"picture")
    arguments = ("--kind", "photograph", "--note", "of the [/b] edge")
    assert sample("attach", shelf, "right", tmp_path / "edge.png", *arguments).exit_code == 0
    assert sample("move", shelf, "left", "rack [red]").exit_code == 0
    shown = sample("show", shelf, "right", "--verify").stdout
    for text in ("archive: 3, 12", "made from", "wafer", "shelf 3, box 12, nitrogen, until 2199-12-31", "edge.png"):
        assert text in shown
    assert "no more: split into left, right" in sample("show", shelf, "wafer").stdout
    assert "of the [/b] edge" in shown
    listed = sample("list", shelf, "--quality", "suspect").stdout
    assert "left" in listed
    assert "rack [red]" in listed
    assert "right" not in listed.replace("left, right", "")


def test_a_policy_can_become_stricter_only(shelf: Path) -> None:
    assert sample("policy", shelf, "right", "--embargo", "2199-01-01", "--licence", "CC-BY-4.0").exit_code == 0
    assert "closed, CC-BY-4.0, embargo until 2199-01-01" in sample("show", shelf, "right").stdout
    assert sample("split", shelf, "right", "right-1").exit_code == 0
    result = sample("policy", shelf, "right-1", "--access", "open")
    assert result.stderr == "right-1 cannot be open: it is closed by its parents right\n"


def test_an_attachment_can_be_stricter_than_its_sample_only(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "spectrum.txt").write_text("1 2 3")
    about = ("attach", shelf, "right", tmp_path / "spectrum.txt")
    assert sample("policy", shelf, "right", "--access", "consortium").exit_code == 0
    assert sample(*about, "--access", "closed", "--export-control", "9A004").exit_code == 0
    with SampleRegistry(shelf) as samples:
        right = samples.sample("right")
    assert (right.policy.access, right.policy.export_control) == ("consortium", "")
    (kept,) = right.attachments
    assert (kept.policy.access, kept.policy.export_control) == ("closed", "9A004")
    result = sample(*about, "--access", "open")
    assert result.stderr == "spectrum.txt cannot be open: it is consortium by its sample right\n"
    result = sample(*about, "--embargo", "2020-01-01")
    assert result.stderr.startswith("under embargo until 2020-01-01: that day is past")
    result = sample(*about, "--licence", "GPLL")
    assert (result.exit_code, result.stderr.count("\n")) == (BAD_INPUT, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "{}", "rigth"], BAD_INPUT, "no sample 'rigth' in {}; did you mean 'right'?"),
        (["show", "{}/none", "right"], STORE_FAILED, "{}/none is no store: store.json is missing"),
        (["add", "{}", "left"], BAD_INPUT, "left is the name of another sample"),
        (["add", "{}", "a b"], BAD_INPUT, "sample name 'a b' must hold letters, digits, '_' and '-' only"),
        (["move", "{}", "wafer", "rack.2"], BAD_INPUT, "wafer is no more: split into left, right"),
        (["combine", "{}", "left", "right", "--into", "wafer"], BAD_INPUT, "wafer cannot be made from left: left"),
        (["attach", "{}", "left", "none.png"], BAD_INPUT, "none.png cannot be attached to left: No such file"),
        (["policy", "{}", "left", "--embargo", "2020-01-01"], BAD_INPUT, "under embargo until 2020-01-01: that day"),
        (
            ["policy", "{}", "left", "--embargo", "soon"],
            BAD_INPUT,
            "policy of left: embargo_until: 'soon' is not a day",
        ),
        (
            ["policy", "{}", "left", "--licence", "GPLL"],
            BAD_INPUT,
            "policy of left: licence: 'GPLL' is not an SPDX lic",
        ),
        (
            ["archive", "{}", "left", "--shelf", "1", "--box", "2", "--until", "2020-01-01"],
            BAD_INPUT,
            "archived until",
        ),
        (["flag", "{}", "ffffffff", "odd"], STORE_FAILED, "{} is no store: store.json is missing"),
    ],
)
def test_what_cannot_be_is_one_clear_line(arguments: list[str], code: int, message: str, shelf: Path) -> None:
    result = sample(*(argument.replace("{}", str(shelf)) for argument in arguments))
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code
    (line,) = result.stderr.splitlines()
    assert line.startswith(message.replace("{}", str(shelf)))
