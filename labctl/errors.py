"""The errors that labctl raises and that callers catch by name."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ClockClosed",
    "ClockStalled",
    "FileError",
    "LabError",
    "LinkError",
    "LinkTimeout",
    "Problem",
    "RegistryError",
    "StoreError",
]


class LabError(Exception):
    """Base of every error that labctl defines; its text is meant for a person."""


class StoreError(LabError):
    """The journal or the catalog cannot be written, read or trusted."""


class RegistryError(LabError):
    """What was said of a sample, or asked for, cannot be: it is unknown, in use, consumed, malformed."""


class ClockStalled(LabError):  # noqa: N818  (reads as what happened)
    """Simulated time cannot go on: a participant holds it, or all of them wait for each other."""


class ClockClosed(LabError):  # noqa: N818
    """The clock was closed while a thread waited on it."""


class LinkError(LabError):
    """An exchange with an instrument failed after all retries.

    Args:
        device: the device's lab name.
        address: VISA resource name.
        command: what was sent, readable.
        reply: what came back, readable; empty when nothing came.
        reason: what is wrong with it.
    """

    def __init__(self, device: str, address: str, command: str, reply: str, reason: str) -> None:
        super().__init__(f"{device} ({address}): {command!r} -> {reply!r}: {reason}")
        self.device, self.address, self.command, self.reply, self.reason = device, address, command, reply, reason


class LinkTimeout(LinkError):  # noqa: N818  (the field says time-out)
    """The instrument did not answer in time."""


class Problem:
    """One mistake in a file a person wrote.

    Args:
        where: dotted path of the field, e.g. ``operations[1].power``.
        message: what is wrong, the offending value and the allowed range or nearest name.
    """

    __slots__ = ("message", "where")

    def __init__(self, where: str, message: str) -> None:
        self.where, self.message = where, message

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)  # one line, whatever a file holds


class FileError(LabError):
    """A recipe, campaign, lab or table file is wrong; carries every problem at once.

    Args:
        file: the file's path as the person wrote it.
        problems: all that is wrong with it.
    """

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.file, self.problems = file, tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
