"""The declared metadata of a run: what every start document carries."""

from __future__ import annotations

import functools
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from labctl.errors import LabError
from labctl.files import Day, problems_of
from labctl.samples import Sample

__all__ = [
    "IN_CAMPAIGN",
    "ROLES",
    "AccessPolicy",
    "LabMetadata",
    "OperationMetadata",
    "Role",
    "check_start",
    "required_in_campaign",
    "source_revision",
    "versions",
]

PACKAGES = ("labctl", "bluesky", "ophyd", "event-model", "databroker", "tiled", "pyvisa", "pyvisa-py", "numpy", "scipy")


@functools.cache  # the list of licences takes 20 ms to read
def _licence(text: str) -> str:
    if not text:
        return text
    from license_expression import get_spdx_licensing

    found = get_spdx_licensing().validate(text)
    if found.errors:
        raise ValueError(f"{text!r} is not an SPDX licence such as 'CC-BY-4.0': {'; '.join(found.errors)}")
    return text


ACCESS = ("open", "consortium", "closed")
"""From the widest to the strictest."""
ROLES = {"public": ("open",), "consortium": ("open", "consortium"), "owner": ACCESS}
"""Who asks for data, and the access that is enough for them."""
Role: TypeAlias = Literal["public", "consortium", "owner"]


class AccessPolicy(BaseModel):
    """Who may see a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: str = Field(default="", description="person or organisation that owns the data")
    contact: str = Field(default="", description="whom to ask about the data: a name, with an address if there is one")
    project: str = Field(default="", description="project the data belongs to")
    access: Literal["open", "consortium", "closed"] = Field(default="closed", description="who may read it")
    embargo_until: Annotated[str, Day()] = Field(
        default="", description="day (YYYY-MM-DD) before which only its owner may read it, whatever `access` says"
    )
    licence: Annotated[str, AfterValidator(_licence)] = Field(
        default="", description="SPDX identifier or expression; empty while there is none"
    )
    export_control: str = Field(
        default="",
        description="export-control class, such as 'EAR99' or '9A004'; what has one leaves only as its owner",
    )

    def refusal(self, role: Role, today: date) -> str:
        """Return why somebody may not have the data, or an empty text.

        Args:
            role: of the person who asks.
            today: on which embargoes are judged.
        """
        if role == "owner":
            return ""
        if self.embargo_until and today < date.fromisoformat(self.embargo_until):
            return f"under embargo until {self.embargo_until}"
        if self.export_control:
            return f"under export control ({self.export_control})"
        if self.access not in ROLES[role]:
            return f"{self.access}, and {role} may have {' or '.join(ROLES[role])} data only"
        return ""

    @classmethod
    def strictest(cls, policies: Iterable[AccessPolicy]) -> AccessPolicy:
        """Return the policy of what derives from data under each of `policies`: no wider than any of them."""
        each = list(dict.fromkeys(policies))
        if len(each) == 1:
            return each[0]

        def all_of(name: str, between: str) -> str:
            return between.join(dict.fromkeys(value for policy in each if (value := getattr(policy, name))))

        unlicensed = any(not policy.licence for policy in each)
        return cls(
            owner=all_of("owner", ", "),
            contact=all_of("contact", ", "),
            project=all_of("project", ", "),
            access=max((policy.access for policy in each), key=ACCESS.index, default="closed"),
            embargo_until=max((policy.embargo_until for policy in each), default=""),
            licence="" if unlicensed else all_of("licence", " AND "),
            export_control=all_of("export_control", ", "),
        )


IN_CAMPAIGN = "in a campaign"
"""When a key is required that a run outside a campaign need not have."""


def _when(when: str, unit: str = "") -> dict[str, Any]:
    """Return what a key's JSON Schema tells besides: when it is required, and where the unit of its numbers is told."""
    return {"required_when": when, **({"unit": unit} if unit else {})}


class LabMetadata(BaseModel):
    """What every run carries, also one typed at a prompt."""

    model_config = ConfigDict(extra="allow")

    lab: str = Field(min_length=1, description="name of the laboratory, from its lab file")
    station: str = Field(min_length=1, description="the station the run was done on")
    operator: str = Field(min_length=1, description="person who is responsible")
    simulated: bool = Field(description="True when the instruments were simulated")
    versions: dict[str, str] = Field(description="of labctl and the packages beneath it")
    source_revision: str = Field(description="revision of labctl's source, or its version when installed")
    policy: AccessPolicy = Field(description="access policy")
    fittings: dict[str, str | float | int | bool] = Field(
        default_factory=dict,
        description="what is fitted to the station (target, gas, tube...), from its lab file",
        json_schema_extra=_when("something is fitted", "in the text"),
    )
    made_from: dict[str, list[str]] = Field(
        default_factory=dict,
        description="by new sample: what the run made it from; that is no more when the run succeeds",
        json_schema_extra=_when("it cuts or joins samples"),
    )

    @field_validator("made_from")
    @classmethod
    def _are_samples(cls, made: dict[str, list[str]]) -> dict[str, list[str]]:
        for child, parents in made.items():
            for name in (child, *parents):
                Sample(name)
            if not parents or child in parents:
                raise ValueError(f"{child} cannot be made from {', '.join(parents) or 'nothing'}")
        return made


class OperationMetadata(LabMetadata):
    """What the run of an operation carries besides."""

    operation: str = Field(min_length=1, description="kind of operation: the plan's name")
    operation_id: str = Field(
        default="",
        description="unique in its campaign; empty for one typed at a prompt",
        json_schema_extra=_when(IN_CAMPAIGN),
    )
    samples: list[str] = Field(description="every sample in the load")
    continues: str = Field(
        default="",
        description="uid of the run whose operation this one goes on with; its controller died",
        json_schema_extra=_when("it goes on with another run"),
    )
    roles: dict[str, str] = Field(
        default_factory=dict,
        description="name of the device in each role of the operation",
        json_schema_extra=_when("it uses devices"),
    )
    substrates: dict[str, dict[str, str | float | int | bool]] = Field(
        default_factory=dict,
        description="by sample: what its substrate's certificate says, units in the keys",
        json_schema_extra=_when("the laboratory knows it", "in the keys"),
    )
    parameters: dict[str, Any] = Field(
        description="parameters of the operation, in parameter_units",
        json_schema_extra=_when("always", "parameter_units"),
    )
    parameter_units: dict[str, str] = Field(description="unit of each parameter that has one")
    campaign: str = Field(
        default="", description="name of the campaign; empty outside one", json_schema_extra=_when(IN_CAMPAIGN)
    )
    trials: list[str] = Field(
        default_factory=list,
        description="trial of each sample, in the order of samples",
        json_schema_extra=_when(IN_CAMPAIGN),
    )
    operation_names: list[str] = Field(
        default_factory=list,
        description="name of this operation in each recipe; empty for a move",
        json_schema_extra=_when(IN_CAMPAIGN),
    )
    recipe_digests: list[str] = Field(
        default_factory=list, description="digest of each sample's recipe", json_schema_extra=_when(IN_CAMPAIGN)
    )
    suggestions: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="parameter values that the optimizer chose, by trial",
        json_schema_extra=_when(IN_CAMPAIGN, "those of the campaign's space"),
    )
    locations: list[str] = Field(
        default_factory=list,
        description="place of each sample when the run starts",
        json_schema_extra=_when(IN_CAMPAIGN),
    )
    left_out: dict[str, list[str]] = Field(
        default_factory=dict,
        description="by sample: operations of its recipe that failed and without which it goes on",
        json_schema_extra=_when("it goes on without some"),
    )
    recipes: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="content of each recipe, by digest", json_schema_extra=_when(IN_CAMPAIGN)
    )

    @model_validator(mode="after")
    def _entries_match(self) -> OperationMetadata:
        for name in ("trials", "operation_names", "recipe_digests"):
            entries = getattr(self, name)
            if entries and len(entries) != len(self.samples):
                raise ValueError(f"{name} has {len(entries)} entries for {len(self.samples)} samples")
        for name in required_in_campaign() if self.campaign else ():
            if not getattr(self, name):
                raise ValueError(f"{name} is required {IN_CAMPAIGN}, here {self.campaign!r}")
        missing = sorted(set(self.recipe_digests) - set(self.recipes))
        if missing:
            raise ValueError(f"recipes lacks the content of {', '.join(missing)}")
        return self


@functools.cache
def required_in_campaign() -> tuple[str, ...]:
    """Return the keys that a run of a campaign must have besides those of every run."""
    told = {name: field.json_schema_extra for name, field in OperationMetadata.model_fields.items()}
    return tuple(n for n, extra in told.items() if isinstance(extra, dict) and extra["required_when"] == IN_CAMPAIGN)


def check_start(md: Mapping[str, Any]) -> None:
    """Refuse a start document that lacks what is declared.

    Raises:
        LabError: with everything that is missing or wrong.
    """
    model = OperationMetadata if "operation" in md else LabMetadata
    try:
        model.model_validate(dict(md))
    except ValidationError as error:
        raise LabError("metadata of the run: " + "; ".join(map(str, problems_of(error, model)))) from error


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of Python, labctl and the packages beneath it."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def source_revision() -> str:
    """Return git's description of labctl's checkout, or the installed version where there is none."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / ".git").exists():
        command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=12"]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return f"labctl {version('labctl')}"
    return f"labctl {version('labctl')}"
