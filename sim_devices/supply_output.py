"""One output of a laboratory supply on a resistor."""

from __future__ import annotations


class SupplyOutput:
    """Constant voltage up to a current limit, constant current beyond.

    Args:
        highest_V: highest set point [V]; negative for an output of negative voltage.
        highest_A: highest current limit [A].
        load_ohm: what is connected to it.
    """

    def __init__(self, highest_V: float, highest_A: float, load_ohm: float = 47.0) -> None:
        self.highest_V, self.highest_A, self._load_ohm = highest_V, highest_A, load_ohm
        self.reset()

    def reset(self) -> None:
        """Go to 0 V with the highest limit, off."""
        self.set_V, self.limit_A, self.is_on = 0.0, self.highest_A, False

    @property
    def is_limited(self) -> bool:
        """Whether the current limit holds."""
        return self.is_on and abs(self.set_V) / self._load_ohm > self.limit_A

    @property
    def current_A(self) -> float:
        """Current that flows [A]."""
        if not self.is_on:
            return 0.0
        sign = -1.0 if self.set_V < 0.0 else 1.0
        return sign * min(self.limit_A, abs(self.set_V) / self._load_ohm)

    @property
    def voltage_V(self) -> float:
        """Voltage on the terminals [V]."""
        return self.current_A * self._load_ohm
