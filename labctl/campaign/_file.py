"""The campaign file: what to look for, where, and for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labctl.clock import VirtualClock
from labctl.errors import FileError, Problem
from labctl.files import read_table, read_yaml
from labctl.lab import Lab, LabFile, build_lab, read_lab
from labctl.metadata import AccessPolicy
from labctl.objectives import InputOf, Objective
from labctl.optimize import Optimizer, make_optimizer
from labctl.quantities import Quantity
from labctl.recipes import OperationSchema, Recipe, check_recipe, nearest, problems_of
from labctl.trials import Candidates, Categorical, Continuous, Integer, Parameter, SearchSpace

_FIELD = r"^[A-Za-z0-9_-]+\.[a-z_0-9]+$"
Value = float | int | str
"""A number, or text such as a quantity with its unit."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ParameterEntry(_Part):
    """One free parameter: limits, or a list of values."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    field: str = Field(pattern=_FIELD, description="'operation.parameter' in the recipe that it replaces")
    low: Value | None = None
    high: Value | None = None
    scale: Literal["linear", "log"] = "linear"
    step: Value | None = None
    values: list[bool | int | float | str] | None = Field(default=None, min_length=1)


class ColumnEntry(_Part):
    """A column of a table and the field of the recipe that its values go to."""

    column: str
    field: str = Field(pattern=_FIELD)


class TableEntry(_Part):
    """A table of candidate recipes."""

    table: str = Field(default="", description="path of a CSV file; may be given on the command line")
    inputs: list[str | ColumnEntry] = Field(min_length=1, description="columns that make a recipe")
    outputs: list[str] = Field(default_factory=list, description="columns that were measured, for a table lab")
    row: str = Field(default="", description="field of the recipe that takes the row's number, for a table lab")
    repeats: Literal["one", "mean"] = Field(
        default="one", description="what measuring a recipe with several rows gives: one of them, or their mean"
    )


class ObjectiveEntry(_Part):
    """One figure to make large or small."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    direction: Literal["maximize", "minimize"]
    expression: str = Field(min_length=1, description="arithmetic on the inputs")
    inputs: dict[str, Annotated[str, Field(pattern=_FIELD)]] = Field(
        min_length=1, description="'operation.result' of each name in the expression"
    )
    target: float | None = Field(default=None, description="the campaign ends when it is reached")
    unit: str = ""


class Budget(_Part):
    """What a campaign may use up."""

    trials: int = Field(ge=1, le=100_000)
    lab_time: Annotated[float, Quantity("h", 0)] | None = Field(default=None, description="no trial starts later")


class StopEntry(_Part):
    """When a campaign ends before its budget."""

    no_improvement: int | None = Field(default=None, ge=1, description="trials in a row without a better one")


class OptimizerEntry(_Part):
    """Which optimizer."""

    engine: str = "gp"
    options: dict[str, Any] = Field(default_factory=dict)


class CampaignFile(_Part):
    """A campaign over one recipe in one laboratory."""

    campaign: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    description: str = ""
    lab: str = Field(min_length=1, description="path of the lab file, from this file's folder")
    recipe: str = Field(min_length=1, description="path of the recipe file, from this file's folder")
    seed: int = Field(default=0, ge=0, description="of the optimizer and of a simulated laboratory")
    operator: str = Field(default="", description="in place of the lab file's")
    policy: AccessPolicy | None = Field(default=None, description="in place of the lab file's")
    space: TableEntry | list[ParameterEntry] = Field(description="what may vary")
    objectives: list[ObjectiveEntry] = Field(min_length=1)
    budget: Budget
    stop: StopEntry = StopEntry()
    in_flight: int = Field(default=4, ge=1, le=1000, description="samples under way at the same time")
    optimizer: OptimizerEntry = OptimizerEntry()


@dataclass(frozen=True)
class CheckedCampaign:
    """A campaign whose three files, and their combination, have been checked."""

    file: CampaignFile
    paths: Mapping[str, Path]
    """Of ``campaign``, ``lab``, ``recipe`` and, where there is one, ``table``."""
    lab: LabFile
    content: Any
    """Of the recipe file."""
    schemas: Mapping[str, OperationSchema]
    space: SearchSpace | Candidates
    fields: Mapping[str, tuple[str, str]]
    """Operation and parameter in the recipe that each parameter of the space replaces."""
    objectives: tuple[Objective, ...]
    rows: tuple[Mapping[str, float], ...] = ()
    """What a table lab measures for each candidate."""

    def recipe(self, values: Mapping[str, Any], row: int | None = None) -> Recipe:
        """Return the recipe of a suggestion.

        Raises:
            FileError: it is not a valid recipe.
        """
        changes: dict[tuple[str, str], object] = {}
        units = {entry["name"]: self.schemas[entry["operation"]].units() for entry in _named(self.content)}
        for name, (operation, parameter) in self.fields.items():
            unit = units[operation].get(parameter, "")
            value = values[name]
            changes[operation, parameter] = f"{value!r} {unit}" if unit and isinstance(value, float | int) else value
        if row is not None and isinstance(self.file.space, TableEntry) and self.file.space.row:
            operation, _, parameter = self.file.space.row.partition(".")
            changes[operation, parameter] = row
        recipe, problems = check_recipe(self.content, self.schemas, changes)
        if recipe is None:
            raise FileError(str(self.paths["recipe"]), problems)
        return recipe

    def make_optimizer(self) -> Optimizer:
        """Return a new optimizer for this campaign."""
        chosen = self.file.optimizer
        return make_optimizer(chosen.engine, self.space, self.objectives, self.file.seed, chosen.options)


def check_campaign(
    path: Path, schemas: Mapping[str, OperationSchema], table: Path | None = None, seed: int | None = None
) -> CheckedCampaign:
    """Read a campaign file and what it names, and check all of it together; nothing is opened.

    Args:
        path: of the campaign file.
        schemas: every kind of operation there is.
        table: CSV file in place of the one that the campaign file names.
        seed: in place of the campaign file's.

    Raises:
        ExceptionGroup: of one `FileError` for each file that is wrong, with everything that is wrong with it.
    """
    return _Check(path, schemas, table, seed).result()


def _named(content: Any) -> list[dict[str, Any]]:
    """Return the operations of a recipe file with their names filled in."""
    return [{**entry, "name": str(entry.get("name", entry["operation"]))} for entry in content["operations"]]


class _Check:
    """Collects everything that is wrong, file by file."""

    def __init__(
        self, path: Path, schemas: Mapping[str, OperationSchema], table: Path | None, seed: int | None
    ) -> None:
        self._path, self._schemas, self._table, self._seed = path, schemas, table, seed
        self._problems: dict[Path, list[Problem]] = {}

    def result(self) -> CheckedCampaign:
        content = self._attempt(self._path, lambda: read_yaml(self._path))
        file = self._model(content)
        self._raise()
        assert file is not None
        paths = {"campaign": self._path}
        for name, given in (("lab", file.lab), ("recipe", file.recipe)):
            paths[name] = self._path.parent / given
        lab_file = self._attempt(paths["lab"], lambda: read_lab(paths["lab"], self._schemas))
        recipe_content = self._attempt(paths["recipe"], lambda: read_yaml(paths["recipe"]))
        recipe = None
        if recipe_content is not None:
            recipe, problems = check_recipe(recipe_content, self._schemas)
            self._add(paths["recipe"], problems)
        if recipe is None or lab_file is None:
            self._raise()
        assert recipe is not None and lab_file is not None
        space, fields, rows = self._space(file, recipe, paths)
        objectives = self._objectives(file, recipe)
        if space is not None and len(objectives) == len(file.objectives):
            self._engine(file, space, objectives)
        self._capacity(file, lab_file, paths["lab"])
        lab = build_lab(lab_file, VirtualClock(), self._schemas)
        try:
            self._abilities(lab, recipe, space, fields, paths["recipe"])
        finally:
            lab.close()
        self._raise()
        assert space is not None
        return CheckedCampaign(
            file, paths, lab_file, recipe_content, self._schemas, space, fields, tuple(objectives), rows
        )

    # Collecting.

    def _add(self, path: Path, problems: Sequence[Problem]) -> None:
        if problems:
            self._problems.setdefault(path, []).extend(problems)

    def _wrong(self, where: str, message: str) -> None:
        self._add(self._path, [Problem(where, message)])

    def _attempt(self, path: Path, read: Any) -> Any:
        try:
            return read()
        except FileError as error:
            self._add(path, error.problems)
            return None

    def _raise(self) -> None:
        if self._problems:
            errors = [FileError(str(path), problems) for path, problems in self._problems.items()]
            raise ExceptionGroup("the campaign cannot start", errors)

    # The campaign file alone.

    def _model(self, content: object) -> CampaignFile | None:
        if content is None:
            if not self._problems:
                self._wrong("", "is empty")
            return None
        models = (CampaignFile, ParameterEntry, TableEntry, ObjectiveEntry, Budget, StopEntry, OptimizerEntry)
        known = tuple(dict.fromkeys(name for model in models for name in model.model_fields))
        try:
            file = CampaignFile.model_validate(content)
        except ValidationError as error:
            self._add(self._path, problems_of(error, known))
            return None
        return file if self._seed is None else file.model_copy(update={"seed": self._seed})

    # What it says about the recipe.

    def _target(self, field: str, recipe: Recipe, where: str) -> tuple[str, str] | None:
        """Return operation and parameter of a field, or None after saying what is wrong."""
        name, _, parameter = field.partition(".")
        operations = {operation.name: operation for operation in recipe.operations}
        if name not in operations:
            known = nearest(name, tuple(operations))
            self._wrong(where, f"the recipe has no operation {name!r}{known}")
            return None
        schema = self._schemas[operations[name].kind]
        if parameter not in schema.parameters:
            self._wrong(where, f"{schema.kind} has no parameter {parameter!r}{nearest(parameter, schema.parameters)}")
            return None
        return name, parameter

    def _space(
        self, file: CampaignFile, recipe: Recipe, paths: dict[str, Path]
    ) -> tuple[SearchSpace | Candidates | None, dict[str, tuple[str, str]], tuple[Mapping[str, float], ...]]:
        if isinstance(file.space, TableEntry):
            return self._pool(file.space, file.seed, recipe, paths)
        fields: dict[str, tuple[str, str]] = {}
        parameters: list[Parameter] = []
        for index, entry in enumerate(file.space):
            where = f"space[{index}]"
            target = self._target(entry.field, recipe, f"{where}.field")
            if target is None:
                continue
            if target in fields.values():
                self._wrong(f"{where}.field", f"{entry.field} is varied twice")
            fields[entry.name] = target
            parameter = self._parameter(entry, recipe, target, where)
            if parameter is not None:
                parameters.append(parameter)
        if len(parameters) < len(file.space):
            return None, fields, ()
        try:
            return SearchSpace(tuple(parameters)), fields, ()
        except ValueError as error:
            self._wrong("space", str(error))
            return None, fields, ()

    def _parameter(
        self, entry: ParameterEntry, recipe: Recipe, target: tuple[str, str], where: str
    ) -> Parameter | None:
        kinds = {operation.name: operation.kind for operation in recipe.operations}
        schema = self._schemas[kinds[target[0]]]
        if entry.values is not None:
            if entry.low is not None or entry.high is not None or entry.step is not None:
                self._wrong(where, "gives values and limits; give one of them")
                return None
            return self._made(where, lambda: Categorical(entry.name, tuple(entry.values or ())))
        if entry.low is None or entry.high is None:
            self._wrong(where, "needs low and high, or values")
            return None
        quantity = schema.quantity(target[1])
        if quantity is None:
            if not isinstance(entry.low, int) or not isinstance(entry.high, int):
                self._wrong(where, f"{entry.field} takes whole numbers or text: give whole limits, or values")
                return None
            low, high = entry.low, entry.high
            return self._made(where, lambda: Integer(entry.name, low, high))
        limits = [
            self._number(quantity, value, f"{where}.{key}") for key, value in (("low", entry.low), ("high", entry.high))
        ]
        step = None if entry.step is None else self._number(Quantity(quantity.unit), entry.step, f"{where}.step")
        if None in limits:
            return None
        return self._made(
            where, lambda: Continuous(entry.name, limits[0] or 0.0, limits[1] or 0.0, quantity.unit, entry.scale, step)
        )

    def _number(self, quantity: Quantity, value: object, where: str) -> float | None:
        try:
            return quantity.parse(value)
        except ValueError as error:
            self._wrong(where, str(error))
            return None

    def _made(self, where: str, make: Any) -> Any:
        try:
            return make()
        except ValueError as error:
            self._wrong(where, str(error))
            return None

    def _pool(
        self, entry: TableEntry, seed: int, recipe: Recipe, paths: dict[str, Path]
    ) -> tuple[Candidates | None, dict[str, tuple[str, str]], tuple[Mapping[str, float], ...]]:
        path = self._table or (self._path.parent / entry.table if entry.table else None)
        if path is None:
            self._wrong("space.table", "is required, here or on the command line (--table PATH)")
            return None, {}, ()
        paths["table"] = path
        columns, fields = [], {}
        for index, given in enumerate(entry.inputs):
            columns.append(given if isinstance(given, str) else given.column)
            if isinstance(given, ColumnEntry):
                target = self._target(given.field, recipe, f"space.inputs[{index}].field")
                if target is not None:
                    fields[given.column] = target
        if entry.row:
            self._target(entry.row, recipe, "space.row")
        elif not fields:
            self._wrong("space", "neither row nor any input's field is given: the recipe would never change")
        rows = self._attempt(path, lambda: read_table(path, tuple(columns), tuple(entry.outputs)))
        if rows is None:
            return None, fields, ()
        candidates, measured = _grouped(rows, columns, entry.outputs, entry.repeats, seed)
        return self._made("space", lambda: Candidates(tuple(columns), tuple(candidates))), fields, tuple(measured)

    def _objectives(self, file: CampaignFile, recipe: Recipe) -> list[Objective]:
        objectives = []
        for index, entry in enumerate(file.objectives):
            where = f"objectives[{index}]"
            inputs = {}
            for name, source in entry.inputs.items():
                operation, _, result = source.partition(".")
                if self._gives(recipe, operation, result, f"{where}.inputs.{name}"):
                    inputs[name] = InputOf(operation, result)
            if len(inputs) < len(entry.inputs):
                continue
            try:
                objectives.append(
                    Objective(entry.name, entry.direction, entry.expression, inputs, entry.target, entry.unit)
                )
            except ValueError as error:
                self._wrong(f"{where}.expression", str(error))
        names = [entry.name for entry in file.objectives]
        if len(set(names)) < len(names):
            self._wrong("objectives", f"names must differ: {', '.join(names)}")
        return objectives

    def _gives(self, recipe: Recipe, operation: str, result: str, where: str) -> bool:
        found = [entry for entry in recipe.operations if entry.name == operation]
        if not found:
            known = nearest(operation, tuple(entry.name for entry in recipe.operations))
            self._wrong(where, f"the recipe has no operation {operation!r}{known}")
            return False
        results = self._schemas[found[0].kind].results_of(found[0].parameters)
        if result not in results:
            self._wrong(where, f"{found[0].kind} gives no {result!r}{nearest(result, results)}")
            return False
        return True

    def _engine(self, file: CampaignFile, space: SearchSpace | Candidates, objectives: Sequence[Objective]) -> None:
        try:
            make_optimizer(file.optimizer.engine, space, objectives, file.seed, file.optimizer.options)
        except ValueError as error:
            self._wrong("optimizer", str(error))

    # What the laboratory can do.

    def _capacity(self, file: CampaignFile, lab: LabFile, path: Path) -> None:
        places = sum(lab.racks.values())
        if file.budget.trials > places:
            text = f"{file.budget.trials} trials need as many rack places; {path} has {places}"
            self._wrong("budget.trials", text)
        if file.in_flight > places:
            self._wrong("in_flight", f"{file.in_flight} samples do not fit into {places} rack places")

    def _abilities(
        self,
        lab: Lab,
        recipe: Recipe,
        space: SearchSpace | Candidates | None,
        fields: Mapping[str, tuple[str, str]],
        path: Path,
    ) -> None:
        """Check that for every operation, at every limit of the space, some station can do it."""
        varied = {target: name for name, target in fields.items()}
        for index, operation in enumerate(recipe.operations):
            stations = [station for station in lab.stations.values() if operation.kind in station.operations]
            where = f"operations[{index}]"
            if not stations:
                offered = sorted({kind for station in lab.stations.values() for kind in station.operations})
                text = f"no station offers {operation.kind!r}; the lab offers: {', '.join(offered)}"
                self._add(path, [Problem(f"{where}.operation", text)])
                continue
            schema = self._schemas[operation.kind]
            for parameter, value in operation.parameters.items():
                name = varied.get((operation.name, parameter))
                if name is None:
                    refusals = [station.refusals(schema, {parameter: value}) for station in stations]
                    if all(refusals):
                        text = "; ".join(refusal[parameter] for refusal in refusals)
                        self._add(path, [Problem(f"{where}.{parameter}", text)])
                else:
                    self._extremes(schema, stations, parameter, name, space)

    def _extremes(
        self,
        schema: OperationSchema,
        stations: Sequence[Any],
        parameter: str,
        name: str,
        space: SearchSpace | Candidates | None,
    ) -> None:
        where, unit = f"space ({name})", schema.units().get(parameter, "")
        for value in _extreme_values(space, name):
            given = f"{value!r} {unit}" if unit and isinstance(value, float | int) else value
            text = _value_problem(schema, parameter, given)
            if text is not None:
                self._wrong(where, f"{parameter}: {text}")
                continue
            number = schema.quantity(parameter)
            plain = number.parse(given) if number is not None else given
            refusals = [station.refusals(schema, {parameter: plain}) for station in stations]
            if all(refusals):
                self._wrong(where, "; ".join(refusal[parameter] for refusal in refusals))


def _value_problem(schema: OperationSchema, parameter: str, value: object) -> str | None:
    """Return what is wrong with one parameter's value, whatever the others are."""
    _, problems = schema.check({parameter: value})
    return next((problem.message for problem in problems if problem.where == parameter), None)


def _extreme_values(space: SearchSpace | Candidates | None, name: str) -> list[Any]:
    if isinstance(space, Candidates):
        values = [row[name] for row in space.rows]
        return sorted(set(map(str, values))) if isinstance(values[0], str) else [min(values), max(values)]  # type: ignore[type-var]
    for parameter in space.parameters if space is not None else ():
        if parameter.name == name:
            if isinstance(parameter, Categorical):
                return list(parameter.values)
            return [parameter.low, parameter.high]
    return []


def _grouped(
    rows: Sequence[Mapping[str, float | str]], columns: Sequence[str], outputs: Sequence[str], repeats: str, seed: int
) -> tuple[list[dict[str, float | str]], list[dict[str, float]]]:
    """Return each recipe once, and what measuring it gives."""
    import random

    groups: dict[tuple[float | str, ...], list[Mapping[str, float | str]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in columns), []).append(row)
    chance = random.Random(f"{seed}:repeats")
    candidates, measured = [], []
    for inputs, members in groups.items():
        candidates.append(dict(zip(columns, inputs, strict=True)))
        if repeats == "mean":
            measured.append({name: sum(float(m[name]) for m in members) / len(members) for name in outputs})
        else:
            one = chance.choice(members)
            measured.append({name: float(one[name]) for name in outputs})
    return candidates, measured
