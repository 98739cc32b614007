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

from fidelity import ONLY, PYTHON, instrument, note, pip
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
    "AlicatMC": (
        "alicat",
        """
import asyncio, alicat
async def use():
    async with alicat.FlowController(pty) as device:
        assert (await device.get())['gas'] == 'Ar'
        await device.set_flow_rate(25.0)
        await asyncio.sleep(6.0)
        now = await device.get()
        assert now['setpoint'] == 25.0 and abs(now['mass_flow'] - 25.0) < 0.5, now
        assert now['control_point'] == 'mass flow'
        await device.set_flow_rate(0.0)
asyncio.run(use())
""",
    ),
    "MettlerMTSICS": (
        "mettler-toledo-device",
        """
from mettler_toledo_device import MettlerToledoDevice
device = MettlerToledoDevice(port=pty, timeout=0.5)
assert 'g' in device.get_balance_data() and device.get_serial_number()
weight, unit = device.get_weight_stable()
assert weight > 1.0 and unit == 'g' and device.get_weight()[2] == 'S'
assert device.zero_stable() and abs(device.get_weight_stable()[0]) < 1e-3
""",
    ),
    "ThorlabsPM100D": (
        "thorlabspm100",
        """
import pyvisa
from ThorlabsPM100 import ThorlabsPM100
device = ThorlabsPM100(inst=pyvisa.ResourceManager('@py').open_resource(
    f'TCPIP::127.0.0.1::{port}::SOCKET', read_termination='\\n', write_termination='\\n'))
device.sense.correction.wavelength = 550
assert device.sense.correction.wavelength == 550 and device.sense.average.count >= 1
assert device.read > 0 and 'POW' in device.getconfigure and 'PM100D' in device._inst.query('*IDN?')
""",
    ),
    "Eurotherm3216": (
        "minimalmodbus",
        """
import minimalmodbus
device = minimalmodbus.Instrument(pty, 1)
assert 10.0 < device.read_register(1, 1, signed=True) < 40.0
device.write_register(2, 123.4, 1, functioncode=6)
assert device.read_register(2, 1) == 123.4
""",
    ),
    "NewportESP300": (
        "pymeasure",
        """
from pymeasure.instruments.newport import ESP300
device = ESP300(f'ASRL{pty}::INSTR', visa_library='@py', write_termination='\\r', read_termination='\\r\\n')
device.clear_errors()
device.x.enable()
assert device.x.enabled and device.x.units == 'millimeter'  # no shutdown(): it asks *OPC?, which an ESP300 has not
device.x.home()
while not device.x.motion_done: time.sleep(0.1)
device.x.position = 5.0
while not device.x.motion_done: time.sleep(0.1)
assert abs(device.x.position - 5.0) < 1e-3 and device.errors == []
device.x.disable()
assert not device.x.enabled
""",
    ),
    "Keithley6221": (
        "pymeasure",
        """
from pymeasure.instruments.keithley import Keithley6221
device = Keithley6221(f'TCPIP::127.0.0.1::{port}::SOCKET', visa_library='@py', read_termination='\\n',
                      write_termination='\\n')
device.reset()
device.source_compliance, device.source_current = 5.0, 1e-4
assert (device.source_compliance, device.source_current) == (5.0, 1e-4)
device.enable_source()
assert device.source_enabled
device.waveform_function, device.waveform_frequency = 'sine', 50.0
device.delta_high_source, device.delta_low_source = 1e-5, -1e-5
assert device.delta_high_source == 1e-5 and device.next_error[0] == 0
device.shutdown()
assert not device.source_enabled
""",
    ),
    "PfeifferTPG362": (
        "labmcp-pfeiffer-tpg",
        """
from labmcp import open_transport
from labmcp_pfeiffer_tpg.driver import TPGController
line = open_transport('serial://' + pty, baudrate=9600, read_termination='\\r\\n', write_termination='\\r')
device = TPGController(line)
assert device.spec.model == 'TPG362' and device.identify()['serial'] and device.gauge_ids() == ['PKR', 'TPR']
device.set_unit('Pa')
assert device.unit() == 'Pa' and device.pressure(1).valid and 0 < device.pressure(1).value < 1e5
assert device.errors() == []
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


NEEDS = ("setuptools<81", "pyvisa-py", "serial-interface<2")
"""What the drivers want besides, where they do not say so."""


def measure(report: Report, quick: bool) -> None:
    clock = RealClock()
    server = InstrumentServer(clock, {kind: instrument(kind, clock) for kind in DRIVERS}, serial=tuple(DRIVERS))
    with tempfile.TemporaryDirectory(prefix="clients-") as folder:
        python = PYTHON or environment(Path(folder))
        try:
            for kind, (package, calls) in DRIVERS.items():
                if ONLY and kind not in ONLY.split(","):
                    continue
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
    pip(python, "install", *NEEDS, *{package for package, _ in DRIVERS.values()})
    return python


if __name__ == "__main__":
    sys.exit(main(measure, __doc__))
