"""Giving records away: only what the policy allows, only once it is written down that it was."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from labctl.clock import RealClock
from labctl.errors import FileError, Problem, StoreError
from labctl.exchange._audit import AuditEntry, append_entry
from labctl.exchange._formats import format_of, load, missing
from labctl.exchange._gather import Dossier
from labctl.metadata import Role
from labctl.records import CONDITIONS, QUALITIES

_MOST_NAMES = 5


def refusals(dossier: Dossier, role: Role, quality: str = "bad", now: float | None = None) -> tuple[str, ...]:
    """Return why somebody may not have a dossier: one text for each reason, with what it holds for; empty if they may.

    Args:
        dossier: what would leave.
        role: of who would get it.
        quality: worst quality that its runs may have.
        now: when embargoes are judged [s since 1970-01-01 UTC]; the present when omitted.
    """
    today = datetime.fromtimestamp(RealClock().time() if now is None else now, UTC).date()
    held: dict[str, list[str]] = {}
    for subject, policy in dossier.policies:
        if reason := policy.refusal(role, today):
            held.setdefault(reason, []).append(subject)
    for subject, found in _qualities(dossier):
        if QUALITIES.index(found) > QUALITIES.index(quality):
            held.setdefault(f"{found}, and no worse than {quality} is asked", []).append(subject)
    return tuple(f"{_listed(subjects)}: {reason}" for reason, subjects in held.items())


def permit(
    dossier: Dossier,
    format: str,
    out: Path,
    *,
    role: Role,
    quality: str = "bad",
    by: str = "",
    now: float | None = None,
) -> None:
    """Write down in the store's audit file that a dossier is given away, or that it is refused.

    Args:
        dossier: what would leave.
        format: how.
        out: where to.
        role: of who gets it.
        quality: worst quality that its runs may have.
        by: who gives it away; the user of the operating system when omitted.
        now: when embargoes are judged [s since 1970-01-01 UTC]; the present when omitted.

    Raises:
        FileError: it is refused; every reason at once.
        StoreError: the audit file cannot be written.
    """
    reasons = refusals(dossier, role, quality, now)
    entry = AuditEntry(
        time=RealClock().time() if now is None else now,
        by=by or user(),
        role=role,
        what=dossier.name,
        format=format,
        out=str(out.absolute()),
        verdict="refused" if reasons else "granted",
        reasons=reasons,
        samples=tuple(sample.sample for sample in dossier.samples),
        n_runs=len(dossier.runs),
        policies=tuple(policy.model_dump() for policy in dict.fromkeys(policy for _, policy in dossier.policies)),
    )
    append_entry(dossier.directory, entry)
    if reasons:
        raise FileError(dossier.name, [Problem("", f"is refused to {role}: {reason}") for reason in reasons])


def export(
    dossier: Dossier,
    format: str,
    out: Path,
    *,
    role: Role = "public",
    quality: str = "bad",
    by: str = "",
    now: float | None = None,
) -> Path:
    """Write a dossier in a format, if its policy allows, and return the file or folder that was made.

    Before anything is written, the store's audit file says so; also when it is refused. The arguments are those of
    `permit`.

    Raises:
        FileError: unknown format, `out` exists, or it is refused; every reason at once.
        StoreError: the audit file or `out` cannot be written.
        LabError: a library is missing.
    """
    writer = load(chosen := format_of(format))
    _check_out(out)
    permit(dossier, format, out, role=role, quality=quality, by=by, now=now)
    part = out.with_name(f".part-{out.name}")  # what is half written never has the name that was asked for
    try:
        _remove(part)
        writer.write(dossier, part).replace(out)
    except ModuleNotFoundError as error:
        raise missing(chosen.name, error) from error
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        _remove(part)
    return out


def user() -> str:
    """Return the user of the operating system."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _check_out(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise FileError(str(out), [Problem("", "exists already; nothing is overwritten")])
    if not out.parent.is_dir():
        raise FileError(str(out), [Problem("", f"there is no folder {out.parent}")])


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _qualities(dossier: Dossier) -> Iterator[tuple[str, str]]:
    """Return how far each run can be trusted, and each sample by what people said of it."""
    seen = set[str]()
    for sample in dossier.samples:
        yield f"sample {sample.sample}", QUALITIES[CONDITIONS.index(sample.entry.quality)]
        for operation in sample.operations:
            if operation.uid not in seen:
                seen.add(operation.uid)
                yield f"run {operation.uid[:8]} ({operation.kind})", dossier.quality(operation)


def _listed(subjects: list[str]) -> str:
    more = len(subjects) - _MOST_NAMES
    return ", ".join(subjects[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
