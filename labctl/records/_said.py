"""What people said of a sample, as facts beside those of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from labctl.metadata import AccessPolicy
from labctl.records._entry import CONDITIONS, Archive
from labctl.records._facts import UTC, Fact
from labctl.records._facts_of_samples import RunFacts
from labctl.records._quality import QUALITIES

Entry = Mapping[str, Any]
"""One line of the register."""
_WORST_LAST = (*QUALITIES, CONDITIONS[-1])
_PLAIN = ("lot", "carrier", "composition", "note")
_KEPT = tuple(field.name for field in fields(Archive))


def doubted(entry: RunFacts, said: Iterable[Entry]) -> RunFacts:
    """Return what a run says, with the flags that people put on it."""
    for flag in said:
        told = {"quality": worst(entry.text("quality"), str(flag["quality"]))}
        told["flags"] = "; ".join(filter(None, (entry.text("flags"), f"{flag['kind']} {flag['key']}".strip())))
        kept = tuple(fact for fact in entry.facts if fact.key not in told)
        entry = RunFacts(entry.run, entry.sample, (*kept, *(Fact(key, text) for key, text in told.items())))
    return entry


def with_said(told: Sequence[Fact], said: Sequence[Entry], end: float) -> tuple[Fact, ...]:
    """Return a sample's facts with what people said of it.

    Args:
        told: what its runs say.
        said: entries of the register about it, in order.
        end: of its last run [s since 1970-01-01 UTC]; what was said of its place before that is outdated.
    """
    facts = {fact.key: fact for fact in told}
    for entry in said:
        is_outdated = float(entry["time"]) < end
        new = {key: text for key, text in _said(entry).items() if not (is_outdated and _is_of_place(key))}
        if "location" in new:
            facts = {key: fact for key, fact in facts.items() if not _is_of_place(key)}
        if entry["act"] == "judged" and "quality" in facts:
            new["quality"] = worst(str(facts["quality"].value), new["quality"])
        facts |= {key: Fact(key, text) for key, text in new.items() if text}
    if "time" not in facts and said:
        facts["time"] = Fact("time", float(said[0]["time"]), UTC)
    return tuple(facts.values())


def joined_policy(runs: Iterable[RunFacts], said: Iterable[Entry]) -> tuple[Fact, ...]:
    """Return the facts of the strictest policy among those of runs, and those that people gave.

    Args:
        runs: of the sample and of what it was made from.
        said: entries of the register about these; of several about one sample the last counts.
    """
    own = {entry["sample"]: AccessPolicy.model_validate(entry["policy"]) for entry in said if entry["act"] == "policy"}
    told = [{f.key.removeprefix("policy."): f.value for f in run.facts if f.key.startswith("policy.")} for run in runs]
    each = [AccessPolicy.model_validate(policy) for policy in told if policy]
    if not each and not own:
        return ()
    strictest = AccessPolicy.strictest((*each, *own.values())).model_dump()
    return tuple(Fact(f"policy.{key}", str(value)) for key, value in strictest.items() if value)


def worst(one: str, other: str) -> str:
    """Return the worse of two qualities."""
    return max((one, other), key=lambda text: _WORST_LAST.index(text) if text in _WORST_LAST else -1)


def _is_of_place(key: str) -> bool:
    return key == "location" or key.startswith("archive.")


def _said(entry: Entry) -> Mapping[str, str]:
    """Return the facts of an entry, as text by key."""
    match entry["act"]:
        case "added":
            about = {key: str(entry.get(key, "")) for key in _PLAIN}
            parents = ", ".join(entry.get("parents", ()))
            place, substrate = str(entry.get("place", "")), str(entry.get("substrate", ""))
            return {**about, "substrate.substrate": substrate, "parents": parents, "location": place}
        case "moved":
            return {"location": str(entry["place"])}
        case "archived":
            about = {f"archive.{key}": str(entry[key]) for key in _KEPT}
            return {**about, "location": Archive(**{key: str(entry[key]) for key in _KEPT}).place}
        case "consumed":
            return {"consumed": str(entry["reason"])}
        case "judged":
            return {"quality": str(entry["quality"]), "quality_reason": str(entry["reason"])}
    return {}


__all__ = ["Entry", "doubted", "joined_policy", "with_said", "worst"]
