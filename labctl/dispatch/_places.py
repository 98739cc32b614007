"""Who lies where, and which places are kept for whom."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from labctl.samples import place, station_of

__all__ = ["Places"]


class Places:
    """Every place of the racks and stations; a place has one owner at most.

    Args:
        sizes: number of places of each rack and station.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._owner: dict[str, str | None] = {}
        self._free: dict[str, list[int]] = {}  # a heap for each owner; may also name places that were taken since
        self._n_free: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        for name, size in sizes.items():
            self.add(name, size)

    def add(self, owner: str, size: int) -> None:
        """Add the places of a rack or station."""
        self._owner |= {place(owner, number): None for number in range(1, size + 1)}
        self._free[owner], self._n_free[owner] = list(range(1, size + 1)), size
        self._sizes[owner] = size

    def reserve(self, owner: str, sample: str) -> str:
        """Keep the first free place of `owner` (a rack or station) for a sample and return it.

        Raises:
            LookupError: every place is taken.
        """
        free = self._free.get(owner, [])
        while free:
            name = place(owner, heapq.heappop(free))
            if self._owner[name] is None:
                self.take(name, sample)
                return name
        raise LookupError(f"{owner} has no free place")

    def take(self, name: str, sample: str) -> None:
        """Keep a certain place for a sample.

        Raises:
            LookupError: there is no such place, or another sample has it.
        """
        if self._owner.get(name, "?") not in (None, sample):
            raise LookupError(f"{name} cannot be kept for {sample}: {self._owner.get(name, 'no such place')}")
        self._n_free[station_of(name)] -= self._owner[name] is None
        self._owner[name] = sample

    def free(self, name: str, sample: str) -> None:
        """Give a place back.

        Raises:
            ValueError: it is not the sample's.
        """
        if self._owner[name] != sample:
            raise ValueError(f"{name} belongs to {self._owner[name]}, not to {sample}")
        self._owner[name] = None
        self._n_free[station_of(name)] += 1
        heapq.heappush(self._free[station_of(name)], int(name.rpartition(".")[2]))

    def n_free(self, owner: str) -> int:
        """Return how many places of a rack or station nobody has."""
        return self._n_free.get(owner, 0)

    def kept(self, owner: str, sample: str) -> str:
        """Return the place of a rack or station that is kept for a sample.

        Raises:
            LookupError: none is.
        """
        for number in range(1, self._sizes.get(owner, 0) + 1):
            if self._owner[name := place(owner, number)] == sample:
                return name
        raise LookupError(f"{owner} keeps no place for {sample}")

    def holders(self) -> dict[str, str]:
        """Return the sample of each place that is taken or reserved."""
        return {name: holder for name, holder in self._owner.items() if holder is not None}

    def copy(self) -> Places:
        """Return others that can be taken and freed on their own."""
        copied = Places({})
        copied._owner = dict(self._owner)
        copied._free = {owner: list(numbers) for owner, numbers in self._free.items()}
        copied._n_free, copied._sizes = dict(self._n_free), dict(self._sizes)
        return copied
