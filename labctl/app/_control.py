"""A running campaign listens to people at other terminals, on a socket that only its own user can open."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import queue
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labctl.app._campaign_folder import FILES, keep_lab
from labctl.campaign import Campaign, completion
from labctl.clock import RealClock
from labctl.dispatch import Forecast, Line, answers
from labctl.errors import ClockClosed, ClockStalled, FileError, LabError, RegistryError, StoreError
from labctl.files import nearest
from labctl.lab import extension_problems, read_lab

SOCKET = "control.sock"
"""In the folder of the store."""
_LIMIT_S = 10.0
_EXTEND_LIMIT_S = 120.0
"""How long new instruments may take to say who they are [s]."""
_MOST_BYTES = 65536
_SILENT = "the campaign did not answer within {:g} s; it may be ending"


class Control:
    """Does what people at other terminals ask of a campaign, one request after another, on the campaign's thread.

    A request is one line of JSON with the key ``do``, ``by`` and what the action needs; the reply is one line with
    ``said`` or ``error``.

    Args:
        campaign: that runs.
    """

    def __init__(self, campaign: Campaign) -> None:
        self._campaign, self._operator = campaign, campaign.operator
        self._actions: Mapping[str, Callable[[Mapping[str, str]], str]] = {
            "status": lambda asked: json.dumps(self.status()),
            "completion": lambda asked: json.dumps(self.completion()),
            "pause": lambda asked: self._do(
                lambda: self._operator.pause(asked["by"]), "paused: nothing new is started"
            ),
            "resume": lambda asked: self._do(lambda: self._operator.resume(asked["by"]), "goes on"),
            "stop": self._stop,
            "hold": self._hold,
            "release": self._release,
            "extend": self._extend,
            "answer": self._answer,
            "approve": self._approve,
            "refuse": self._refuse,
            "suggest": self._suggest,
            "ack": self._acknowledge,
            "note": self._note,
        }

    def reply(self, line: bytes) -> dict[str, str]:
        """Return the reply to a request."""
        try:
            asked = json.loads(line)
            action = self._actions[asked["do"]]
        except (ValueError, KeyError, TypeError):
            return {"error": f"not understood: {line[:200]!r}"}
        try:
            return {"said": action(asked)}
        except (LookupError, LabError, TimeoutError) as error:
            return {"error": str(error.args[0]) if isinstance(error, KeyError) else str(error)}

    def status(self) -> dict[str, Any]:
        """Return what goes on, ready for JSON."""
        campaign = self._campaign
        ports = campaign.dispatcher.ports
        now = campaign.lab.clock.monotonic()
        return {
            "lab_s": campaign.lab_s,
            "paused": campaign.dispatcher.paused(campaign.name),
            "stopping": campaign.dispatcher.stopping(campaign.name),
            "alarms": {
                name: {"message": alarm.message, "action": alarm.action, "by": alarm.acknowledged_by}
                for name, alarm in dict(campaign.floor.board.alarms).items()
            },
            "stations": {
                name: {
                    "state": ports[name].state if name in ports else "busy" if driver.current else "free",
                    "operation": driver.current.kind if driver.current else "",
                    "samples": list(driver.current.samples) if driver.current else [],
                    "reason": (ports[name].reason or "; ".join(ports[name].held.values())) if name in ports else "",
                    "failure": ports[name].failure if name in ports and ports[name].state == "waiting" else "",
                }
                for name, driver in campaign.drivers.items()
            },
            "waiting_to_begin": {
                each.trial: dict(each.suggestion) for each in campaign.dispatcher.unbegun(campaign.name)
            },
            "waiting_for_approval": {
                each.trial: {"reason": each.reason, "values": dict(each.point), "lab_s_left": each.until - now}
                for each in list(campaign.approvals.pending.values())
            },
        }

    def completion(self) -> dict[str, Any]:
        """Return when what is under way will be done, ready for JSON; lab times [s] from the campaign's beginning.

        Raises:
            TimeoutError: the campaign does not answer.
        """
        campaign, copied, done = self._campaign, list[Line](), threading.Event()

        def copy() -> None:
            copied.append(Forecast(campaign.dispatcher.line).line)
            done.set()

        campaign.dispatcher.ask(copy)
        if not done.wait(_LIMIT_S):
            raise TimeoutError(_SILENT.format(_LIMIT_S))
        found = completion(copied[0], campaign.name, campaign.started_at, campaign.floor.to_come)
        epoch = campaign.lab.clock.time() - campaign.lab.clock.monotonic() + campaign.started_at
        deadline = campaign.deadline() - campaign.started_at
        about = {"lab_s": campaign.lab_s, "began": epoch, "deadline": deadline if deadline < math.inf else None}
        return {**about, **dataclasses.asdict(found)}

    def _do(self, call: Callable[[], None], said: str, limit_s: float = _LIMIT_S) -> str:
        """Have something done on the campaign's thread; return what to say when it is done."""
        if self._campaign.ending is not None:
            raise LabError(f"{self._campaign.name} has ended: {self._campaign.ending.reason}")
        done, failed = threading.Event(), list[Exception]()

        def act() -> None:
            try:
                call()
            except LookupError:
                failed.append(LookupError("it was answered by somebody else meanwhile"))
            except LabError as error:
                if isinstance(error, StoreError | ClockClosed | ClockStalled):
                    raise  # the campaign cannot go on
                failed.append(error)
            finally:
                done.set()

        self._campaign.tell(act)
        if not done.wait(limit_s):
            raise TimeoutError(_SILENT.format(limit_s))
        if failed:
            raise failed[0]
        return said

    def _station(self, asked: Mapping[str, str]) -> str:
        name, ports = asked["station"], self._campaign.dispatcher.ports
        if name not in ports:
            raise LookupError(f"no station {name!r}{nearest(name, tuple(ports))}")
        return name

    def _trial(self, asked: Mapping[str, str]) -> str:
        name, pending = asked["trial"], self._campaign.approvals.pending
        if name not in pending:
            raise LookupError(f"trial {name!r} does not wait for approval{nearest(name, tuple(pending))}")
        return name

    def _stop(self, asked: Mapping[str, str]) -> str:
        is_alone = self._campaign.floor.is_alone(self._campaign.name)
        self._campaign.stop(f"by {asked['by']}")
        if is_alone:
            return "every station goes to its safe state"
        return "what runs for it ends, and its samples are carried home; other campaigns go on"

    def _hold(self, asked: Mapping[str, str]) -> str:
        name = self._station(asked)
        if asked.get("out_of_service"):
            if name not in self._campaign.dispatcher.ports:
                raise LookupError(f"{name} carries the samples: it can be held, not taken out of service")
            retire = lambda: self._operator.retire(name, asked["by"], asked.get("reason", ""))  # noqa: E731
            return self._do(retire, f"{name} is used no more; what is in it is finished, other samples go elsewhere")
        call = lambda: self._operator.hold(name, asked["by"], asked.get("reason", ""))  # noqa: E731  one expression
        return self._do(call, f"{name} begins nothing new; what it does, ends")

    def _release(self, asked: Mapping[str, str]) -> str:
        name = self._station(asked)
        return self._do(lambda: self._operator.release(name, asked["by"]), f"{name} is used again")

    def _extend(self, asked: Mapping[str, str]) -> str:
        path, floor = Path(asked["lab"]), self._campaign.floor
        file, names = read_lab(path, floor.schemas), list[str]()
        folders = [member.store.directory / FILES for member in floor.members.values()]

        def keep() -> None:
            try:
                for folder in folders:
                    keep_lab(path, file, folder)
            except OSError as error:
                raise RegistryError(f"{error.filename}: {error.strerror}; nothing was taken in") from error

        if problems := extension_problems(floor.file, file):
            raise FileError(str(path), problems)

        call = lambda: names.append(self._operator.extend(file, keep, asked["by"]))  # noqa: E731  one expression
        self._do(call, "", _EXTEND_LIMIT_S)
        return f"{names[0]} taken in"

    def _answer(self, asked: Mapping[str, str]) -> str:
        name, verdict = self._station(asked), asked["verdict"]
        port = self._campaign.dispatcher.ports[name]
        operation = port.load[0].next_operation if port.state == "waiting" else None
        if operation is None:
            raise LookupError(f"{name} does not wait for a person; it is {port.state}")
        allowed = answers(self._campaign.checked.schemas[operation.kind])
        if verdict not in allowed:
            raise LookupError(f"{verdict!r} is not possible after a failed {operation.kind}{nearest(verdict, allowed)}")
        return self._do(lambda: self._operator.answer(name, verdict, asked["by"]), f"{name}: {verdict}")

    def _approve(self, asked: Mapping[str, str]) -> str:
        name = self._trial(asked)
        return self._do(lambda: self._operator.approve(name, asked["by"]), f"{name} is made")

    def _refuse(self, asked: Mapping[str, str]) -> str:
        name, answers = asked["trial"], queue.SimpleQueue[str]()
        self._do(lambda: self._operator.refuse(name, asked["by"], asked["reason"], answers.put), "")
        try:
            why_not = answers.get(timeout=_LIMIT_S)
        except queue.Empty:
            raise TimeoutError(_SILENT.format(_LIMIT_S)) from None
        if why_not:
            raise RegistryError(why_not)
        return f"{name} is not made"

    def _suggest(self, asked: Mapping[str, str]) -> str:
        point, trials = json.loads(asked["point"]), list[str]()
        call = lambda: trials.append(self._operator.suggest(point, asked["by"], asked["reason"]))  # noqa: E731
        self._do(call, "")
        return f"{trials[0]} is made"

    def _acknowledge(self, asked: Mapping[str, str]) -> str:
        name = asked["alarm"]
        call = lambda: self._operator.acknowledge(name, asked["by"], asked.get("note", ""))  # noqa: E731
        return self._do(call, f"{name} is acknowledged")

    def _note(self, asked: Mapping[str, str]) -> str:
        station = self._station(asked) if asked.get("station") else ""
        return self._do(lambda: self._operator.note(asked["text"], asked["by"], station), "noted")


@contextmanager
def controlled(campaign: Campaign, directory: Path) -> Iterator[None]:
    """Listen while the body runs, on a socket in the store's folder that only this user can open."""
    control = Control(campaign)

    class Handler(socketserver.StreamRequestHandler):
        timeout = _LIMIT_S

        def handle(self) -> None:
            if _is_stranger(self.connection):
                return
            line = self.rfile.readline(_MOST_BYTES)
            self.wfile.write(json.dumps(control.reply(line)).encode() + b"\n")

    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        (directory / SOCKET).unlink(missing_ok=True)  # of a campaign that was killed: the store has one writer
        with socketserver.ThreadingUnixStreamServer(_address(folder), Handler) as server:
            (directory / SOCKET).chmod(0o600)
            server.daemon_threads = True
            thread = RealClock().spawn(server.serve_forever, "control")
            try:
                yield
            finally:
                server.shutdown()
                thread.join(_LIMIT_S)
    finally:
        (directory / SOCKET).unlink(missing_ok=True)
        os.close(folder)


def ask(directory: Path, **asked: str) -> str:
    """Ask something of the campaign that runs in a store's folder; return what it says.

    Raises:
        LabError: no campaign runs there, or it cannot do this; the text says why.
    """
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise LabError(f"{directory}: {error.strerror}") from error
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_LIMIT_S + (_EXTEND_LIMIT_S if asked["do"] == "extend" else _LIMIT_S))
            connection.connect(_address(folder))
            connection.sendall(json.dumps(asked).encode() + b"\n")
            with connection.makefile("rb") as replies:
                reply = json.loads(replies.readline())
    except (OSError, ValueError) as error:
        raise LabError(f"{directory}: no campaign runs here") from error
    finally:
        os.close(folder)
    if "error" in reply:
        raise LabError(str(reply["error"]))
    return str(reply["said"])


def _address(folder: int) -> str:
    """Return the socket's path by way of an open folder: the name of a socket holds 108 bytes at most (unix(7))."""
    return f"/proc/self/fd/{folder}/{SOCKET}"


def _is_stranger(connection: socket.socket) -> bool:
    """Return whether another user than ours is at the other end."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", found)
    return bool(user not in (os.getuid(), 0))
