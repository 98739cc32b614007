"""A session whose exchanges with the instruments are recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from labctl.clock import VirtualClock
from labctl.errors import LabError
from labctl.lab import CASSETTE, Lab, LabFile, build_lab
from labctl.link import Cassette, CassetteRecorder, without_serials, write_cassette
from labctl.metadata import versions


@contextmanager
def recorded(lab: Lab, file: LabFile, path: Path) -> Iterator[None]:
    """Record what the body exchanges with the instruments; serial numbers are zeros in the end.

    Args:
        lab: whose links are recorded.
        file: from which it was built.
        path: of the cassette; must not exist.

    Raises:
        LabError: the cassette cannot be written.
    """
    devices = {
        name: {"class": entry.kind, "address": without_serial(entry.address)} for name, entry in file.devices.items()
    }
    about = {"lab": lab.name, "labctl": versions()["labctl"], "devices": devices}
    recorder = CassetteRecorder(path, about, lab.clock.time())
    for name, device in lab.devices.items():
        device.link.on_exchange = partial(recorder.take, name)
    try:
        yield
    finally:
        for device in lab.devices.values():
            device.link.on_exchange = lambda exchange: None
        serials = {name: str(device.serial.get()) for name, device in lab.devices.items()}
        if recorder.failure:
            told = [f"the recording broke off: {recorder.failure}; what there is is in {path}.part"]
        else:
            told, kept = _redacted(recorder.close(), serials, file, path)
            write_cassette(path, kept)
            told.insert(0, f"{len(kept.exchanges)} exchanges are in {path}")
        print(*told, sep="\n", file=sys.stderr)  # noqa: T201


def without_serial(address: str) -> str:
    """Return a VISA address with zeros in place of the serial number that one of USB has in it."""
    parts = address.split("::")
    if address.upper().startswith("USB") and len(parts) > 3:
        parts[3] = "0" * len(parts[3])
    return "::".join(parts)


def _redacted(cassette: Cassette, serials: dict[str, str], file: LabFile, path: Path) -> tuple[list[str], Cassette]:
    """Return what could not be hidden, in words, and the cassette: a reply with a checksum stays as it was."""
    write_cassette(path, without_serials(cassette, serials))
    clock = VirtualClock()
    played = build_lab(
        file.model_copy(update={"backend": CASSETTE, "cassette": str(path), "stations": {}}), clock, schemas={}
    )
    try:
        with clock.held():
            answers = played.connect()
    finally:
        clock.close()
        played.close()
    shown = [name for name, answer in answers.items() if serials[name] and isinstance(answer, LabError)]
    kept = without_serials(cassette, {name: serial for name, serial in serials.items() if name not in shown})
    return [f"the serial number of {name} is in it: its replies have a checksum" for name in shown], kept
