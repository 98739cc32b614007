"""Errors become one clear message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

WRONG = 1
"""Something that was checked is not as it should be."""
BAD_INPUT = 2
"""A file, argument or name is wrong; nothing was opened or moved."""
LAB_FAILED = 3
"""The laboratory cannot do it: an instrument does not answer, or no station is left."""
STORE_FAILED = 4
"""The store cannot be written or read."""
STOPPED = 130
"""Stopped by Ctrl-C or a signal; everything is in its safe state."""


@contextmanager
def clear_errors() -> Iterator[None]:
    """Print an error that a person caused or can mend, one line each, and exit with its code."""
    from labctl.errors import FileError, LabError, RegistryError, StoreError

    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        raise SystemExit(STORE_FAILED) from None
    except (LabError, ExceptionGroup) as error:
        errors = _leaves(error)
        if not all(isinstance(one, LabError) for one in errors):
            raise
        for one in errors:
            sys.stderr.write(f"{one}\n")
        codes = {FileError: BAD_INPUT, RegistryError: BAD_INPUT, StoreError: STORE_FAILED, LabError: LAB_FAILED}
        raise SystemExit(next(code for kind, code in codes.items() if isinstance(errors[0], kind))) from None


def _leaves(error: Exception) -> list[Exception]:
    """Return the single errors of a group, or the error itself."""
    if not isinstance(error, ExceptionGroup):
        return [error]
    return [leaf for part in error.exceptions for leaf in _leaves(part)]
