"""Command line, IPython session and reports: the only place that joins everything."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line; the exit code says how it ended (docs/reference/exit-codes.md)."""
    import os

    # One sample at a time: more threads of linear algebra only get into each other's way. Read by numpy's import.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

    from labctl.app._commands import command_line

    command_line()
