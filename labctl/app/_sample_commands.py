"""Commands on samples: what they are, where they are, what comes of them."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.app._ending import BAD_INPUT, clear_errors
from labctl.app._history_commands import sample_history
from labctl.app._replay_commands import sample_recipe

if TYPE_CHECKING:
    from labctl.metadata import AccessPolicy
    from labctl.records import SampleRegistry

sample = typer.Typer(help="Samples: what they are, where they are, what was done to them.", no_args_is_help=True)

Directory = Annotated[Path, typer.Argument(help="Folder of a store, as given to --out.")]
Name = Annotated[str, typer.Argument(help="Name of the sample.")]
By = Annotated[str, typer.Option("--by", help="Who says so; your login name when omitted.")]
Note = Annotated[str, typer.Option(help="In your words.")]


class Condition(StrEnum):
    """Quality states of a sample."""

    good = "good"
    suspect = "suspect"
    failed = "failed"


class Doubt(StrEnum):
    """Quality states that a flag gives."""

    suspect = "suspect"
    bad = "bad"


class Access(StrEnum):
    """Who may have data."""

    open = "open"
    consortium = "consortium"
    closed = "closed"


AccessOption = Annotated[Access | None, typer.Option("--access", help="Who may have its data.")]
Owner = Annotated[str | None, typer.Option(help="Whose data it is.")]
Contact = Annotated[str | None, typer.Option(help="Whom to ask about it.")]
Project = Annotated[str | None, typer.Option(help="Of which project.")]
Embargo = Annotated[str | None, typer.Option(help="Day before which only the owner may have it.")]
Licence = Annotated[str | None, typer.Option(help="SPDX identifier.")]
ExportControl = Annotated[str | None, typer.Option(help="Class, such as EAR99.")]


def _changes(
    access: Access | None,
    owner: str | None,
    contact: str | None,
    project: str | None,
    embargo: str | None,
    licence: str | None,
    export_control: str | None,
) -> dict[str, str]:
    """Return what was given of a policy."""
    given = {
        "access": access.value if access else None,
        "owner": owner,
        "contact": contact,
        "project": project,
        "embargo_until": embargo,
        "licence": licence,
        "export_control": export_control,
    }
    return {key: value for key, value in given.items() if value is not None}


def _policy(registry: SampleRegistry, name: str, changes: Mapping[str, str]) -> AccessPolicy:
    """Return a sample's policy with changes; a mistake ends the command."""
    from pydantic import ValidationError

    from labctl.files import problems_of
    from labctl.metadata import AccessPolicy

    try:
        return AccessPolicy.model_validate({**registry.sample(name).policy.model_dump(), **changes})
    except ValidationError as error:
        for problem in problems_of(error, AccessPolicy):
            typer.echo(f"policy of {name}: {problem}", err=True)
        raise typer.Exit(BAD_INPUT) from None


def _registry(directory: Path, by: str = "") -> SampleRegistry:
    from labctl.records import SampleRegistry

    return SampleRegistry(directory, by or getpass.getuser())


@sample.command("list")
def list_samples(
    directory: Directory,
    campaign: Annotated[str, typer.Option(help="Only of this campaign.")] = "",
    lot: Annotated[str, typer.Option(help="Only of this lot.")] = "",
    location: Annotated[str, typer.Option(help="Only in this place.")] = "",
    quality: Annotated[Condition | None, typer.Option(help="Only of this quality.")] = None,
) -> None:
    """List all samples, or some."""
    with clear_errors():
        from labctl.app._showing_samples import show_samples

        which = {"campaign": campaign, "lot": lot, "location": location, "quality": quality.value if quality else ""}
        with _registry(directory) as registry:
            show_samples(registry.samples(**{key: value for key, value in which.items() if value}))


@sample.command("show")
def show(
    directory: Directory,
    name: Name,
    verify: Annotated[bool, typer.Option("--verify", help="Also look whether attachments are what they were.")] = False,
) -> None:
    """Show what is known of a sample besides its history."""
    with clear_errors():
        from labctl.app._reading import told_if_refused
        from labctl.app._showing_samples import show_sample

        with _registry(directory) as registry, told_if_refused(directory, name):
            entry = registry.sample(name)
            show_sample(entry)
            for attachment in entry.attachments if verify else ():
                registry.attachment(attachment.checksum)


@sample.command("add")
def add(
    directory: Directory,
    name: Name,
    lot: Annotated[str, typer.Option(help="It came with these.")] = "",
    substrate: Annotated[str, typer.Option(help="Name of what it is on.")] = "",
    carrier: Annotated[str, typer.Option(help="What holds it.")] = "",
    composition: Annotated[str, typer.Option(help="What it is made of, e.g. In2O3-SnO2 90-10 wt%.")] = "",
    place: Annotated[str, typer.Option(help="Where it is.")] = "",
    note: Note = "",
    by: By = "",
) -> None:
    """Register a sample, before anything is done to it."""
    with clear_errors(), _registry(directory, by) as registry:
        about = {"lot": lot, "substrate": substrate, "carrier": carrier, "composition": composition}
        registry.add(name, place=place, note=note, **about)


@sample.command("split")
def split(
    directory: Directory,
    name: Name,
    parts: Annotated[list[str], typer.Argument(help="Names of the parts.")],
    note: Note = "",
    by: By = "",
) -> None:
    """Cut a sample into parts, which are samples of their own."""
    with clear_errors(), _registry(directory, by) as registry:
        registry.split(name, parts, note=note)


@sample.command("combine")
def combine(
    directory: Directory,
    parents: Annotated[list[str], typer.Argument(help="Samples that it is made of.")],
    into: Annotated[str, typer.Option("--into", help="Name of what is made.")],
    note: Note = "",
    by: By = "",
) -> None:
    """Make one sample of several."""
    with clear_errors(), _registry(directory, by) as registry:
        registry.combine(parents, into, note=note)


@sample.command("consume")
def consume(
    directory: Directory,
    name: Name,
    reason: Annotated[str, typer.Option(help="What became of it.")],
    by: By = "",
) -> None:
    """Say that a sample is no more."""
    with clear_errors(), _registry(directory, by) as registry:
        registry.consume(name, reason)


@sample.command("move")
def move(
    directory: Directory, name: Name, place: Annotated[str, typer.Argument(help="Where it is now.")], by: By = ""
) -> None:
    """Say where a sample is; nothing is moved by it."""
    with clear_errors(), _registry(directory, by) as registry:
        registry.move(name, place)


@sample.command("archive")
def archive(
    directory: Directory,
    name: Name,
    shelf: Annotated[str, typer.Option(help="Where it is kept.")],
    box: Annotated[str, typer.Option(help="Which box there.")],
    condition: Annotated[str, typer.Option(help="How it is kept: nitrogen, 5 degC...")] = "",
    until: Annotated[str, typer.Option(help="Day up to which it is kept, YYYY-MM-DD; for ever when omitted.")] = "",
    by: By = "",
) -> None:
    """Put a sample into the archive."""
    with clear_errors(), _registry(directory, by) as registry:
        registry.archive(name, shelf, box, condition=condition, until=until)


@sample.command("attach")
def attach(
    directory: Directory,
    name: Name,
    file: Annotated[Path, typer.Argument(help="A photograph, a measurement of another laboratory...")],
    kind: Annotated[str, typer.Option(help="What it is: photograph, XRD...")] = "file",
    note: Note = "",
    access: AccessOption = None,
    owner: Owner = None,
    contact: Contact = None,
    project: Project = None,
    embargo: Embargo = None,
    licence: Licence = None,
    export_control: ExportControl = None,
    by: By = "",
) -> None:
    """Keep a copy of a file with a sample, under the sample's policy or a stricter one."""
    with clear_errors(), _registry(directory, by) as registry:
        changes = _changes(access, owner, contact, project, embargo, licence, export_control)
        own = _policy(registry, name, changes) if changes else None
        if own is not None:
            registry.check_attachment(name, file, own)
        typer.echo(registry.attach(name, file, kind=kind, note=note, policy=own))


@sample.command("quality")
def quality(
    directory: Directory,
    name: Name,
    state: Annotated[Condition, typer.Argument(help="How good it is.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    by: By = "",
) -> None:
    """Judge a sample."""
    with clear_errors(), _registry(directory, by) as registry:
        registry.set_quality(name, state.value, reason)


@sample.command("policy")
def policy(
    directory: Directory,
    name: Name,
    access: AccessOption = None,
    owner: Owner = None,
    contact: Contact = None,
    project: Project = None,
    embargo: Embargo = None,
    licence: Licence = None,
    export_control: ExportControl = None,
    by: By = "",
) -> None:
    """Put a sample under a policy; what is not given stays, and nothing becomes wider than what it comes from."""
    with clear_errors(), _registry(directory, by) as registry:
        changes = _changes(access, owner, contact, project, embargo, licence, export_control)
        registry.set_policy(name, _policy(registry, name, changes))


@sample.command("flag")
def flag(
    directory: Directory,
    run: Annotated[str, typer.Argument(help="First characters of the run's uid.")],
    kind: Annotated[str, typer.Argument(help="What is wrong, in a word or two.")],
    doubt: Annotated[Doubt, typer.Option("--quality", help="How far it can be trusted.")] = Doubt.suspect,
    stream: Annotated[str, typer.Option(help="Only this stream.")] = "",
    key: Annotated[str, typer.Option(help="Only this quantity.")] = "",
    detail: Annotated[str, typer.Option(help="In your words.")] = "",
    by: By = "",
) -> None:
    """Doubt a run, a stream or a quantity; nothing is deleted."""
    with clear_errors(), _registry(directory, by) as registry:
        registry.flag(run, kind, doubt.value, stream=stream, key=key, detail=detail)


sample.command("history")(sample_history)
sample.command("recipe")(sample_recipe)
