"""The declared metadata of a run: what every start document carries."""

from __future__ import annotations

import functools
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from labctl.errors import LabError
from labctl.files import problems_of

__all__ = ["AccessPolicy", "LabMetadata", "OperationMetadata", "check_start", "source_revision", "versions"]

PACKAGES = ("labctl", "bluesky", "ophyd", "event-model", "databroker", "tiled", "pyvisa", "pyvisa-py", "numpy", "scipy")


class AccessPolicy(BaseModel):
    """Who may see a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: str = Field(default="", description="person or organisation that owns the data")
    project: str = Field(default="", description="project the data belongs to")
    access: Literal["open", "consortium", "closed"] = Field(default="closed", description="who may read it")
    licence: str = Field(default="", description="SPDX identifier of the licence; empty while there is none")


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


class OperationMetadata(LabMetadata):
    """What the run of an operation carries besides."""

    operation: str = Field(min_length=1, description="kind of operation: the plan's name")
    operation_id: str = Field(default="", description="unique in its campaign; empty for one typed at a prompt")
    samples: list[str] = Field(description="every sample in the load")
    parameters: dict[str, Any] = Field(description="parameters of the operation, in parameter_units")
    parameter_units: dict[str, str] = Field(description="unit of each parameter that has one")
    campaign: str = Field(default="", description="name of the campaign; empty outside one")
    trials: list[str] = Field(default_factory=list, description="trial of each sample, in the order of samples")
    operation_names: list[str] = Field(default_factory=list, description="name of this operation in each recipe")
    recipe_digests: list[str] = Field(default_factory=list, description="digest of each sample's recipe")
    suggestions: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="parameter values that the optimizer chose, by trial"
    )
    locations: list[str] = Field(default_factory=list, description="place of each sample when the run starts")
    recipes: dict[str, dict[str, Any]] = Field(default_factory=dict, description="content of each recipe, by digest")

    @model_validator(mode="after")
    def _entries_match(self) -> OperationMetadata:
        for name in ("trials", "operation_names", "recipe_digests"):
            entries = getattr(self, name)
            if entries and len(entries) != len(self.samples):
                raise ValueError(f"{name} has {len(entries)} entries for {len(self.samples)} samples")
        missing = sorted(set(self.recipe_digests) - set(self.recipes))
        if missing:
            raise ValueError(f"recipes lacks the content of {', '.join(missing)}")
        return self


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
