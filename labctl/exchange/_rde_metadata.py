"""What a dossier says, as NIMS RDE has it: values by key, and a definition of every key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labctl.errors import StoreError
from labctl.exchange._credits import iso_time
from labctl.exchange._places import ALL, PLACES, said_of
from labctl.quantities import Quantity
from labctl.records import UTC, Fact, RunFacts
from labctl.store import RecordedRun

LONGEST = 1024
"""Of a text in the metadata [bytes in UTF-8]; a longer one is cut, and ends in ``...``."""
_OF_THE_SAMPLE = (
    "lot",
    "carrier",
    "composition",
    "note",
    "consumed",
    "parents",
    "location",
    "quality",
    "quality_reason",
)
_JAPANESE = {
    "sample": "試料", "lab": "研究室", "station": "装置", "operator": "担当者", "time": "開始日時",
    "status": "終了状態", "reason": "理由", "quality": "品質", "flags": "品質に関する注記", "location": "保管場所",
    "kind": "操作の種類", "operation": "操作", "campaign": "キャンペーン", "trial": "試行", "composition": "組成",
    "asked": "指示値", "before": "操作前", "after": "操作後", "asrun": "実測値", "readings": "測定値", "result": "結果",
    "deviation": "偏差", "events": "事象", "device": "機器", "ambient": "環境", "duration": "所要時間",
    "fittings": "装着品", "policy": "取扱方針", "version": "ソフトウェア版", "role": "役割",
    "run": "ラン", "substrate": "基板",
}  # fmt: skip
"""First words of the keys; the rest are names of the laboratory's own."""


def constants(facts: Sequence[Fact]) -> dict[str, Fact]:
    """Return what is known of a sample as a whole, and not from a single run; the keys begin with ``sample.``."""
    told = {"sample": "name", "substrate.substrate": "substrate"} | {key: key for key in _OF_THE_SAMPLE}
    names = {
        fact.key: fact.key if fact.key.startswith(("policy.", "archive.")) else told.get(fact.key) for fact in facts
    }
    return {f"sample.{name}": fact for fact in facts if (name := names[fact.key])}


def variables(told: RunFacts, run: RecordedRun) -> dict[str, Fact]:
    """Return what a run says of a sample: its facts, and the metadata that is in none of them."""
    facts = {fact.key: fact for fact in told.facts if fact.key != "sample"}
    for key, place in PLACES.items():
        value = said_of(run.start, told.sample, key)
        if (
            place.rde
            and ALL not in place.rde
            and place.rde not in facts
            and not place.rde.startswith("sample.")
            and value
        ):
            facts[place.rde] = Fact(place.rde, str(value))
    return facts


def definitions(rows: Iterable[tuple[Mapping[str, Fact], bool]]) -> dict[str, Any]:
    """Return the content of ``metadata-def.json``.

    Args:
        rows: facts by key, and whether they are said anew by each run.
    """
    found: dict[str, Any] = {}
    for facts, is_variable in rows:
        for key, fact in facts.items():
            entry = found.setdefault(key, _definition(len(found) + 1, fact, is_variable))
            if entry["schema"]["type"] != _schema(fact)["type"]:  # numbers here and text there are text
                entry["schema"] = {"type": "string"}
                entry.pop("unit", None)
    return found


def values(facts: Mapping[str, Fact], defined: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as ``metadata.json`` has them: of the type and in the unit that are defined.

    Raises:
        StoreError: a number has a unit of another kind than is defined.
    """
    return {key: _value(fact, defined[key]) for key, fact in facts.items()}


def _definition(order: int, fact: Fact, is_variable: bool) -> dict[str, Any]:
    first, _, rest = fact.key.partition(".")
    japanese = " ".join(filter(None, (_JAPANESE.get(first, first), rest)))
    entry = {"name": {"ja": japanese, "en": fact.key}, "schema": _schema(fact), "order": order}
    if fact.unit not in ("", UTC):
        entry["unit"] = fact.unit
    return entry | ({"variable": 1} if is_variable else {})


def _schema(fact: Fact) -> dict[str, str]:
    if fact.unit == UTC:
        return {"type": "string", "format": "date-time"}
    return {"type": "string" if isinstance(fact.value, str) else "number"}


def _value(fact: Fact, defined: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(fact.value, str) or defined["schema"]["type"] == "string":
        return {"value": iso_time(float(fact.value)) if fact.unit == UTC else cut(str(fact.value))}
    unit = defined.get("unit", "")
    number = fact.value if fact.unit == unit else _converted(fact, unit)
    return {"value": number, "unit": unit} if unit else {"value": number}


def _converted(fact: Fact, unit: str) -> float:
    try:
        return Quantity(unit).parse(f"{fact.value!r} {fact.unit}")
    except ValueError as error:
        raise StoreError(f"{fact.key} has another kind of unit in each run: {error}") from None


def cut(text: str) -> str:
    """Return text that is not longer than RDE takes."""
    coded = text.encode()
    return text if len(coded) <= LONGEST else coded[: LONGEST - 3].decode(errors="ignore") + "..."


__all__ = ["LONGEST", "constants", "cut", "definitions", "values", "variables"]
