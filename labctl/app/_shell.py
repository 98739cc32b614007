"""IPython with a laboratory."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

from labctl.app._ending import WRONG
from labctl.app._running import schemas
from labctl.clock import Clock, RealClock, VirtualClock
from labctl.engine import LabRunEngine, ScanIds
from labctl.errors import LabError
from labctl.files import nearest
from labctl.lab import Certificate, Lab, build_lab, read_lab
from labctl.records import SampleRegistry
from labctl.store import Store
from plans import OPERATIONS, OperationPlan

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

    unused = dict(lab.substrates)
    return {
        "RE": engine,
        "lab": lab,
        "store": store,
        "catalog": Catalog(),
        "bp": bp,
        "bps": bps,
        **{kind: _at_prompt(plan, lab, unused) for kind, plan in OPERATIONS.items()},
        **lab.devices,
        "samples": SampleRegistry(store.directory, lab.metadata.operator, lab.clock),
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


def _at_prompt(plan: OperationPlan, lab: Lab, unused: dict[str, Certificate]) -> OperationPlan:
    """Return the plan as a campaign would run it: with the room's sensors, and with what its station has.

    Args:
        plan: of an operation.
        lab: that has the devices.
        unused: certificates of the substrates that still lie where they were, by place.
    """

    @functools.wraps(plan)
    def typed(*devices_and_samples: Any, md: Mapping[str, Any] | None = None, **given: Any) -> Any:
        owner = next((s for s in lab.stations.values() if set(devices_and_samples[:-1]) & set(s.devices)), None)
        about: dict[str, Any] = {} if owner is None else {"station": owner.name, "fittings": dict(owner.fittings)}
        events = None if owner is None else owner.events
        if (certificate := unused.pop(str(given.get("source")), None)) is not None:
            about["substrates"] = {sample: dict(certificate) for sample in devices_and_samples[-1]}
        rest = {"baseline": lab.ambient, "events": events, **given}
        return plan(*devices_and_samples, md={**about, **(md or {})}, **rest)

    return cast(OperationPlan, typed)  # wraps copies the attribute `schema`


def open_shell(file: Path, out: Path, real_time: bool, command: str) -> None:
    """Open IPython until it is left; every device is safe then.

    Args:
        file: lab file.
        out: folder for what is recorded.
        real_time: let a simulated laboratory run no faster than a real one.
        command: run this instead of asking for input.

    Raises:
        FileError: the lab file is wrong.
        StoreError: the folder cannot be written to.
        LabError: the VISA library cannot be loaded.
    """
    checked = read_lab(file, schemas())
    clock: Clock = VirtualClock() if checked.is_simulated and not real_time else RealClock()
    with Store.open(out, name=checked.lab) as store:
        lab = build_lab(checked, clock, schemas(), wire_logs=out)
        engine = _engine(lab, store)
        try:
            with clock.held():
                answers = lab.connect()
            for answer in answers.values():
                if isinstance(answer, LabError):
                    print(answer)  # noqa: T201  somebody sits there
            _interact(engine, lab, store, checked.is_simulated, out, command)
        finally:
            with clock.held():
                failures = lab.make_safe()
            for failure in failures:
                print(failure)  # noqa: T201  somebody sits there
            clock.close()
            lab.close()


def _engine(lab: Lab, store: Store) -> LabRunEngine:
    from bluesky.callbacks.best_effort import BestEffortCallback

    md = {**lab.metadata.model_dump(), "station": "prompt"}
    engine = LabRunEngine(lab.clock, md, ScanIds(), store.journal, interactive=True)
    best_effort = BestEffortCallback()
    best_effort.disable_baseline()
    if lab.clock.virtual:  # readings come a thousand times faster than they can be drawn
        best_effort.noplot_streams.append("process")
    engine.subscribe(best_effort)
    return engine


def _interact(engine: LabRunEngine, lab: Lab, store: Store, simulated: bool, out: Path, command: str) -> None:
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
    if command:
        print(banner)  # noqa: T201
        if not shell.run_cell(command).success:
            raise SystemExit(WRONG)
        return
    shell(local_ns=names)
