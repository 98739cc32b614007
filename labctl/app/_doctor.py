"""What this computer can reach, and what to install for the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labctl.app._scan import addresses_of
from labctl.app._showing import console_of_rows, table_of

PACKAGES = ("labctl", "bluesky", "ophyd", "databroker", "tiled", "pyvisa", "pyvisa-py", "pyserial", "numpy")
INSTALL = {
    "ASRL INSTR": ("pip install pyserial", "pip install pyserial"),
    "USB INSTR": (
        "pip install pyusb; apt install libusb-1.0-0; a udev rule that lets the group plugdev write to usbtmc devices",
        "the maker's VISA (NI-VISA, Keysight IO Libraries), backend @ivi",
    ),
    "GPIB INSTR": (
        "linux-gpib with its kernel module, then pip install gpib-ctypes; or an Ethernet-GPIB box (Prologix: PRLGX)",
        "the maker's VISA (NI-VISA, Keysight IO Libraries), backend @ivi",
    ),
    "TCPIP INSTR": ("pip install pyvisa-py psutil zeroconf", "pip install pyvisa-py psutil zeroconf"),
}
"""What each kind of address needs, on Linux and on Windows. Source: PyVISA-Py documentation, 'Installation'."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_well: bool | None
    """None: not needed by everybody."""
    found: str
    remedy: str = ""


def examine() -> bool:
    """Print every finding with its remedy; return whether labctl itself can work."""
    findings = [*_packages(), *_backends(), *_interfaces(), *_serial_ports(), *_disk()]
    table = table_of("", "what", "found", "remedy")
    for one in findings:
        sign = {True: "ok", False: "[b]missing[/b]", None: "-"}[one.is_well]
        table.add_row(sign, one.what, one.found, one.remedy)
    console_of_rows().print(table)
    return not any(one.is_well is False for one in findings)


def _packages() -> Iterator[Finding]:
    running = sys.version.split()[0]
    supported = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding("Python", supported, running, "" if supported else "install Python 3.11, 3.12 or 3.13")
    for name in PACKAGES:
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            yield Finding(name, False, "not installed", f"pip install {name}")


def _backends() -> Iterator[Finding]:
    from pyvisa.ctwrapper.highlevel import IVIVisaLibrary
    from pyvisa.highlevel import list_backends

    yield Finding("VISA backends", True, ", ".join(f"@{name}" for name in list_backends()))
    paths = [str(path) for path in IVIVisaLibrary.get_library_paths()]
    remedy = "" if paths else "only for the backend @ivi: NI-VISA, Keysight IO Libraries or R&S VISA"
    yield Finding("VISA library of a maker", True if paths else None, ", ".join(paths) or "none", remedy)


def _interfaces() -> Iterator[Finding]:
    from pyvisa_py.highlevel import PyVisaLibrary

    told: dict[str, Any] = PyVisaLibrary.get_debug_info()  # texts, or lists of them where something is missing
    for kind, (linux, windows) in INSTALL.items():
        found = told.get(kind, "unknown")
        works = isinstance(found, str) and found.startswith("Available")
        if kind == "GPIB INSTR" and not isinstance(told.get("GPIB INTFC"), str):
            works = False  # through an Ethernet box only
        text = "through @py" if works else "not through @py"
        remedy = "" if works else (windows if sys.platform == "win32" else linux)
        yield Finding(kind, True if works else None, text, remedy)


def _serial_ports() -> Iterator[Finding]:
    import pyvisa

    manager = pyvisa.ResourceManager("@py")
    ports = [address.removeprefix("ASRL").removesuffix("::INSTR") for address in addresses_of(manager, "ASRL?*")]
    manager.close()
    closed = [port for port in ports if Path(port).exists() and not os.access(port, os.R_OK | os.W_OK)]
    if closed:
        yield Finding("serial ports", False, f"no right to open {', '.join(closed)}", _SERIAL_RIGHT)
    else:
        yield Finding("serial ports", True if ports else None, ", ".join(ports) or "none")


_SERIAL_RIGHT = "sudo usermod -aG dialout $USER, then log in again"


def _disk() -> Iterator[Finding]:
    here = Path.cwd()
    writable = os.access(here, os.W_OK)
    yield Finding("this folder", writable, "writable" if writable else "read-only", "" if writable else "say --out")
