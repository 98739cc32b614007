"""The same devices and plans on the wall clock, over loopback TCP."""

from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from labctl.app._serving import served_lab
from labctl.clock import RealClock
from labctl.engine import LabRunEngine, ScanIds
from labctl.lab import build_lab, read_lab
from labctl.store import Store, verify
from plans import OPERATIONS
from sim_devices.wire import InstrumentServer
from tests.laboratory import EXAMPLE, SCHEMAS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def served(tmp_path):
    """A lab file whose instruments are served on loopback TCP, and the plant behind them."""
    content = yaml.safe_load((EXAMPLE / "lab.yaml").read_text())
    content["substrates"] = str(EXAMPLE / content["substrates"])
    content["simulated"] = {"seed": 1, "move_time": "2 s"}
    source = tmp_path / "simulated.yaml"
    source.write_text(yaml.safe_dump(content))
    checked = read_lab(source, SCHEMAS)
    clock = RealClock()
    behind = build_lab(checked, clock, SCHEMAS)
    server = InstrumentServer(clock, behind.plant.instruments)
    addresses = {name: f"TCPIP::127.0.0.1::{port}::SOCKET" for name, port in server.ports.items()}
    file = tmp_path / "served.yaml"
    file.write_text(served_lab(source, checked, addresses))
    yield file, behind.plant
    server.close()
    behind.close()


def test_every_operation_runs_over_tcp_in_real_time(served, tmp_path):
    file, plant = served
    clock = RealClock()
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(tmp_path / "store"))
        lab = build_lab(read_lab(file, SCHEMAS), clock, SCHEMAS)
        stack.callback(lab.close)
        answers = lab.connect()
        assert {type(answer).__name__ for answer in answers.values()} == {"Identity"}, answers
        md = {**lab.metadata.model_dump(), "station": "bench"}
        engine = LabRunEngine(clock, md, ScanIds(), store.journal)
        stack.callback(engine.close)

        def run(kind, station, **parameters):
            devices = lab.stations[station].operations[kind]
            result = engine(OPERATIONS[kind](*devices, ["S-1"], baseline=lab.ambient, **parameters))
            return store.run(result.run_start_uids[0])

        run("transfer", "mover", source="rack.1", destination="sputter.1")
        deposit = run(
            "sputter",
            "sputter",
            power="300 W",
            thickness="1 nm",
            argon_flow="20 sccm",
            settle="4 s",
            presputter="1 s",
            monitor_period="0.5 s",
        )
        assert deposit.streams["process"].columns["magnetron_power"].max() == 300
        assert plant.line.sample_at("sputter.1").thickness_nm > 0.9
        plant.line.move("sputter.1", "furnace_a.1")
        lab.devices["furnace_a_control"].dwell_threshold.put(20.0)  # a cold furnace is near enough: this is no anneal
        heat = run(
            "anneal",
            "furnace_a",
            temperature="25 degC",
            ramp_rate="30 K/min",
            dwell="0 min",
            monitor_period="1 s",
        )
        assert heat.stop["exit_status"] == "success"
        plant.line.move("furnace_a.1", "photometer.1")
        seen = run("measure_transmittance", "photometer")
        assert 0.8 < seen.streams["result"].columns["transmittance"][-1] < 1
    assert verify(Path(tmp_path / "store")).ok
