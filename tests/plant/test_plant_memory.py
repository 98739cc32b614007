"""A simulated plant is brought back as it was from what was sent to its instruments."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labctl.clock import VirtualClock
from labctl.engine import LabRunEngine, ScanIds
from labctl.lab import Lab, build_lab
from plans import OPERATIONS
from tests.laboratory import SCHEMAS, example_lab

CHAMBER = ("magnetron", "argon", "oxygen", "chamber_gauge", "quartz")
FILM = {"power": "150 W", "thickness": "20 nm", "argon_flow": "20 sccm", "oxygen_flow": "0.3 sccm"}


def state(lab: Lab) -> dict[str, Any]:
    """Return everything that the plant and its instruments are."""
    assert lab.plant is not None
    films = {place: lab.plant.line.sample_at(place) for place in ("rack.1", "rack.2", "sputter.1", "furnace_a.1")}
    return {
        **{place: asdict(film) if film is not None else None for place, film in films.items()},
        **{name: instrument.random.getstate() for name, instrument in lab.plant.instruments.items()},
        "now": lab.clock.monotonic(),
    }


def test_a_plant_comes_back_as_it_was_when_its_process_died(tmp_path: Path) -> None:
    clock = VirtualClock(stall_s=20)
    lab = build_lab(example_lab(), clock, SCHEMAS, seed=3, plant_memory=tmp_path / "plant.log")
    engine = LabRunEngine(clock, {**lab.metadata.model_dump(), "station": "test"}, ScanIds(), lambda *_: None)
    robot = lab.devices["robot"]
    engine(OPERATIONS["transfer"](robot, ["S-1"], source="rack.1", destination="sputter.1"))
    engine(OPERATIONS["sputter"](*(lab.devices[name] for name in CHAMBER), ["S-1"], **FILM))
    engine(OPERATIONS["transfer"](robot, ["S-1"], source="sputter.1", destination="furnace_a.1"))
    furnace = lab.devices["furnace_a_control"]
    with clock.held(), clock.flow():
        furnace.run_programme(10.0, 300.0, 20.0, 1e5)
        clock.sleep(900.0)
        furnace.temperature.get()
    shutil.copy(tmp_path / "plant.log", tmp_path / "left.log")  # here the process dies, mid-ramp

    again = VirtualClock(stall_s=20)
    back = build_lab(example_lab(), again, SCHEMAS, seed=3, plant_memory=tmp_path / "left.log")
    with again.held(), again.flow():
        again.sleep_until(clock.monotonic())
        assert state(back) == state(lab)
        assert state(back)["furnace_a.1"]["temperature_degC"] > 100
        readings = [(lab_.devices["furnace_a_control"].temperature.get()) for lab_ in (lab, back)]
        assert readings[0] == readings[1]
        again.sleep(600.0)
        assert back.devices["furnace_a_control"].temperature.get() > readings[1] + 50  # the programme goes on
    engine.close()
    for one in (lab, back):
        one.close()
        one.clock.close()


def test_a_request_that_was_not_written_to_its_end_was_not_made(tmp_path: Path) -> None:
    from sim_devices.wire import WireMemory, requests

    memory = WireMemory(tmp_path / "plant.log")
    memory.remember(1.5, "ASRL1::INSTR", "write", b"\x01\x03\x00")
    memory.remember(2.0, "ASRL1::INSTR", "clear")
    memory.close()
    with (tmp_path / "plant.log").open("ab") as file:
        file.write(b'[3.0, "ASRL1::INS')
    assert list(requests(tmp_path / "plant.log")) == [
        (1.5, "ASRL1::INSTR", "write", b"\x01\x03\x00"),
        (2.0, "ASRL1::INSTR", "clear", b""),
    ]
    assert list(requests(tmp_path / "none.log")) == []
    after = WireMemory(tmp_path / "plant.log")  # the next request begins on a line of its own
    after.remember(4.0, "ASRL1::INSTR", "trigger")
    after.close()
    assert [request[0] for request in requests(tmp_path / "plant.log")] == [1.5, 2.0, 4.0]
