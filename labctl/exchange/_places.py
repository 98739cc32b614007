"""Where each key of a run's metadata stands in the formats of others.

The reference page tells it, and the writers obey it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

ALL = "*"
"""In a place: each name in a mapping."""


@dataclass(frozen=True)
class Place:
    """Where a key goes; empty where a format has no place for it."""

    gemd: str
    """``tags NAME``: tags ``NAME::text`` of the run; or a field of its entities."""
    rde: str
    """Key in ``metadata.json``; ``NAME`` is what the operation is called."""
    nexus: str
    """Path in the run's ``NXentry``, in that of the new sample for `made_from`; an attribute follows ``@``."""


PLACES: Mapping[str, Place] = MappingProxyType(
    {
        "lab": Place("tags lab", "lab", "operator/affiliation"),
        "station": Place("tags station", "station", "instrument/name"),
        "operator": Place("source.performed_by", "operator", "operator/name"),
        "simulated": Place("tags simulated", "simulated", "run/simulated"),
        "versions": Place("tags version.*", "version.*", "run/versions/*"),
        "source_revision": Place("tags source_revision", "source_revision", "program_name@configuration"),
        "policy": Place("tags *", "policy.*", "run/policy/*"),
        "fittings": Place("tags fittings.*", "fittings.NAME.*", "instrument/fittings/*"),
        "made_from": Place("ingredient_run", "sample.parents", "sample/identifier_parent_*"),
        "operation": Place("tags kind", "kind", "run/operation"),
        "operation_id": Place("tags operation_id", "operation_id", "run/operation_id"),
        "samples": Place("material_run.name", "sample.name", "run/samples"),
        "continues": Place("tags continues", "continues", "run/continues"),
        "roles": Place("tags role.*", "role.NAME.*", "run/roles/*"),
        "substrates": Place("material_spec.properties", "substrate.*", "sample/substrate/*"),
        "parameters": Place("spec.parameters", "asked.NAME.*", "asked/*"),
        "parameter_units": Place("spec.parameters, units", "asked.NAME.*, unit", "asked/*@units"),
        "campaign": Place("tags campaign", "campaign", "experiment_identifier"),
        "trials": Place("tags trial", "trial", "run/trials"),
        "operation_names": Place("name", "operation", "run/operation_names"),
        "recipe_digests": Place("tags recipe_digest", "recipe_digest", "run/recipe_digests"),
        "suggestions": Place("", "", ""),
        "locations": Place("tags location", "location", "run/locations"),
        "left_out": Place("tags left_out", "left_out", "run/left_out/*"),
        "recipes": Place("", "", ""),
    }
)
"""By the key of the metadata. What stands nowhere is in the run's documents, which a research object has."""
_BY_SAMPLE = ("substrates", "left_out")


def said_of(start: Mapping[str, Any], sample: str, key: str) -> Any:  # metadata may hold anything
    """Return what a run's metadata says with a key of one of its samples; None where it says nothing."""
    value = start.get(key)
    if isinstance(value, list):
        place = list(start["samples"]).index(sample)
        value = value[place] if place < len(value) else None
    elif key in _BY_SAMPLE and value:
        value = value.get(sample)
        value = ", ".join(value) if isinstance(value, list) else value
    return None if value in ("", {}) else value
