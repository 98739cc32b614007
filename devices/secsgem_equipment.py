"""Equipment with a SECS/GEM interface on HSMS, through secsgem.

Source: SEMI E30 (GEM): remote commands (S2F41), process programs (S7F5, S7F19), collection events (S2F33 to 37, S6F11),
status variables (S1F3), equipment constants (S2F13, S2F15), alarms (S5F1); SEMI E37 (HSMS).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ophyd import Component
from typing_extensions import override

from devices._device import ClockStatus
from devices._secsgem_host import ALREADY, DONE, LATER, NOT_NOW, SecsHost, connect, place
from devices._signals import Soft
from devices.described import DescribedDevice, World
from labctl.errors import LabError
from labctl.link import LibraryLink

POLL_S = 0.5
"""How often what the equipment announced is looked at while a process program runs [s]."""


@dataclass(frozen=True)
class Variable:
    """A variable by its id: ``sv:1001`` a status variable, ``ec:2001`` an equipment constant."""

    path: str
    set_path: str = ""

    @override
    def __str__(self) -> str:
        return self.path

    def read(self, link: LibraryLink) -> Any:  # as the equipment has it
        """Return its value; raises `LinkError`."""
        return link.call(f"{self.path}?", lambda host: host.read(self.path))

    def write(self, link: LibraryLink, value: Any) -> None:
        """Set an equipment constant; raises `LinkError`, TypeError where it is read-only."""
        if not self.set_path:
            raise TypeError(f"{self.path} is read-only")
        link.call(f"{self.set_path} = {value!r}", lambda host: host.write(self.set_path, value))


class SecsEquipment(DescribedDevice):
    """Equipment that runs process programs by itself and announces what it does."""

    program = Component(Soft, value="", kind="normal")
    program_body = Component(Soft, value="", kind="normal")

    def programs(self) -> list[str]:
        """Return the names of the process programs that it tells of; raises `LinkError`."""
        found: list[str] = self.link.call("process programs?", lambda host: host.programs())
        return found

    def run_program(self, name: str, limit_s: float) -> ClockStatus:
        """Select a process program and start it; return its status, which the equipment's own events end.

        Args:
            name: of the program.
            limit_s: after this it fails [s].

        Raises:
            LinkError: no answer, or a command is refused.
            LabError: there is no such program.
        """
        if (known := self.programs()) and name not in known:
            raise LabError(f"{self.name} has no process program {name!r}; it has {', '.join(known)}")
        self.program.put(name)
        self.program_body.put(self.link.call(f"process program {name}?", lambda host: host.body(name)))
        self._announced()
        if "select" in self.options:
            self._command(str(self.options["select"]), ((str(self.options["program"]), name),))
        self._command(str(self.options["start"]))
        return self.start_action(limit_s).poll(POLL_S, self._is_done)

    def _command(
        self, command: str, parameters: Sequence[tuple[str, str]] = (), accepted: Collection[int] = (DONE, LATER)
    ) -> None:
        shown = " ".join([command, *(f"{key}={value}" for key, value in parameters)])
        self.link.call(shown, lambda host: host.command(command, parameters, accepted), repeatable=False)

    def _announced(self) -> list[str]:
        """Tell what was announced since the last time; return the names of the events."""
        told = self.link.call("events?", lambda host: host.announced())
        for kind, name, text in told:
            if self.told_to is not None:
                severity = "alarm" if kind == "alarm" else "info"
                self.told_to.tell(kind, f"{name}{text}", source=self.name, severity=severity)
        return [name for kind, name, _ in told if kind == "note"]

    def _is_done(self) -> bool:
        names = self._announced()
        if self.options.get("failed") in names:
            raise RuntimeError(f"{self.name} gave up its process program: {self.options['failed']}")
        return self.options.get("finished") in names

    @override
    def make_safe(self) -> None:
        """Abort what runs, if anything does, then as the file says; raises `LinkError`, LabError."""
        if "abort" in self.options:
            self._command(str(self.options["abort"]), accepted=(DONE, LATER, NOT_NOW, ALREADY))
        super().make_safe()


class _Ledger(dict[str, Any]):
    """In the place of equipment that is not there: every process program has ended as soon as it is started."""

    def __init__(self, values: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._options, self._ended = options, False

    def programs(self) -> list[str]:
        return []

    def body(self, name: str) -> str:
        return ""

    def command(self, command: str, parameters: Sequence[tuple[str, str]], accepted: Collection[int]) -> None:
        self._ended = command == self._options["start"]

    def announced(self) -> list[tuple[str, str, str]]:
        ended, self._ended = self._ended, False
        return [("note", str(self._options["finished"]), "")] if ended else []


WORLD = World(
    extra="secsgem",
    address=place,
    point=lambda at, set_at, dtype: Variable(at, set_at),
    connect=connect,
    disconnect=SecsHost.close,
    base=SecsEquipment,
    memory=_Ledger,
)
