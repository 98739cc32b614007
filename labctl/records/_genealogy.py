"""Samples that a run made of others, told as if people had said it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def told_by_run(start: Mapping[str, Any], stop: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return entries, as the register has them, on what a run made of what (`LabMetadata.made_from`).

    Args:
        start: document.
        stop: document; a run that did not succeed made nothing.
    """
    made: Mapping[str, list[str]] = start.get("made_from") or {}
    if not made or stop is None or stop.get("exit_status") != "success":
        return []
    about = {"time": float(stop["time"]), "by": str(start["uid"])}
    places = dict(zip(start.get("samples", ()), start.get("locations", ()), strict=False))
    added = [
        {"act": "added", "sample": child, "parents": list(parents), "place": places.get(parents[0], ""), **about}
        for child, parents in made.items()
    ]
    used = dict.fromkeys(parent for parents in made.values() for parent in parents)
    consumed = [
        {
            "act": "consumed",
            "sample": parent,
            "reason": f"made into {', '.join(child for child, parents in made.items() if parent in parents)}",
            **about,
        }
        for parent in used
    ]
    return [*added, *consumed]


__all__ = ["told_by_run"]
