"""An instrument that speaks Modbus and is described by a file, simulated: it keeps what it was told."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.modbus import ILLEGAL_ADDRESS, ModbusError, ModbusInstrument
from sim_devices.wire import Fault


@dataclass(frozen=True)
class ModbusQuantity:
    """A quantity of a described instrument."""

    register: int
    """Address of its first register."""
    form: str
    """``int16``, ``uint16``, ``int32``, ``float`` or ``float-swapped`` (low word first)."""
    scale: float
    """Counts that make one unit."""
    is_settable: bool
    value: float
    """What it is at first."""
    safe: float | None
    """What it is when the instrument is safe; None where that does not matter."""

    def words(self, value: float) -> tuple[int, ...]:
        """Return the registers that hold a value."""
        if self.form in ("int16", "uint16"):
            return (round(value * self.scale) & 0xFFFF,)
        if self.form == "int32":
            return struct.unpack(">HH", struct.pack(">i", round(value * self.scale)))
        words = struct.unpack(">HH", struct.pack(">f", value))
        return words[::-1] if self.form == "float-swapped" else words

    def number(self, words: Sequence[int]) -> float:
        """Return the value that registers hold."""
        if self.form in ("int16", "uint16"):
            return (words[0] - 0x10000 if self.form == "int16" and words[0] & 0x8000 else words[0]) / self.scale
        if self.form == "int32":
            return float(struct.unpack(">i", struct.pack(">HH", *words))[0]) / self.scale
        return float(
            struct.unpack(">f", struct.pack(">HH", *(words[::-1] if self.form == "float-swapped" else words)))[0]
        )


class SimDescribedModbus(ModbusInstrument):
    """Holds the registers of the file: at first what it says, then what was written.

    It knows no physics: a readback stays at its first value. Source: the instrument file.
    """

    def __init__(
        self,
        clock: Clock,
        seed: int | str,
        quantities: Mapping[str, ModbusQuantity],
        unit: int = 1,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(clock, seed, faults, unit)
        self.quantities = quantities
        self.before_change: Callable[[], object] = lambda: None
        """Called before a setting changes: brings up to date what the instrument acts on."""
        self._words: dict[int, int] = {}
        self._settable: set[int] = set()
        self._start()

    def _start(self) -> None:
        self.before_change()
        for quantity in self.quantities.values():
            for offset, word in enumerate(quantity.words(quantity.value)):
                self._words[quantity.register + offset] = word
                self._settable |= {quantity.register + offset} if quantity.is_settable else set()

    @override
    def power_up(self) -> None:
        """Start with what the file says."""
        super().power_up()
        self._start()

    def value(self, name: str) -> float:
        """Return what a quantity is."""
        quantity = self.quantities[name]
        n = len(quantity.words(0.0))
        return quantity.number([self._words[quantity.register + offset] for offset in range(n)])

    @override
    def hazards(self) -> tuple[str, ...]:
        """Return what is not as `make_safe` leaves it."""
        told = []
        if not self.has_power:
            return ()
        for name, quantity in self.quantities.items():
            safe = quantity.words(quantity.safe) if quantity.safe is not None else ()
            if any(self._words[quantity.register + offset] != word for offset, word in enumerate(safe)):
                told.append(f"{name} is not {quantity.safe:g}")
        return tuple(told)

    @override
    def read_register(self, address: int) -> int:
        """Return a register of the file."""
        if address not in self._words:
            raise ModbusError(ILLEGAL_ADDRESS)
        return self._words[address]

    @override
    def write_register(self, address: int, word: int) -> None:
        """Keep a register that may be set."""
        if address not in self._settable:
            raise ModbusError(ILLEGAL_ADDRESS)
        self.before_change()
        self._words[address] = word
