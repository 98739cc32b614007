"""The simulation of an instrument that a file describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labctl.clock import Clock
from labctl.lab._described_kind import described_kind, initially
from labctl.lab._instrument_file import InstrumentFile, value_of

if TYPE_CHECKING:
    from sim_devices.described_modbus import SimDescribedModbus
    from sim_devices.described_scpi import SimDescribedScpi
    from sim_devices.wire import Fault


def described_instrument(
    path: str, clock: Clock, seed: str, faults: Sequence[Fault]
) -> SimDescribedScpi | SimDescribedModbus:
    """Return an instrument on the wire that keeps what it is told.

    Args:
        path: of an instrument file without a mistake, with the protocol ``scpi`` or ``modbus``.
        clock: the lab's.
        seed: of its faults.
        faults: what will go wrong.
    """
    kind: Any = described_kind(path)  # its class attribute `file` is the instrument file
    file: InstrumentFile = kind.file
    values = initially(file)
    safe = {name: value_of(file.signals[name], value) for name, value in file.make_safe.items()}
    if file.protocol == "scpi":
        from sim_devices.described_scpi import ScpiQuantity, SimDescribedScpi

        scpi = {
            name: ScpiQuantity(entry.at, entry.set_at, values[name], safe.get(name))
            for name, entry in file.signals.items()
        }
        identity = f"{file.maker or 'described'},{file.models[0]},0,0"
        return SimDescribedScpi(clock, seed, scpi, identity, str(file.options.get("line_end", "\n")), faults)
    from devices.described_modbus import place
    from sim_devices.described_modbus import ModbusQuantity, SimDescribedModbus

    modbus = {}
    for name, entry in file.signals.items():
        at = place(entry.at)
        first, wanted = float(values[name]), safe.get(name)
        quantity = ModbusQuantity(
            at.register, at.form, at.scale, entry.is_settable, first, None if wanted is None else float(wanted)
        )
        modbus[name] = quantity
    unit = place(next(iter(file.signals.values())).at).unit
    if file.identity:
        at = place(file.identity)
        modbus["identity"] = ModbusQuantity(at.register, at.form, at.scale, False, float(file.models[0]), None)
    return SimDescribedModbus(clock, seed, modbus, unit, faults)
