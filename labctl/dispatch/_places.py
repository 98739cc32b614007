"""Who lies where, and which places are kept for whom."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.samples import place

__all__ = ["Places"]


class Places:
    """Every place of the racks and stations; a place has one owner at most.

    Args:
        sizes: number of places of each rack and station.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._owner: dict[str, str | None] = {
            place(name, number): None for name, size in sizes.items() for number in range(1, size + 1)
        }

    def reserve(self, owner: str, sample: str) -> str:
        """Keep the first free place of `owner` (a rack or station) for a sample and return it.

        Raises:
            LookupError: every place is taken.
        """
        for name, holder in self._owner.items():
            if holder is None and name.rpartition(".")[0] == owner:
                self._owner[name] = sample
                return name
        raise LookupError(f"{owner} has no free place")

    def take(self, name: str, sample: str) -> None:
        """Keep a certain place for a sample.

        Raises:
            LookupError: there is no such place, or another sample has it.
        """
        if self._owner.get(name, "?") not in (None, sample):
            raise LookupError(f"{name} cannot be kept for {sample}: {self._owner.get(name, 'no such place')}")
        self._owner[name] = sample

    def free(self, name: str, sample: str) -> None:
        """Give a place back.

        Raises:
            ValueError: it is not the sample's.
        """
        if self._owner[name] != sample:
            raise ValueError(f"{name} belongs to {self._owner[name]}, not to {sample}")
        self._owner[name] = None

    def n_free(self, owner: str) -> int:
        """Return how many places of a rack or station nobody has."""
        return sum(holder is None for name, holder in self._owner.items() if name.rpartition(".")[0] == owner)

    def holders(self) -> dict[str, str]:
        """Return the sample of each place that is taken or reserved."""
        return {name: holder for name, holder in self._owner.items() if holder is not None}
