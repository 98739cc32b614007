"""A lab's simulated instruments for other programs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from labctl.app._running import schemas
from labctl.clock import RealClock
from labctl.errors import LabError
from labctl.files import read_yaml, yaml_text
from labctl.lab import LabFile, build_lab, read_lab


def serve(file: Path, port: int, lab_out: Path | None, *, every_pty: bool = False) -> None:
    """Serve until Ctrl-C.

    Args:
        file: lab file.
        port: first TCP port; 0 lets the system choose.
        lab_out: lab file to write, with the addresses that are served and the backend ``@py``.
        every_pty: give each instrument a pseudo-terminal, not only those with a serial address.

    Raises:
        FileError: the lab file is wrong.
        LabError: a port is taken, or what is not served cannot be in the lab file.
    """
    from sim_devices.wire import InstrumentServer

    checked = read_lab(file, schemas())
    lab = build_lab(checked.model_copy(update={"backend": "simulated"}), RealClock(), schemas())
    assert lab.plant is not None
    served = {name: checked.devices[name].address.upper() for name in lab.plant.instruments}
    serial = tuple(name for name, address in served.items() if every_pty or address.startswith("ASRL"))
    try:
        server = InstrumentServer(lab.clock, lab.plant.instruments, port, serial)
    except OSError as error:
        raise LabError(f"cannot serve on port {port or 'of the system'}: {error}") from error
    addresses = {name: f"TCPIP::127.0.0.1::{number}::SOCKET" for name, number in server.ports.items()}
    console = Console(highlight=False)
    try:
        if lab_out is not None:
            lab_out.write_text(served_lab(file, checked, addresses), encoding="utf-8")
        console.print(_addresses(addresses, server.terminals))
        if lab_out is not None:
            console.print(f"lab file {lab_out}")
        console.print("serving; Ctrl-C ends")
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("ended")
    finally:
        server.close()
        lab.close()


def _addresses(addresses: Mapping[str, str], terminals: Mapping[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("device", "address", "pty"):
        table.add_column(column)
    for name, address in addresses.items():
        table.add_row(name, address, terminals.get(name, ""))
    return table


def served_lab(file: Path, checked: LabFile, addresses: dict[str, str]) -> str:
    """Return the text of a lab file whose devices have other addresses, driven through pyvisa-py.

    Args:
        file: lab file to take the rest from.
        checked: what it holds, with absolute paths, so that the text is good in any folder.
        addresses: that are served, by device.

    Raises:
        LabError: a device has no address among them.
    """
    if missing := [name for name in checked.devices if name not in addresses]:
        raise LabError(f"{', '.join(missing)}: a library speaks to it, not VISA, so that it cannot be served")
    content = read_yaml(file)
    content["backend"] = "@py"
    content.pop("simulated", None)
    content |= {key: path for key in ("substrates", "calendar") if (path := getattr(checked, key))}
    for name, entry in checked.devices.items():
        content["devices"][name] |= {"class": entry.kind, "address": addresses[name]}
    return yaml_text(content)
