"""What is known of a sample, from all that its runs say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labctl.records._facts import UTC, Fact, about_run, about_sample
from labctl.records._history import operation_history
from labctl.records._quality import QUALITIES
from labctl.records._sample_history import MOVE
from labctl.store import RecordedRun

EACH = ("kind", "operation", "operator", "run", "station")
"""Facts that a sample has from each of its runs: a condition on one holds where any of them meets it."""
STATUSES = ("success", "abort", "fail")
"""From the best to the worst."""
_OF_THE_RUN = {
    *EACH,
    *("duration", "flags", "idle_before", "location", "quality", "reason", "status", "time", "together_with"),
}


@dataclass(frozen=True)
class RunFacts:
    """What one run says of one of its samples."""

    run: str
    sample: str
    facts: tuple[Fact, ...]

    def number(self, key: str) -> float:
        """Return a fact's number; 0 when it says none."""
        return next((fact.value for fact in self.facts if fact.key == key and isinstance(fact.value, float)), 0.0)

    def text(self, key: str) -> str:
        """Return a fact's text; empty when it says none."""
        return next((fact.value for fact in self.facts if fact.key == key and isinstance(fact.value, str)), "")


def run_facts(run: RecordedRun) -> list[RunFacts]:
    """Return what a run says of each of its samples.

    Raises:
        StoreError: a document is malformed.
        ValueError: so is what is in it.
    """
    found = []
    for sample in dict.fromkeys(map(str, run.start.get("samples", ()))):
        operation = operation_history(run, sample)
        facts = (Fact("sample", sample), *about_run(operation), *about_sample(operation))
        found.append(RunFacts(run.uid, sample, facts))
    return found


def waited(runs: Sequence[RunFacts]) -> list[float | None]:
    """Return how long a sample had waited before each run [s], since the operation before it ended.

    A move is no operation: what it takes is part of the waiting. None before the first operation.

    Args:
        runs: of one sample and of what it was made from, in the order of time.
    """
    waits, ended = list[float | None](), None
    for run in runs:
        waits.append(None if ended is None else max(run.number("time") - ended, 0.0))
        if run.text("kind") != MOVE:
            ended = max(ended or 0.0, run.number("time") + run.number("duration"))
    return waits


def sample_facts(sample: str, runs: Sequence[RunFacts]) -> tuple[Fact, ...]:
    """Return what all runs say of a sample together; of what several say, the last one counts.

    What is told of a run itself (`station`, `time`...) becomes ``station.heat``, for the run of the operation ``heat``.
    Without the operation's name `status` and `quality` are the worst, `time` is the first, `duration` goes from the
    first run's begin to the last one's end, `location` is the last; `EACH` are of all runs. Moves say nothing else.

    Args:
        sample: its name.
        runs: of the sample and of what it was made from, in the order of time.
    """
    told: dict[str, Fact] = {}
    for run in runs:
        if run.text("kind") != MOVE:
            told |= {fact.key: fact for fact in _dotted(run)}
    told |= {fact.key: fact for fact in _together(runs)} if runs else {}
    told["sample"] = Fact("sample", sample)
    if "substrate.lot" in told:
        told["lot"] = Fact("lot", told["substrate.lot"].value)
    told["composition"] = Fact("composition", _joined(str(f.value) for k, f in told.items() if _is_composition(k)))
    return tuple(fact for fact in told.values() if fact.value != "")


def _dotted(run: RunFacts) -> Iterable[Fact]:
    name = run.text("operation")
    for fact in run.facts:
        yield Fact(f"{fact.key}.{name}", fact.value, fact.unit) if fact.key in _OF_THE_RUN else fact


def _together(runs: Sequence[RunFacts]) -> Iterable[Fact]:
    first, ended = runs[0].number("time"), max(run.number("time") + run.number("duration") for run in runs)
    for key, order in (("status", STATUSES), ("quality", QUALITIES)):
        yield Fact(key, _worst((run.text(key) for run in runs), order))
    yield Fact("time", first, UTC)
    yield Fact("duration", ended - first, "s")
    yield Fact("location", runs[-1].text("location"))
    for key in EACH:
        if key != "run":
            yield Fact(key, _joined(run.text(key) for run in runs))


def _worst(texts: Iterable[str], order: Sequence[str]) -> str:
    return max(texts, key=lambda text: order.index(text) if text in order else len(order))


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(text for text in texts if text))


def _is_composition(key: str) -> bool:
    return key.startswith("composition.")


__all__ = ["EACH", "STATUSES", "RunFacts", "run_facts", "sample_facts", "waited"]
