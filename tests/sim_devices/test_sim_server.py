"""Simulated instruments for other programs: loopback TCP and pseudo-terminals, on the wall clock."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Iterator

import pytest
import pyvisa

from devices.mks937b import MKS937B
from devices.recipe_table import RecipeTable
from labctl.clock import RealClock
from labctl.errors import LinkError
from labctl.link import Link
from sim_devices.mks937b import SimMKS937B
from sim_devices.plant import Line, SputterChamber
from sim_devices.recipe_table import SimRecipeTable
from sim_devices.wire import Fault, InstrumentServer

IDENTITY = b"labctl,recipe-table,0,1.0\n"


class Site:
    """A server of a table and a gauge."""

    def __init__(self, *faults: Fault) -> None:
        self.clock = RealClock()
        line = Line(self.clock, 1)
        chamber = SputterChamber(line, line.add_places("chamber", 1))
        self.table = SimRecipeTable(self.clock, 1, [{"hardness": 2.0}], faults)
        instruments = {"table": self.table, "gauge": SimMKS937B(self.clock, 1, chamber)}
        self.server = InstrumentServer(self.clock, instruments, serial=("gauge",))

    def dial(self, name: str) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.ports[name]), timeout=5)

    def threads(self) -> list[str]:
        return [t.name for t in threading.enumerate() if t.name.startswith(("serve-", "client-", "terminal-"))]


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.close()
    assert made.threads() == []


def ask(connection: socket.socket, request: bytes, n: int) -> bytes:
    connection.sendall(request)
    received = b""
    while len(received) < n and (data := connection.recv(4096)):
        received += data
    return received


def test_a_raw_socket_client_gets_the_right_answer(site):
    with site.dial("table") as connection:
        assert ask(connection, b"*IDN?\n", len(IDENTITY)) == IDENTITY


def test_it_listens_on_loopback_only(site):
    for listener in site.server._listeners:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_two_clients_talk_to_one_instrument(site):
    with site.dial("table") as first, site.dial("table") as second:
        assert ask(first, b"*IDN?\n", len(IDENTITY)) == IDENTITY
        assert ask(second, b":ROW?\n", 2) == b"0\n"


def test_a_client_that_leaves_does_not_end_the_service(site):
    site.dial("table").close()
    with site.dial("table") as connection:
        assert ask(connection, b"*IDN?\n", len(IDENTITY)) == IDENTITY


def test_a_terminal_is_a_serial_line(site):
    line = os.open(site.server.terminals["gauge"], os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(line, b"@253MD?;FF")
        received = b""
        while not received.endswith(b";FF"):
            ready, _, _ = select.select([line], [], [], 5)
            assert ready
            received += os.read(line, 100)
        assert received == b"@253ACK937B;FF"
    finally:
        os.close(line)


def test_close_ends_every_thread_with_clients_connected(site):
    line = os.open(site.server.terminals["gauge"], os.O_RDWR | os.O_NOCTTY)
    with site.dial("table") as connection:
        ask(connection, b"*IDN?\n", len(IDENTITY))
        site.server.close()
        assert site.threads() == []
        assert connection.recv(10) == b""
    os.close(line)


def test_closing_twice_does_no_harm(site):
    site.server.close()
    site.server.close()


def test_close_does_not_wait_for_a_late_reply():
    late = Site(Fault("late", amount=60.0))
    with late.dial("table") as connection:
        connection.sendall(b"*IDN?\n")
        while not late.threads().count("client-table"):
            late.clock.sleep(0.001)
        late.server.close()
    assert late.threads() == []


def test_a_taken_port_leaves_nothing_open(site):
    table = SimRecipeTable(site.clock, 1, [{}])
    with pytest.raises(OSError, match="in use"):
        InstrumentServer(site.clock, {"other": table}, first_port=site.server.ports["table"])
    assert "serve-other" not in site.threads()


def test_a_disconnected_instrument_hangs_up():
    gone = Site(Fault("disconnected"))
    with gone.dial("table") as connection:
        assert ask(connection, b"*IDN?\n", 1) == b""
    gone.server.close()


@pytest.fixture
def manager() -> Iterator[pyvisa.ResourceManager]:
    made = pyvisa.ResourceManager("@py")
    yield made
    made.close()


def link_to(site: Site, manager: pyvisa.ResourceManager, name: str, **options: object) -> Link:
    address = f"TCPIP::127.0.0.1::{site.server.ports[name]}::SOCKET"
    return Link(manager, address, site.clock, device=name, timeout_s=0.3, **options)


def test_a_device_works_over_a_real_socket(site, manager):
    link = link_to(site, manager, "table")
    table = RecipeTable(name="table", link=link)
    assert table.connect().model == "recipe-table"
    assert table.n_rows.get() == 1
    table.row.put(0)
    assert table.row.get() == 0
    link.close()


def test_a_binary_device_works_over_a_real_socket(site, manager):
    link = link_to(site, manager, "gauge", read_termination="", write_termination="")
    gauge = MKS937B(name="gauge", link=link)
    assert gauge.connect().model == "937B"
    assert gauge.pressure.get() > 0
    link.close()


def test_a_device_works_over_a_terminal(site, manager):
    link = Link(
        manager,
        f"ASRL{site.server.terminals['gauge']}::INSTR",
        site.clock,
        device="gauge",
        timeout_s=0.5,
        read_termination="",
        write_termination="",
        open_options={"baud_rate": 9600},
    )
    assert MKS937B(name="gauge", link=link).connect().model == "937B"
    link.close()


def test_a_link_whose_peer_went_away_fails_and_works_again(site, manager):
    link = link_to(site, manager, "table", retries=0)
    assert link.query(":ROW?", int) == 0
    port = site.server.ports["table"]
    site.server.close()
    for _ in range(2):
        with pytest.raises(LinkError):
            link.query(":ROW?", int)
    again = InstrumentServer(site.clock, {"table": site.table}, first_port=port)
    assert link.query(":ROW?", int) == 0
    link.close()
    again.close()
