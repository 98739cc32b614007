"""The campaign file: what to look for, where, and for how long."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from labctl.dispatch import Advised, FailureRule, FirstCome, Greedy, Policy
from labctl.files import LABEL, Scalar, Text, shown
from labctl.metadata import AccessPolicy
from labctl.quantities import Quantity

Name = Annotated[str, Text("[A-Za-z][A-Za-z0-9_]*", "letters, digits and '_', a letter first")]
Target = Annotated[str, Text(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_]+", "an operation of the recipe, a dot and its parameter")]
Source = Annotated[str, Text(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_]+", "an operation of the recipe, a dot and its result")]


def space_form(space: object) -> str | None:
    """Return which form of a space a file has: ``list``, ``table`` or neither."""
    if isinstance(space, list):
        return "list"
    return "table" if isinstance(space, dict | TableEntry) else None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Range(_Part):
    """What a parameter may be: limits, or a list of values."""

    name: Name
    low: Scalar | None = None
    high: Scalar | None = None
    scale: Literal["linear", "log"] = "linear"
    step: Scalar | None = None
    values: list[Scalar] | None = Field(default=None, min_length=1)


class ParameterEntry(Range):
    """One free parameter: limits, or a list of values."""

    field: Target = Field(description="'operation.parameter' in the recipe that it replaces")
    as_run: Source | None = Field(
        default=None,
        description="'role.quantity' of the operation that tells what was done, such as furnace.temperature: "
        "its median while its set point was highest",
    )


class PriorEntry(_Part):
    """Results that lead the optimizer to expect something, without counting as this campaign's own."""

    table: str | None = Field(
        default=None, description="path of a CSV file with a column for each parameter, in its unit, and each objective"
    )
    stores: list[str] = Field(default_factory=list, description="folders of stores with earlier campaigns")

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, content: object) -> object:
        return {"table": content} if isinstance(content, str) else content


def _or_text(schema: dict[str, Any]) -> None:
    """Tell editors that the column's name alone will do."""
    whole = dict(schema)
    schema.clear()
    schema["anyOf"] = [{"type": "string"}, whole]


class ColumnEntry(_Part):
    """A column of a table and the field of the recipe that its values go to."""

    model_config = ConfigDict(json_schema_extra=_or_text)

    column: str = Field(min_length=1)
    field: Target | None = Field(default=None, description="'operation.parameter' in the recipe that it replaces")

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: object) -> object:
        if not isinstance(given, str | dict | ColumnEntry):
            raise ValueError(f"must be the name of a column, or a mapping with column and field, not {shown(given)}")
        return {"column": given} if isinstance(given, str) else given


class TableEntry(_Part):
    """A table of candidate recipes."""

    table: str = Field(default="", description="path of a CSV file; may be given on the command line")
    inputs: list[ColumnEntry] = Field(min_length=1, description="columns that make a recipe; a name will do")
    outputs: list[str] = Field(default_factory=list, description="columns that were measured, for a table lab")
    row: Target | None = Field(
        default=None, description="field of the recipe that takes the row's number, for a table lab"
    )
    repeats: Literal["one", "mean"] = Field(
        default="one", description="what measuring a recipe with several rows gives: one of them, or their mean"
    )


class ObjectiveEntry(_Part):
    """One figure to make large or small."""

    name: Name
    direction: Literal["maximize", "minimize"]
    expression: str = Field(min_length=1, description="arithmetic on the inputs")
    inputs: dict[Name, Source] = Field(min_length=1, description="'operation.result' of each name in the expression")
    target: float | None = Field(default=None, allow_inf_nan=False, description="the campaign ends when it is reached")
    unit: str = ""


class Budget(_Part):
    """What a campaign may use up."""

    trials: int = Field(ge=1, le=100_000)
    lab_time: Annotated[float, Quantity("h", 0)] | None = Field(default=None, description="no trial starts later")


class GainEntry(_Part):
    """When there is too little left to gain."""

    below: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="gain that the most promising recipe must promise, in the objective's unit; "
        "with several objectives as a part of the hypervolume",
    )
    per: Literal["trial", "hour"] = Field(default="trial", description="each trial, or each hour of lab time")
    in_a_row: int = Field(default=3, ge=1, description="after how many trials in a row it must be below")

    @model_validator(mode="before")
    @classmethod
    def _as_a_number(cls, content: object) -> object:
        is_number = isinstance(content, float | int) and not isinstance(content, bool)
        return {"below": content} if is_number else content


class StopEntry(_Part):
    """When a campaign ends before its budget."""

    no_improvement: int | None = Field(default=None, ge=1, description="trials in a row without a better one")
    gain: GainEntry | None = Field(default=None, description="little to gain; a number is `below`, for each trial")
    lost: int = Field(default=10, ge=1, description="trials in a row that equipment kept from an outcome")


class ApprovalEntry(_Part):
    """Which suggestions a person has to approve before a sample is made."""

    when: Literal["outside_envelope", "always"] = Field(
        default="outside_envelope",
        description="outside_envelope: a value lies beyond those of all trials that completed, here or in `earlier`",
    )
    known: dict[str, Annotated[list[Scalar], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="by parameter: lowest and highest value, or categories, known to be safe besides",
    )
    wait: Annotated[float, Quantity("h", 0)] = Field(
        default="12 h", validate_default=True, description="lab time after which it is refused when nobody answered"
    )

    @model_validator(mode="before")
    @classmethod
    def _in_a_word(cls, content: object) -> object:
        return {"when": content} if isinstance(content, str) else content


class DispatchEntry(_Part):
    """Which sample goes where, and when."""

    policy: Literal["greedy", "first come"] = Field(
        default="greedy",
        description="greedy: full loads, short waits, windows kept; first come: who waits longest, for comparison",
    )
    adviser: bool = Field(
        default=False, description="whether a solver looks for better plans meanwhile; needs the extra `schedule`"
    )
    share: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        description="weight beside other campaigns on the same stations, which work for them in this proportion",
    )
    priority: int = Field(default=0, ge=-100, le=100, description="of the campaign's samples, beside others")
    deadline: Annotated[float, Quantity("h", 0)] | None = Field(
        default=None, description="lab time from the campaign's beginning by which its samples should be finished"
    )
    trial_deadline: Annotated[float, Quantity("h", 0)] | None = Field(
        default=None, description="lab time from a trial's beginning by which its sample should be finished"
    )

    def make_policy(self) -> Policy:
        """Return a new policy as it is asked for."""
        if self.policy == "first come":
            return FirstCome()
        return Advised() if self.adviser else Greedy()


class OptimizerEntry(_Part):
    """Which optimizer."""

    engine: str = "gp"
    options: dict[str, Any] = Field(default_factory=dict)


class CampaignFile(_Part):
    """A campaign over one recipe in one laboratory."""

    campaign: Annotated[str, LABEL]
    description: str = ""
    lab: str = Field(min_length=1, description="path of the lab file, from this file's folder")
    recipe: str = Field(min_length=1, description="path of the recipe file, from this file's folder")
    seed: int = Field(default=0, ge=0, description="of the optimizer and of a simulated laboratory")
    operator: str = Field(default="", description="in place of the lab file's")
    policy: AccessPolicy | None = Field(default=None, description="in place of the lab file's")
    space: Annotated[
        Annotated[TableEntry, Tag("table")] | Annotated[list[ParameterEntry], Tag("list"), Field(min_length=1)],
        Discriminator(
            space_form,
            custom_error_type="space_type",
            custom_error_message="must be a list of parameters, or a mapping with a table",
        ),
    ] = Field(description="what may vary")
    constraints: list[str] = Field(
        default_factory=list,
        description="arithmetic on parameters that are numbers, each in its unit, compared by <=, >= or ==",
    )
    objectives: list[ObjectiveEntry] = Field(min_length=1)
    budget: Budget
    stop: StopEntry = StopEntry()
    earlier: list[str] = Field(
        default_factory=list,
        description="folders of stores, from this file's folder, whose trials the optimizer begins with; "
        "the strictest of their policies holds for this campaign too",
    )
    prior: PriorEntry | None = Field(
        default=None,
        description="a simulation's results, or earlier campaigns: how far they are believed is learnt; a path will do",
    )
    learn_from: Literal["set_points", "as_run"] = Field(
        default="set_points", description="whether the optimizer learns what was asked for, or what was done"
    )
    approve: ApprovalEntry | None = Field(
        default=None, description="which suggestions wait for a person; `outside_envelope` will do"
    )
    on_failure: dict[str, FailureRule] = Field(
        default_factory=dict, description="by kind of operation: what is done when it fails"
    )
    quality: Literal["good", "suspect", "bad"] = Field(
        default="suspect", description="worst quality of the runs that the optimizer learns from"
    )
    on_unknown: dict[str, Literal["repeat", "continue", "set aside"]] = Field(
        default_factory=dict,
        description="by kind of operation: what is done after a restart with one whose end nobody saw, "
        "in place of what its plan says",
    )
    in_flight: int = Field(
        default=4,
        ge=1,
        le=1000,
        description="samples under way at the same time; those that people suggest come on top",
    )
    dispatch: DispatchEntry = DispatchEntry()
    optimizer: OptimizerEntry = OptimizerEntry()
