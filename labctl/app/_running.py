"""Running a campaign: files in, records and a report out, with somebody watching."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console

from labctl.app._control import controlled
from labctl.app._ending import LAB_FAILED, STOPPED
from labctl.app._leaving import STOPPING, handled, lasting_output
from labctl.app._progress import Progress, clock_text, watched
from labctl.app._telling import LOG, ending_notice, require_addresses, telling
from labctl.app._values import figures_text, values_text
from labctl.app._watching import watched_over
from labctl.campaign import Campaign, CheckedCampaign, Ending, check_campaign, is_closed
from labctl.clock import Clock, RealClock, VirtualClock
from labctl.errors import StoreError
from labctl.files import read_yaml, yaml_text
from labctl.lab import build_lab
from labctl.log import json_log
from labctl.recipes import OperationSchema
from labctl.store import Store
from labctl.trials import Candidates
from plans import OPERATIONS

FILES = "campaign"
"""Folder of a store with the files that the campaign was started from."""


def schemas() -> dict[str, OperationSchema]:
    """Return the schema of every operation."""
    return {kind: plan.schema for kind, plan in OPERATIONS.items()}


def check(file: Path, table: Path | None = None, seed: int | None = None) -> CheckedCampaign:
    """Return a checked campaign; raises an ExceptionGroup of `FileError`."""
    return check_campaign(file, schemas(), table, seed)


def describe(checked: CheckedCampaign) -> None:
    """Print what a campaign would do."""
    file, console = checked.file, Console(highlight=False)
    space = f"{checked.space.n} recipes" if isinstance(checked.space, Candidates) else ", ".join(checked.space.names)
    recipe = checked.content["operations"]
    kind = "simulated" if checked.lab.is_simulated else f"real, {checked.lab.backend}"
    console.print(f"[b]{file.campaign}[/b]: nothing is wrong")
    console.print(f"  lab        {checked.lab.lab} ({kind}), {len(checked.lab.stations)} stations")
    console.print(f"  recipe     {checked.content['recipe']}: {', '.join(str(o['operation']) for o in recipe)}")
    console.print(f"  space      {space}")
    console.print(f"  objectives {', '.join(f'{o.direction} {o.name}' for o in checked.objectives)}")
    console.print(
        f"  budget     {file.budget.trials} trials, {file.in_flight} in flight, engine {file.optimizer.engine}"
    )


def unused_folder(name: str) -> Path:
    """Return `name`, or `name`-2, -3... when a folder with that name is there."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(path for path in map(Path, names) if not path.exists())


def newest_folder(name: str) -> Path:
    """Return the last of `name`, `name`-2, -3... that is there; `name` when none is."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    there = list(itertools.takewhile(Path.exists, map(Path, names)))
    return there[-1] if there else Path(name)


def unfinished_folder(name: str) -> Path | None:
    """Return the newest of `name`, `name`-2... if the campaign in it did not end, else None."""
    folder = newest_folder(name)
    return folder if is_closed(folder) is False else None


def run_demo(trials: int, seed: int, out: Path) -> int:
    """Run the example campaign; return the exit code."""
    with as_file(files("labctl.app") / "ito") as folder:
        checked = check(folder / "campaign.yaml", seed=seed)
        budget = checked.file.budget.model_copy(update={"trials": trials})
        file = checked.file.model_copy(update={"budget": budget})
        return run_campaign(dataclasses.replace(checked, file=file), out)


def run_campaign(
    checked: CheckedCampaign, out: Path, *, real_time: bool = False, resume: bool = False, supervisor: bool = True
) -> int:
    """Run a campaign to its end, write its report, say what came out; return the exit code.

    Args:
        checked: its files.
        out: folder for everything that is recorded.
        real_time: let a simulated laboratory run no faster than a real one.
        resume: go on with the campaign in the folder.
        supervisor: let a second process make real instruments safe when this one dies or hangs.

    Raises:
        StoreError: the folder holds another campaign, or cannot be written to.
        LabError: an instrument does not answer; nothing was moved.
        FileError: the address of somebody who is to be told is missing.
    """
    if (out / FILES).exists() and not resume:
        raise StoreError(f"{out} holds a campaign already; go on with it (--resume) or give another folder with --out")
    if not resume:
        require_addresses(checked.paths["lab"], checked.lab)
    with lasting_output():
        return _run_and_report(checked, out, real_time, resume, supervisor)


def _run_and_report(checked: CheckedCampaign, out: Path, real_time: bool, resume: bool, supervisor: bool) -> int:
    console, began = Console(highlight=False), time.monotonic()
    clock: Clock = VirtualClock() if checked.lab.is_simulated and not real_time else RealClock()
    with Store.open(out, name=checked.lab.lab) as store, json_log(out / LOG, clock):
        if not resume:
            keep_files(checked, out)
        lab = build_lab(
            checked.lab,
            clock,
            checked.schemas,
            seed=checked.file.seed,
            rows=checked.rows or None,
            wire_logs=out,
            plant_memory=out / "plant.log",
        )
        if clock.virtual:
            catch_up(clock, store)
        campaign = Campaign(checked, lab, store, OPERATIONS)
        try:
            with (
                telling(campaign) as tell,
                _signals(campaign, console),
                controlled(campaign, out),
                _supervised(campaign, out, console, supervisor),
                watched_over(campaign),
                watched(Progress(campaign, began), console),
            ):
                ending = campaign.run()
                tell(ending_notice(campaign, ending))
        finally:
            clock.close()
            lab.close()
        real_s = time.monotonic() - began
        _summarize(console, campaign, ending, real_s)
    from labctl.app._report import write_report

    console.print(f"report   {write_report(out, None)}", soft_wrap=True)
    console.print(
        f"records  labctl runs {out}    labctl sample list {out}    labctl store register {out}", soft_wrap=True
    )
    if ending.reason in [f"stopped: {name}" for name in STOPPING.values()]:
        return STOPPED
    return LAB_FAILED if ending.reason.startswith("stopped") else 0


def catch_up(clock: Clock, store: Store) -> None:
    """Let simulated time pass up to the newest record, so that no time is recorded twice."""
    newest = max((run.time + (run.duration_s or 0.0) for run in store.runs()), default=0.0)
    with clock.held(), clock.flow():
        clock.sleep(max(0.0, newest - clock.time()))


def same_campaign(checked: CheckedCampaign, out: Path) -> CheckedCampaign:
    """Return the campaign in a folder, to be gone on with.

    Raises:
        StoreError: the folder holds none, or another than `checked`.
        ExceptionGroup: of `FileError`, when its files were changed and are wrong.
    """
    file = out / FILES / "campaign.yaml"
    if not file.exists():
        raise StoreError(f"{out} holds no campaign to go on with: {file} is missing")
    kept = check(file)
    for what, new, old in (
        ("space", checked.space, kept.space),
        ("objectives", checked.objectives, kept.objectives),
        ("campaign", checked.file.campaign, kept.file.campaign),
        ("recipe", checked.content, kept.content),
    ):
        if new != old:
            raise StoreError(
                f"{out} holds another campaign: its {what} differs from that of {checked.paths['campaign']}"
            )
    return kept


def keep_files(checked: CheckedCampaign, out: Path) -> None:
    """Copy the campaign's files into the store, so that it can be read without them."""
    folder = out / FILES
    folder.mkdir(parents=True)
    content = read_yaml(checked.paths["campaign"])
    content |= {"lab": "lab.yaml", "recipe": "recipe.yaml", "seed": checked.file.seed}
    content["budget"] = {**content["budget"], "trials": checked.file.budget.trials}
    if "earlier" in content:
        folder_of = checked.paths["campaign"].parent
        content["earlier"] = [str((folder_of / name).absolute()) for name in content["earlier"]]
    if content.get("prior") is not None:
        content["prior"] = _kept_prior(checked, folder)
    if "table" in checked.paths:
        content["space"]["table"] = "table.csv"
        shutil.copyfile(checked.paths["table"], folder / "table.csv")
    _keep_lab(checked, folder)
    shutil.copyfile(checked.paths["recipe"], folder / "recipe.yaml")
    (folder / "campaign.yaml").write_text(yaml_text(content), encoding="utf-8")


def _keep_lab(checked: CheckedCampaign, folder: Path) -> None:
    """Copy the lab file with the files that it names."""
    shutil.copyfile(checked.paths["lab"], folder / "lab.yaml")
    named = {"substrates": "substrates.csv", "calendar": "calendar.ics", "cassette": "cassette.jsonl"}
    used = {key: name for key, name in named.items() if getattr(checked.lab, key)}
    for key, name in used.items():
        shutil.copyfile(getattr(checked.lab, key), folder / name)
    lab = read_yaml(checked.paths["lab"])
    if any(lab[key] != name for key, name in used.items()):
        (folder / "lab.yaml").write_text(yaml_text({**lab, **used}), encoding="utf-8")


def _kept_prior(checked: CheckedCampaign, folder: Path) -> dict[str, object]:
    prior, folder_of = checked.file.prior, checked.paths["campaign"].parent
    kept: dict[str, object] = {"stores": [str((folder_of / name).absolute()) for name in prior.stores] if prior else []}
    if "prior" in checked.paths:
        shutil.copyfile(checked.paths["prior"], folder / "prior.csv")
        kept["table"] = "prior.csv"
    return kept


def _supervised(campaign: Campaign, out: Path, console: Console, wanted: bool) -> AbstractContextManager[None]:
    """Let a supervisor watch, where it would find instruments when this process is gone."""
    if campaign.checked.lab.is_simulated or not wanted:
        return nullcontext()
    from labctl.app._supervised import supervised_campaign

    return supervised_campaign(campaign, out / FILES / "lab.yaml", out, console)


@contextmanager
def _signals(campaign: Campaign, console: Console) -> Iterator[None]:
    """Once: stop safely; twice: no longer wait for mute instruments."""
    received: list[str] = []

    def act(name: str) -> None:
        received.append(name)
        # The handler interrupts the very thread that takes part in the clock: the work is another's.
        if len(received) == 1:
            RealClock().spawn(lambda: campaign.stop(name), "stop")
            console.print(f"[b]{name}[/b]: every station goes to its safe state; once more to wait for nothing")
        else:
            RealClock().spawn(campaign.hurry, "hurry")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with handled(act, *STOPPING):
        yield


def _summarize(console: Console, campaign: Campaign, ending: Ending, real_s: float) -> None:
    console.print(
        f"[b]{campaign.checked.file.campaign}[/b] ended ({ending.reason}): {ending.n_trials} trials, "
        f"{ending.n_completed} completed, {ending.n_failed} failed, {ending.n_lost} lost"
    )
    faster = f", {ending.lab_s / real_s:.0f} times faster than life" if campaign.lab.clock.virtual else ""
    console.print(f"time     {clock_text(ending.lab_s)} of lab time in {real_s:.1f} s{faster}")
    if campaign.best is not None:
        figures = figures_text(campaign.best.objectives, campaign.checked.objectives)
        values = values_text(campaign.best.values, campaign.checked.space, 4)
        console.print(f"best     {campaign.best.trial}: {figures}\n         {values}", soft_wrap=True)
    for station, reason in ending.quarantined.items():
        console.print(f"[b]quarantine[/b] {station}: {reason}")
    for name, place in ending.whereabouts.items():
        console.print(f"not done {name} lies at {place}")
