"""A laboratory looked at before anything is done with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.app._running import schemas
from labctl.app._showing import console_of_rows, table_of
from labctl.app._telling import require_addresses
from labctl.clock import RealClock, VirtualClock
from labctl.errors import LabError
from labctl.lab import CASSETTE, LabFile, build_lab, read_lab

if TYPE_CHECKING:
    from rich.console import Console

    from devices import LinkedDevice

Readings = dict[str, dict[str, Any]]


def check_lab(file: Path, *, connect: bool, show_readings: bool = False) -> bool:
    """Check a lab file and its instruments; return whether all is well.

    Args:
        file: lab file.
        connect: ask every instrument who it is, and read all that it tells.
        show_readings: print every reading.

    Raises:
        FileError: the file is wrong.
        LabError: the VISA library cannot be loaded.
    """
    console, checked = console_of_rows(), read_lab(file, schemas())
    require_addresses(file, checked)
    clock = VirtualClock() if checked.is_simulated else RealClock()
    lab = build_lab(checked, clock, schemas())
    kind = checked.backend if checked.is_simulated else f"real, {checked.backend}"
    console.print(f"[b]{checked.lab}[/b] ({kind}): {len(lab.stations)} stations, {len(lab.devices)} devices")
    _print_notices(console, checked)
    try:
        if not connect:
            return True
        with clock.held():
            answers = lab.connect()
            is_read = checked.backend != CASSETTE  # which answers nothing that it was not asked then
            found = {
                name: _read(lab.devices[name])
                for name, answer in answers.items()
                if is_read and not isinstance(answer, LabError)
            }
    finally:
        clock.close()
        lab.close()
    table = table_of("device", "answer", "signals", "calibration", "safe state", "driver proved")
    for name, answer in answers.items():
        device = lab.devices[name]
        text = str(answer) if isinstance(answer, LabError) else " ".join((answer.maker, answer.model, answer.firmware))
        due = checked.devices[name].calibration.due
        table.add_row(name, text, _signals(found.get(name)), _calibration(due), device.safe_state, device.verified)
    console.print(table)
    if show_readings:
        _print_readings(console, {name: lab.devices[name] for name in found}, found)
    wrong = [*answers.values(), *found.values()]
    return not any(isinstance(answer, LabError) for answer in wrong)


def _read(device: LinkedDevice) -> Readings | LabError:
    try:
        return {**device.read(), **device.read_configuration()}
    except LabError as error:
        return error


def _signals(found: Readings | LabError | None) -> str:
    if found is None:
        return ""
    return f"unreadable: {found}" if isinstance(found, LabError) else f"{len(found)} read"


def _calibration(due: str) -> str:
    if not due:
        return "not stated"
    today = datetime.now(UTC).date().isoformat()
    return f"[b]was due {due}[/b]" if due < today else f"until {due}"


def _print_notices(console: Console, checked: LabFile) -> None:
    for name, target in checked.notices.targets.items() if checked.notices is not None else ():
        silent = checked.is_simulated and not target.when_simulated
        console.print(
            f"{name} is told of {', '.join(target.kinds)}"
            + (", of nothing in a simulated laboratory" if silent else ""),
            soft_wrap=True,
        )


def _print_readings(console: Console, devices: dict[str, LinkedDevice], found: dict[str, Readings | LabError]) -> None:
    table = table_of("signal", "value", "unit", "limits")
    for name, readings in found.items():
        if isinstance(readings, LabError):
            continue
        described = {**devices[name].describe(), **devices[name].describe_configuration()}
        for key, reading in readings.items():
            about, value = described[key], reading["value"]
            low, high = about.get("lower_ctrl_limit"), about.get("upper_ctrl_limit")
            limits = "" if low is None else f"{low:g}..{high:g}"
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            table.add_row(key, text, about.get("units") or "", limits)
    console.print(table)
