"""Write the generated parts of the reference pages from the code: ``python docs/generate.py``.

A page says where a part goes with ``<!-- generated: NAME -->`` and ``<!-- end -->``; what stands between is replaced.
"""

from __future__ import annotations

import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from devices import DEVICES, LinkedDevice, device_class
from labctl.app._commands import command_line
from labctl.campaign import CampaignFile, SearchFile
from labctl.exchange import PLACES
from labctl.lab import InstrumentFile, LabFile
from labctl.lab._simulated import fault_kinds, has_simulation, simulation
from labctl.metadata import LabMetadata, OperationMetadata
from labctl.optimize import ENGINES
from labctl.quantities import Quantity
from labctl.recipes import OperationEntry, OperationSchema, RecipeFile
from plans import OPERATIONS

REFERENCE = Path(__file__).resolve().parent / "reference"
_PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rendered(text: str) -> str:
    """Return a page with its generated parts made anew.

    Raises:
        KeyError: it asks for a part that does not exist.
    """
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]().strip()}\n\n{found[3]}", text)


def main() -> None:
    """Rewrite every reference page."""
    for page in sorted(REFERENCE.glob("*.md")):
        page.write_text(rendered(page.read_text(encoding="utf-8")), encoding="utf-8")


# Markdown.


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _code(value: object) -> str:
    return f"`{value}`" if str(value) else ""


def _sections(parts: Iterable[tuple[str, str]], level: int = 2) -> str:
    return "\n\n".join(f"{'#' * level} {title}\n\n{body}" for title, body in parts)


def _span(low: float | None, high: float | None, unit: str = "") -> str:
    """Return a range in words; empty when both ends are open."""
    lowest = None if low is None or math.isinf(low) else low
    highest = None if high is None or math.isinf(high) else high
    if lowest is None and highest is None:
        return ""
    if highest is None:
        return f"{lowest:g} {unit}".strip() + " or more"
    return f"{'...' if lowest is None else f'{lowest:g}'} to {highest:g} {unit}".strip()


# Pydantic models.


def _found(annotation: Any, kind: type) -> list[Any]:
    """Return the marks of a kind anywhere in an annotation."""
    marks = [entry for entry in getattr(annotation, "__metadata__", ()) if isinstance(entry, kind)]
    for part in typing.get_args(annotation):
        marks += _found(part, kind)
    return marks


def _words(annotation: Any) -> str:
    """Return what may be written for an annotation."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        quantities = _found(annotation, Quantity)
        return _quantity(quantities[0]) if quantities else _words(arguments[0])
    if origin is typing.Literal:
        return " or ".join(_code(entry) for entry in arguments)
    if origin is list:
        return f"list of {_words(arguments[0])}"
    if origin is tuple:
        return "pair" if len(arguments) == 2 else "list"
    if origin is dict:
        return f"mapping of names to {_words(arguments[1])}"
    if origin in (types.UnionType, typing.Union):
        told = [_words(entry) for entry in arguments if entry is not type(None)]
        return " or ".join(word for word in dict.fromkeys(told) if word != "whole number" or "number" not in told)
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    names = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
    return names.get(annotation, "anything")


def _quantity(quantity: Quantity) -> str:
    if not quantity.unit:
        return "number " + _span(quantity.low, quantity.high)
    span = _span(quantity.low, quantity.high, quantity.unit)
    return f"quantity, {span}" if span else f"quantity in {quantity.unit}"


def _limits(field: FieldInfo) -> str:
    low = next((entry.ge for entry in field.metadata if hasattr(entry, "ge")), None)
    above = next((entry.gt for entry in field.metadata if hasattr(entry, "gt")), None)
    high = next((entry.le for entry in field.metadata if hasattr(entry, "le")), None)
    return f"above {above:g}, to {high:g}" if above is not None and high is not None else _span(low, high)


def _allowed(field: FieldInfo) -> str:
    quantities = [entry for entry in field.metadata if isinstance(entry, Quantity)]
    if quantities:
        return _quantity(quantities[0])
    return ", ".join(part for part in (_words(field.annotation), _limits(field)) if part)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == "" or isinstance(value, BaseModel) or value in ([], {}):
        return ""
    return _code(str(value).lower() if isinstance(value, bool) else value)


def _model(model: type[BaseModel]) -> str:
    rows = [
        (_code(field.alias or name), _allowed(field), _default(field), field.description or "")
        for name, field in model.model_fields.items()
    ]
    return f"{inspect.getdoc(model)}\n\n{_table(('key', 'value', 'default', 'meaning'), rows)}"


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models_in(part)]


def _model_tree(top: type[BaseModel]) -> str:
    models, waiting = list[type[BaseModel]](), [top]
    while waiting:
        model = waiting.pop(0)
        if model not in models:
            models.append(model)
            waiting += [found for field in model.model_fields.values() for found in _models_in(field.annotation)]
    return _sections((model.__name__, _model(model)) for model in models)


# Plans and devices.


def _arguments(documented: object) -> dict[str, str]:
    """Return what a Google-style docstring says of each argument."""
    text = inspect.getdoc(documented) or ""
    _, _, section = text.partition("Args:\n")
    section = section.partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section, re.MULTILINE)
    return {name: " ".join(line.strip() for line in words.splitlines()) for name, words in found}


def _introduction(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\nArgs:")[0].strip().replace("``", "`")


def _limited(schema: OperationSchema, parameter: str) -> str:
    bound = schema.limited_by(parameter)
    return f"`{bound.role}`.`{bound.signal}`" if bound is not None else ""


def _class(kind: str) -> str:
    if kind == "LinkedDevice":
        return "any"
    if kind == "SecsEquipment":
        return f"[{kind}](../how-to/use-other-libraries.md#secsgem)"
    of_kind = [name for name in DEVICES if kind in {each.__name__ for each in device_class(name).__mro__}]
    return " or ".join(f"[{name}](devices.md#{name.lower()})" for name in of_kind)


def _operation(plan: Any) -> str:  # a plan with its schema
    schema: OperationSchema = plan.schema
    said = _arguments(plan)
    roles = [(_code(role), _class(kind), said[role]) for role, kind in schema.roles.items()]
    parameters = [
        (_code(name), _allowed(field), _default(field), _limited(schema, name), said[name])
        for name, field in schema.model.model_fields.items()
    ]
    results = [(_code(name), unit) for name, unit in schema.results.items()]
    if schema.results_from:
        results.append((f"each name in `{schema.results_from}`", ""))
    head = ("parameter", "value", "default", "limits also from", "meaning")
    parts = [_introduction(plan), _table(("role", "device", "meaning"), roles), _table(head, parameters)]
    if results:
        parts.append(_table(("result", "unit"), results))
    return "\n\n".join(parts)


def operations() -> str:
    """Return every operation with roles, parameters and results."""
    return _sections((kind, _operation(plan)) for kind, plan in OPERATIONS.items())


def _signal(kind: type[LinkedDevice], name: str) -> tuple[str, ...]:
    component = kind._sig_attrs[name]
    options = component.kwargs
    unit, limits = options.get("units"), options.get("limits")
    settable = "set" if component.cls.__name__ == "Setting" else "taken" if component.cls.__name__ == "Soft" else "read"
    recorded = "all through" if name in kind.process else str(options.get("kind", "normal"))
    dtype = options.get("dtype", "text" if isinstance(options.get("value"), str) else "number")
    return (_code(name), settable, str(unit or ""), dtype, _span(*limits) if limits else "", recorded)


def _device(name: str) -> str:
    kind = device_class(name)
    facts = [
        ("protocol", kind.protocol),
        ("source", kind.source),
        ("safe state", kind.safe_state),
        ("models", ", ".join(kind.models)),
        ("driver proved", kind.verified),
        ("behind its simulation", "; ".join(_behind(name)) or "nothing of the plant"),
        ("faults of its simulation", ", ".join(map(_code, fault_kinds(name)))),
    ]
    own = [signal for signal in kind._sig_attrs if signal not in LinkedDevice._sig_attrs]
    head = ("signal", "access", "unit", "type", "limits", "recorded")
    text = f"{_introduction(kind)}\n\n{_table(('', ''), facts)}"
    return f"{text}\n\n{_table(head, [_signal(kind, signal) for signal in own])}"


BEHIND = {
    "ambient": "the air of the room",
    "chamber": "the sputter chamber",
    "chuck": "the liquid on the sample of a spin coater",
    "furnace": "the tube furnace",
    "inlet": "the gas of the sputter chamber",
    "line": "the sample at its place",
    "probe": "the film below the pins",
    "rows": "a table of measured recipes",
}
"""What of the simulated plant an instrument acts on or senses, by the name of its simulation's argument."""


def _behind(name: str) -> Iterable[str]:
    wanted = inspect.signature(simulation(name)).parameters
    return (what for argument, what in BEHIND.items() if argument in wanted)


def devices() -> str:
    """Return every device with its facts and signals."""
    return _sections((name, _device(name)) for name in DEVICES)


def instruments() -> str:
    """Return what is covered for each instrument, how that was verified, and how a lab file names it.

    Raises:
        ValueError: a device lacks a unit, a limit, its source, its simulation or its safe state.
    """
    kinds = {name: device_class(name) for name in DEVICES}
    if lacking := [f"{name}: {what}" for name, kind in kinds.items() for what in _lacks(name, kind)]:
        raise ValueError("; ".join(lacking))
    rows = [
        (
            f"[{name}](devices.md#{name.lower()})",
            _introduction(kind).partition("\n\n")[0].replace("\n", " "),
            kind.protocol,
            _covered(kind),
            kind.verified,
        )
        for name, kind in kinds.items()
    ]
    head = ("class", "instrument", "protocol", "signals", "verified")
    return f"{_table(head, rows)}\n\n## In a lab file\n\n```yaml lab part\n{_lab_entries(kinds)}```"


def _covered(kind: type[LinkedDevice]) -> str:
    own = [kind._sig_attrs[name] for name in kind._sig_attrs if name not in LinkedDevice._sig_attrs]
    n_set = sum(component.cls.__name__ == "Setting" for component in own)
    return f"{n_set} set, {len(own) - n_set} read"


def _lacks(name: str, kind: type[LinkedDevice]) -> Iterable[str]:
    if not has_simulation(name):
        yield "no simulation"
    yield from (f"no {word}" for word in ("protocol", "source", "safe_state", "models") if not getattr(kind, word, ""))
    for attribute, component in kind._sig_attrs.items():
        options = component.kwargs
        if component.cls.__name__ in ("Readback", "Setting"):
            is_number = options.get("dtype", "number") == "number"
            if is_number and options.get("units", "") is None:
                yield f"{attribute} has no unit"
            if component.cls.__name__ == "Setting" and options.get("dtype") != "string" and not options.get("limits"):
                yield f"{attribute} has no limits"


def _lab_entries(kinds: Mapping[str, type[LinkedDevice]]) -> str:
    lines = ["devices:"]
    for number, (name, kind) in enumerate(kinds.items(), 1):
        address = kind.example_address.replace("ASRL1:", f"ASRL{number + 20}:")
        quote = "'" if "::SOCKET" in address else ""
        lines.append(f"  {name.lower()}: {{class: {name}, address: {quote}{address}{quote}}}")
    return "\n".join(lines) + "\n"


# Metadata, engines, commands.


def metadata() -> str:
    """Return the metadata keys of runs, and where they go in the formats of others."""
    own = [name for name in OperationMetadata.model_fields if name not in LabMetadata.model_fields]
    return _sections(
        [
            ("Every run", _keys(LabMetadata.model_fields)),
            ("The run of an operation, besides", _keys(own)),
            ("In the formats of others", _places()),
        ]
    )


def _keys(names: Iterable[str]) -> str:
    rows = []
    for name in names:
        field = OperationMetadata.model_fields[name]
        told = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        required = "always" if field.is_required() else str(told.get("required_when", ""))
        kind = _allowed(field).replace("](#", "](lab-format.md#")
        rows.append((_code(name), field.description or "", str(told.get("unit", "")), kind, required))
    return _table(("key", "meaning", "unit", "type", "required when"), rows)


def _places() -> str:
    rows = [(_code(key), *map(_code, (place.gemd, place.rde, place.nexus))) for key, place in PLACES.items()]
    return _table(
        ("key", "GEMD: in the run's entities", "RDE: in `metadata.json`", "NeXus: in the run's `NXentry`"), rows
    )


def engines() -> str:
    """Return the optimizers and their options."""
    rows = []
    for name, info in ENGINES.items():
        options = [
            f"`{option}` ({_allowed(field)}): {field.description}"
            for option, field in info.options.model_fields.items()
        ]
        rows.append((_code(name), info.summary, "; ".join(options)))
    return _table(("engine", "what it does", "options"), rows)


def _command(command: Any, name: str) -> str:  # a click command
    words, rows = [name], []
    for parameter in command.params:
        is_option = parameter.param_type_name == "option"
        shown = ", ".join((*parameter.opts, *parameter.secondary_opts)) if is_option else parameter.name.upper()
        if not is_option:
            words.append(shown)
        default = "" if parameter.default in (None, "", False) or parameter.required else _code(parameter.default)
        rows.append((_code(shown), default, parameter.help or ""))
    usage = f"`{' '.join(words)}{' [OPTIONS]' if len(words) <= len(rows) else ''}`"
    parts = [(command.help or "").strip(), usage]
    if rows:
        parts.append(_table(("argument or option", "default", "meaning"), rows))
    return "\n\n".join(parts)


def commands() -> str:
    """Return every command of the command line."""

    def leaves(group: Any, prefix: str) -> Iterable[tuple[str, str]]:
        for name, command in group.commands.items():
            full = f"{prefix} {name}"
            if hasattr(command, "commands"):
                yield from leaves(command, full)
            else:
                yield full, _command(command, full)

    return _sections(leaves(typer.main.get_command(command_line), "labctl"))


PARTS: Mapping[str, Callable[[], str]] = {
    "metadata": metadata,
    "operations": operations,
    "devices": devices,
    "instruments": instruments,
    "engines": engines,
    "commands": commands,
    "recipe-file": lambda: f"{_model_tree(RecipeFile)}\n\n{_model_tree(OperationEntry)}",
    "campaign-file": lambda: _model_tree(CampaignFile),
    "search-file": lambda: _model_tree(SearchFile),
    "lab-file": lambda: _model_tree(LabFile),
    "instrument-file": lambda: _model_tree(InstrumentFile),
}
"""Every part that can be generated."""


if __name__ == "__main__":
    main()
