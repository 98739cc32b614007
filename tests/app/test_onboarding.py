"""What a new instrument goes through: doctor, scan, check, and the beginning of a driver."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT, LAB_FAILED
from labctl.app._serving import served_lab
from labctl.errors import LabError
from labctl.lab import read_lab
from tests.laboratory import EXAMPLE, SCHEMAS

CHECKOUT = Path(__file__).parents[2]


def labctl(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command_line, list(map(str, arguments)), env={"COLUMNS": "250"})


@pytest.fixture
def lab_file(tmp_path: Path):
    """Write the example's lab file with changes of its devices."""
    for name in ("substrates.csv", "site.ics"):
        shutil.copyfile(EXAMPLE / name, tmp_path / name)

    def write(*faults: dict, **devices: dict | None) -> Path:
        content = yaml.safe_load((EXAMPLE / "lab.yaml").read_text(encoding="utf-8"))
        for name, change in devices.items():
            content["devices"][name] = {**content["devices"][name], **change}
        content["simulated"] = {"seed": 1, "faults": list(faults)}
        path = tmp_path / "lab.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


def test_a_check_reads_every_signal_and_tells_when_a_calibration_was_due(lab_file) -> None:
    file = lab_file(probe_meter={"calibration": {"date": "2019-01-01", "due": "2020-01-01"}})
    result = labctl("lab", "check", file, "--readings")
    assert result.exit_code == 0
    (probe,) = [line for line in result.stdout.splitlines() if line.startswith("probe_meter ")]
    assert "KEITHLEY INSTRUMENTS INC. MODEL 2400" in probe
    assert "was due 2020-01-01" in probe
    (limited,) = [line for line in result.stdout.splitlines() if line.startswith("furnace_a_control_target_setpoint")]
    assert limited.split() == ["furnace_a_control_target_setpoint", "0", "degC", "20..600"]


def test_a_check_fails_when_an_instrument_does_not_answer(lab_file) -> None:
    result = labctl("lab", "check", lab_file({"device": "quartz", "kind": "lost"}))
    assert result.exit_code == LAB_FAILED
    (quartz,) = [line for line in result.stdout.splitlines() if line.startswith("quartz ")]
    assert "no reply in time" in quartz


def test_the_lab_file_of_a_served_laboratory_is_good_in_another_folder(tmp_path: Path) -> None:
    source = CHECKOUT / "examples" / "instruments" / "lab.yaml"
    checked = read_lab(source, SCHEMAS).model_copy(update={"calendar": "/elsewhere/site.ics"})
    addresses = {name: f"TCPIP::127.0.0.1::{4000 + n}::SOCKET" for n, name in enumerate(checked.devices)}
    content = yaml.safe_load(served_lab(source, checked, addresses))
    assert content.pop("calendar") == "/elsewhere/site.ics"
    (tmp_path / "served.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    assert read_lab(tmp_path / "served.yaml", SCHEMAS).backend == "@py"


def test_what_a_library_speaks_to_cannot_be_served() -> None:
    source = CHECKOUT / "examples" / "instruments" / "lab.yaml"
    with pytest.raises(LabError, match="hot_plate, chiller: a library speaks to it"):
        served_lab(source, read_lab(source, SCHEMAS), {"meter": "TCPIP::127.0.0.1::4000::SOCKET"})


def test_a_scan_knows_every_instrument_by_its_answer(lab_file) -> None:
    file = lab_file()
    classes = {name: entry["class"] for name, entry in yaml.safe_load(file.read_text())["devices"].items()}
    result = labctl("lab", "scan", file, "--serial")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert {row[-1]: row[-2] for row in rows} == classes


def test_a_scan_asks_serial_lines_only_when_told_and_proposes_what_is_new(lab_file, monkeypatch) -> None:
    monkeypatch.setattr("labctl.app._scan._names", lambda lab: {})
    result = labctl("lab", "scan", lab_file())
    assert "not asked; --serial asks" in result.stdout
    assert "AjaDCXS" not in result.stdout
    entries = yaml.safe_load(result.stdout.partition("for a lab file:")[2])["devices"]
    assert entries["keithley2400"] == {"class": "Keithley2400", "address": "GPIB0::24::INSTR"}
    assert entries["thorlabs_pm100d"]["class"] == "ThorlabsPM100D"


def test_a_scan_opens_no_interface_for_that_may_write_to_a_serial_line(lab_file, monkeypatch) -> None:
    listed = ("PRLGX-ASRL::/dev/ttyS0::INTFC", "GPIB0::24::INSTR")
    monkeypatch.setattr("labctl.app._scan.addresses_of", lambda manager, query: listed)
    result = labctl("lab", "scan", lab_file())
    assert "Keithley2400" in result.stdout
    assert "PRLGX" not in result.stdout


def test_a_backend_that_is_none_is_one_clear_line() -> None:
    result = labctl("lab", "scan", "--backend", "@nonsense")
    assert result.exit_code == BAD_INPUT
    assert "--backend: VISA library '@nonsense' cannot be loaded" in result.stderr


def test_the_doctor_finds_this_installation_well() -> None:
    result = labctl("lab", "doctor")
    assert result.exit_code == 0
    assert {"ok"} >= {line.split()[0] for line in result.stdout.splitlines() if "bluesky" in line or "pyvisa " in line}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hotplate", "is no class name such as 'HeidolphMR3001'"),
        ("Keithley2400", "Keithley2400 exists: "),
        ("Hot-Plate", "is no class name"),
    ],
)
def test_a_wrong_name_of_a_device_is_one_clear_line(name: str, message: str) -> None:
    result = labctl("new", "device", name, "--protocol", "scpi", "--checkout", CHECKOUT)
    assert result.exit_code == BAD_INPUT
    assert message in result.stderr


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    result = labctl("new", "device", "HotPlate", "--protocol", "scpi", "--checkout", tmp_path)
    assert result.exit_code == BAD_INPUT
    assert "is no checkout of labctl" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_new_devices_keep_every_promise_as_they_are(tmp_path: Path) -> None:
    for package in ("devices", "examples", "labctl", "plans", "sim_devices", "tests"):
        shutil.copytree(CHECKOUT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(CHECKOUT / "pyproject.toml", tmp_path / "pyproject.toml")
    for name, protocol in (("HotPlate", "scpi"), ("ColdTrap", "modbus")):
        assert labctl("new", "device", name, "--protocol", protocol, "--checkout", tmp_path).exit_code == 0
    words = "HotPlate or hot_plate or ColdTrap or cold_trap"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/devices", "-k", words]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.split(" passed")[0].split()[-1]) > 40
    ruff = Path(sys.executable).with_name("ruff")
    made = [
        tmp_path / folder / f"{name}.py" for folder in ("devices", "sim_devices") for name in ("hot_plate", "cold_trap")
    ]
    checked = subprocess.run([ruff, "check", "--no-cache", *made], cwd=tmp_path, text=True, capture_output=True)
    formatted = subprocess.run(
        [ruff, "format", "--check", "--no-cache", *made], cwd=tmp_path, text=True, capture_output=True
    )
    assert (checked.returncode, formatted.returncode) == (0, 0), checked.stdout + formatted.stdout
