"""Who is told of what: the lab file's entry."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from labctl.files import Text, closest
from labctl.notices._notice import KINDS, Kind, Severity
from labctl.quantities import Quantity

_SECRET = "the address itself is a secret and is written in no file"


Name = Annotated[str, Text("[a-z][a-z0-9_]*", "lower-case letters, digits and '_', a letter first")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _variable(value: str) -> str:
    if value and not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", value):  # what was written is not repeated: see _SECRET
        raise ValueError(f"must be the name of an environment variable, such as LABCTL_NOTIFY_SHIFT; {_SECRET}")
    return value


def _entry_name(value: str) -> str:
    if value and not re.fullmatch(r"[\w.-]+/[\w.@-]+", value):
        raise ValueError(f"must name a keyring entry as service/user, such as labctl/shift; {_SECRET}")
    return value


def _meant(value: str) -> str:
    close = closest(value, tuple(zoneinfo.available_timezones()))
    return f"; did you mean {close!r}?" if close else ", such as 'Asia/Tokyo' or 'Europe/Berlin'"


def _zone(value: str) -> str:
    if value and value not in zoneinfo.available_timezones():
        raise ValueError(f"unknown time zone {value!r}{_meant(value)}")
    return value


class TargetEntry(_Part):
    """One person, group or device that is told; where its address is kept, and what it is told of."""

    env: Annotated[str, AfterValidator(_variable)] = Field(
        default="", description="environment variable that holds the address, a URL as apprise takes it"
    )
    keyring: Annotated[str, AfterValidator(_entry_name)] = Field(
        default="", description="keyring entry, as service/user, that holds the address"
    )
    kinds: list[Kind] = Field(default_factory=lambda: list(KINDS), min_length=1, description="what it is told of")
    severity: Severity = Field(default="info", description="the least severity it is told of")
    when_simulated: bool = Field(default=False, description="also told of what happens in a simulated laboratory")

    @model_validator(mode="after")
    def _one_place(self) -> TargetEntry:
        if bool(self.env) == bool(self.keyring):
            raise ValueError("needs 'env' or 'keyring'" + (", not both" if self.env else ""))
        return self


class NoticesEntry(_Part):
    """Who is told when something happens."""

    targets: dict[Name, TargetEntry] = Field(min_length=1)
    summary_at: Annotated[str, Text(r"(([01]\d|2[0-3]):[0-5]\d)?", "a time of day such as '07:30'")] = Field(
        default="", description="when a running campaign's state is told each day; never when empty"
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="",
        description="of `summary_at` and of times in messages, such as 'Asia/Tokyo'; the computer's when empty",
    )
    gap: dict[Kind, Annotated[float, Quantity("s", 0, 86400)]] = Field(
        default_factory=dict,
        description="least time between two messages of a kind, 1 min where none is given; what happens meanwhile is "
        "told together in the next",
    )
    repeat_after: Annotated[float, Quantity("s", 0, 86400)] = Field(
        default="15 min",
        validate_default=True,
        description="least time until the same is told again, with how often it happened",
    )
    retry_for: Annotated[float, Quantity("s", 0, 86400)] = Field(
        default="1 h",
        validate_default=True,
        description="how long delivery is tried before a notice counts as undelivered",
    )

    def told(self, *, simulated: bool) -> Mapping[str, TargetEntry]:
        """Return the targets that are told of what happens in a laboratory, simulated or not."""
        return {name: target for name, target in self.targets.items() if target.when_simulated or not simulated}

    @property
    def zone(self) -> zoneinfo.ZoneInfo | None:
        """The time zone; None for the computer's."""
        return zoneinfo.ZoneInfo(self.timezone) if self.timezone else None
