"""A supervisor over TCP on instruments that somebody else holds as well, and a controller that can die."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labctl.clock import RealClock
from labctl.lab import build_lab
from labctl.supervisor import Address, Heartbeat, Supervisor, SupervisorRecord, entries
from sim_devices.wire import Fault, Faults, InstrumentServer
from tests.laboratory import SCHEMAS, example_lab

LIMIT_S = 1.5


@pytest.fixture(scope="module")
def served():
    """Simulated instruments on loopback TCP: the lab file that reaches them, and the plant behind them."""
    clock = RealClock()
    behind = build_lab(example_lab(), clock, SCHEMAS, seed=1)
    server = InstrumentServer(clock, behind.plant.instruments)
    file = example_lab(backend="@py")
    addresses = {name: f"TCPIP::127.0.0.1::{port}::SOCKET" for name, port in server.ports.items()}
    quick = {"timeout": 0.3, "retries": 0}
    devices = {name: e.model_copy(update={"address": addresses[name], **quick}) for name, e in file.devices.items()}
    yield file.model_copy(update={"devices": devices}), behind.plant
    server.close()
    behind.close()


@dataclass
class Room:
    """A laboratory with a supervisor, whose controllers are played by the test."""

    file: object
    plant: object
    folder: Path
    address: Address = field(default_factory=lambda: Address("ito-line", f"\0labctl-test-{uuid.uuid4()}"))
    clock: RealClock = field(default_factory=RealClock)
    said: list[str] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    hearts: list[Heartbeat] = field(default_factory=list)
    supervisors: list[tuple[Supervisor, threading.Thread]] = field(default_factory=list)

    def __post_init__(self):
        self.mine = build_lab(self.file, self.clock, SCHEMAS)  # the third connection
        self.furnace = self.mine.devices["furnace_a_control"]

    def heat(self):
        """Let the furnace run a programme, as a controller does that dies."""
        for signal, value in ((self.furnace.ramp_rate, 20.0), (self.furnace.target_setpoint, 500.0)):
            signal.put(value)
        self.furnace.dwell.put(60.0)
        self.furnace.mode.put(0)
        self.furnace.timer_status.put(1)

    @property
    def is_heating(self):
        return (self.furnace.mode.get(), self.furnace.timer_status.get()) == (0, 1)

    def break_wire(self, device, kind, duration_s):
        instrument = self.plant.instruments[device]
        instrument.faults = Faults(self.clock, 1, [Fault(kind, duration_s=duration_s)])

    def supervise(self, **options):
        record = SupervisorRecord(self.folder, self.clock)
        options = {"kill": self.killed.append, "notify": self.said.append, **options}
        lab = build_lab(self.file, self.clock, SCHEMAS)
        supervisor = Supervisor(self.address, lab, record, self.clock, LIMIT_S, **options)
        self.supervisors.append((supervisor, self.clock.spawn(supervisor.run, "supervisor")))
        return supervisor

    def control(self, loops=(), start=lambda: None, tell=lambda text: None):
        heart = Heartbeat(self.address, "night", self.folder, self.clock, loops, start, tell)
        heart.begin()
        self.hearts.append(heart)
        return heart

    def events(self):
        return [entry.event for entry in entries(self.folder)]

    def wait(self, condition, limit_s=10.0):
        """Wait on the wall clock until something is so."""
        waiting, give_up_at = threading.Event(), self.clock.monotonic() + limit_s
        while not condition():
            assert self.clock.monotonic() < give_up_at, (self.events(), self.said)
            waiting.wait(0.02)

    def close(self):
        for heart in self.hearts:
            heart.end("the test ended")
        for supervisor, thread in self.supervisors:
            while thread.is_alive():
                supervisor.end()
                thread.join(0.05)
        self.mine.make_safe()
        self.mine.close()


@pytest.fixture
def room(served, tmp_path):
    built = Room(*served, tmp_path)
    yield built
    built.close()
