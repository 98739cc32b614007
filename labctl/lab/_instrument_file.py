"""The instrument file: what an instrument has that has no class of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from labctl.files import Scalar, Text
from labctl.quantities import Quantity

Name = Annotated[str, Text("[a-z][a-z0-9_]*", "lower-case letters, digits and '_', a letter first")]
ClassName = Annotated[str, Text("[A-Z][A-Za-z0-9]*", "letters and digits, a capital first, such as LockIn")]
Protocol = Literal["scpi", "modbus", "epics", "opcua", "pymeasure", "secsgem"]
DTYPES = {"number": "number", "integer": "integer", "text": "string"}
"""What a document says of each type of signal."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SignalEntry(_Part):
    """One quantity."""

    at: str = Field(
        min_length=1,
        description="where it is: query (`scpi`), `[UNIT:]REGISTER [FORM] [SCALE]` (`modbus`), or property, process "
        "variable, node of the library",
    )
    set_at: str = Field(
        default="", description="where it is set; it can only be read when neither this nor `set` is given"
    )
    set: bool = Field(default=False, description="it is set where it is read")
    measured: bool = Field(
        default=False,
        description="asking for it makes the instrument act (start a measurement, switch its output on): it is asked "
        "for when a plan takes a reading, never when the state before and after an operation is recorded",
    )
    type: Literal["number", "integer", "text"] = "number"
    unit: str | None = Field(default=None, description="of a number; '' for one without")
    limits: Annotated[list[Scalar], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="lowest and highest value, with unit; required of a number that is set"
    )
    choices: list[Scalar] = Field(default_factory=list, description="what it may be set to")
    kind: Literal["hinted", "normal", "config"] = Field(
        default="normal", description="hinted: the main result; config: hardly ever changes"
    )
    initially: Scalar | None = Field(default=None, description="what it is in a simulated laboratory")

    @property
    def is_settable(self) -> bool:
        """Whether a plan may set it."""
        return self.set or bool(self.set_at)

    @property
    def place_to_set(self) -> str:
        """Where it is set; empty where it can only be read."""
        return self.set_at or (self.at if self.set else "")

    @property
    def span(self) -> tuple[float, float] | None:
        """Lowest and highest value in its unit, where it has limits; ValueError where they are none."""
        if self.limits is None:
            return None
        low, high = (Quantity(self.unit_text).parse(end) for end in self.limits)
        return low, high

    @property
    def unit_text(self) -> str:
        """The unit; empty where it has none."""
        return self.unit or ""


class EventEntry(_Part):
    """Something that equipment announces by itself."""

    id: int | str = Field(description="number or name of the collection event")
    variables: list[int | str] = Field(default_factory=list, description="ids of the variables that it tells with it")


class InstrumentFile(_Part):
    """An instrument that speaks SCPI or Modbus, or that another library speaks to, described for this laboratory."""

    instrument: ClassName = Field(description="name of the kind of instrument")
    protocol: Protocol = Field(description="what it speaks, or the library that speaks to it")
    options: dict[str, Scalar] = Field(
        default_factory=dict, description="for the library; `baud_rate` of a serial line, `line_end` of `scpi`"
    )
    about: str = Field(default="", description="what it is")
    maker: str = ""
    models: list[str] = Field(min_length=1, description="texts one of which the model that answers must contain")
    identity: str = Field(default="", description="where it says who it is; without it the file is believed")
    source: str = Field(min_length=1, description="manual that this file was written from: title, revision, pages")
    safe_state: str = Field(min_length=1, description="one sentence: what `make_safe` leaves behind")
    make_safe: dict[Name, Scalar] = Field(
        default_factory=dict, description="what is set, in this order, to make it safe; it is looked at after that"
    )
    process: list[Name] = Field(default_factory=list, description="signals that are recorded all through an operation")
    signals: dict[Name, SignalEntry] = Field(min_length=1)
    events: dict[Name, EventEntry] = Field(
        default_factory=dict, description="what the equipment announces, recorded as events; of secsgem only"
    )


def value_of(entry: SignalEntry, value: object) -> float | int | str:
    """Return a value in the signal's unit; raises ValueError where it cannot be set."""
    if entry.type == "text":
        if entry.choices and value not in entry.choices:
            raise ValueError(f"{value!r} is not one of {', '.join(map(str, entry.choices))}")
        return str(value)
    low, high = entry.span or (float("-inf"), float("inf"))
    number = Quantity(entry.unit_text, low, high).parse(value)
    return round(number) if entry.type == "integer" else number
