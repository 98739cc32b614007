"""What is done when an operation fails."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from labctl.quantities import Quantity
from labctl.recipes import OperationSchema

Verdict: TypeAlias = Literal["quarantine", "elsewhere", "set aside", "go on", "wait", "stop"]
RETRY = "retry"
"""The verdict on a failure after which the operation is tried again where it is."""
MOST_IN_A_ROW = 3
"""A station that failed so often in a row goes into quarantine, whatever the rule says."""
_UNLOADING = ("elsewhere", "set aside", "go on")


class FailureRule(BaseModel):
    """What is done when an operation of one kind fails.

    ``quarantine``: the station is used no more, its samples stay inside. ``elsewhere``: the station is used no more,
    its samples go on at another that offers the same; where none does, they stay. ``set aside``: the samples are
    carried home, the station goes on. ``go on``: the operation is left out, the samples go on. ``wait``: nothing is
    done until a person answers. ``stop``: the campaign ends safely.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    retries: int = Field(default=0, ge=0, le=10, description="how often it is tried again, where it may be repeated")
    after: Annotated[float, Quantity("s", 0)] = Field(
        default="60 s", validate_default=True, description="lab time before it is tried again"
    )
    then: Verdict = Field(default="quarantine", description="what is done after the last try")
    wait: Annotated[float, Quantity("h", 0)] = Field(
        default="8 h", validate_default=True, description="how long a person is waited for, with `then: wait`"
    )
    otherwise: Literal["quarantine", "elsewhere", "set aside", "go on", "stop"] = Field(
        default="quarantine", description="what is done when no person answered in that time"
    )


def default_rule(schema: OperationSchema) -> FailureRule:
    """Return the rule for a kind of operation of which the campaign file says nothing.

    What changes nothing on the sample is tried once more, and then elsewhere; after anything else a person has to look.
    """
    if schema.on_unknown == "repeat":
        return FailureRule(retries=1, then="elsewhere")
    return FailureRule()


def rule_problems(rule: FailureRule, schema: OperationSchema) -> dict[str, str]:
    """Return what is wrong with a rule for a kind of operation, by field."""
    wrong = {}
    if rule.retries and schema.on_unknown != "repeat":
        wrong["retries"] = f"{schema.kind} changes the sample: it must not be repeated silently; 0 is allowed"
    for field, verdict in (("then", rule.then), ("otherwise", rule.otherwise)):
        if verdict in _UNLOADING and not may_unload(schema):
            allowed = "quarantine, wait or stop" if field == "then" else "quarantine or stop"
            text = f"after a failed {schema.kind} nobody knows whether samples may be taken out: {allowed} is allowed"
            wrong[field] = f"{verdict!r}: {text}"
    return wrong


def may_unload(schema: OperationSchema) -> bool:
    """Return whether samples may be taken out after an operation of this kind failed."""
    return schema.on_unknown in ("repeat", "set aside")


def answers(schema: OperationSchema) -> tuple[str, ...]:
    """Return what a person may answer who is waited for."""
    retry = (RETRY,) if schema.on_unknown == "repeat" else ()
    unload = _UNLOADING if may_unload(schema) else ()
    return (*retry, *unload, "quarantine", "stop")
