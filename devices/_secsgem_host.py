"""The host's end of a SECS/GEM connection on HSMS, through secsgem.

Source: SEMI E5 (SECS-II): remote commands (S2F41), process programs (S7F5, S7F19), collection events (S2F33 to 37,
S6F11), status variables (S1F3), equipment constants (S2F13, S2F15), alarms (S5F1); SEMI E37 (HSMS).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from devices.described import needed
from labctl.errors import LabError

END_S = 2.0
DONE, LATER, NOT_NOW, ALREADY = 0, 4, 2, 5
"""Acknowledge codes of a remote command (HCACK, SEMI E5)."""
REFUSALS = {1: "invalid command", 2: "cannot be done now", 3: "invalid parameter", 5: "already so", 6: "no such object"}
OPTIONS = ("session", "select", "program", "start", "abort", "finished", "failed", "events")
_ALARM_SET = 0x80


class SecsHost:
    """The host's end of the connection; what the equipment announces waits here."""

    def __init__(self, handler: Any, events: Mapping[str, tuple[int | str, Sequence[int | str]]]) -> None:
        self._handler, self._names = handler, {ceid: name for name, (ceid, _) in events.items()}
        self._waiting = deque[tuple[str, str, str]]()
        handler.register_stream_function(6, 11, self._on_event)
        handler.events.alarm_received += self._on_alarm

    def listen_to(self, events: Mapping[str, tuple[int | str, Sequence[int | str]]]) -> None:
        """Subscribe to collection events, each with its variables, in the place of all earlier subscriptions."""
        self._handler.clear_collection_events()
        for number, (ceid, variables) in enumerate(events.values(), 1):
            if variables:
                self._handler.subscribe_collection_event(ceid, list(variables), report_id=number)
            else:
                self._ask(2, 37, {"CEED": True, "CEID": [ceid]})

    def _on_event(self, handler: Any, message: Any) -> Any:
        told = self._handler.settings.streams_functions.decode(message)
        ceid = told.CEID.get()
        values = [value for report in told.RPT for value in report.V.get()]
        text = f": {', '.join(map(str, values))}" if values else ""
        self._waiting.append(("note", self._names.get(ceid, f"collection event {ceid}"), text))
        return self._handler.stream_function(6, 12)(0)

    def _on_alarm(self, data: Mapping[str, Any]) -> None:
        code, text = data["code"].get(), str(data["text"].get())
        is_set = bool((code[0] if isinstance(code, bytes) else code) & _ALARM_SET)
        self._waiting.append(
            ("alarm" if is_set else "note", f"alarm {data['alid'].get()} {text}", "" if is_set else ": over")
        )

    def announced(self) -> list[tuple[str, str, str]]:
        """Return kind, name and further text of what was announced since the last time."""
        self._check()
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def read(self, path: str) -> Any:
        """Return the value of a variable such as ``sv:1001``."""
        kind, number = _parsed(path)
        return self._ask(1, 3, [number])[0] if kind == "sv" else self._ask(2, 13, [number])[0]

    def write(self, path: str, value: Any) -> None:
        """Set an equipment constant such as ``ec:2001``."""
        _, number = _parsed(path)
        code = self._ask(2, 15, [{"ECID": number, "ECV": value}])
        if _number(code) != DONE:
            raise ValueError(f"equipment constant {number}: acknowledge code {_number(code)}")

    def programs(self) -> list[str]:
        """Return the names of the process programs."""
        return [str(name) for name in self._ask(7, 19)]

    def body(self, name: str) -> str:
        """Return the text of a process program."""
        body = self._ask(7, 5, name)["PPBODY"]
        return body.decode("latin1") if isinstance(body, bytes) else str(body)

    def command(self, command: str, parameters: Sequence[tuple[str, str]], accepted: Collection[int]) -> None:
        """Give a remote command; raises ValueError for an acknowledge code that is not accepted."""
        asked = {"RCMD": command, "PARAMS": [{"CPNAME": key, "CPVAL": value} for key, value in parameters]}
        code = _number(self._ask(2, 41, asked)["HCACK"])
        if code not in accepted:
            raise ValueError(f"{command}: {REFUSALS.get(code, f'acknowledge code {code}')}")

    def _check(self) -> None:
        from secsgem.gem.communication_state_machine import CommunicationState

        if self._handler.communication_state.current != CommunicationState.COMMUNICATING:
            raise ConnectionError("the equipment does not communicate")

    def _ask(self, stream: int, function: int, *value: Any) -> Any:
        """Send a primary message; return the content of its reply."""
        self._check()
        message = self._handler.send_and_waitfor_response(self._handler.stream_function(stream, function)(*value))
        if message is None:
            raise TimeoutError(f"S{stream}F{function}")
        if message.header.stream == 9 or message.header.function == 0:
            raise ValueError(f"S{stream}F{function} is answered by S{message.header.stream}F{message.header.function}")
        return self._handler.settings.streams_functions.decode(message).get()

    def close(self) -> None:
        """Close the connection; secsgem returns before its receiving thread has quite ended."""
        self._handler.disable()
        name = f"secsgem_tcpConnection_receiver_{self._handler.settings.address}:{self._handler.settings.port}"
        for thread in threading.enumerate():
            if thread.name == name:
                thread.join(END_S)


def _number(code: Any) -> int:
    return int(code[0] if isinstance(code, bytes | list) else code)


def _parsed(path: str) -> tuple[str, int | str]:
    kind, colon, number = path.partition(":")
    if kind not in ("sv", "ec") or not colon or not number:
        raise ValueError(f"{path!r} is no variable such as 'sv:1001' or 'ec:2001'")
    return kind, int(number) if number.isdigit() else number


def place(address: str) -> tuple[str, int]:
    """Return host and port of an address; raises ValueError where it is none."""
    parts = urlsplit(address)
    if parts.scheme != "hsms" or not parts.hostname or not parts.port:
        raise ValueError(f"{address!r} is no address such as 'hsms://10.0.0.5:5000'")
    return parts.hostname, parts.port


def connect(address: str, options: Mapping[str, Any], library: Any, timeout_s: float) -> SecsHost:
    """Connect to equipment and subscribe to its events.

    Args:
        address: such as ``hsms://10.0.0.5:5000``.
        options: of the instrument file.
        library: of VISA; not used.
        timeout_s: for the connection and each reply [s].

    Raises:
        LabError: secsgem is not installed, or an option is unknown.
        ValueError: the address is none.
        TimeoutError: the equipment does not communicate.
    """
    try:
        from secsgem.common import DeviceType
        from secsgem.gem import GemHostHandler
        from secsgem.hsms import HsmsConnectMode, HsmsSettings
    except ImportError as error:
        raise needed("secsgem", error) from error

    if unknown := set(options) - set(OPTIONS):
        raise LabError(f"{address}: no options {sorted(unknown)}; there are {', '.join(OPTIONS)}")
    host, port = place(address)
    settings = HsmsSettings(
        address=host,
        port=port,
        connect_mode=HsmsConnectMode.ACTIVE,
        device_type=DeviceType.HOST,
        session_id=int(options.get("session", 0)),
        t3=timeout_s,
        t6=timeout_s,
    )
    handler = GemHostHandler(settings)
    made = SecsHost(handler, options.get("events", {}))
    handler.enable()
    if not handler.waitfor_communicating(timeout_s):
        handler.disable()
        raise TimeoutError("the equipment does not communicate")
    made.listen_to(options.get("events", {}))
    return made
