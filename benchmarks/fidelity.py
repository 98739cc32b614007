"""The simulated instruments against clients that nobody here wrote: pymeasure's drivers and their tests.

Two measures. First pymeasure's ``*_with_device.py`` tests, written for real hardware, run against the simulations on
pseudo-terminals. Second the exchanges of pymeasure's protocol tests, replayed: a command has to be accepted, and its
reply has to be of the published kind. pymeasure (MIT) is downloaded as its sdist into a temporary folder with an
environment of its own; nothing of it is kept or copied. ``--source FOLDER`` takes an unpacked one, ``--python FILE``
an interpreter that has what it needs; ``--only KIND,KIND`` and ``--quick`` take fewer instruments.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import Report, main

from devices import DEVICES
from labctl.clock import Clock, RealClock, VirtualClock
from labctl.lab._simulated import simulation
from sim_devices.plant import Film, Line, ProbeHead, SpinChuck, SputterChamber, TubeFurnace
from sim_devices.scpi import ScpiInstrument
from sim_devices.wire import Instrument, InstrumentServer

PYMEASURE = "0.16.0"
NEEDS = ("numpy", "pandas<3", "pint", "pyvisa", "pyvisa-py", "pyserial", "pytest")
ACCEPTED_BAR, PASSED_BAR = 95.0, 90.0
QUICK = ("KeysightE4980A", "MKS937B", "InficonSQM160")
"""SCPI, plain text and a checksum, with the shortest tests."""


@dataclass(frozen=True)
class Peer:
    """What pymeasure has for one of the simulations.

    Args:
        tests: file of its tests below ``tests/instruments``, without what follows the name.
        exchanges: the same for protocol tests, where they have another name.
        end: of a request on the wire.
        refused: what a reply that refuses looks like.
        known: tests for hardware that cannot pass, and why.
        other: exchanges that no such instrument accepts, and why.
    """

    tests: str
    exchanges: str = ""
    end: bytes = b"\n"
    refused: str = r"(?!)"
    hardware: bool = False
    known: tuple[tuple[str, str], ...] = ()
    other: tuple[tuple[str, str], ...] = ()


PEERS = {
    "Keithley2400": Peer("keithley/test_keithley2400", hardware=True),
    "Keysight34401A": Peer(
        "hp/test_hp34401a",
        hardware=True,
        other=(
            (r"^(CONT|DIOD|FREQ|PER|VOLT:AC|CURR:AC|VOLT:RAT):NPLC", "the manual has no such command"),
            (r"^(CONT|DIOD|FREQ|PER|VOLT:RAT):RES", "the manual has no such command"),
            (r":RES 1$|^RES:RES 1$", "settings conflict, says the manual: the range is automatic"),
        ),
    ),
    "KeysightE4980A": Peer("agilent/test_agilentE4980A", hardware=True),
    "KeithleyDMM6500": Peer("keithley/test_keithleyDMM6500", hardware=True),
    "KeysightE3631A": Peer("keysight/test_keysightE3631A", hardware=True),
    "RohdeSchwarzHMP4040": Peer("rohdeschwarz/test_hmp", hardware=True),
    "AimTTiPL303": Peer(
        "aimtti/test_PL303QMDP",
        hardware=True,
        exchanges="aimtti/test_aimttl",
        other=((r"^V3O", "a third output: the simulation is the model with two"),),
    ),
    "AimTTiLD400P": Peer(
        "aimtti/test_ld400p",
        hardware=True,
        known=(("test_load", "it sets the attribute `input`, which the driver does not have: nothing is sent"),),
    ),
    "SRSLDC500": Peer("srs/test_ldc501", hardware=True, exchanges="srs/test_ldc500series"),
    "HcpTC038": Peer("hcp/test_tc038", end=b"\r", refused="ER"),
    "HcpTC038D": Peer("hcp/test_tc038d", end=b"", refused=r"^.[\x80-\xff]"),
    "MKS937B": Peer("mksinst/test_mks937b", end=b";FF", refused="NAK"),
    "AjaDCXS": Peer("aja/test_dcxs", end=b""),
    "InficonSQM160": Peer("inficon/test_sqm160", end=b"", refused=r"^!.[^A]"),
    "TCPowerCXN": Peer("tcpowerconversion/test_cxn", end=b"", refused=r"^\?"),
    "Keithley2182A": Peer(
        "keithley/test_keithley2182", other=((r"CHAN2:RANG 15", "the manual lets channel 2 have 12 V at most"),)
    ),
}

RECORDER = """
import json, os
import pymeasure.test as published
from contextlib import contextmanager
original = published.expected_protocol

def plain(part):
    if isinstance(part, (bytes, bytearray)):
        return ["bytes", bytes(part).decode("latin1")]
    return part if part is None else ["text", str(part)]

@contextmanager
def expected_protocol(instrument_cls, comm_pairs, *args, **kwargs):
    pairs = [[plain(sent), plain(received)] for sent, received in comm_pairs]
    with open(os.environ["EXCHANGES"], "a") as file:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition("::")[2].rpartition(" ")[0]
        file.write(json.dumps([test, pairs]) + "\\n")
    with original(instrument_cls, comm_pairs, *args, **kwargs) as instrument:
        yield instrument

published.expected_protocol = expected_protocol
"""


def measure(report: Report, quick: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="fidelity-") as folder:
        python, source = foreign(Path(folder))
        for kind in QUICK if quick and not ONLY else PEERS:
            peer = PEERS[kind]
            if peer.hardware:
                measure_hardware(report, kind, peer, python, source, Path(folder))
            measure_exchanges(report, kind, peer, python, source, Path(folder))


def option(name: str) -> str:
    """Return the value of a command-line option that is not of `figures.main`, and take it off the line."""
    if name not in sys.argv:
        return ""
    place = sys.argv.index(name)
    value = sys.argv[place + 1]
    del sys.argv[place : place + 2]
    return value


SOURCE, PYTHON, ONLY = option("--source"), option("--python"), option("--only")


def foreign(folder: Path) -> tuple[str, Path]:
    """Return an interpreter and the unpacked source of pymeasure."""
    python, source = PYTHON, Path(SOURCE)
    if not python:
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        python = str(folder / "venv/bin/python")
        pip(python, "install", "setuptools", "setuptools_scm", "wheel", *NEEDS)
    if not SOURCE:
        build = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", str(folder))
        pip(python, "download", *build, f"PyMeasure=={PYMEASURE}")
        with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
        source = next(path.parent for path in folder.glob("*/pyproject.toml"))
    (folder / "recorder.py").write_text(RECORDER)
    return python, source


def pip(python: str, *arguments: str) -> None:
    subprocess.run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


def pytest_there(python: str, source: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *arguments]
    environment = {**os.environ, "PYTHONPATH": f"{source}:{folder}", "EXCHANGES": str(folder / "exchanges.jsonl")}
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, timeout=1200)


def instrument(kind: str, clock: Clock) -> Instrument:
    """Return a simulation with a film, or whatever it belongs to, behind it."""
    line = Line(clock, 1)
    places = line.add_places("tool", 1), line.add_places("oven", 1), line.add_places("bench", 1)
    line.add_places("rack", 1)
    line.load_substrates("rack")
    film = line.sample_at("rack.1")
    assert isinstance(film, Film)
    film.deposit(150.0, vacancies_cm3=3e20, grain_nm=20.0, disorder=0.3)
    line.move("rack.1", "bench.1")
    chamber, furnace = SputterChamber(line, places[0]), TubeFurnace(line, places[1])
    plant: dict[str, Any] = {
        "ambient": line.ambient, "chamber": chamber, "furnace": furnace, "inlet": chamber, "line": line,
        "chuck": SpinChuck(line), "place": "bench.1", "probe": ProbeHead(line, "bench.1"), "role": "argon",
    }  # fmt: skip
    made, wanted = simulation(kind), simulation_arguments(kind)
    return made(clock, 1, **{name: value for name, value in plant.items() if name in wanted})


def simulation_arguments(kind: str) -> set[str]:
    from inspect import signature

    return set(signature(simulation(kind)).parameters)


# Tests for hardware.


def measure_hardware(report: Report, kind: str, peer: Peer, python: str, source: Path, folder: Path) -> None:
    clock = RealClock()
    server = InstrumentServer(clock, {kind: instrument(kind, clock)}, serial=(kind,))
    result = folder / f"{kind}.xml"
    try:
        done = pytest_there(
            python, source, folder, f"tests/instruments/{peer.tests}_with_device.py",
            "--device-address", f"ASRL{server.terminals[kind]}::INSTR", f"--junitxml={result}",
        )  # fmt: skip
    finally:
        server.close()
    if not result.exists():
        raise SystemExit(f"{kind}: {done.stdout}{done.stderr}")
    cases = list(ElementTree.parse(result).iter("testcase"))
    failed = [case for case in cases if any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))]
    for case in failed:
        told = next(case.find(tag) for tag in ("failure", "error", "skipped") if case.find(tag) is not None)
        reason = impossible(peer, case) or told.get("message", "").splitlines()[:1]
        note(f"{kind}: {case.get('name')}: {reason}")
    share = 100.0 * (len(cases) - len(failed)) / max(1, len(cases))
    bar = "" if all(impossible(peer, case) for case in cases) else f">= {PASSED_BAR:g}"
    report.add(f"{kind}: {len(cases)} tests for hardware, passed", share, "%", bar)


def impossible(peer: Peer, case: ElementTree.Element) -> str:
    """Return why a test cannot pass, on hardware either; empty where it can."""
    return next((why for pattern, why in peer.known if re.search(pattern, case.get("name", ""))), "")


# Exchanges.


def measure_exchanges(report: Report, kind: str, peer: Peer, python: str, source: Path, folder: Path) -> None:
    file, tests = folder / "exchanges.jsonl", f"tests/instruments/{peer.exchanges or peer.tests}.py"
    file.unlink(missing_ok=True)
    if not (source / tests).exists():
        return
    pytest_there(python, source, folder, "-p", "recorder", tests)
    if not file.exists():  # it has no protocol tests
        return
    n = n_good = 0
    for test, pairs in map(json.loads, file.read_text().splitlines()):
        for command, good in replay(kind, peer, pairs):
            if any(re.search(pattern, command) for pattern, _ in peer.other):
                continue
            n, n_good = n + 1, n_good + good
            if not good:
                note(f"{kind}: {test}: {command!r}")
    report.add(f"{kind}: {n} exchanges, accepted", 100.0 * n_good / max(1, n), "%", f">= {ACCEPTED_BAR:g}")


def replay(kind: str, peer: Peer, pairs: list[list[Any]]) -> Iterator[tuple[str, bool]]:
    """Yield each command with whether it was accepted and its reply was of the right kind."""
    clock = VirtualClock()
    with clock.held(), clock.flow():
        made = instrument(kind, clock)
        for sent, received in pairs:
            if sent is not None:
                request = sent[1].encode("latin1").removesuffix(peer.end) + peer.end
                reply = b"".join(part.data for part in made.receive(request)).decode("latin1")
                clock.sleep(1.0)
                yield sent[1], accepted(made, peer, None if received is None else received[1], reply)
    clock.close()


def accepted(made: Instrument, peer: Peer, wanted: str | None, reply: str) -> bool:
    if isinstance(made, ScpiInstrument) and made.errors:
        made.errors.clear()
        return False
    if re.search(peer.refused, reply):
        return False
    return wanted is None or (bool(reply) and alike(wanted, reply))


def alike(wanted: str, got: str) -> bool:
    """Return whether two replies are of the same kind: as many numbers, or text."""
    return kinds(wanted) == kinds(got)


def kinds(reply: str) -> list[str] | str:
    parts = [part.strip() for part in reply.strip("\r\n ;").split(",")]
    found = ["number" if is_number(part) else "text" for part in parts]
    return found if "number" in found and "text" not in found else "text"


def is_number(part: str) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def note(text: str) -> None:
    if "--json" not in sys.argv:
        print("  " + text)


if ONLY:
    PEERS = {kind: peer for kind, peer in PEERS.items() if kind in ONLY.split(",")}

if __name__ == "__main__":
    assert set(PEERS) <= set(DEVICES)
    main(measure, __doc__)
