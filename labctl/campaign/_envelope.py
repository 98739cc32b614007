"""What was done before: the part of a search space in which nobody has to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Values = Mapping[str, Any]


def outside(values: Values, done: Iterable[Values], known: Mapping[str, Sequence[Any]]) -> str:
    """Return which values lie beyond those of completed trials, in words; empty when none does.

    A number is inside from the lowest to the highest that was done or is known, text and truth values where they
    are among them.

    Args:
        values: of a suggestion, by parameter.
        done: values of the trials that completed.
        known: values that are known to be safe besides, by parameter, in the parameters' units.
    """
    trials = list(done)
    found = []
    for name, value in values.items():
        seen = [*(trial[name] for trial in trials if name in trial), *known.get(name, ())]
        if not seen:
            found.append(f"{name} {_shown(value)}: nothing was done before")
        elif isinstance(value, str | bool):
            if value not in seen:
                found.append(f"{name} {value}: only {', '.join(map(str, dict.fromkeys(seen)))} was done before")
        elif not min(seen) <= value <= max(seen):
            found.append(f"{name} {_shown(value)}: {_shown(min(seen))} to {_shown(max(seen))} was done before")
    return "; ".join(found)


def _shown(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
