"""Operations typed at a prompt, with all that a campaign would record of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

from labctl.errors import RegistryError
from labctl.lab import Lab, Station
from labctl.records import MOVE, SampleRegistry
from labctl.samples import station_of
from plans import OperationPlan


class Bench:
    """Knows what lies where, as far as it was typed or recorded.

    Args:
        lab: that has the devices.
        registry: tells where samples are that were not moved in this session.
    """

    def __init__(self, lab: Lab, registry: SampleRegistry) -> None:
        self._lab, self._registry = lab, registry
        self._unused = dict(lab.substrates)
        self._moved: dict[str, str] = {}

    def typed(self, plan: OperationPlan) -> OperationPlan:
        """Return a plan as a campaign would run it: with the room's sensors, and with what its station has."""

        @functools.wraps(plan)
        def at_prompt(*devices_and_samples: Any, md: Mapping[str, Any] | None = None, **given: Any) -> Any:
            *devices, samples = devices_and_samples or ((),)
            owner = next((s for s in self._lab.stations.values() if set(devices) & set(s.devices)), None)
            about = {} if owner is None else self._about(plan.schema.kind, owner, samples, given)
            rest = {"baseline": self._lab.ambient, "events": None if owner is None else owner.events, **given}
            checked = plan(*devices_and_samples, md={**about, **(md or {})}, **rest)
            if plan.schema.kind == MOVE:  # what was refused moves nothing
                self._unused.pop(str(given["source"]), None)
                self._moved.update(dict.fromkeys(samples, str(given["destination"])))
            return checked

        return cast(OperationPlan, at_prompt)  # wraps copies the attribute `schema`

    def _about(self, kind: str, owner: Station, samples: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
        about: dict[str, Any] = {"station": owner.name, "fittings": dict(owner.fittings)}
        source = str(given.get("source", ""))
        if (certificate := self._unused.get(source)) is not None:
            about["substrates"] = {sample: dict(certificate) for sample in samples}
        places = [source if kind == MOVE else self._place(owner, sample) for sample in samples]
        return about | ({"locations": places} if all(places) else {})

    def _place(self, owner: Station, sample: str) -> str:
        """Return where on a station a sample lies; empty when nobody knows."""
        if owner.places == 1:
            return f"{owner.name}.1"
        try:
            place = self._moved.get(sample) or self._registry.sample(sample).location
        except RegistryError:
            return ""
        return place if station_of(place) == owner.name else ""


__all__ = ["Bench"]
