"""Every check of a campaign that needs no connection."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labctl.campaign._abilities import check_abilities
from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._file import CampaignFile, ObjectiveEntry, TableEntry
from labctl.campaign._findings import Findings
from labctl.campaign._space import SpaceReader, Varied
from labctl.dispatch import rule_problems
from labctl.files import as_far_as_right, nearest, problems_of, read_table, read_yaml
from labctl.lab import LabFile, abilities, check_lab
from labctl.objectives import InputOf, Objective
from labctl.optimize import ENGINES, Explains, make_optimizer
from labctl.recipes import Operation, OperationSchema, read_operations
from labctl.trials import Candidates, SearchSpace


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
    return _Check(path, schemas).result(table, seed)


class _Check:
    """Goes on as far as it can after a mistake, so that a person sees every one at once."""

    def __init__(self, path: Path, schemas: Mapping[str, OperationSchema]) -> None:
        self._path, self._schemas, self._findings = path, schemas, Findings()

    def result(self, table: Path | None, seed: int | None) -> CheckedCampaign:
        file = self._campaign(seed)
        paths = {"campaign": self._path}
        lab_content = self._named("lab", file.lab, paths)
        recipe_content = self._named("recipe", file.recipe, paths)
        lab = None if lab_content is None else self._lab(lab_content, paths["lab"])
        operations = None if recipe_content is None else self._operations(recipe_content, paths["recipe"])
        varied = self._space(file, operations, table, paths)
        objectives = self._objectives(file.objectives, operations, varied)
        prior = self._prior(file, varied.space, objectives, paths)
        self._as_run(file, operations, varied)
        self._optimizer(file, varied.space, objectives, prior)
        known = self._known(file, operations, varied)
        self._earlier(file)
        self._dispatch(file)
        if lab is not None:
            self._capacity(file, lab, paths["lab"])
            self._failures(file, lab)
        if lab is not None and operations is not None and not self._findings.any_in(paths["lab"], "stations"):
            check_abilities(operations, varied, abilities(lab, self._schemas), self._findings, paths)
        self._findings.raise_all()
        assert lab is not None and varied.space is not None  # otherwise something was found
        return CheckedCampaign(
            file,
            paths,
            lab,
            recipe_content,
            self._schemas,
            varied.space,
            varied.fields,
            tuple(objectives),
            varied.rows,
            known,
            prior,
        )

    def _tell(self, where: str, message: str) -> None:
        self._findings.tell(self._path, where, message)

    # Each file alone.

    def _campaign(self, seed: int | None) -> CampaignFile:
        content = self._findings.attempt(self._path, lambda: read_yaml(self._path))
        if content is None:
            self._findings.raise_all()
        try:
            file = CampaignFile.model_validate(content)
        except ValidationError as error:
            self._findings.add(self._path, problems_of(error, CampaignFile))
            file = as_far_as_right(CampaignFile, content)
        return file if seed is None else file.model_copy(update={"seed": seed})

    def _named(self, key: str, name: str, paths: dict[str, Path]) -> dict[str, Any] | None:
        """Return the content of a file that the campaign file names, or None after saying what is wrong."""
        path = paths[key] = self._path.parent / name
        if not name:
            return None
        if not path.exists():
            known = sorted(other.name for other in path.parent.glob("*.yaml"))
            self._tell(key, f"no such file: {path}{nearest(path.name, known)}")
            return None
        return self._findings.attempt(path, lambda: read_yaml(path))

    def _lab(self, content: object, path: Path) -> LabFile:
        lab, problems = check_lab(content, self._schemas, path.parent)
        self._findings.add(path, problems)
        return lab

    def _operations(self, content: object, path: Path) -> list[Operation] | None:
        """Return the recipe's operations as far as they are right, or None where it has none that could be meant."""
        operations, problems = read_operations(content, self._schemas)
        self._findings.add(path, problems)
        return operations or None

    # What the campaign file says about the recipe.

    def _space(
        self, file: CampaignFile, operations: Sequence[Operation] | None, table: Path | None, paths: dict[str, Path]
    ) -> Varied:
        reader = SpaceReader(operations, self._schemas, self._findings, self._path)
        if not isinstance(file.space, TableEntry):
            if table is not None:
                self._tell("space", f"is a list of parameters, and --table {table} is given besides")
            return reader.box(file.space, file.constraints)
        if file.constraints:
            self._tell("constraints", "a table names its recipes: leave out the rows that are not allowed")
        path = table or (self._path.parent / file.space.table if file.space.table else None)
        if path is None:
            self._tell("space.table", "is required, here or on the command line (--table PATH)")
            return Varied()
        paths["table"] = path
        return reader.pool(file.space, path, file.seed)

    def _objectives(
        self, entries: Sequence[ObjectiveEntry], operations: Sequence[Operation] | None, varied: Varied
    ) -> list[Objective]:
        objectives = []
        names = list(varied.space.names if varied.space is not None else varied.fields)
        for index, entry in enumerate(entries):
            where = f"objectives[{index}]"
            spoilt = self._findings.any_in(self._path, where)
            if entry.name and entry.name in names:
                self._tell(f"{where}.name", f"{entry.name!r} is also the name of a parameter or of another objective")
            names.append(entry.name)
            inputs = {}
            for name, source in entry.inputs.items():
                operation, _, result = source.partition(".")
                if operation and result and operations is not None:
                    self._check_source(operations, operation, result, f"{where}.inputs.{name}")
                    inputs[name] = InputOf(operation, result)
            if spoilt or len(inputs) < len(entry.inputs):
                continue
            try:
                objectives.append(
                    Objective(entry.name, entry.direction, entry.expression, inputs, entry.target, entry.unit)
                )
            except ValueError as error:
                self._tell(f"{where}.expression", str(error))
        return objectives

    def _check_source(self, operations: Sequence[Operation], name: str, result: str, where: str) -> None:
        """Say what is wrong with an objective's input."""
        found = [operation for operation in operations if operation.name == name]
        names = [operation.name for operation in operations]
        if not found:
            if all(names):
                self._tell(where, f"the recipe has no operation {name!r}{nearest(name, names)}")
            return
        schema = self._schemas.get(found[0].kind)
        if schema is None or (schema.results_from and schema.results_from not in found[0].parameters):
            return  # the recipe's own problem
        results = schema.results_of(found[0].parameters)
        if result not in results:
            text = nearest(result, results) or "; it measures nothing"
            self._tell(where, f"{schema.kind} gives no {result!r}{text}")

    def _prior(
        self,
        file: CampaignFile,
        space: SearchSpace | Candidates | None,
        objectives: Sequence[Objective],
        paths: dict[str, Path],
    ) -> tuple[Mapping[str, Any], ...]:
        """Return the rows of the table that the optimizer is led by."""
        for index, name in enumerate(file.prior.stores if file.prior is not None else ()):
            self._is_store(f"prior.stores[{index}]", name)
        if file.prior is None or file.prior.table is None or space is None:
            return ()
        path = paths["prior"] = self._path.parent / file.prior.table
        names = [objective.name for objective in objectives]
        rows = self._findings.attempt(path, lambda: read_table(path, space.names, names))
        return tuple({name: row[name] for name in (*space.names, *names)} for row in rows or ())

    def _as_run(self, file: CampaignFile, operations: Sequence[Operation] | None, varied: Varied) -> None:
        """Check what tells what was done."""
        entries = [] if isinstance(file.space, TableEntry) else file.space
        if file.learn_from == "as_run" and not any(entry.as_run for entry in entries):
            self._tell("learn_from", "as_run needs a parameter of the space with as_run")
        kinds = {operation.name: operation.kind for operation in operations or ()}
        for index, entry in enumerate(entries):
            operation, _ = varied.fields.get(entry.name, ("", ""))
            schema = self._schemas.get(kinds.get(operation, ""))
            role = (entry.as_run or "").partition(".")[0]
            if schema is not None and entry.as_run and role not in schema.roles:
                self._tell(
                    f"space[{index}].as_run", f"{schema.kind} has no {role!r}{nearest(role, tuple(schema.roles))}"
                )
            if entry.as_run and entry.values is not None:
                self._tell(f"space[{index}].as_run", "only a parameter with low and high may differ from what is asked")

    def _optimizer(
        self,
        file: CampaignFile,
        space: SearchSpace | Candidates | None,
        objectives: Sequence[Objective],
        prior: Sequence[Mapping[str, Any]],
    ) -> None:
        engine = file.optimizer.engine
        if engine not in ENGINES:
            self._tell("optimizer.engine", f"unknown engine {engine!r}{nearest(engine, tuple(ENGINES))}")
            return
        options = ENGINES[engine].options
        try:
            options.model_validate(file.optimizer.options)
        except ValidationError as error:
            self._findings.add(self._path, problems_of(error, options, "optimizer.options"))
        if space is None or any(self._findings.any_in(self._path, key) for key in ("objectives", "optimizer")):
            return
        try:
            optimizer = make_optimizer(engine, space, objectives, file.seed, file.optimizer.options, prior)
        except ValueError as error:
            self._tell("optimizer", str(error))
            return
        if file.stop.gain is not None and not (isinstance(optimizer, Explains) and optimizer.learns):
            self._tell("stop.gain", f"the engine {engine} has no model that tells what there is to gain")

    def _known(
        self, file: CampaignFile, operations: Sequence[Operation] | None, varied: Varied
    ) -> dict[str, list[Any]]:
        """Return what is known to be safe, in the units of the parameters."""
        known: dict[str, list[Any]] = {}
        kinds = {operation.name: operation.kind for operation in operations or ()}
        for name, values in (file.approve.known if file.approve is not None else {}).items():
            where = f"approve.known.{name}"
            if name not in varied.fields:
                self._tell(where, f"unknown parameter {name!r}{nearest(name, tuple(varied.fields))}")
                continue
            operation, parameter = varied.fields[name]
            schema = self._schemas.get(kinds.get(operation, ""))
            for index, value in enumerate(values if schema is not None else ()):
                assert schema is not None
                parameters, problems = schema.check({parameter: value})
                wrong = [problem.message for problem in problems if problem.where == parameter]
                if wrong:
                    self._tell(f"{where}[{index}]", wrong[0])
                else:
                    known.setdefault(name, []).append(parameters[parameter])
        return known

    def _earlier(self, file: CampaignFile) -> None:
        for index, name in enumerate(file.earlier):
            self._is_store(f"earlier[{index}]", name)

    def _is_store(self, where: str, name: str) -> None:
        folder = self._path.parent / name
        if not (folder / "journal").is_dir():
            self._tell(where, f"{folder} is no store")

    def _failures(self, file: CampaignFile, lab: LabFile) -> None:
        """Check the rules for failed operations, and those after a restart."""
        offered = {kind for station in lab.stations.values() for kind in station.operations}
        for kind, rule in file.on_failure.items():
            where = f"on_failure.{kind}"
            schema = self._schemas.get(kind)
            if schema is None or kind not in offered:
                self._tell(where, f"no station offers {kind!r}{nearest(kind, sorted(offered))}")
            elif schema.on_unknown == "ask":
                self._tell(
                    where, f"after a failed {kind} only a person can say where the sample is: no rule is allowed"
                )
            else:
                for field, message in rule_problems(rule, schema).items():
                    self._tell(f"{where}.{field}", message)

    def _dispatch(self, file: CampaignFile) -> None:
        if file.dispatch.adviser and importlib.util.find_spec("ortools") is None:
            self._tell("dispatch.adviser", "needs OR-Tools: pip install 'labctl[schedule]'")
        if file.dispatch.adviser and file.dispatch.policy != "greedy":
            self._tell("dispatch.adviser", f"advises the greedy policy only, not {file.dispatch.policy!r}")
        whole, each = file.dispatch.deadline, file.dispatch.trial_deadline
        for field, hours in (("deadline", whole), ("trial_deadline", each)):
            if hours is not None and file.dispatch.policy == "first come":
                self._tell(f"dispatch.{field}", "'first come' knows no deadlines; the policy 'greedy' does")
        if whole is not None and each is not None and each > whole:
            self._tell("dispatch.trial_deadline", f"{each:g} h is after the campaign's own deadline, {whole:g} h")

    # What the laboratory holds.

    def _capacity(self, file: CampaignFile, lab: LabFile, path: Path) -> None:
        if self._findings.any_in(path, "racks"):
            return
        places = sum(lab.racks.values())
        if file.budget.trials > places:
            text = f"{file.budget.trials} trials need as many rack places; {path} has {places}"
            self._tell("budget.trials", text)
        if file.in_flight > places:
            self._tell("in_flight", f"{file.in_flight} samples do not fit into {places} rack places of {path}")
