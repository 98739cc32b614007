"""The settings of a SCPI instrument as a table: what each takes, what it tells, what ``*RST`` makes of it.

Source: SCPI-99 volume 1, chapters 6.2 (short and long forms) and 7.2 (MINimum, MAXimum, DEFault); IEEE 488.2-1992,
10.32 (``*RST``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.scpi import ILLEGAL_VALUE, Handler, ScpiError, ScpiInstrument, boolean, compile_header, number
from sim_devices.wire import Fault


@dataclass(frozen=True)
class Value:
    """One setting.

    Args:
        header: of the command; that of the query has a question mark behind it.
        default: value after ``*RST``.
        parse: makes the value from the parameters; raises ScpiError for what is refused.
        tell: writes it into a reply.
        limits: lowest and highest value, what ``MIN`` and ``MAX`` stand for in a query.
        lasting: ``*RST`` leaves it alone.
    """

    header: str
    default: Any  # number, text or flag, as `parse` makes it
    parse: Callable[[str], Any]
    tell: Callable[[Any], str] = str
    limits: tuple[float, float] | None = None
    lasting: bool = False


def exponent(value: float) -> str:
    """Return a number as instruments write it: ``+1.000000E-03``."""
    return f"{value:+.6E}"


def real(
    header: str,
    default: float,
    low: float,
    high: float,
    tell: Callable[[float], str] = exponent,
    ranges: Sequence[float] = (),
    *,
    lasting: bool = False,
) -> Value:
    """Return a number; where there are `ranges`, the instrument takes the smallest that is large enough."""

    def parse(parameters: str) -> float:
        is_named = parameters[:1].isalpha()
        value = number(parameters, low if is_named or not ranges else -high, high, default)
        return next((step for step in ranges if abs(value) <= step * (1 + 1e-9)), value)

    return Value(header, default, parse, tell, (low, high), lasting)


def whole(header: str, default: int, low: int, high: int) -> Value:
    """Return a whole number; a broken one is rounded, as SCPI wants."""
    return Value(header, default, lambda p: round(number(p, low, high, default)), str, (low, high))


def switch(header: str, default: bool, *, lasting: bool = False) -> Value:
    """Return what is on or off."""
    return Value(header, default, boolean, lambda value: str(int(value)), None, lasting)


def word(header: str, default: str, *words: str, lasting: bool = False) -> Value:
    """Return one of several words, each in SCPI's spelling (``IMMediate``); the short form is told."""
    patterns = {_short(each): compile_header(each) for each in words}

    def parse(parameters: str) -> str:
        said = parameters.strip("\"' ")
        for short, pattern in patterns.items():
            if pattern.fullmatch(said):
                return short
        raise ScpiError(ILLEGAL_VALUE)

    return Value(header, default, parse, lasting=lasting)


def text(header: str, default: str = "", n: int = 32) -> Value:
    """Return a quoted text of at most `n` characters."""
    return Value(header, default, lambda p: p.strip("\"'")[:n], lambda value: f'"{value}"')


def doing(act: Callable[[], object]) -> Handler:
    """Return a command without parameters and without a reply."""

    def do(_: str) -> None:
        act()

    return do


def _short(spelling: str) -> str:
    return "".join(letter for letter in spelling if not letter.islower())


class TableInstrument(ScpiInstrument):
    """A SCPI instrument whose settings are a table."""

    table: ClassVar[Mapping[str, Value]] = {}
    """Settings by a name of our own."""

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = ()) -> None:
        self.values: dict[str, Any] = {}
        self.reset()
        super().__init__(clock, seed, faults)

    @override
    def reset(self) -> None:
        """Give every setting the value that ``*RST`` gives it."""
        self.values = {
            key: self.values.get(key, value.default) if value.lasting else value.default
            for key, value in self.table.items()
        }

    def changed(self, key: str) -> None:
        """Act on a setting that was written."""

    def refreshed(self, key: str) -> None:
        """Bring a setting that changes by itself up to the present, before it is told."""

    def actions(self) -> Mapping[str, Handler]:
        """Return the commands that are no settings, by header."""
        return {}

    @override
    def commands(self) -> Mapping[str, Handler]:
        """Return a command and a query for each setting, and the actions."""
        found: dict[str, Handler] = {}
        for key, value in self.table.items():
            found[value.header] = self._setter(key, value)
            found[f"{value.header}?"] = self._teller(key, value)
        return {**found, **self.actions()}

    def _setter(self, key: str, value: Value) -> Handler:
        def write(parameters: str) -> None:
            before = self.values[key]
            self.values[key] = value.parse(parameters)
            try:
                self.changed(key)
            except ScpiError:
                self.values[key] = before
                raise

        return write

    def _teller(self, key: str, value: Value) -> Handler:
        def tell(parameters: str) -> str:
            named = parameters.strip().upper()[:3]
            if value.limits is not None and named in ("MIN", "MAX"):
                return value.tell(value.limits[named == "MAX"])
            self.refreshed(key)
            return value.tell(self.values[key])

        return tell
