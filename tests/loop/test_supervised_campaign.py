"""What a supervisor leaves behind for the campaign that is taken up again, and a whole death in real time."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import pytest
import yaml

from labctl.app._running import catch_up
from labctl.campaign import Campaign, check_campaign
from labctl.clock import RealClock, VirtualClock
from labctl.lab import build_lab, read_lab
from labctl.store import Store, verify
from labctl.supervisor import SupervisorRecord, entries
from plans import OPERATIONS
from tests.laboratory import EXAMPLE, SCHEMAS
from tests.receiver import Receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


RECIPE = """
recipe: warm
operations:
  - {name: heat, operation: anneal, temperature: 500 degC, ramp_rate: 25 K/min, dwell: 60 min}
  - {name: transmittance, operation: measure_transmittance, wavelength: 550 nm}
"""
CAMPAIGN = """
campaign: night
lab: {lab}
recipe: recipe.yaml
space: [{{name: ramp, field: heat.ramp_rate, low: 20 K/min, high: 25 K/min}}]
objectives: [{{name: clear, direction: maximize, unit: '', expression: t, inputs: {{t: transmittance.transmittance}}}}]
budget: {{trials: 1}}
in_flight: 1
optimizer: {{engine: random}}
"""


def write_files(folder, lab):
    """Write a campaign of one trial that begins in a furnace."""
    content = yaml.safe_load((EXAMPLE / "lab.yaml").read_text())
    content |= {"substrates": str(EXAMPLE / "substrates.csv"), "simulated": {"seed": 1, "move_time": "1 s"}}
    (folder / "lab.yaml").write_text(yaml.safe_dump(content))
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "campaign.yaml").write_text(CAMPAIGN.format(lab=lab))


@contextlib.contextmanager
def laboratory(folder):
    """A campaign, its store, and its simulated laboratory as it was left."""
    write_files(folder, "lab.yaml")
    checked = check_campaign(folder / "campaign.yaml", SCHEMAS)
    clock = VirtualClock(stall_s=30)
    with Store.open(folder) as store:
        lab = build_lab(checked.lab, clock, SCHEMAS, seed=1, plant_memory=folder / "plant.log")
        catch_up(clock, store)
        try:
            yield checked, lab, store
        finally:
            clock.close()
            lab.close()


def run(folder):
    with laboratory(folder) as (checked, lab, store):
        campaign = Campaign(checked, lab, store, OPERATIONS)
        return campaign, campaign.run()


def killed_at_reading(folder, is_the_one):
    """Run it in a process that is killed when a furnace's reading was written of which `is_the_one` is true."""
    pid = os.fork()
    if pid == 0:
        write = os.write

        def write_and_die(file, data):
            n_written = write(file, data)
            if data.startswith(b'["event"') and b'"furnace_a_control_heater_power"' in data:
                reading = json.loads(data)[1]["data"]
                if is_the_one(reading["furnace_a_control_temperature"], reading["furnace_a_control_heater_power"]):
                    os.kill(os.getpid(), signal.SIGKILL)
            return n_written

        os.write = write_and_die
        try:
            run(folder)
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def make_safe(folder):
    """Do what the supervisor does, in the simulated laboratory of a dead controller."""
    with laboratory(folder) as (_, lab, _), lab.clock.held(), lab.clock.flow():
        assert lab.make_safe() == []
        SupervisorRecord(folder, lab.clock).write("safe", "the supervisor made the laboratory safe")


def test_a_furnace_that_the_supervisor_switched_off_is_not_taken_for_running(tmp_path):
    killed_at_reading(tmp_path, lambda degC, percent: degC > 100.0 and percent > 10.0)
    make_safe(tmp_path)
    campaign, ending = run(tmp_path)
    (reason,) = campaign.lost.values()
    assert reason.startswith("anneal on furnace_a was under way when the controller died")
    assert "no programme is running (timer 0, mode 2)" in reason
    assert "the supervisor made the laboratory safe" in reason
    assert ending.quarantined == {}
    assert verify(tmp_path).ok


def test_a_programme_that_had_ended_is_not_lost_because_the_supervisor_acted(tmp_path):
    hottest = [0.0]

    def is_cooling(degC, percent):
        hottest[0] = max(hottest[0], degC)
        return percent == 0.0 and degC < hottest[0] - 50.0

    killed_at_reading(tmp_path, is_cooling)
    make_safe(tmp_path)
    campaign, ending = run(tmp_path)
    assert campaign.lost == {}
    assert ending.n_completed == 1
    with Store.read(tmp_path) as store:
        continued = [store.run(summary.uid) for summary in store.runs(operation="anneal")]
        assert [bool(one.start.get("continues")) for one in continued] == [True, False]


@pytest.fixture
def telephone(monkeypatch):
    """Who is told of alarms."""
    with Receiver() as receiver:
        monkeypatch.setenv("LABCTL_TELEPHONE", receiver.address)
        yield receiver


@pytest.fixture
def served(tmp_path, telephone):
    """A campaign's files in a folder, whose instruments another process serves."""
    write_files(tmp_path, "served.yaml")
    with (tmp_path / "lab.yaml").open("a") as file:
        file.write("notices: {targets: {shift: {env: LABCTL_TELEPHONE, kinds: [alarm]}}}\n")
    with labctl(tmp_path, "sim", "serve", "lab.yaml", "--lab-out", "served.yaml") as server:
        assert any(line.startswith("serving") for line in server.stdout)
        yield tmp_path
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)


def labctl(folder, *words):
    command = [sys.executable, "-m", "labctl", *words]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait(condition, limit_s):
    clock, waiting = RealClock(), threading.Event()
    give_up_at = clock.monotonic() + limit_s
    while not condition():
        assert clock.monotonic() < give_up_at
        waiting.wait(0.05)
    return clock.monotonic() - (give_up_at - limit_s)


def test_a_killed_controller_leaves_no_heater_on_and_people_are_told(served, telephone):
    """Real processes, wall clock, loopback TCP: first the supervisor is killed, then the controller."""
    lab = build_lab(read_lab(served / "served.yaml", SCHEMAS), RealClock(), SCHEMAS)
    furnace, store = lab.devices["furnace_a_control"], served / "night"
    with labctl(served, "campaign", "run", "campaign.yaml", "--out", "night") as controller:
        try:
            wait(lambda: furnace.heater_power.get() > 0, 60)
            (first,) = map(json.loads, (store / "supervisor.jsonl").read_text().splitlines())
            assert first["process"] == controller.pid
            os.kill(first["supervisor"], signal.SIGKILL)
            wait(lambda: [entry.event for entry in entries(store)] == ["watching", "watching"], 30)
            assert furnace.heater_power.get() > 0
        finally:
            controller.kill()
        assert wait(lambda: furnace.heater_power.get() == 0, 10) < 10
        assert furnace.mode.get() == 2
        said = controller.stdout.read()
    assert "is gone; another is started" in said
    wait(lambda: "ended" in [entry.event for entry in entries(store)], 10)
    assert [entry.event for entry in entries(store)] == ["watching", "watching", "lost", "safe", "ended"]
    assert telephone.told.wait(10)
    (message,) = telephone.messages
    assert message["title"].startswith("[ito-line] alarm (critical): the controller of night (process ")
    assert "the supervisor made the laboratory safe" in message["title"]
    lab.close()


def test_a_session_at_the_prompt_that_is_killed_leaves_no_heater_on(served):
    """Real processes, wall clock, loopback TCP."""
    lab = build_lab(read_lab(served / "served.yaml", SCHEMAS), RealClock(), SCHEMAS)
    furnace, store = lab.devices["furnace_a_control"], served / "day"
    heat = 'RE(anneal(furnace_a_control, ["S-1"], temperature="500 degC", ramp_rate="25 K/min", dwell="60 min"))'
    with labctl(served, "shell", "served.yaml", "--out", "day", "-c", heat) as session:
        try:
            wait(lambda: furnace.heater_power.get() > 0, 60)
        finally:
            session.kill()
        assert wait(lambda: furnace.heater_power.get() == 0, 10) < 10
        session.communicate(timeout=20)
    wait(lambda: "ended" in [entry.event for entry in entries(store)], 10)
    assert [entry.event for entry in entries(store)] == ["watching", "lost", "safe", "ended"]
    lab.close()
