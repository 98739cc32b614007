"""The simulated instruments against the drivers of their makers and of others, on pseudo-terminals.

Each driver is installed into a temporary environment and does what its users do: identify, read, set, act. ``--python
FILE`` takes an interpreter that has them all.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from fidelity import PYTHON, instrument, note, pip
from figures import Report, main

from labctl.clock import RealClock
from sim_devices.wire import InstrumentServer

DRIVERS = {
    "BronkhorstELFlow": (
        "bronkhorst-propar",  # the maker's, in its binary protocol
        """
import propar
device = propar.instrument(pty)
assert device.id and device.readParameter(92).startswith('M') and device.readParameter(25) == 'Ar'
device.setpoint = 16000
time.sleep(3)
assert device.setpoint == 16000 and abs(device.measure - 16000) < 200, device.measure
assert abs(device.readParameter(205) - 50.0) < 1.0 and device.readParameter(206) == 50.0
device.setpoint = 0
""",
    ),
    "LakeShore336": (
        "lakeshore",  # the maker's, which appends *ESR? to every query
        """
from lakeshore import Model336
device = Model336(ip_address='127.0.0.1', tcp_port=port, timeout=3)
device.set_control_setpoint(1, 123.0)
assert device.get_control_setpoint(1) == 123.0 and len(device.get_all_kelvin_reading()) == 4
device.set_heater_range(1, device.HeaterRange.MEDIUM)
assert device.get_heater_range(1) == device.HeaterRange.MEDIUM
device.all_heaters_off()
assert device.get_heater_range(1) == device.HeaterRange.OFF and device.get_heater_pid(1)['gain'] == 50.0
assert device.get_heater_output_mode(1)['powerup_enable'] is False
""",
    ),
    "NewEraNE1000": (
        "nesp-lib",
        """
import nesp_lib
pump = nesp_lib.Pump(nesp_lib.Port(pty, 19200))
assert pump.model_number == 1000
pump.syringe_diameter_mm, pump.pumping_direction = 20.0, nesp_lib.PumpingDirection.INFUSE
pump.pumping_volume_ml, pump.pumping_rate_ml_per_min = 0.2, 6.0
assert (pump.syringe_diameter_mm, pump.pumping_volume_ml, pump.pumping_rate_ml_per_min) == (20.0, 0.2, 6.0)
pump.run()
assert pump.volume_infused_ml == 0.2
""",
    ),
    "ZaberXLSM": (
        "zaber-serial",  # the maker's older one
        """
from zaber.serial import AsciiDevice, AsciiSerial
device = AsciiDevice(AsciiSerial(pty, 115200), 1)
device.home()
device.move_abs(100000)
assert device.get_position() == 100000 and device.get_status() == 'IDLE'
""",
    ),
    "Eurotherm2408": (
        "minimalmodbus",
        """
import minimalmodbus
device = minimalmodbus.Instrument(pty, 1)
assert 10.0 < device.read_register(1, 1, signed=True) < 40.0 and device.read_register(122) == 0x2480
device.write_register(2, 123.4, 1, functioncode=6)
assert device.read_register(2, 1) == 123.4
device.write_register(2, 100.0, 1)
assert device.read_registers(1, 5)[1] == 1000
""",
    ),
    "PfeifferTC400": (
        "pfeiffer-vacuum-protocol",
        """
import pfeiffer_vacuum_protocol, serial
line = serial.Serial(pty, 9600, timeout=1)
assert pfeiffer_vacuum_protocol.read_error_code(line, 1).name == 'NO_ERROR'
assert pfeiffer_vacuum_protocol.read_software_version(line, 1) == (1, 5, 0)
""",
    ),
}
"""A driver's package and what it does, by the device class whose simulation it meets."""


def measure(report: Report, quick: bool) -> None:
    clock = RealClock()
    server = InstrumentServer(clock, {kind: instrument(kind, clock) for kind in DRIVERS}, serial=tuple(DRIVERS))
    with tempfile.TemporaryDirectory(prefix="clients-") as folder:
        python = PYTHON or environment(Path(folder))
        try:
            for kind, (package, calls) in DRIVERS.items():
                given = {"pty": server.terminals[kind], "port": server.ports[kind]}
                code = "import json, sys, time\nglobals().update(json.loads(sys.argv[1]))\n" + calls
                command = [python, "-c", code, json.dumps(given)]
                done = subprocess.run(command, capture_output=True, text=True, timeout=60)
                if done.returncode:
                    note(f"{kind}: {package}: {done.stderr.strip().splitlines()[-1]}")
                report.add(f"{kind}: {package}", float(done.returncode == 0), "", "= 1")
        finally:
            server.close()


def environment(folder: Path) -> str:
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv/bin/python")
    pip(python, "install", "setuptools<81", *(package for package, _ in DRIVERS.values()))
    return python


if __name__ == "__main__":
    sys.exit(main(measure, __doc__))
