"""What is connected to this computer, and what a lab file would say of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvisa
from pyvisa import rname

from devices import DEVICES, Identity, LinkedDevice, device_class
from devices.scpi import identity
from labctl.app._running import schemas
from labctl.app._showing import console_of_rows, table_of
from labctl.clock import Clock, RealClock, VirtualClock
from labctl.errors import FileError, LabError, Problem
from labctl.files import yaml_text
from labctl.lab import Lab, build_lab, read_lab
from labctl.link import Link

TIMEOUT_S = 0.5
"""How long an instrument may take to say who it is; there may be nobody [s]."""


@dataclass(frozen=True)
class Found:
    """What answered at an address, or why nobody did."""

    address: str
    answer: str
    kind: str = ""
    """Device class; empty where no driver knows it."""


def scan(file: Path | None, backend: str, *, serial: bool) -> None:
    """Print what is connected and the entries of a lab file for what has a driver.

    Args:
        file: lab file whose backend is searched and whose devices are known already; none when omitted.
        backend: pyvisa's, where there is no file.
        serial: also ask on serial lines.

    Raises:
        FileError: the lab file is wrong.
        LabError: the VISA library cannot be loaded.
    """
    lab, clock = _opened(file)
    known = _names(lab)
    try:
        manager = lab.manager if lab is not None else _manager(backend)
        with clock.held():
            found = list(_ask(manager, clock, serial))
    finally:
        clock.close()
        if lab is not None:
            lab.close()
    console = console_of_rows()
    table = table_of("address", "answer", "class", "in the lab file")
    for one in found:
        table.add_row(one.address, one.answer, one.kind, known.get(one.address, ""))
    if not found:
        console.print(
            "nothing is connected that this VISA library can list; `labctl lab doctor` tells what it can reach"
        )
        return
    console.print(table)
    entries = dict(_entries(one for one in found if one.kind and one.address not in known))
    if entries:
        console.print("\nfor a lab file:\n", highlight=False)
        console.print(yaml_text({"devices": entries}), markup=False, highlight=False, soft_wrap=True)


def _opened(file: Path | None) -> tuple[Lab | None, Clock]:
    if file is None:
        return None, RealClock()
    checked = read_lab(file, schemas())
    clock: Clock = VirtualClock() if checked.is_simulated else RealClock()
    return build_lab(checked, clock, schemas()), clock


def _names(lab: Lab | None) -> dict[str, str]:
    """Return the name of each device of a laboratory by its address, as VISA writes it."""
    devices = lab.devices if lab is not None else {}
    return {str(rname.ResourceName.from_string(device.link.address)): name for name, device in devices.items()}


def _manager(backend: str) -> Any:
    try:
        return pyvisa.ResourceManager(backend)
    except (OSError, ValueError) as error:
        problem = Problem("--backend", f"VISA library {backend!r} cannot be loaded: {error}")
        raise FileError("command line", [problem]) from error


def addresses_of(manager: Any, query: str) -> tuple[str, ...]:
    """Return the addresses that a VISA library lists, without its complaints about what it cannot list."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: tuple[str, ...] = manager.list_resources(query)
    return found


def _ask(manager: Any, clock: Clock, serial: bool) -> Iterator[Found]:
    for address in addresses_of(manager, "?*"):
        kind = _form(address)
        if not kind.endswith(("INSTR", "SOCKET")):
            continue  # an interface is no instrument; opening a Prologix adapter writes to its serial line
        if kind == "ASRL INSTR" and not serial:
            yield Found(address, "not asked; --serial asks")
        elif kind in ("ASRL INSTR", "TCPIP SOCKET"):
            yield _by_drivers(manager, address, clock)
        else:
            yield _by_identity(manager, address, clock)


def _form(address: str) -> str:
    name = rname.parse_resource_name(address)
    return f"{name.interface_type} {name.resource_class}"


def _by_identity(manager: Any, address: str, clock: Clock) -> Found:
    """Ask what every instrument with a status byte answers: ``*IDN?``."""
    link = Link(manager, address, clock, device="?", timeout_s=TIMEOUT_S, retries=0)
    try:
        who = identity(link)
    except LabError as error:
        return Found(address, getattr(error, "reason", str(error)))
    finally:
        link.close()
    return Found(address, _words(who), next((name for name in _kinds(address) if _is_of(device_class(name), who)), ""))


def _by_drivers(manager: Any, address: str, clock: Clock) -> Found:
    """Let every driver with such an address ask in its own way, until one is answered rightly."""
    for name in _kinds(address):
        kind = device_class(name)
        options = dict(kind.open_options)
        ends = {key: options.pop(key, "\n") for key in ("read_termination", "write_termination")}
        more = options if address.upper().startswith("ASRL") else {}
        # Asked twice: the first request may end what an earlier driver began.
        link = Link(manager, address, clock, device=name, timeout_s=TIMEOUT_S, retries=1, open_options=more, **ends)
        try:
            return Found(address, _words(kind(name=name, link=link).connect()), name)
        except LabError:
            continue
        finally:
            link.close()
    return Found(address, "no driver is answered")


def _kinds(address: str) -> list[str]:
    """Return the device classes that may be at such an address."""
    form = _form(address)
    message_based = form not in ("ASRL INSTR", "TCPIP SOCKET")
    forms = {name: _form(device_class(name).example_address) for name in DEVICES}
    return [
        name
        for name, its in forms.items()
        if its == form or (message_based and its not in ("ASRL INSTR", "TCPIP SOCKET"))
    ]


def _is_of(kind: type[LinkedDevice], who: Identity) -> bool:
    return any(model in who.model for model in kind.models)


def _words(who: Identity) -> str:
    return " ".join(word for word in (who.maker, who.model, who.serial, who.firmware) if word)


def _entries(found: Iterable[Found]) -> Iterator[tuple[str, dict[str, str]]]:
    counts: dict[str, int] = {}
    for one in found:
        name = DEVICES[one.kind].rpartition(".")[2]
        counts[name] = counts.get(name, 0) + 1
        unique = name if counts[name] == 1 else f"{name}_{counts[name]}"
        yield unique, {"class": one.kind, "address": one.address}
