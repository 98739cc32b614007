"""How long a heater stays on after its controller died or hangs: real processes, wall clock, loopback TCP."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import Report, main

EXAMPLE = Path(__file__).parent.parent / "labctl" / "app" / "ito"
LIMIT_S = 5.0
RECIPE = """\
recipe: warm
operations:
  - {name: heat, operation: anneal, temperature: 500 degC, ramp_rate: 25 K/min, dwell: 60 min}
  - {name: transmittance, operation: measure_transmittance, wavelength: 550 nm}
"""
CAMPAIGN = """\
campaign: night
lab: served.yaml
recipe: recipe.yaml
space: [{name: ramp, field: heat.ramp_rate, low: 20 K/min, high: 25 K/min}]
objectives: [{name: clear, direction: maximize, unit: '', expression: t, inputs: {t: transmittance.transmittance}}]
budget: {trials: 1}
in_flight: 1
optimizer: {engine: random}
"""
CHILD = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "text": True}


def measure(report: Report, quick: bool) -> None:
    memory_MB: list[float] = []
    for name, death, number, bar_s in (
        ("killed", signal.SIGKILL, 3 if quick else 20, 10.0),
        (f"hangs, limit {LIMIT_S:g} s", signal.SIGSTOP, 1 if quick else 5, LIMIT_S + 10.0),
    ):
        found_s = []
        for _ in range(number):
            lasted_s, weight_MB = one(death)
            found_s.append(lasted_s)
            memory_MB.append(weight_MB)
        about = f"controller {name}, {number} times: heater off"
        report.add(f"{about}, median", statistics.median(found_s), "s")
        report.add(f"{about}, last", max(found_s), "s", f"<= {bar_s:g}")
    report.add("memory of the supervisor while it watches", max(memory_MB), "MB")


def one(death: signal.Signals) -> tuple[float, float]:
    """Let a campaign heat, end its controller; return how long the heater stays on [s], and a memory [MB]."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        with labctl(folder, "sim", "serve", "lab.yaml", "--lab-out", "served.yaml") as server:
            try:
                assert any(line.startswith("serving") for line in server.stdout)
                return watched(folder, death)
            finally:
                server.send_signal(signal.SIGINT)
                server.communicate(timeout=20)


def watched(folder: Path, death: signal.Signals) -> tuple[float, float]:
    from labctl.clock import RealClock
    from labctl.lab import build_lab, read_lab
    from labctl.supervisor import entries
    from plans import OPERATIONS

    schemas = {kind: plan.schema for kind, plan in OPERATIONS.items()}
    lab = build_lab(read_lab(folder / "served.yaml", schemas), RealClock(), schemas)
    power = lab.devices["furnace_a_control"].heater_power
    with labctl(folder, "campaign", "run", "campaign.yaml", "--out", "store") as controller:
        try:
            until(lambda: power.get() > 0, 120)
            time.sleep(2)
            weight_MB = memory_MB(folder / "store" / "supervisor.jsonl")
            began = time.monotonic()
            os.kill(controller.pid, death)
            until(lambda: power.get() == 0, 60)
            lasted_s = time.monotonic() - began
        finally:
            controller.kill()
            lab.close()
        until(lambda: [entry.event for entry in entries(folder / "store")][-2:] == ["safe", "ended"], 30)
    return lasted_s, weight_MB


def until(condition, limit_s: float) -> None:
    give_up_at = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < give_up_at, "did not come to pass"
        time.sleep(0.01)


def memory_MB(record: Path) -> float:
    process = re.search(r'"supervisor": (\d+)', record.read_text())[1]
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) / 1024


def write_files(folder: Path) -> None:
    lab = (EXAMPLE / "lab.yaml").read_text().replace("substrates.csv", str(EXAMPLE / "substrates.csv"))
    lab = lab.replace("load_wait: 20 min", "load_wait: 0 s").replace("seed: 1", "seed: 1\n  move_time: 1 s")
    (folder / "lab.yaml").write_text(lab + f"\nsupervisor: {{limit: {LIMIT_S:g} s}}\n")
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "campaign.yaml").write_text(CAMPAIGN)


@contextlib.contextmanager
def labctl(folder: Path, *words: str):
    """Run a command; its output is a pipe that is read by the caller or thrown away."""
    with subprocess.Popen(
        [sys.executable, "-m", "labctl", *words], cwd=folder, stdout=subprocess.PIPE, **CHILD
    ) as process:
        yield process


if __name__ == "__main__":
    main(measure, __doc__)
