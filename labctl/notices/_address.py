"""Addresses of people are secrets: kept outside every file, read when they are needed, never shown."""

from __future__ import annotations

import os
import re

from labctl.errors import LabError, Problem
from labctl.notices._entry import NoticesEntry, TargetEntry

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+-]*://[^'\"]*")


class Address:
    """Where a target's address is kept.

    Args:
        entry: of the target.
    """

    def __init__(self, entry: TargetEntry) -> None:
        self._env, self._keyring = entry.env, entry.keyring

    def __str__(self) -> str:
        return f"environment variable {self._env}" if self._env else f"keyring entry {self._keyring}"

    def read(self) -> str:
        """Return the address: a secret.

        Raises:
            LabError: there is none; names where it was looked for.
        """
        found = os.environ.get(self._env) if self._env else self._from_keyring()
        if not found:
            raise LabError(f"the {self} is not set")
        return found

    def _from_keyring(self) -> str | None:
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError as error:
            raise LabError(f"the {self} cannot be read: keyring is not installed; install labctl[keyring]") from error
        service, _, user = self._keyring.partition("/")
        try:
            return keyring.get_password(service, user)
        except KeyringError as error:
            raise LabError(f"the {self} cannot be read: {type(error).__name__}") from None


def address_problems(entry: NoticesEntry, *, simulated: bool) -> list[Problem]:
    """Return which addresses are missing or of no use on this computer; nothing is sent.

    Args:
        entry: the lab file's.
        simulated: whether the laboratory is, so that not all of the targets are told.
    """
    from labctl.notices._delivery import is_understood

    problems = []
    for name, target in entry.told(simulated=simulated).items():
        address, where = Address(target), f"notices.targets.{name}.{'env' if target.env else 'keyring'}"
        try:
            if not is_understood(address.read()):
                problems.append(Problem(where, f"the {address} holds no address that apprise understands"))
        except LabError as error:
            problems.append(Problem(where, str(error)))
    return problems


def without_addresses(problems: list[Problem]) -> list[Problem]:
    """Return problems of a file with every URL in them blotted out: one may have been written where none belongs."""
    return [Problem(_URL.sub("***", problem.where), _URL.sub("***", problem.message)) for problem in problems]
