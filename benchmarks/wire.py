"""How fast the simulated wire is: inside the process, over loopback TCP, and for a poll of twenty instruments."""

from __future__ import annotations

import socket
import time

import pyvisa
from figures import Report, main, watch

from devices import LinkedDevice, device_class
from labctl.clock import RealClock, VirtualClock
from labctl.link import Link
from sim_devices.plant import Line, SputterChamber
from sim_devices.recipe_table import SimRecipeTable
from sim_devices.wire import Instrument, InstrumentServer, SimVisaLibrary

N_POLLED, RATE_HZ = 20, 10.0


class Fast(SimRecipeTable):
    """A table that answers at once, so that only the wire is measured."""

    reply_delay_s = 0.0


def table(clock) -> Fast:
    return Fast(clock, 1, [{"hardness": 1.0}])


def measure(report: Report, quick: bool) -> None:
    n = 20_000 if quick else 200_000
    report.add("in-process wire: pyvisa library, write and read", in_process(n), "1/s", ">= 50000")
    report.add("in-process wire: device's link, parsed", through_link(n // 4), "1/s")
    report.add("loopback TCP: one query at a time", loopback(n // 8, 1), "1/s", ">= 10000")
    report.add("loopback TCP: sixteen under way", loopback(n // 8, 16), "1/s")
    report.add("poll of 20 instruments at 10 Hz: share of a core", poll(3.0 if quick else 20.0), "%", "<= 20")


def in_process(n: int) -> float:
    """Return queries a second of CPU at the level that pyvisa calls: one write, one read."""
    clock = VirtualClock()
    library = SimVisaLibrary.create(clock)
    library.add("GPIB0::1::INSTR", table(clock))
    manager, _ = library.open_default_resource_manager()
    session, _ = library.open(manager, "GPIB0::1::INSTR")
    with clock.held(), watch() as took:
        for _ in range(n):
            library.write(session, b":ROW?\n")
            library.read(session, 100)
    clock.close()
    return n / took.cpu_s


def through_link(n: int) -> float:
    clock = VirtualClock()
    library = SimVisaLibrary.create(clock)
    library.add("GPIB0::1::INSTR", table(clock))
    link = Link(pyvisa.ResourceManager(library), "GPIB0::1::INSTR", clock, device="table")
    with clock.held():
        link.query(":ROW?", int)
        with watch() as took:
            for _ in range(n):
                link.query(":ROW?", int)
    link.close()
    clock.close()
    return n / took.cpu_s


def loopback(n: int, depth: int) -> float:
    """Return queries a second of wall time; client and server are threads of one process."""
    clock = RealClock()
    server = InstrumentServer(clock, {"table": table(clock)})
    with socket.create_connection(("127.0.0.1", server.ports["table"])) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        for _ in range(n // depth):
            connection.sendall(b":ROW?\n" * depth)
            received = b""
            while received.count(b"\n") < depth:
                received += connection.recv(4096)
        took = time.perf_counter() - began
    server.close()
    return n / took


def poll(duration_s: float) -> float:
    """Return the CPU share [%] of asking twenty instruments ten times a second each, on the wall clock."""
    clock = RealClock()
    line = Line(clock, 1)
    chamber = SputterChamber(line, line.add_places("chamber", 1))
    library = SimVisaLibrary.create(clock)
    manager = pyvisa.ResourceManager(library)
    devices = [gauge(number, clock, library, manager, chamber) for number in range(N_POLLED)]
    for device in devices:
        device.pressure.get()
        device.link.every(1.0 / RATE_HZ, device.read_process)
    with watch() as took:
        time.sleep(duration_s)
    asked = sum(len(device.link.log) for device in devices)
    for device in devices:
        device.link.close()
    assert asked >= min(1000, RATE_HZ * duration_s) * N_POLLED * 0.8, f"only {asked} exchanges"
    return 100.0 * took.cpu_s / took.wall_s


def gauge(number: int, clock, library, manager, chamber) -> LinkedDevice:
    from sim_devices.pfeiffer_tpg362 import SimPfeifferTPG362

    address = f"ASRL{number + 1}::INSTR"
    instrument: Instrument = SimPfeifferTPG362(clock, number, chamber)
    library.add(address, instrument)
    link = Link(manager, address, clock, device=f"gauge_{number}", read_termination="", write_termination="")
    return device_class("PfeifferTPG362")(name=f"gauge_{number}", link=link)


if __name__ == "__main__":
    main(measure, __doc__)
