"""IPython with a laboratory."""

from __future__ import annotations

import functools
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from typing_extensions import override

from labctl.app._bench import Bench
from labctl.app._ending import WRONG
from labctl.app._leaving import PromptEnd
from labctl.app._recording import recorded
from labctl.app._running import catch_up, schemas
from labctl.app._supervised import supervised_session
from labctl.clock import Clock, RealClock, VirtualClock
from labctl.engine import LabRunEngine, ScanIds
from labctl.errors import LabError
from labctl.files import nearest
from labctl.lab import Lab, build_lab, read_lab
from labctl.records import SampleRegistry
from labctl.store import Store
from plans import OPERATIONS

if TYPE_CHECKING:
    from labctl.app._history_view import HistoryView

_BANNER = """{lab} ({kind}), recording to {out}
  RE       the RunEngine             RE(anneal(furnace_a_control, ["S-1"], temperature="300 degC", ...))
  lab      stations, racks, devices  {devices}
  plans    {plans}
  store    store.runs(), store.run(uid)      catalog   what databroker sees
  history  history("S-1"), .plot()           everything that was done to a sample
  samples  samples.attach("S-1", Path("edge.png")), samples.sample("S-1"); see labctl sample
  note     note("tube looked grey", "furnace_a"): recorded in that station's run, or in its next one
"""


def namespace(lab: Lab, store: Store, engine: LabRunEngine) -> dict[str, Any]:
    """Return what a person finds at the prompt: RE, lab, store, catalog, devices and plans by name."""

    class Catalog:
        """Loads databroker's view of the store with its first use."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store.catalog_client(), name)

        def __getitem__(self, key: Any) -> Any:
            return store.catalog_client()[key]

        def __len__(self) -> int:
            return len(store.catalog_client())

        @override
        def __repr__(self) -> str:
            return repr(store.catalog_client())

    import bluesky.plan_stubs as bps
    import bluesky.plans as bp

    registry = SampleRegistry(store.directory, lab.metadata.operator, lab.clock)
    bench = Bench(lab, registry)
    return {
        "RE": engine,
        "lab": lab,
        "store": store,
        "catalog": Catalog(),
        "bp": bp,
        "bps": bps,
        **{kind: bench.typed(plan) for kind, plan in OPERATIONS.items()},
        **lab.devices,
        "samples": registry,
        "note": functools.partial(_note, lab),
        "history": functools.partial(_history, store),
    }


def _history(store: Store, sample: str, *, full: bool = False) -> HistoryView:
    """Return everything that was done to a sample; shows itself, and draws its traces with `HistoryView.plot`.

    Args:
        store: that holds the runs.
        sample: its name.
        full: also every reading and setting of every device.

    Raises:
        StoreError: nothing is known of the sample.
    """
    from labctl.app._history_view import HistoryView
    from labctl.records import sample_history

    return HistoryView(sample_history(store, sample), full=full)


def _note(lab: Lab, text: str, station: str, *, kind: str = "note") -> None:
    """Record a note in the run that is under way on a station, or in its next one.

    Args:
        lab: that has the station.
        text: what happened.
        station: its name.
        kind: ``note``, or ``intervention`` where something was done by hand.

    Raises:
        ValueError: no such station, or unknown kind.
    """
    if station not in lab.stations:
        raise ValueError(f"unknown station {station!r}{nearest(station, tuple(lab.stations))}")
    events = lab.stations[station].events
    assert events is not None  # build_lab gives each station one
    events.tell(kind, text, source=lab.metadata.operator)


def open_shell(
    file: Path, out: Path, real_time: bool, command: str, *, supervisor: bool = True, cassette: Path | None = None
) -> None:
    """Open IPython until it is left; every device is safe then.

    Args:
        file: lab file.
        out: folder for what is recorded.
        real_time: let a simulated laboratory run no faster than a real one.
        command: run this instead of asking for input.
        supervisor: let a second process make real instruments safe when this one dies or hangs.
        cassette: file to record every exchange with the instruments in.

    Raises:
        FileError: the lab file is wrong.
        StoreError: the folder cannot be written to.
        LabError: the VISA library cannot be loaded, or another controller has the laboratory.
        SystemExit: a signal ended it.
    """
    checked = read_lab(file, schemas())
    clock: Clock = VirtualClock() if checked.is_simulated and not real_time else RealClock()
    with Store.open(out, name=checked.lab) as store:
        memory = out / "plant.log" if clock.virtual else None
        lab = build_lab(checked, clock, schemas(), wire_logs=out, plant_memory=memory)
        if clock.virtual:
            catch_up(clock, store)
        engine = _engine(lab, store)
        watched: AbstractContextManager[None] = nullcontext()
        recording: AbstractContextManager[None] = nullcontext()
        if supervisor and not checked.is_simulated:
            watched = supervised_session(checked, file, engine, out, Console(stderr=True))
        if cassette is not None:
            recording = recorded(lab, checked, cassette)
        with recording, watched, PromptEnd(engine).by_signals() as end:
            try:
                with clock.held():
                    answers = lab.connect()
                for answer in answers.values():
                    if isinstance(answer, LabError):
                        print(answer)  # noqa: T201  somebody sits there
                _interact(engine, lab, store, checked.is_simulated, out, command, end)
            finally:
                end.under_way = True
                with clock.held():
                    failures = lab.make_safe()
                for failure in failures:
                    print(failure)  # noqa: T201  somebody sits there
                clock.close()
                lab.close()


def _say(shell: Any, kind: type[LabError], error: LabError, trace: Any, tb_offset: Any = None) -> None:  # IPython's
    """Print what a person can mend, without a traceback."""
    print(error, file=sys.stderr)  # noqa: T201  somebody sits there


def _engine(lab: Lab, store: Store) -> LabRunEngine:
    from bluesky.callbacks.best_effort import BestEffortCallback

    md = {**lab.metadata.model_dump(), "station": "prompt"}
    last = max((run.scan_id or 0 for run in store.runs()), default=0)
    engine = LabRunEngine(lab.clock, md, ScanIds(last + 1), store.journal, interactive=True)
    best_effort = BestEffortCallback()
    best_effort.disable_baseline()
    if lab.clock.virtual:  # readings come a thousand times faster than they can be drawn
        best_effort.noplot_streams.append("process")
    best_effort.noplot_streams.append("events")  # texts
    engine.subscribe(best_effort)
    return engine


def _interact(
    engine: LabRunEngine, lab: Lab, store: Store, simulated: bool, out: Path, command: str, end: PromptEnd
) -> None:
    from IPython.terminal.embed import InteractiveShellEmbed
    from traitlets.config import Config

    names = namespace(lab, store, engine)
    banner = _BANNER.format(
        lab=lab.name,
        kind="simulated" if simulated else "real",
        out=out,
        devices=" ".join(lab.devices),
        plans=" ".join(OPERATIONS),
    )
    config = Config()
    config.HistoryManager.enabled = not command
    shell = InteractiveShellEmbed(config=config, banner1=banner, user_ns=names)
    shell.set_custom_exc((LabError,), _say)
    shell.events.register("post_run_cell", lambda _: end.asked and shell.ask_exit())
    if command:
        print(banner)  # noqa: T201
        if not shell.run_cell(command).success:
            raise SystemExit(WRONG)
        return
    shell(local_ns=names)
