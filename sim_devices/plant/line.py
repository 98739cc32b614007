"""Places of the line and the samples in them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Protocol

from labctl.clock import Clock
from sim_devices.plant.ambient import Ambient
from sim_devices.plant.film import Film

AIR_STEP_S = 60.0
"""Samples in open places advance on this grid [s], so how often one looks makes no difference."""
_AIR_OXYGEN = 0.21


class PlantError(Exception):
    """Something was asked that matter cannot do; its text is meant for a person."""


def stand_in_air(film: Film, room_degC: float, relative_humidity_pct: float) -> None:
    """Let a film stand in the room's air for `AIR_STEP_S`: a warm one cools, a cool one takes up water.

    Args:
        film: is advanced.
        room_degC: temperature of the air [degC].
        relative_humidity_pct: humidity of the air [%].
    """
    if abs(film.temperature_degC - room_degC) > 5.0:
        film.heat(AIR_STEP_S, room_degC, _AIR_OXYGEN)
    elif film.thickness_nm > 0.0:
        film.expose(AIR_STEP_S, relative_humidity_pct)


class Enclosure(Protocol):
    """A tool whose places are not in air and that advances the samples in them itself."""

    def advance(self, now_s: float | None = None) -> None:
        """Bring the tool and its samples up to `now_s` [s, monotonic]; the present when omitted."""
        ...


class Line:
    """Places by name, and the one film that each may hold.

    A sample in an open place stands in the room's air: it cools and takes up water. The wire lets
    one request at a time reach the plant, so nothing here is locked.

    Args:
        clock: gives the present.
        seed: chooses the small differences between substrates.
        ambient: the room's air; made from the same seed when omitted.
    """

    def __init__(self, clock: Clock, seed: int | str, ambient: Ambient | None = None) -> None:
        self.clock, self.seed = clock, seed
        self.ambient = Ambient(clock, seed) if ambient is None else ambient
        self._films: dict[str, Film | None] = {}
        self._roughness_nm: dict[str, float] = {}
        self._fresh: set[str] = set()  # places whose substrate nobody has looked at yet
        self._loads: dict[str, int] = {}
        self._aired: dict[str, int] = {}  # grid index up to which the film at a place has stood in air
        self._enclosures: dict[str, Enclosure] = {}

    @property
    def places(self) -> tuple[str, ...]:
        """All places, in the order they were added."""
        return tuple(self._films)

    def add_places(self, name: str, n: int) -> tuple[str, ...]:
        """Add the empty places `name.1` to `name.n` and return their names.

        Raises:
            PlantError: one of them exists.
        """
        added = tuple(f"{name}.{i}" for i in range(1, n + 1))
        if clash := [place for place in added if place in self._films]:
            raise PlantError(f"places {clash} exist already")
        self._films.update(dict.fromkeys(added))
        return added

    def enclose(self, places: Iterable[str], tool: Enclosure) -> None:
        """Put places inside a tool, which from then on advances the samples there.

        Raises:
            PlantError: a place is unknown or inside another tool.
        """
        for place in places:
            self._check(place)
            if place in self._enclosures:
                raise PlantError(f"place {place!r} is inside another tool")
            self._enclosures[place] = tool

    def load_substrates(self, rack: str, roughness_nm: Mapping[str, float] | None = None) -> int:
        """Fill the empty places `rack.1`, `rack.2`... with fresh substrates and return how many.

        Args:
            rack: owner of the places.
            roughness_nm: root mean square roughness of the glass in a place [nm]; drawn by chance where it is not told.

        Raises:
            PlantError: no place belongs to the rack.
        """
        places = [place for place in self._films if place.rpartition(".")[0] == rack]
        if not places:
            raise PlantError(f"rack {rack!r} has no places; known places: {list(self._films)}")
        self._roughness_nm.update(roughness_nm or {})
        empty = [place for place in places if self._films[place] is None and place not in self._fresh]
        for place in empty:
            self._fresh.add(place)
            self._loads[place] = self._loads.get(place, 0) + 1
        return len(empty)

    def sample_at(self, place: str) -> Film | None:
        """Return the film at a place, brought up to the present, or None.

        Raises:
            PlantError: the place is unknown.
        """
        self._bring_up(place)
        return self.occupant(place)

    def occupant(self, place: str) -> Film | None:
        """Return the film at a place as it was last advanced, or None; for tools.

        Raises:
            PlantError: the place is unknown.
        """
        self._check(place)
        if place in self._fresh:
            self._fresh.discard(place)
            self._films[place] = self._substrate(place)
        return self._films[place]

    def move(self, source: str, destination: str) -> None:
        """Carry the sample at `source` to `destination`, at once.

        Raises:
            PlantError: a place is unknown, the source is empty or the destination is full.
        """
        self._bring_up(source)
        self._bring_up(destination)
        film = self.occupant(source)
        if film is None:
            raise PlantError(f"cannot move {source} -> {destination}: {source} is empty")
        if (other := self.occupant(destination)) is not None:
            raise PlantError(f"cannot move {source} -> {destination}: {destination} holds {other.serial}")
        self._films[source], self._films[destination] = None, film
        self._aired[destination] = self._grid_index()

    def remove(self, place: str) -> Film:
        """Take the sample at a place out of the line, for the archive or the bin, and return it.

        Raises:
            PlantError: the place is unknown or empty.
        """
        film = self.sample_at(place)
        if film is None:
            raise PlantError(f"cannot remove a sample: {place} is empty")
        self._films[place] = None
        return film

    def _check(self, place: str) -> None:
        if place not in self._films:
            raise PlantError(f"no place {place!r}; known places: {list(self._films)}")

    def _grid_index(self) -> int:
        return int(self.clock.monotonic() // AIR_STEP_S)

    def _bring_up(self, place: str) -> None:
        if (tool := self._enclosures.get(place)) is not None:
            tool.advance()
            return
        film, until = self.occupant(place), self._grid_index()
        if film is None:
            return
        for index in range(self._aired.get(place, until), until):
            now_s = index * AIR_STEP_S
            stand_in_air(film, self.ambient.temperature_degC(now_s), self.ambient.relative_humidity_pct(now_s))
        self._aired[place] = until

    def _substrate(self, place: str) -> Film:
        serial = f"{place}#{self._loads[place]}"
        rng = random.Random(f"{self.seed}:{serial}")
        drawn_nm = rng.uniform(0.6, 1.6)
        told_nm = self._roughness_nm.get(place, drawn_nm) if self._loads[place] == 1 else drawn_nm
        return Film(serial=serial, roughness_nm=told_nm)
