"""What the supervisor does when the controller dies, hangs or ends as it should."""

import functools
import json
import os
import signal
import subprocess
import sys

import pytest

from labctl.app._supervising import guard
from labctl.errors import LabError
from labctl.lab import build_lab
from labctl.lab._interlock_entries import InterlockEntry
from labctl.safety import AlarmBoard
from labctl.supervisor import FILE, Loop, entries, made_safe_since
from tests.labctl.supervisor.conftest import LIMIT_S
from tests.laboratory import SCHEMAS

pytestmark = pytest.mark.slow  # the wall clock


def answering(answer):
    """Be a loop that goes round."""
    answer()


def test_a_controller_that_dies_leaves_a_safe_laboratory(room):
    room.supervise()
    heart = room.control()
    room.heat()
    assert room.is_heating
    heart.end("")  # the kernel closes the connection of a dead process in the same way
    room.wait(lambda: "safe" in room.events())
    assert (room.furnace.mode.get(), room.furnace.timer_status.get(), room.furnace.heater_power.get()) == (2, 0, 0)
    assert room.events() == ["watching", "lost", "safe"]
    (said,) = room.said
    assert said.startswith(f"the controller of night (process {os.getpid()}) ended without a goodbye")
    assert made_safe_since(room.folder, 0.0) == said
    assert made_safe_since(room.folder, room.clock.time()) == ""
    assert room.killed == []


def test_a_controller_that_says_goodbye_leaves_what_it_wants(room):
    supervisor = room.supervise(once=True)
    heart = room.control([Loop(answering, 1.0)])
    room.heat()
    heart.end("the campaign ended")
    thread = dict(room.supervisors)[supervisor]
    thread.join(5.0)
    assert not thread.is_alive()
    assert room.is_heating
    assert room.events() == ["watching", "goodbye", "ended"]


def test_an_interlock_is_answered_whatever_the_controller_does(room):
    condition = {"signal": "furnace_a_control.target_setpoint", "above": "450 degC", "action": "safe"}
    entry = InterlockEntry.model_validate({**condition, "at": ["furnace_a"]})
    room.file = room.file.model_copy(update={"interlocks": {"too_hot": entry}, "watch_period": 0.1})
    told = []
    room.supervise(guard=functools.partial(guard, build_lab(room.file, room.clock, SCHEMAS), told.append))
    room.control([Loop(answering, 1.0)])
    room.heat()
    room.wait(lambda: not room.is_heating)
    room.wait(lambda: told)
    assert told[0].subject == "too_hot"
    (raised,) = [line for line in AlarmBoard(room.folder, room.clock.time).history() if line["event"] == "raised"]
    assert raised["by"] == "supervisor"
    assert room.events() == ["watching"]


def test_a_controller_whose_loop_stands_still_is_killed(room):
    room.supervise()
    room.control([Loop(answering, 0.2), Loop(lambda answer: None, 0.2)])
    room.heat()
    room.wait(lambda: "safe" in room.events())
    assert room.killed == [os.getpid()]
    assert not room.is_heating
    assert f"gave no sign of life for {LIMIT_S:g} s and was killed" in room.said[0]


def test_a_busy_loop_has_its_allowance(room):
    room.supervise()
    asked = []
    room.control([Loop(asked.append, 30.0)])
    room.heat()
    room.clock.sleep(LIMIT_S + 1.0)
    assert len(asked) == 1
    assert room.events() == ["watching"]
    assert room.is_heating


def test_instruments_that_come_back_are_made_safe_then(room):
    room.supervise()
    heart = room.control()
    room.heat()
    room.break_wire("furnace_a_control", "disconnected", 1.5)
    heart.end("")
    room.wait(lambda: "not safe" in room.events())
    assert "furnace_a_control may NOT be safe" in room.said[0]
    room.wait(lambda: "safe" in room.events())
    assert not room.is_heating
    assert room.events() == ["watching", "lost", "not safe", "safe"]


def test_a_controller_that_comes_back_takes_over(room):
    room.supervise()
    first = room.control()
    room.break_wire("oxygen", "disconnected", 2.0)
    first.end("")
    room.wait(lambda: "not safe" in room.events())
    second = room.control()
    assert second.unsafe and second.unsafe[0].startswith("oxygen may NOT be safe")
    assert room.events() == ["watching", "lost", "not safe", "handed over", "watching"]
    room.heat()
    room.clock.sleep(1.5)  # longer than the pause until the next attempt would have been
    assert room.is_heating


def test_a_laboratory_has_one_supervisor_and_one_controller(room):
    room.supervise()
    room.control()
    with pytest.raises(LabError, match="ito-line has a supervisor already"):
        room.supervise()
    with pytest.raises(LabError, match=rf"no supervisor for ito-line: .*process {os.getpid()}\) has the laboratory"):
        room.control()


def test_a_supervisor_that_dies_is_noticed_and_replaced(room):
    told = []
    room.supervise()
    room.control(start=room.supervise, tell=told.append)
    supervisor, thread = room.supervisors[0]
    supervisor.end()
    supervisor.end()
    thread.join(5.0)
    room.wait(lambda: len(told) == 2)
    pid = os.getpid()
    assert told == [
        f"the supervisor (process {pid}) is gone; another is started",
        f"the supervisor (process {pid}) watches",
    ]
    assert room.events() == ["watching", "ended", "watching"]


def test_a_supervisor_makes_way_for_one_that_has_read_the_lab_file_anew(room):
    first, told = room.supervise(once=True), []
    before = signal.signal(signal.SIGTERM, lambda *_: first.end())  # as its process does; here both are one
    try:
        heart = room.control(start=room.supervise, tell=told.append)
        room.heat()
        heart.renew()
        room.wait(lambda: len(told) == 2)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert room.supervisors[0][1].is_alive() is False
    assert len(room.supervisors) == 2
    assert room.is_heating, "nothing was made safe meanwhile"


def test_a_supervisor_that_is_ended_together_with_the_controller_makes_the_laboratory_safe_first(room):
    supervisor = room.supervise()
    heart = room.control()
    room.heat()
    supervisor.end()
    heart.end("")
    dict(room.supervisors)[supervisor].join(10.0)
    assert room.events() == ["watching", "lost", "safe", "ended"]
    assert not room.is_heating


def test_a_supervisor_that_starts_after_everything_died_makes_the_laboratory_safe(room):
    (room.folder / FILE).write_text('{"time": 1.0, "event": "watching", "text": "watching"}\n{"time": 2.0, "ev')
    room.heat()
    room.supervise()
    room.wait(lambda: "safe" in room.events())
    assert not room.is_heating
    assert [json.loads(line)["event"] for line in (room.folder / FILE).read_text().splitlines()[2:]] == ["lost", "safe"]


def test_a_controller_that_is_there_still_keeps_a_new_supervisor_from_acting(room):
    (room.folder / FILE).write_text('{"time": 1.0, "event": "watching", "text": "watching"}\n')
    room.heat()
    room.supervise()
    room.control([Loop(answering, 1.0)])
    room.clock.sleep(LIMIT_S + 0.5)
    assert room.is_heating
    assert [entry.event for entry in entries(room.folder)] == ["watching", "watching"]


HUNG = """
import sys, threading
from pathlib import Path
from labctl.clock import RealClock
from labctl.supervisor import Address, Heartbeat, Loop
heart = Heartbeat(Address("lab", sys.argv[1]), "night", Path(sys.argv[2]), RealClock(), [], lambda: None)
heart.begin()
print("watched", flush=True)
threading.Event().wait()
"""


def test_a_stopped_process_is_put_down_for_good(room):
    room.supervise(kill=lambda process: os.kill(process, signal.SIGKILL))
    name = room.address.name.replace("\0", "@", 1)
    code = HUNG.replace("sys.argv[1]", "sys.argv[1].replace('@', '\\0', 1)")
    with subprocess.Popen([sys.executable, "-c", code, name, str(room.folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"watched\n"
        room.heat()
        process.send_signal(signal.SIGSTOP)
        room.wait(lambda: "safe" in room.events())
        assert process.wait(5) == -signal.SIGKILL
    assert not room.is_heating


def test_the_process_imports_what_drives_instruments_and_nothing_else(served):
    code = """
import sys
from labctl.app import _supervising
from labctl.app._commands import command_line
from plans import OPERATIONS
import devices, pyvisa
pyvisa.ResourceManager("@py").close()
heavy = {"tiled", "databroker", "scipy", "pandas", "pyarrow", "sqlalchemy", "matplotlib", "IPython", "sim_devices"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
