"""What people do to a campaign that runs, from another terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.app._ending import clear_errors

Store = Annotated[Path, typer.Argument(help="Folder of the store in which the campaign runs.")]
By = Annotated[str, typer.Option("--by", help="Who says so; the user of the operating system when omitted.")]
Station = Annotated[str, typer.Argument(help="Station.")]
Trial = Annotated[str, typer.Argument(help="Trial that waits for approval.")]


def pause(directory: Store, by: By = "") -> None:
    """Start nothing new; what runs, ends."""
    _ask(directory, "pause", by)


def resume(directory: Store, by: By = "") -> None:
    """Go on after a pause."""
    _ask(directory, "resume", by)


def stop(directory: Store, by: By = "") -> None:
    """End the campaign: every station goes to its safe state."""
    _ask(directory, "stop", by)


def hold(
    directory: Store,
    station: Station,
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    out_of_service: Annotated[
        bool, typer.Option("--out-of-service", help="Samples do not wait for it, but go elsewhere or are given up.")
    ] = False,
) -> None:
    """Let one station begin nothing new until it is released; what it does, ends."""
    told = {"out_of_service": "yes"} if out_of_service else {}
    _ask(directory, "hold", by, station=station, reason=reason, **told)


def release(directory: Store, station: Station, by: By = "") -> None:
    """Use a station again that was held or in quarantine; samples that failed in it were taken out by hand."""
    _ask(directory, "release", by, station=station)


def extend(
    directory: Store,
    lab: Annotated[Path, typer.Argument(help="Lab file: the one that works, with more stations.")],
    by: By = "",
) -> None:
    """Use stations that a lab file newly names; what works already must be as it was."""
    with clear_errors():
        from labctl.app._running import schemas
        from labctl.lab import read_lab

        read_lab(lab, schemas())
    _ask(directory, "extend", by, lab=str(lab.absolute()))


def answer(
    directory: Store,
    station: Station,
    verdict: Annotated[str, typer.Argument(help="retry, elsewhere, set aside, go on, quarantine or stop.")],
    by: By = "",
) -> None:
    """Say what is done at a station that waits for a person after a failure."""
    _ask(directory, "answer", by, station=station, verdict=verdict)


def approve(directory: Store, trial: Trial, by: By = "") -> None:
    """Have a suggestion made that waits for a person."""
    _ask(directory, "approve", by, trial=trial)


def refuse(
    directory: Store,
    trial: Annotated[str, typer.Argument(help="Trial that waits for approval or for its turn.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    by: By = "",
) -> None:
    """Have a suggestion never made that waits for a person, or for its turn; another takes its place."""
    _ask(directory, "refuse", by, trial=trial, reason=reason)


def suggest(
    directory: Store,
    add: Annotated[list[Path], typer.Option("--add", help="Recipe file: the campaign's with other values.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    by: By = "",
) -> None:
    """Have recipes of your own made beside the optimizer's, which learns from them; they count in the budget."""
    with clear_errors():
        import json

        from labctl.app._reading import open_campaign
        from labctl.campaign import read_candidate

        checked, _ = open_campaign(directory)
        points = [read_candidate(path, checked) for path in add]
    for point in points:
        _ask(directory, "suggest", by, point=json.dumps(point), reason=reason)


def ack(
    directory: Store,
    alarm: Annotated[str, typer.Argument(help="Name of the interlock or watchdog.")],
    note: Annotated[str, typer.Option(help="In your words.")] = "",
    by: By = "",
) -> None:
    """Take note of an alarm: it goes when it is right again, and its station is free."""
    _ask(directory, "ack", by, alarm=alarm, note=note)


def note(
    directory: Store,
    text: Annotated[str, typer.Argument(help="What is recorded.")],
    station: Annotated[str, typer.Option(help="Only in runs of this station.")] = "",
    by: By = "",
) -> None:
    """Write a note into the runs that are under way, or into the next."""
    _ask(directory, "note", by, text=text, station=station)


COMMANDS = (pause, resume, stop, hold, release, extend, answer, approve, refuse, suggest, ack, note)


def _ask(directory: Path, action: str, by: str, **about: str) -> None:
    with clear_errors():
        from labctl.app._control import ask
        from labctl.exchange import user

        typer.echo(ask(directory, do=action, by=by or user(), **about))
