"""What an optimizer expects, and how right it has been so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labctl.objectives import Objective
from labctl.optimize._axes import Floats
from labctl.optimize._beliefs import Beliefs, Surrogate
from labctl.optimize._domain import Domain
from labctl.optimize._front import added_volume, hypervolume, is_front, reference
from labctl.optimize._history import Trial

Z_95 = 1.959964
_Z = np.linspace(-5.0, 5.0, 201)
_DENSITY = np.exp(-0.5 * _Z**2) / np.exp(-0.5 * _Z**2).sum()
_N_DRAWS = 64
_N_FINALISTS = 16
_LEAST_SHARE = 0.02
_LITTLE = 0.01


@dataclass(frozen=True)
class Expected:
    """What is expected of one figure [the objective's unit]."""

    middle: float
    """As probable to be below as above."""
    low: float
    """Below it in 2.5 % of all cases."""
    high: float
    """Above it in 2.5 % of all cases."""


@dataclass(frozen=True)
class Explanation:
    """What an optimizer expects of one recipe, and from where it has that."""

    trial: str
    """Empty where it has no name."""
    values: Mapping[str, Any]
    intent: str
    """What the next suggestion is for, as things stand; empty where the engine has no model that can be asked."""
    feasibility: float
    """Probability, 0..1, that the sample survives its recipe and every objective can be measured."""
    chance: float | None
    """Probability, 0..1, that it is better than the best expected so far, or with several objectives that nothing
    known beats it in all; None while no model speaks."""
    expected: Mapping[str, Expected]
    """The true value without the noise of one measurement, by objective; empty while no model speaks."""
    leans_on: Mapping[str, Mapping[str, float]]
    """By objective: completed trials with their part in the expectation, the largest first; below 0 is against it."""


@dataclass(frozen=True)
class LeftOut:
    """One trial, foretold from all others."""

    trial: str
    measured: float
    """[the objective's unit]."""
    expected: Expected
    """With the noise of one measurement."""

    @property
    def is_inside(self) -> bool:
        """Whether it was measured within the 95 % that were expected."""
        return self.expected.low <= self.measured <= self.expected.high


@dataclass(frozen=True)
class Diagnosis:
    """How right the model of one objective is."""

    lengths: Mapping[str, float]
    """By input: the part of its range over which the objective changes; above 2 or so it hardly matters."""
    noise: float
    """Standard deviation [the objective's unit] of a measurement of the same recipe again."""
    left_out: tuple[LeftOut, ...]
    """Every completed trial, foretold from the others."""

    @property
    def inside(self) -> float:
        """Part of the trials, 0..1, within the 95 % that were expected of them; far below 0.95 is overconfident."""
        return float(np.mean([each.is_inside for each in self.left_out]))

    @property
    def explained(self) -> float:
        """Part of the objective's variance that is foretold (1 all, 0 no better than the mean, below 0 worse)."""
        measured = np.array([each.measured for each in self.left_out])
        missed = measured - [each.expected.middle for each in self.left_out]
        variance = float(measured.var())
        return 1.0 - float((missed**2).mean()) / variance if variance > 0 else 0.0


@dataclass(frozen=True)
class Outlook:
    """What there is still to be gained."""

    unit: str
    """Of the gains: the objective's, or ``of the hypervolume`` where there are several objectives."""
    next_gain: float
    """Expected improvement by the most promising recipe, times its probability to complete."""
    may_gain: float
    """Improvement [unit] that each recipe likely to complete exceeds with a probability of 2.5 % at most."""
    feasibility: float
    """Probability, 0..1, that the most promising recipe completes."""
    noise: float
    """Standard deviation [unit] of a measurement of the same recipe again; 0 with several objectives."""
    lead: float
    """How far the best is above the median of what was found [unit]; 1 with several objectives."""

    @property
    def is_worth_it(self) -> bool:
        """Whether more may be gained than the noise of one measurement, and than a hundredth of the lead.

        Where all trials were equal nothing is known, and it is.
        """
        return self.lead <= 0 or self.may_gain > max(self.noise, _LITTLE * self.lead)

    @property
    def advice(self) -> str:
        """Whether to go on, and why, in words."""
        if self.is_worth_it:
            return "go on"
        if self.noise >= _LITTLE * self.lead:
            return "stop: what may be gained is within the noise of one measurement"
        return "stop: what may be gained is less than a hundredth of the best trial's lead over the median"


@runtime_checkable
class Explains(Protocol):
    """An optimizer that can say what it expects."""

    @property
    def learns(self) -> bool:
        """Whether it has models at all, which may be silent before some trials completed."""
        ...

    def explain(self, points: Sequence[Mapping[str, Any]]) -> list[Explanation]:
        """Return what is expected of recipes, known or not, as things stand."""
        ...

    def diagnose(self) -> dict[str, Diagnosis]:
        """Return how right the models are, by objective; empty while none speaks."""
        ...

    def outlook(self) -> Outlook | None:
        """Return what there is still to be gained; None while no model speaks, or nothing is left to try."""
        ...


class Explainer:
    """Puts what an engine's models hold true into words and figures of the objectives.

    Args:
        beliefs: of the engine.
        domain: of the recipes.
        objectives: what is looked for.
        completed: trials in the order the models hold them.
        gains: their gains, shape (n_completed, n_objectives).
    """

    def __init__(
        self,
        beliefs: Beliefs,
        domain: Domain,
        objectives: Sequence[Objective],
        completed: Sequence[Trial],
        gains: Floats,
    ) -> None:
        self._beliefs, self._domain, self._objectives = beliefs, domain, tuple(objectives)
        self._completed, self._gains = completed, gains

    def explain(self, names: Sequence[str], recipes: Sequence[Mapping[str, Any]], codes: Floats) -> list[Explanation]:
        """Return what is expected of these recipes when they are done as codes of shape (n, n_inputs) say."""
        feasibility = self._beliefs.feasibility(codes)
        chances = self._chances(codes)
        expected = [_expected(objective, surrogate.gains(codes, _ENDS)) for objective, surrogate in self._models()]
        shares = [surrogate.shares(codes) for _, surrogate in self._models()]
        return [
            Explanation(
                names[number],
                recipes[number],
                self._beliefs.intent,
                float(feasibility[number]),
                None if chances is None else float(chances[number]),
                {o.name: each[number] for (o, _), each in zip(self._models(), expected, strict=True)},
                {o.name: self._leans_on(each[number]) for (o, _), each in zip(self._models(), shares, strict=True)},
            )
            for number in range(len(codes))
        ]

    def diagnose(self) -> dict[str, Diagnosis]:
        """Return how right the models are, by objective."""
        found = {}
        for objective, surrogate in self._models():
            foretold = _expected(objective, surrogate.left_out(_ENDS))
            left_out = tuple(
                LeftOut(trial.name, trial.objectives[objective.name], each)
                for trial, each in zip(self._completed, foretold, strict=True)
            )
            lengths = dict(zip(self._domain.names, surrogate.lengths.tolist(), strict=True))
            found[objective.name] = Diagnosis(lengths, surrogate.noise, left_out)
        return found

    def outlook(self, codes: Floats) -> Outlook | None:
        """Return what there is to be gained by the most promising of these recipes, shape (n, n_inputs)."""
        if not self._beliefs.surrogates or not len(codes):
            return None
        feasibility = self._beliefs.feasibility(codes)
        if len(self._objectives) == 1:
            surrogate = self._beliefs.surrogates[0]
            gains = np.maximum(surrogate.gains(codes, _Z) - surrogate.best, 0.0)
            mean = gains @ _DENSITY * feasibility
            first = int(np.argmax(mean))
            most = gains[:, int(np.searchsorted(_Z, Z_95))]
            lead = float(self._gains.max() - np.median(self._gains))
            may = float(most[_likely(feasibility)].max())
            unit = self._objectives[0].unit
            return Outlook(unit, float(mean[first]), may, float(feasibility[first]), surrogate.noise, lead)
        middles = self._draws(codes, np.zeros((1, len(self._objectives))))[:, 0]
        spread = self._draws(codes, np.full((1, len(self._objectives)), 1.0))[:, 0]
        worst = reference(self._gains)
        promise = np.array([added_volume(point, self._gains, worst) for point in (middles + spread) / 2.0])
        finalists = np.argsort(-promise * feasibility, kind="stable")[:_N_FINALISTS]
        draws = self._draws(codes[finalists], _normals(len(self._objectives)))
        added = np.array([[added_volume(point, self._gains, worst) for point in each] for each in draws])
        added /= max(hypervolume(self._gains, worst), np.finfo(float).tiny)
        means = added.mean(axis=1) * feasibility[finalists]
        first = int(np.argmax(means))
        sure = float(feasibility[finalists[first]])
        may = float(np.quantile(added[_likely(feasibility[finalists])], 0.975, axis=1).max())
        return Outlook("of the hypervolume", float(means[first]), may, sure, 0.0, 1.0)

    def _models(self) -> list[tuple[Objective, Surrogate]]:
        return list(zip(self._objectives, self._beliefs.surrogates, strict=False))

    def _chances(self, codes: Floats) -> Floats | None:
        if not self._beliefs.surrogates:
            return None
        if len(self._objectives) == 1:
            surrogate = self._beliefs.surrogates[0]
            chances: Floats = (surrogate.gains(codes, _Z) > surrogate.best) @ _DENSITY
            return chances
        front = self._gains[is_front(self._gains)]
        draws = self._draws(codes, _normals(len(self._objectives)))
        beaten = (front[None, None] >= draws[:, :, None]).all(axis=-1).any(axis=-1)
        return 1.0 - beaten.mean(axis=1)

    def _draws(self, codes: Floats, normals: Floats) -> Floats:
        """Return gains, shape (n, n_draws, n_objectives), at normal deviates of shape (n_draws, n_objectives)."""
        columns = [
            surrogate.gains(codes, normals[:, number]) for number, surrogate in enumerate(self._beliefs.surrogates)
        ]
        return np.stack(columns, axis=-1)

    def _leans_on(self, shares: Floats) -> dict[str, float]:
        order = np.argsort(-np.abs(shares), kind="stable")
        return {
            self._completed[number].name: float(shares[number])
            for number in order
            if abs(shares[number]) >= _LEAST_SHARE
        }


def _likely(feasibility: Floats) -> NDArray[np.bool_]:
    """Return which recipes complete more likely than not, or the likeliest where none does."""
    return feasibility >= min(0.5, float(feasibility.max()))


_ENDS = np.array([-Z_95, 0.0, Z_95])


def _expected(objective: Objective, gains: Floats) -> list[Expected]:
    sign = objective.gain(1.0)
    return [
        Expected(middle, min(ends), max(ends))
        for low, middle, high in (sign * gains).tolist()
        for ends in [(low, high)]
    ]


def _normals(n_objectives: int) -> Floats:
    """Return the same evenly spread normal deviates every time, shape (n_draws, n_objectives)."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    spread = qmc.Sobol(n_objectives, rng=np.random.default_rng(0)).random(_N_DRAWS)
    return np.asarray(ndtri(np.clip(spread, 1e-9, 1.0 - 1e-9)))
