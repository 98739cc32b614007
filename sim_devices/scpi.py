"""SCPI over IEEE 488.2, as an instrument sees it.

Source: SCPI-99 volume 1, chapters 6 (headers), 7 (parameters) and 21.8 (error queue); IEEE 488.2-1992,
chapters 10 (common commands) and 11 (status reporting).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from labctl.clock import Clock
from sim_devices.wire import Fault, LineInstrument

Handler = Callable[[str], str | None]
"""Takes the parameters as text and returns the reply, or None."""

_QUEUE_LENGTH = 10
_TOKEN = re.compile(r"\[|\]|:|\?|[^\[\]:?]+")
_UNIT = re.compile(r"""(?:"[^"]*"?|'[^']*'?|[^;"'])+""")  # a semicolon inside quotes separates nothing
_POWER_ON = 128

NO_ERROR = (0, "No error")
PARAMETER_TYPE = (-104, "Data type error")
MISSING_PARAMETER = (-109, "Missing parameter")
UNDEFINED_HEADER = (-113, "Undefined header")
OUT_OF_RANGE = (-222, "Data out of range")
ILLEGAL_VALUE = (-224, "Illegal parameter value")
QUEUE_OVERFLOW = (-350, "Queue overflow")


class ScpiError(Exception):
    """A command that cannot be done; goes into the error queue.

    Args:
        entry: number and text, as SCPI has them.
    """

    def __init__(self, entry: tuple[int, str]) -> None:
        super().__init__(entry[1])
        self.entry = entry


def compile_header(pattern: str) -> re.Pattern[str]:
    """Return what matches every spelling of a header such as ``[:SOURce]:CURRent[:LEVel]?``, colon first."""
    expression = ""
    for token in _TOKEN.findall(pattern):
        if token == "[":
            expression += "(?:"
        elif token == "]":
            expression += ")?"
        elif token in (":", "?"):
            expression += re.escape(token)
        else:
            short = re.match(r"\*?[A-Z0-9]*", token)
            length = short.end() if short is not None else 0
            suffix = re.search(r"\d*$", token[length:])
            digits = suffix.group() if suffix is not None else ""
            rest = token[length : len(token) - len(digits)] if digits else token[length:]
            numeral = f"(?:{digits})?" if digits == "1" else digits
            expression += re.escape(token[:length]) + (f"(?:{rest.upper()})?" if rest else "") + numeral
    return re.compile(expression, re.IGNORECASE)


class ScpiInstrument(LineInstrument):
    """A SCPI instrument with status byte, event status register and error queue."""

    request_end = b"\n"
    reply_end = b"\n"
    identity: ClassVar[str] = "labctl,simulated,0,0"
    """Answer to ``*IDN?``: maker, model, serial number, firmware."""

    def __init__(self, clock: Clock, seed: int | str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(clock, seed, faults)
        self.errors: deque[tuple[int, str]] = deque()
        self._event_status, self._event_enable, self._service_enable = _POWER_ON, 0, 0
        common: dict[str, Handler] = {
            "*IDN?": lambda _: self.identity,
            "*RST": lambda _: self.reset(),
            "*CLS": lambda _: self._clear_status(),
            "*ESR?": lambda _: str(self._take_event_status()),
            "*ESE": self._set_event_enable,
            "*ESE?": lambda _: str(self._event_enable),
            "*SRE": self._set_service_enable,
            "*SRE?": lambda _: str(self._service_enable),
            "*STB?": lambda _: str(self.status_byte()),
            "*OPC": lambda _: self._set_event(1),
            "*OPC?": lambda _: "1",
            "*WAI": lambda _: None,
            "*TST?": lambda _: "0",
            "*TRG": lambda _: self.trigger(),
            ":SYSTem:ERRor[:NEXT]?": lambda _: self._next_error(),
            ":SYSTem:VERSion?": lambda _: "1999.0",
        }
        self._handlers = [(compile_header(h), act) for h, act in {**common, **self.commands()}.items()]
        self._found: dict[str, Handler] = {}

    def commands(self) -> Mapping[str, Handler]:
        """Return the instrument's own commands by header."""
        return {}

    def reset(self) -> None:
        """Go to the state after ``*RST``."""

    @override
    def power_down(self) -> None:
        """Lose the power, and with it settings, errors and status; it starts as after ``*RST``."""
        super().power_down()
        self.reset()
        self.errors.clear()
        self._event_status, self._event_enable, self._service_enable = _POWER_ON, 0, 0

    def answer_line(self, line: str) -> str | None:
        """Do every command of a line; relative headers start where the last one ended."""
        replies, path = [], ""
        for unit in _UNIT.findall(line):
            header, parameters = [*unit.split(None, 1), "", ""][:2]
            if not header:
                continue
            absolute = header.startswith((":", "*"))
            full = header if absolute else path + header
            reply = self._do(full, parameters.strip())
            if reply is not None:
                replies.append(reply)
            if not header.startswith("*"):
                path = full.rpartition(":")[0] + ":" if ":" in full.lstrip(":") else ""
        return ";".join(replies) if replies else None

    def _do(self, header: str, parameters: str) -> str | None:
        handler = self._find(header)
        if handler is None:
            self.raise_error(UNDEFINED_HEADER)
            return None
        try:
            return handler(parameters)
        except ScpiError as error:
            self.raise_error(error.entry)
            return None

    def _find(self, header: str) -> Handler | None:
        handler = self._found.get(header)
        if handler is None:
            rooted = header.removeprefix(":") if header.startswith(":*") else header
            rooted = rooted if rooted.startswith((":", "*")) else f":{rooted}"
            for pattern, candidate in self._handlers:
                if pattern.fullmatch(rooted):
                    handler = self._found[header] = candidate
                    break
        return handler

    # Status reporting.

    def raise_error(self, entry: tuple[int, str]) -> None:
        """Put an error into the queue and set its bit in the event status register."""
        number = entry[0]
        self._set_event(32 if -200 < number <= -100 else 16 if -300 < number <= -200 else 8)
        if len(self.errors) < _QUEUE_LENGTH:
            self.errors.append(entry)
        else:
            self.errors[-1] = QUEUE_OVERFLOW

    def status_byte(self) -> int:
        """Return the status byte: error queue (bit 2), event summary (5), service request (6)."""
        byte = (4 if self.errors else 0) | (32 if self._event_status & self._event_enable else 0)
        return byte | (64 if byte & self._service_enable else 0)

    def _set_event(self, bit: int) -> None:
        self._event_status |= bit

    def _take_event_status(self) -> int:
        status, self._event_status = self._event_status, 0
        return status

    def _set_event_enable(self, parameters: str) -> None:
        self._event_enable = int(number(parameters, 0, 255))

    def _set_service_enable(self, parameters: str) -> None:
        self._service_enable = int(number(parameters, 0, 255)) & ~64

    def _clear_status(self) -> None:
        self._event_status = 0
        self.errors.clear()

    def _next_error(self) -> str:
        code, text = self.errors.popleft() if self.errors else NO_ERROR
        return f'{code},"{text}"'


def number(
    parameters: str, low: float = float("-inf"), high: float = float("inf"), default: float | None = None
) -> float:
    """Return a numeric parameter; MIN, MAX and DEF are understood where they have a meaning.

    Raises:
        ScpiError: missing, no number or out of range.
    """
    if not parameters:
        raise ScpiError(MISSING_PARAMETER)
    word = parameters.upper()
    named = {"MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high}
    if default is not None:
        named |= {"DEF": default, "DEFAULT": default}
    try:
        value = named[word] if word in named else float(parameters)
    except ValueError:
        raise ScpiError(PARAMETER_TYPE) from None
    if not low <= value <= high:
        raise ScpiError(OUT_OF_RANGE)
    return value


def boolean(parameters: str) -> bool:
    """Return an ON/OFF parameter.

    Raises:
        ScpiError: missing or something else.
    """
    if not parameters:
        raise ScpiError(MISSING_PARAMETER)
    try:
        return {"ON": True, "1": True, "OFF": False, "0": False}[parameters.upper()]
    except KeyError:
        raise ScpiError(PARAMETER_TYPE) from None
