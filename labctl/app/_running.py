"""Running a campaign: files in, records and a report out, with somebody watching."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console

from labctl.app._campaign_folder import FILES, keep_files
from labctl.app._control import controlled
from labctl.app._ending import LAB_FAILED, STOPPED
from labctl.app._leaving import STOPPING, handled, lasting_output
from labctl.app._progress import Progress, clock_text, watched
from labctl.app._telling import LOG, require_addresses, telling
from labctl.app._values import figures_text, values_text
from labctl.app._watching import watched_over
from labctl.campaign import (
    Campaign,
    CheckedCampaign,
    Ending,
    Floor,
    check_campaign,
    check_together,
    run_side_by_side,
)
from labctl.clock import Clock, RealClock, VirtualClock
from labctl.errors import StoreError
from labctl.lab import build_lab
from labctl.log import json_log
from labctl.recipes import OperationSchema
from labctl.store import Store
from labctl.trials import Candidates
from plans import OPERATIONS


def schemas() -> dict[str, OperationSchema]:
    """Return the schema of every operation."""
    return {kind: plan.schema for kind, plan in OPERATIONS.items()}


def check(file: Path, table: Path | None = None, seed: int | None = None) -> CheckedCampaign:
    """Return a checked campaign; raises an ExceptionGroup of `FileError`."""
    return check_campaign(file, schemas(), table, seed)


def check_all(files: Sequence[Path], table: Path | None = None, seed: int | None = None) -> list[CheckedCampaign]:
    """Return checked campaigns that may run side by side; raises an ExceptionGroup of `FileError`."""
    checked, wrong = list[CheckedCampaign](), list[Exception]()
    for file in files:
        try:
            checked.append(check(file, table, seed))
        except ExceptionGroup as group:
            wrong += group.exceptions
    if wrong:
        raise ExceptionGroup("wrong files", list({str(error): error for error in wrong}.values()))
    if len(checked) > 1:
        check_together(checked)
    return checked


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
    """Run a campaign to its end, write its report, say what came out; return the exit code: see `run_campaigns`."""
    return run_campaigns({out: checked}, out, real_time=real_time, resume=resume, supervisor=supervisor)


def run_campaigns(
    campaigns: Mapping[Path, CheckedCampaign],
    out: Path,
    *,
    real_time: bool = False,
    resume: bool = False,
    supervisor: bool = True,
) -> int:
    """Run campaigns in one laboratory to their ends, write their reports, say what came out; return the exit code.

    Args:
        campaigns: by the folder for everything that is recorded of each.
        out: folder for what concerns the laboratory.
        real_time: let a simulated laboratory run no faster than a real one.
        resume: go on with the campaigns in the folders.
        supervisor: let a second process make real instruments safe when this one dies or hangs.

    Raises:
        StoreError: a folder holds another campaign, or cannot be written to.
        LabError: an instrument does not answer; nothing was moved.
        FileError: the address of somebody who is to be told is missing.
        ExceptionGroup: of what campaigns failed by, where there are several.
    """
    for folder, checked in campaigns.items():
        if (folder / FILES).exists() and not resume:
            text = f"{folder} holds a campaign already; go on with it (--resume) or give another folder with --out"
            raise StoreError(text)
        if not resume:
            require_addresses(checked.paths["lab"], checked.lab)
    with lasting_output():
        return _run_and_report(campaigns, out, real_time, resume, supervisor)


def _run_and_report(
    chosen: Mapping[Path, CheckedCampaign], out: Path, real_time: bool, resume: bool, supervisor: bool
) -> int:
    console, began, first = Console(highlight=False), time.monotonic(), next(iter(chosen.values()))
    clock: Clock = VirtualClock() if first.lab.is_simulated and not real_time else RealClock()
    with ExitStack() as opened:
        stores = {folder: opened.enter_context(Store.open(folder, name=first.lab.lab)) for folder in chosen}
        opened.enter_context(json_log(out / LOG, clock))
        for folder, checked in chosen.items() if not resume else ():
            keep_files(checked, folder)
        lab = build_lab(
            first.lab,
            clock,
            first.schemas,
            seed=first.file.seed,
            rows=first.rows or None,
            wire_logs=out,
            plant_memory=out / "plant.log",
        )
        if clock.virtual:
            catch_up(clock, *stores.values())
        floor = Floor(first, lab, OPERATIONS, out)
        campaigns = list[Campaign]()
        try:
            for folder, each in chosen.items():
                campaigns.append(Campaign(each, lab, stores[folder], OPERATIONS, floor=floor))
            _run_watched(campaigns, out, console, began, supervisor)
        finally:
            floor.close()
            clock.close()
            lab.close()
            real_s = time.monotonic() - began
            ended = {each.store.directory: each.ending for each in campaigns if each.ending is not None}
            for campaign in campaigns:
                if campaign.ending is not None:
                    _summarize(console, campaign, campaign.ending, real_s)
            opened.close()
            _report(console, [folder for folder in chosen if folder.absolute() in ended])
    return max(_exit_code(ending.reason) for ending in ended.values())


def _run_watched(campaigns: Sequence[Campaign], out: Path, console: Console, began: float, supervisor: bool) -> None:
    """Run campaigns with all that goes on around them; raises what they broke off by."""
    floor = campaigns[0].floor
    with ExitStack() as around:
        for campaign in campaigns:
            around.enter_context(telling(campaign))
        around.enter_context(_signals(floor, console))
        for campaign in campaigns:
            around.enter_context(controlled(campaign, campaign.store.directory))
        around.enter_context(_supervised(campaigns, out, console, supervisor))
        around.enter_context(watched_over(floor))
        around.enter_context(watched(Progress(campaigns, began), console))
        failures = [ending for ending in run_side_by_side(campaigns) if isinstance(ending, Exception)]
        if failures:
            raise failures[0] if len(failures) == 1 else ExceptionGroup("campaigns broke off", failures)


def _report(console: Console, folders: Sequence[Path]) -> None:
    from labctl.app._report import write_report

    for folder in folders:
        console.print(f"report   {write_report(folder, None)}", soft_wrap=True)
        text = f"records  labctl runs {folder}    labctl sample list {folder}    labctl store register {folder}"
        console.print(text, soft_wrap=True)


def _exit_code(reason: str) -> int:
    if reason in [f"stopped: {name}" for name in STOPPING.values()]:
        return STOPPED
    return LAB_FAILED if reason.startswith("stopped") else 0


def catch_up(clock: Clock, *stores: Store) -> None:
    """Let simulated time pass up to the newest record, so that no time is recorded twice."""
    newest = max((run.time + (run.duration_s or 0.0) for store in stores for run in store.runs()), default=0.0)
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


def _supervised(
    campaigns: Sequence[Campaign], out: Path, console: Console, wanted: bool
) -> AbstractContextManager[None]:
    """Let a supervisor watch, where it would find instruments when this process is gone."""
    if campaigns[0].checked.lab.is_simulated or not wanted:
        return nullcontext()
    from labctl.app._supervised import supervised_campaigns

    lab_file = campaigns[0].store.directory / FILES / "lab.yaml"
    return supervised_campaigns(campaigns, lab_file, out, console)


@contextmanager
def _signals(floor: Floor, console: Console) -> Iterator[None]:
    """Once: stop safely; twice: no longer wait for mute instruments."""
    received: list[str] = []

    def act(name: str) -> None:
        received.append(name)
        # The handler interrupts the very thread that takes part in the clock: the work is another's.
        if len(received) == 1:
            RealClock().spawn(lambda: floor.stop(name), "stop")
            console.print(f"[b]{name}[/b]: every station goes to its safe state; once more to wait for nothing")
        else:
            RealClock().spawn(floor.lab.fail_fast, "hurry")

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
