"""When an operation of a recipe may begin, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labctl.quantities import format_value


@dataclass(frozen=True)
class Timing:
    """What dispatch has to know of an operation; nothing of it goes to an instrument."""

    takes: float | None = None
    """How long it is estimated to take [s]; None: what its plan, its station or the records say."""
    begin_within: float | None = None
    """It begins at most so long after the end of the operation before it [s]; None: at any time."""
    begin_after: float = 0.0
    """It begins at least so long after the end of the operation before it [s]."""
    optional: bool = False
    """The recipe goes on without it where no station is left for it, or where it failed and may be left out."""
    any_order: bool = False
    """It may change places with neighbours that say the same."""

    def content(self) -> dict[str, Any]:
        """Return the entries of a recipe file, without what says nothing."""
        spans = {"takes": self.takes, "begin_within": self.begin_within, "begin_after": self.begin_after or None}
        flags = {"optional": self.optional, "any_order": self.any_order}
        texts = {key: format_value(value, "s") for key, value in spans.items() if value is not None}
        return texts | {key: True for key, value in flags.items() if value}
