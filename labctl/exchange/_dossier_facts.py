"""What a dossier says of its samples and runs: the facts that `labctl.records.search` finds, but for the waiting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

from labctl.exchange._gather import Dossier, SampleDossier
from labctl.records import QUALITIES, Fact, RunFacts, quality_of, run_facts, sample_facts

_PLAIN = ("lot", "carrier", "composition", "note", "consumed", "location")


def facts_of_runs(dossier: Dossier) -> list[RunFacts]:
    """Return what each run says of each of the dossier's samples, with people's doubts, in the order of time."""
    names = {sample.sample for sample in dossier.samples}
    found = [told for run in dossier.runs.values() for told in run_facts(run) if told.sample in names]
    return [_doubted(told, dossier) for told in found]


def facts_of_samples(dossier: Dossier, runs: list[RunFacts]) -> dict[str, tuple[Fact, ...]]:
    """Return what runs and people say of each sample; the runs of what it was made from are its own too."""
    line: dict[str, set[str]] = {}
    for sample in dossier.samples:  # each after those it was made from
        line[sample.sample] = {sample.sample}.union(*(line.get(parent, {parent}) for parent in sample.entry.parents))
    found = {}
    for sample in dossier.samples:
        told = sample_facts(sample.sample, [run for run in runs if run.sample in line[sample.sample]])
        facts = {fact.key: fact for fact in told if not fact.key.startswith("policy.")}
        for fact in _said(sample):
            is_quality = fact.key == "quality" and "quality" in facts
            facts[fact.key] = fact if not is_quality else max(fact, facts["quality"], key=_badness)
        found[sample.sample] = tuple(facts.values())
    return found


def _doubted(told: RunFacts, dossier: Dossier) -> RunFacts:
    flags = dossier.told.get(told.run, ())
    if not flags:
        return told
    facts = {fact.key: fact for fact in told.facts}
    facts["quality"] = max(facts["quality"], Fact("quality", quality_of(flags)), key=_badness)
    texts = [told.text("flags"), *(f"{flag.kind} {flag.key}".strip() for flag in flags)]
    facts["flags"] = Fact("flags", "; ".join(filter(None, texts)))
    return replace(told, facts=tuple(facts.values()))


def _said(sample: SampleDossier) -> Iterator[Fact]:
    """Yield what the registry has of a sample; nothing that is empty."""
    entry = sample.entry
    told = {key: str(getattr(entry, key)) for key in _PLAIN}
    told |= {"substrate.substrate": entry.substrate, "parents": ", ".join(entry.parents)}
    told |= {"quality": entry.quality, "quality_reason": entry.reason}
    told |= {f"archive.{key}": str(text) for key, text in (asdict(entry.archive) if entry.archive else {}).items()}
    told |= {f"policy.{key}": str(text) for key, text in entry.policy.model_dump().items()}
    yield from (Fact(key, text) for key, text in told.items() if text)


def _badness(quality: Fact) -> int:
    return QUALITIES.index(str(quality.value)) if quality.value in QUALITIES else len(QUALITIES)
