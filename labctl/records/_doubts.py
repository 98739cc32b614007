"""What people doubt, as far as results are to be learnt from or given away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labctl.records._entry import CONDITIONS
from labctl.records._quality import QUALITIES, Flag
from labctl.records._register import Register


@dataclass(frozen=True)
class Doubts:
    """The flags of people on runs, and their judgements of samples."""

    runs: Mapping[str, tuple[Flag, ...]]
    """By uid."""
    samples: Mapping[str, Flag]
    """By name, the last judgement; what is judged good is left out."""

    def of(self, run: str, sample: str) -> tuple[Flag, ...]:
        """Return what people doubt of a run of a sample.

        Args:
            run: its whole uid.
            sample: its name.
        """
        judged = self.samples.get(sample)
        return (*self.runs.get(run, ()), *((judged,) if judged else ()))


def people_doubt(directory: Path) -> Doubts:
    """Return what people doubt in a store.

    Raises:
        StoreError: what they said cannot be read.
    """
    runs: dict[str, tuple[Flag, ...]] = {}
    samples: dict[str, Flag] = {}
    for entry in Register(directory).read()[0]:
        if entry["act"] == "flagged":
            names = ("kind", "quality", "stream", "key", "detail", "by")
            runs[entry["run"]] = (*runs.get(entry["run"], ()), Flag(**{name: entry[name] for name in names}))
        elif entry["act"] == "judged":
            quality = dict(zip(CONDITIONS, QUALITIES, strict=True))[entry["quality"]]
            samples[entry["sample"]] = Flag("judged", quality, detail=entry["reason"], by=entry["by"])
    doubted = {sample: flag for sample, flag in samples.items() if flag.quality != QUALITIES[0]}
    return Doubts(runs, doubted)


__all__ = ["Doubts", "people_doubt"]
