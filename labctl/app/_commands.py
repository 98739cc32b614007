"""The command line. Every command imports what it needs, so that ``--help`` answers at once."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from labctl.app._alarm_commands import alarms
from labctl.app._beliefs_commands import explain
from labctl.app._ending import BAD_INPUT, STOPPED, WRONG, clear_errors
from labctl.app._exchange_commands import Receiver, check_report, export_records, import_records, list_exports
from labctl.app._lab_commands import lab, new
from labctl.app._notices_commands import notices
from labctl.app._operator_commands import COMMANDS
from labctl.app._optimize_commands import optimize
from labctl.app._records_commands import records
from labctl.app._rehearsal_commands import rehearse
from labctl.app._replay_commands import run_replay
from labctl.app._sample_commands import sample

command_line = typer.Typer(
    name="labctl",
    help="A controller for laboratories that make things and measure them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
campaign = typer.Typer(help="Closed-loop campaigns: check, run, look at.", no_args_is_help=True)
run = typer.Typer(help="Single runs.", no_args_is_help=True)
sim = typer.Typer(help="Simulated instruments.", no_args_is_help=True)
store = typer.Typer(help="What was recorded: journal and catalog.", no_args_is_help=True)
for group, name in (
    (campaign, "campaign"),
    (run, "run"),
    (sample, "sample"),
    (lab, "lab"),
    (new, "new"),
    (sim, "sim"),
    (store, "store"),
    (records, "records"),
    (alarms, "alarms"),
    (notices, "notices"),
    (optimize, "optimize"),
):
    command_line.add_typer(group, name=name)

Out = Annotated[Path, typer.Option("--out", help="Folder for everything that is recorded.")]
StoreDir = Annotated[Path, typer.Argument(help="Folder of a store, as given to --out.")]
Seed = Annotated[int | None, typer.Option(min=0, help="In place of the campaign file's seed.")]
Table = Annotated[Path | None, typer.Option("--table", help="CSV file of candidate recipes.")]
RealTime = Annotated[
    bool, typer.Option("--real-time", help="Let a simulated laboratory run no faster than a real one.")
]
Files = Annotated[list[Path], typer.Argument(help="Campaign files; several share one laboratory.")]
Supervisor = Annotated[
    bool, typer.Option(help="Let a second process make real instruments safe when this one dies or hangs.")
]


class Schema(StrEnum):
    """What a JSON Schema can be printed of."""

    recipe = "recipe"
    campaign = "campaign"
    search = "search"
    lab = "lab"
    instrument = "instrument"
    history = "history"
    metadata = "metadata"


class Status(StrEnum):
    """How a run ended."""

    success = "success"
    fail = "fail"
    abort = "abort"
    running = "running"


@command_line.callback(invoke_without_command=True)
def about(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Answer what concerns no command."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"labctl {installed('labctl')}")
        raise typer.Exit


@command_line.command()
def demo(
    trials: Annotated[int, typer.Option(min=1, max=100, help="How many samples are made.")] = 32,
    seed: Annotated[int, typer.Option(min=0, help="Of the optimizer and the simulated laboratory.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for everything that is recorded; labctl-demo, -2, -3...")
    ] = None,
) -> None:
    """Run a night's campaign on a simulated thin-film line, in less than a minute."""
    with clear_errors():
        from labctl.app._campaign_folder import unused_folder
        from labctl.app._running import run_demo

        _end(run_demo(trials, seed, out or unused_folder("labctl-demo")))


@campaign.command("check")
def campaign_check(files: Files, table: Table = None, seed: Seed = None) -> None:
    """Check a campaign file, what it names, and what the laboratory can do; nothing is opened."""
    with clear_errors():
        from labctl.app._running import check_all, describe
        from labctl.app._telling import require_addresses

        for checked in check_all(files, table, seed):
            require_addresses(checked.paths["lab"], checked.lab)
            describe(checked)


@campaign.command("run")
def campaign_run(
    files: Files,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for everything that is recorded; labctl-CAMPAIGN, -2, -3...")
    ] = None,
    table: Table = None,
    seed: Seed = None,
    real_time: RealTime = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what was interrupted.")] = False,
    supervisor: Supervisor = True,
) -> None:
    """Run a campaign to its end and write its report; or several side by side, each with a folder in that of --out."""
    with clear_errors():
        from labctl.app._campaign_folder import newest_folder, unfinished_folder, unused_folder
        from labctl.app._running import check_all, run_campaigns, same_campaign

        checked = check_all(files, table, seed)
        name = f"labctl-{'+'.join(each.file.campaign for each in checked)}"
        if out is None and not resume and (left := unfinished_folder(name)) is not None:
            typer.echo(
                f"the campaigns in {left} did not end" if len(checked) > 1 else f"the campaign in {left} did not end",
                err=True,
            )
            if sys.stdin.isatty() and typer.confirm("go on with it?", default=True):
                out, resume = left, True
            else:
                typer.echo("a new one begins; to go on with that one, say --resume", err=True)
        folder = out or (newest_folder(name) if resume else unused_folder(name))
        chosen = {folder / each.file.campaign if len(checked) > 1 else folder: each for each in checked}
        if resume:
            chosen = {store: same_campaign(each, store) for store, each in chosen.items()}
        _end(run_campaigns(chosen, folder, real_time=real_time, resume=resume, supervisor=supervisor))


campaign.command("rehearse")(rehearse)


@campaign.command("status")
def campaign_status(
    directory: StoreDir,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all of it as JSON, with every operation, done and expected.")
    ] = False,
) -> None:
    """Say how far a campaign is, also while it runs: when what is under way will be done, what it waits for."""
    with clear_errors():
        from labctl.app._campaign_folder import campaigns_in
        from labctl.app._status import print_status, show_status

        for store in campaigns_in(directory):
            if as_json:
                print_status(store)
            else:
                show_status(store)


@campaign.command("report")
def campaign_report(
    directory: StoreDir,
    out: Annotated[Path | None, typer.Option("--out", help="HTML file; DIR/report.html when omitted.")] = None,
    receiver: Annotated[Receiver, typer.Option("--as", help="Who gets it; the policy decides.")] = Receiver.owner,
) -> None:
    """Write one HTML file with pictures of everything a campaign did."""
    with clear_errors():
        from labctl.app._campaign_folder import campaigns_in
        from labctl.app._report import write_report
        from labctl.errors import RegistryError

        stores = campaigns_in(directory)
        if out is not None and len(stores) > 1:
            names = ", ".join(str(store) for store in stores)
            raise RegistryError(
                f"{directory} holds several campaigns, and --out {out} is one file: give one of {names}"
            )
        for store in stores:
            check_report(store, out, receiver)
        for store in stores:
            typer.echo(str(write_report(store, out)))


campaign.command("explain")(explain)


@campaign.command("compare")
def campaign_compare(
    directory: StoreDir,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="With how many seeds each way is played.")] = 3,
) -> None:
    """Play other ways to the same goal on the simulated laboratory, and say how much longer they take.

    Played are the campaign's own way, random recipes one at a time in working hours, the same optimizer one sample at a
    time, and random recipes with as many samples in flight. The result is kept in the store, where the report finds it.
    """
    with clear_errors():
        from labctl.app._showing_comparison import run_comparison

        run_comparison(directory, seeds)


for action in COMMANDS:
    campaign.command(action.__name__)(action)


@command_line.command()
def runs(
    directory: StoreDir,
    newest: Annotated[int, typer.Option(min=1, help="How many at most.")] = 30,
    sample: Annotated[str | None, typer.Option(help="Only of this sample.")] = None,
    station: Annotated[str | None, typer.Option(help="Only on this station.")] = None,
    operation: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only those that ended like this.")] = None,
) -> None:
    """List runs, the newest first."""
    with clear_errors():
        from labctl.app._showing import show_runs

        show_runs(directory, newest, sample=sample, station=station, operation=operation, status=status)


@run.command("show")
def run_show(
    directory: StoreDir, uid: Annotated[str, typer.Argument(help="First characters of the run's uid.")]
) -> None:
    """Show one run: what was asked, what was recorded."""
    with clear_errors():
        from labctl.app._showing import show_run

        show_run(directory, uid)


command_line.command("export")(export_records)
command_line.command("exports")(list_exports)
command_line.command("import")(import_records)
run.command("replay")(run_replay)


@command_line.command()
def shell(
    file: Annotated[Path, typer.Argument(help="Lab file.")],
    out: Out = Path("labctl-shell"),
    real_time: RealTime = False,
    command: Annotated[str, typer.Option("--command", "-c", help="Run this and leave.")] = "",
    supervisor: Supervisor = True,
) -> None:
    """Open IPython with the laboratory: RE, devices, plans, catalog, live table and plots."""
    with clear_errors():
        from labctl.app._shell import open_shell

        open_shell(file, out, real_time, command, supervisor=supervisor)


@sim.command("serve")
def sim_serve(
    file: Annotated[Path, typer.Argument(help="Lab file.")],
    port: Annotated[int, typer.Option(min=0, max=65000, help="First TCP port; 0: the system chooses.")] = 0,
    lab_out: Annotated[Path | None, typer.Option(help="Write a lab file with the addresses that are served.")] = None,
    pty: Annotated[bool, typer.Option("--pty", help="Give every instrument a pty, not only the serial ones.")] = False,
) -> None:
    """Serve a lab's simulated instruments on loopback TCP (serial ones also on a pty) until Ctrl-C."""
    with clear_errors():
        from labctl.app._serving import serve

        serve(file, port, lab_out, every_pty=pty)


@command_line.command()
def supervise(
    file: Annotated[Path, typer.Argument(help="Lab file of real instruments.")],
    directory: Annotated[Path, typer.Option("--store", help="Folder for supervisor.jsonl: what it saw and did.")],
    once: Annotated[
        bool, typer.Option("--once", help="End with the first controller; a campaign starts it so.")
    ] = False,
    unit: Annotated[
        bool, typer.Option("--unit", help="Print a systemd unit that keeps it running, and leave.")
    ] = False,
) -> None:
    """Watch the controller of a laboratory, and make the laboratory safe when it dies or hangs."""
    with clear_errors():
        from labctl.app import _supervising

        if unit:
            typer.echo(_supervising.unit(file, directory), nl=False)
        else:
            _supervising.supervise(file, directory, once)


@store.command("verify")
def store_verify(directory: StoreDir) -> None:
    """Close what a dead process left open, fill the catalog, and compare it with the journal."""
    with clear_errors():
        from labctl.app._showing import verify_store

        if not verify_store(directory):
            raise typer.Exit(WRONG)


@store.command("rebuild")
def store_rebuild(directory: StoreDir) -> None:
    """Make the catalog anew from the journal; also after a store was moved."""
    with clear_errors():
        from labctl.store import rebuild

        typer.echo(f"{rebuild(directory)} runs in the new catalog of {directory}")


@store.command("register")
def store_register(
    directory: StoreDir, name: Annotated[str, typer.Option(help="Name in databroker; the lab's when omitted.")] = ""
) -> None:
    """Let databroker and tiled find a store by name: databroker.catalog["NAME"]."""
    with clear_errors():
        from labctl.store import Store, register_profile

        with Store.read(directory) as opened:
            chosen = name or opened.name
        typer.echo(f"{register_profile(directory, chosen, None)}: databroker.catalog[{chosen!r}]")


@command_line.command()
def schema(of: Annotated[Schema, typer.Argument(help="Which file.")]) -> None:
    """Print the JSON Schema of a file that labctl reads, for editors, or writes (history, metadata of a run)."""
    with clear_errors():
        from labctl.app._showing import show_schema

        show_schema(of.value)


def _end(code: int) -> None:
    if code:
        raise typer.Exit(code)


__all__ = ["BAD_INPUT", "STOPPED", "command_line"]
