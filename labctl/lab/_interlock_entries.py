"""Interlocks as a lab file writes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from labctl.files import Scalar
from labctl.quantities import Quantity

Seconds = Annotated[float, Quantity("s", 0)]
CONDITIONS = (("above", "below"), ("rate_above", "rate_below"), ("is", "is_not"), ("unchanged",))
"""Keys of one condition stand together."""


class InterlockEntry(BaseModel):
    """One condition on a signal, and what is done when it is met.

    One kind of condition for each interlock: `above` and `below`; `rate_above` and `rate_below`; `is` or `is_not`;
    `unchanged`; or none of them and only `stale`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    signal: str = Field(description="what is watched, as `DEVICE.SIGNAL`")
    minus: str = Field(default="", description="watch the difference: `signal` less this signal")
    above: Scalar | None = Field(default=None, description="wrong above this; with `minus`, this difference")
    below: Scalar | None = Field(default=None, description="wrong below this")
    rate_above: Scalar | None = Field(default=None, description="wrong when it rises faster, as `5 K/min`")
    rate_below: Scalar | None = Field(default=None, description="wrong when it falls faster, as `-5 K/min`")
    rate_over: Annotated[float, Quantity("s", 0.1, 86400)] = Field(
        default="60 s", validate_default=True, description="a rate is that between readings so far apart"
    )
    is_: list[Scalar] = Field(default_factory=list, alias="is", description="wrong while it has one of these values")
    is_not: list[Scalar] = Field(default_factory=list, description="wrong while it has none of these values")
    unchanged: Seconds | None = Field(
        default=None, description="wrong when every reading was the same for so long: it is stuck"
    )
    stale: Annotated[float, Quantity("s", 0.1, 86400)] = Field(
        default="60 s", validate_default=True, description="wrong, too, when it could not be read for so long"
    )
    gate: str = Field(default="", description="the condition counts only while this signal is not 0")
    for_: Seconds = Field(
        default="0 s", validate_default=True, alias="for", description="how long it must be wrong before it trips"
    )
    hysteresis: Scalar | None = Field(
        default=None, description="how far within the limits it must be to be right again"
    )
    severity: Literal["warning", "alarm"] = "alarm"
    action: Literal["warn", "hold", "abort", "safe"] = Field(
        description="warn; `hold`: no new operation; `abort`: end what runs, too; `safe`: make devices safe, too"
    )
    at: list[str] = Field(
        default_factory=list,
        description="stations concerned, also devices where the action is `safe`; `lab` for all; the signal's own "
        "station when omitted",
    )
