"""What an operation takes, read from its plan."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from labctl.errors import Problem
from labctl.files import problems_of
from labctl.quantities import Quantity

OnUnknown: TypeAlias = Literal["repeat", "continue", "ask", "set aside"]


@dataclass(frozen=True)
class LimitedBy:
    """Annotation of a parameter that is sent to a signal: the limits of the actual device hold for it.

    Args:
        role: of the device in the operation.
        signal: attribute of the device.
        scale: value of the signal for a parameter of 1.
    """

    role: str
    signal: str
    scale: float = 1.0


@dataclass(frozen=True)
class OperationSchema:
    """What an operation takes, read from its plan's signature.

    Positional arguments before ``samples`` are the devices, by role; keyword-only arguments are the
    recipe's parameters.
    """

    kind: str
    roles: Mapping[str, str]
    """Role of each device and the name of its class."""
    model: type[BaseModel]
    summary: str
    results: Mapping[str, str] = field(default_factory=dict)
    """Unit of each value in the stream ``result``."""
    results_from: str = ""
    """The parameter that names further results, with ``;`` between them."""
    on_unknown: OnUnknown = "set aside"
    """What is done when the controller died while it was under way: ``repeat`` it (it changes nothing), ``continue``
    (the instrument goes on by itself), ``ask`` the instrument what became of it, or ``set aside`` the samples."""
    takes: Callable[..., float] | None = None
    """Takes the parameters; returns how long it is estimated to take [s]. None: nobody knows beforehand."""
    keeps: tuple[str, ...] = ()
    """Roles whose devices go on as they are when it ended well: what follows in the same station relies on them."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(self.model.model_fields)

    def quantity(self, parameter: str) -> Quantity | None:
        """Return unit and range of a parameter, or None for text and whole numbers."""
        found = [entry for entry in self.model.model_fields[parameter].metadata if isinstance(entry, Quantity)]
        return found[0] if found else None

    def limited_by(self, parameter: str) -> LimitedBy | None:
        """Return the signal whose limits hold for a parameter, if there is one."""
        found = [entry for entry in self.model.model_fields[parameter].metadata if isinstance(entry, LimitedBy)]
        return found[0] if found else None

    def is_whole(self, parameter: str) -> bool:
        """Return whether a parameter takes whole numbers."""
        return self.model.model_fields[parameter].annotation is int

    def check(
        self, values: Mapping[str, Any], where: str = "", more_keys: Sequence[str] = ()
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Return the parameters in their declared units, and everything that is wrong.

        Args:
            values: of the parameters, as a person gives them.
            where: path of the operation in the file.
            more_keys: which may have been meant by an unknown one.

        Returns:
            All parameters, or those of `values` that are right where something is wrong.
        """
        try:
            return self.model.model_validate(dict(values)).model_dump(), []
        except ValidationError as error:
            wrong = {entry["loc"][0] for entry in error.errors()}
            right = self.model.model_construct()
            names = [name for name in values if name in self.parameters and name not in wrong]
            for name in names:
                setattr(right, name, values[name])  # converts, as the model validates assignments
            return {name: getattr(right, name) for name in names}, problems_of(error, self.model, where, more_keys)

    def units(self) -> dict[str, str]:
        """Return the unit of each parameter that has one."""
        found = {name: self.quantity(name) for name in self.parameters}
        return {name: quantity.unit for name, quantity in found.items() if quantity is not None and quantity.unit}

    def results_of(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of what an operation with these parameters writes to the stream ``result``."""
        named = str(parameters.get(self.results_from, "")).split(";") if self.results_from else []
        return (*self.results, *(name for name in named if name))

    @classmethod
    def of(
        cls,
        plan: Callable[..., Any],
        results: Mapping[str, str],
        results_from: str = "",
        on_unknown: OnUnknown = "set aside",
        takes: Callable[..., float] | None = None,
        keeps: Collection[str] = (),
    ) -> OperationSchema:
        """Read a plan's signature; the rest is told."""
        hints = typing.get_type_hints(plan, include_extras=True)
        roles: dict[str, str] = {}
        fields: dict[str, Any] = {}  # pydantic's (annotation, default) pairs
        for name, parameter in inspect.signature(plan).parameters.items():
            if name == "samples":
                continue
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                default = ... if parameter.default is inspect.Parameter.empty else parameter.default
                fields[name] = (hints[name], FieldInfo(default=default, validate_default=True))
            else:
                roles[name] = getattr(hints[name], "__name__", str(hints[name]))
        config = ConfigDict(extra="forbid", strict=True, validate_assignment=True)
        model = create_model(f"{plan.__name__}_parameters", __config__=config, **fields)
        summary = (inspect.getdoc(plan) or "").partition("\n")[0]
        about = dict(results), results_from, on_unknown, takes, tuple(keeps)
        return cls(plan.__name__, roles, model, summary, *about)
