"""Other people's optimizers behind one small protocol. Run by the peers' Python: ``_optimizer_worker.py ENGINE``.

Each is used as its documentation shows, with its defaults. A failed trial is what the package offers for it, and
where it offers nothing (BoTorch, egobox) the worst value seen so far (floor padding; Wakabayashi 2022). In a pool,
TPE and egobox choose in the box around it and take the free row nearest to that; BoTorch compares all free rows.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from typing import Any

import numpy as np

sys.stdout, answers = sys.stderr, sys.stdout


class Space:
    """Points as numbers: what a package without parameters of its own is given."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.seed, self.n_objectives = message["seed"], message["n_objectives"]
        self.rows = message.get("rows")
        if self.rows is not None:
            columns = list(zip(*self.rows, strict=True))
            self.parameters = [_column(name, column) for name, column in zip(message["inputs"], columns, strict=True)]
            self.coded = np.array([self.code(dict(zip(message["inputs"], row, strict=True))) for row in self.rows])
        else:
            self.parameters = message["parameters"]
        self.width = sum(len(each["values"]) if each["kind"] == "categorical" else 1 for each in self.parameters)

    def code(self, point: dict[str, Any]) -> np.ndarray:
        """Return numbers as 0..1 on their scale, a category as one column each."""
        code: list[float] = []
        for each in self.parameters:
            value = point[each["name"]]
            if each["kind"] == "categorical":
                code += [float(value == known) for known in each["values"]]
            else:
                low, high = _scaled(each, each["low"]), _scaled(each, each["high"])
                code.append((_scaled(each, value) - low) / (high - low or 1.0))
        return np.array(code)

    def point(self, code: np.ndarray) -> dict[str, Any]:
        point, at = {}, 0
        for each in self.parameters:
            if each["kind"] == "categorical":
                point[each["name"]] = each["values"][int(np.argmax(code[at : at + len(each["values"])]))]
                at += len(each["values"])
                continue
            low, high = _scaled(each, each["low"]), _scaled(each, each["high"])
            value = low + float(np.clip(code[at], 0, 1)) * (high - low)
            value = float(np.exp(value)) if each.get("scale") == "log" else value
            point[each["name"]] = (
                round(value) if each["kind"] == "integer" else min(max(value, each["low"]), each["high"])
            )
            at += 1
        return point

    def sobol(self, n: int) -> list[dict[str, Any]]:
        from scipy.stats import qmc

        found = []
        for row in qmc.Sobol(len(self.parameters), seed=self.seed).random(n):
            code: list[float] = []
            for each, u in zip(self.parameters, row, strict=True):
                if each["kind"] == "categorical":
                    n_values = len(each["values"])
                    code += [float(int(u * n_values) == k) for k in range(n_values)]
                else:
                    code.append(float(u))
            found.append(self.point(np.array(code)))
        return found


def _column(name: str, column: tuple[Any, ...]) -> dict[str, Any]:
    if isinstance(column[0], str):
        return {"kind": "categorical", "name": name, "values": list(dict.fromkeys(column))}
    return {"kind": "continuous", "name": name, "low": min(column), "high": max(column), "scale": "linear"}


def _scaled(each: dict[str, Any], value: float) -> float:
    return float(np.log(value)) if each.get("scale") == "log" else float(value)


class Engine:
    """What every peer shares: the trials, and rows that are free."""

    package = ""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.codes: list[np.ndarray] = []
        self.values: list[list[float] | None] = []
        self.points: list[Any] = []
        self.used: set[int] = set()
        self.start = [] if space.rows is not None else space.sobol(32)[: len(space.parameters) + 1]

    def tell(self, point: Any, values: list[float] | None) -> None:
        if self.space.rows is not None:
            self.used.add(point)
            self.codes.append(self.space.coded[point])
        else:
            self.codes.append(self.space.code(point))
        self.values.append(values)
        self.points.append(point)

    def best(self) -> Any:
        """Return the point that it would make again: the best measured, where the package has no better judgement."""
        return self.points[int(np.argmax(self.padded()[:, 0]))]

    def padded(self) -> np.ndarray:
        """Return values, shape (n, n_objectives), failures as the worst seen."""
        seen = [values for values in self.values if values is not None]
        worst = np.min(seen, axis=0) if seen else np.zeros(self.space.n_objectives)
        return np.array([worst if values is None else values for values in self.values])

    def nearest_row(self, code: np.ndarray) -> int:
        distances = ((self.space.coded - code) ** 2).sum(axis=1)
        distances[list(self.used)] = np.inf
        return int(np.argmin(distances))

    def take(self, code: np.ndarray) -> Any:
        if self.space.rows is None:
            return self.space.point(code)
        row = self.nearest_row(code)
        self.used.add(row)
        return row


class Tpe(Engine):
    package = "optuna"

    def __init__(self, space: Space) -> None:
        import optuna

        super().__init__(space)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna, self.start = optuna, []
        self._study = optuna.create_study(
            directions=["maximize"] * space.n_objectives, sampler=optuna.samplers.TPESampler(seed=space.seed)
        )
        self._distributions = {each["name"]: self._distribution(each) for each in space.parameters}
        self._open: list[tuple[Any, Any]] = []

    def _distribution(self, each: dict[str, Any]) -> Any:
        made = self._optuna.distributions
        if each["kind"] == "categorical":
            return made.CategoricalDistribution(each["values"])
        if each["kind"] == "integer":
            return made.IntDistribution(each["low"], each["high"])
        return made.FloatDistribution(each["low"], each["high"], log=each.get("scale") == "log")

    def suggest(self, n: int) -> list[Any]:
        found = []
        for _ in range(n):
            trial = self._study.ask(self._distributions)
            point = dict(trial.params)
            given = self.take(self.space.code(point)) if self.space.rows is not None else point
            self._open.append((given, trial))
            found.append(given)
        return found

    def tell(self, point: Any, values: list[float] | None) -> None:
        super().tell(point, values)
        state = self._optuna.trial.TrialState
        for index, (given, trial) in enumerate(self._open):
            if given == point:
                del self._open[index]
                if values is None:
                    self._study.tell(trial, state=state.FAIL)
                    return
                if self.space.rows is not None:  # the row that was tried, not the point beside it
                    break
                self._study.tell(trial, values)
                return
        if values is None:
            return
        if self.space.rows is not None:
            point = dict(zip((each["name"] for each in self.space.parameters), self.space.rows[point], strict=True))
        self._study.add_trial(
            self._optuna.trial.create_trial(params=point, distributions=self._distributions, values=values)
        )


class Botorch(Engine):
    """qLogNEI, or qLogNEHVI for several objectives, on a GP with the package's defaults."""

    package = "botorch"

    def __init__(self, space: Space) -> None:
        import torch

        super().__init__(space)
        torch.set_num_threads(1)
        torch.manual_seed(space.seed)

    def _acquisition(self) -> Any:
        import torch
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import ModelListGP, SingleTaskGP
        from botorch.models.transforms.outcome import Standardize
        from botorch.sampling import SobolQMCNormalSampler
        from gpytorch.mlls import ExactMarginalLogLikelihood, SumMarginalLogLikelihood

        x = torch.tensor(np.array(self.codes), dtype=torch.double)
        y = torch.tensor(self.padded(), dtype=torch.double)
        if self.space.n_objectives == 1:
            model = SingleTaskGP(x, y, outcome_transform=Standardize(1))
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            sampler = SobolQMCNormalSampler(torch.Size([128]), seed=len(self.codes))
            return qLogNoisyExpectedImprovement(model, x, sampler=sampler)
        parts = [SingleTaskGP(x, y[:, [k]], outcome_transform=Standardize(1)) for k in range(y.shape[1])]
        several = ModelListGP(*parts)
        fit_gpytorch_mll(SumMarginalLogLikelihood(several.likelihood, several))
        low, high = y.min(0).values, y.max(0).values
        return qLogNoisyExpectedHypervolumeImprovement(
            several,
            ref_point=(low - 0.1 * (high - low)).tolist(),
            X_baseline=x,
            sampler=SobolQMCNormalSampler(torch.Size([128]), seed=len(self.codes)),
            prune_baseline=True,
        )

    def best(self) -> Any:
        """Return the point with the highest posterior mean."""
        import torch

        model = self._acquisition().model  # fitted by its slopes
        with torch.no_grad():
            mean = model.posterior(torch.tensor(np.array(self.codes), dtype=torch.double)).mean
        return self.points[int(mean[:, 0].argmax())]

    def suggest(self, n: int) -> list[Any]:
        import torch
        from botorch.optim import optimize_acqf, optimize_acqf_mixed

        done = sum(values is not None for values in self.values)
        if self.space.rows is None and (len(self.codes) < len(self.start) or done < 2):
            at = len(self.codes)
            return (self.start[at : at + n] + self.space.sobol(at + n + 32)[at + len(self.start) :])[:n]
        acquisition = self._acquisition()
        if self.space.rows is not None:
            free = np.setdiff1d(np.arange(len(self.space.rows)), list(self.used))
            with torch.no_grad():
                choices = torch.tensor(self.space.coded[free], dtype=torch.double)[:, None]
                worth = torch.cat([acquisition(part) for part in choices.split(256)]).numpy()
            rows = [int(row) for row in free[np.argsort(-worth, kind="stable")[:n]]]
            self.used.update(rows)
            return rows
        bounds = torch.stack([torch.zeros(self.space.width), torch.ones(self.space.width)]).double()
        fixed = self._categories()
        options = {"num_restarts": 4, "raw_samples": 128}
        if fixed:
            found = optimize_acqf_mixed(acquisition, bounds, n, fixed_features_list=fixed, **options)[0]
        else:
            found = optimize_acqf(acquisition, bounds, n, **options)[0]
        return [self.space.point(code) for code in found.detach().numpy()]

    def _categories(self) -> list[dict[int, float]]:
        at, found = 0, [{}]
        for each in self.space.parameters:
            n = len(each["values"]) if each["kind"] == "categorical" else 1
            if each["kind"] == "categorical":
                found = [{**one, **{at + k: float(k == j) for k in range(n)}} for one in found for j in range(n)]
            at += n
        return found if found != [{}] else []


class Egobox(Engine):
    package = "egobox"

    def suggest(self, n: int) -> list[Any]:
        import egobox

        done = sum(values is not None for values in self.values)
        if self.space.rows is None and (len(self.codes) < len(self.start) or done < 3):
            at = len(self.codes)
            return (self.start[at : at + n] + self.space.sobol(at + n + 32)[at + len(self.start) :])[:n]
        specs, columns = [], []
        for each in self.space.parameters:
            if each["kind"] == "categorical":
                specs.append(egobox.XSpec(egobox.XType.ENUM, tags=[str(value) for value in each["values"]]))
            elif each["kind"] == "integer":
                specs.append(egobox.XSpec(egobox.XType.INT, [each["low"], each["high"]]))
            else:
                specs.append(egobox.XSpec(egobox.XType.FLOAT, [0.0, 1.0]))
            columns.append(each)
        x = np.array([self._theirs(code) for code in self.codes])
        found = []
        y = -self.padded()[:, :1]
        for _ in range(n):
            egor = egobox.Egor(specs, n_doe=len(x), seed=self.space.seed + len(x))
            code = self._ours(np.ravel(egor.suggest(x, y)))
            found.append(self.take(code))
            x = np.vstack([x, self._theirs(code)])
            y = np.vstack([y, y.min(keepdims=True)])
        return found

    def _theirs(self, code: np.ndarray) -> list[float]:
        row, at = [], 0
        for each in self.space.parameters:
            if each["kind"] == "categorical":
                row.append(float(np.argmax(code[at : at + len(each["values"])])))
                at += len(each["values"])
                continue
            value = float(code[at])
            row.append(
                float(round(each["low"] + value * (each["high"] - each["low"]))) if each["kind"] == "integer" else value
            )
            at += 1
        return row

    def _ours(self, row: np.ndarray) -> np.ndarray:
        code: list[float] = []
        for each, value in zip(self.space.parameters, row, strict=True):
            if each["kind"] == "categorical":
                code += [float(round(value) == k) for k in range(len(each["values"]))]
            elif each["kind"] == "integer":
                code.append((float(value) - each["low"]) / (each["high"] - each["low"]))
            else:
                code.append(float(value))
        return np.array(code)


ENGINES = {"tpe": Tpe, "botorch": Botorch, "egobox": Egobox}


def main() -> None:
    kind, engine = ENGINES[sys.argv[1]], None
    for line in sys.stdin:
        message = json.loads(line)
        call = message.pop("call")
        answer: Any = None
        if call == "version":
            answer = importlib.metadata.version(kind.package)
        elif call == "begin":
            engine = kind(Space(message))
        elif call == "suggest":
            answer = engine.suggest(message["n"])
        elif call == "best":
            answer = engine.best()
        else:
            engine.tell(message["point"], message["values"])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
