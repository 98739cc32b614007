"""The engines by name, their options, and how to make one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labctl.files import nearest, problems_of
from labctl.objectives import Objective
from labctl.optimize._optimizer import Engine, EngineOptimizer
from labctl.optimize._protocol import Optimizer
from labctl.optimize._uninformed import RandomEngine, SobolEngine
from labctl.trials import Candidates, SearchSpace

if TYPE_CHECKING:
    from labctl.optimize._peers._padded import Choose

Space: TypeAlias = SearchSpace | Candidates
Points: TypeAlias = Sequence[Mapping[str, Any]]


class NoOptions(BaseModel):
    """An engine without options."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GpOptions(BaseModel):
    """Options of the Gaussian-process engine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_start: int | None = Field(
        None, ge=1, description="trials before the model is asked; by default one more than inputs, in a pool three"
    )
    cost_aware: bool = Field(
        False, description="whether of recipes that promise about as much the one that takes fewer lab hours is made"
    )
    replicates: int = Field(
        1,
        ge=1,
        le=100,
        description="how often one row of a pool may be measured; from 2 on the best is the one expected to be best",
    )


class PeerOptions(BaseModel):
    """Options of an engine that asks another library."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_start: int | None = Field(
        None, ge=1, description="evenly spread trials before the library is asked; by default one more than inputs"
    )


@dataclass(frozen=True)
class EngineInfo:
    """One kind of optimizer."""

    factory: Callable[[Space, Sequence[Objective], int, Any, Points], Optimizer]
    """Takes space, objectives, seed, the options (an instance of its own model, hence Any) and the prior."""
    options: type[BaseModel]
    summary: str
    """One line for a person who chooses."""
    package: str = ""
    """What it needs besides labctl; empty where that is nothing."""

    @property
    def is_installed(self) -> bool:
        """Whether what it needs is there."""
        return not self.package or find_spec(self.package) is not None


def make_optimizer(
    engine: str,
    space: Space,
    objectives: Sequence[Objective],
    seed: int,
    options: Mapping[str, Any],
    prior: Points = (),
) -> Optimizer:
    """Return a new optimizer.

    Args:
        engine: one of `ENGINES`.
        space: what may vary.
        objectives: what to look for.
        seed: of the campaign; equal seeds and equal outcomes give equal suggestions.
        options: of the engine.
        prior: points with objectives, from a simulation or an earlier campaign: what is expected of this one. How far
            they are believed is learnt.

    Raises:
        ValueError: unknown engine or option, an option's value is out of range, constraints that no recipe
            satisfies, or a prior that cannot be used; with what is known.
    """
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}{nearest(engine, tuple(ENGINES))}")
    info = ENGINES[engine]
    try:
        checked = info.options.model_validate(dict(options))
    except ValidationError as error:
        problems = problems_of(error, info.options)
        raise ValueError(f"options of {engine}: " + "; ".join(map(str, problems))) from error
    return info.factory(space, objectives, seed, checked, prior)


def _random(space: Space, objectives: Sequence[Objective], seed: int, options: NoOptions, prior: Points) -> Optimizer:
    return _wrap("random", RandomEngine(), space, objectives, seed, options, prior)


def _sobol(space: Space, objectives: Sequence[Objective], seed: int, options: NoOptions, prior: Points) -> Optimizer:
    return _wrap("sobol", SobolEngine(seed), space, objectives, seed, options, prior)


def _gp(space: Space, objectives: Sequence[Objective], seed: int, options: GpOptions, prior: Points) -> Optimizer:
    from labctl.optimize._gp import GaussianProcessEngine  # loads scipy

    engine = GaussianProcessEngine(seed, options.n_start, options.cost_aware)
    return _wrap("gp", engine, space, objectives, seed, options, prior, options.replicates)


def _peer(name: str, choose: Callable[[], Choose], most_objectives: int = 100) -> Callable[..., Optimizer]:
    """Return what makes an engine of another library, which is imported when it first chooses."""

    def factory(
        space: Space, objectives: Sequence[Objective], seed: int, options: PeerOptions, prior: Points
    ) -> Optimizer:
        from labctl.optimize._peers import PeerEngine  # loads numpy

        if not ENGINES[name].is_installed:
            raise ValueError(f"the engine {name} needs a package that is not installed: pip install 'labctl[{name}]'")
        if len(objectives) > most_objectives:
            raise ValueError(f"the engine {name} looks for one objective, not {len(objectives)}")
        engine = PeerEngine(lambda axes, told, number: choose()(axes, told, number), seed, options.n_start)
        return _wrap(name, engine, space, objectives, seed, options, prior)

    return factory


def _egobox() -> Choose:
    from labctl.optimize._peers._egobox import choose

    return choose


def _optuna() -> Choose:
    from labctl.optimize._peers._optuna import choose

    return choose


def _ax() -> Choose:
    from labctl.optimize._peers._ax import choose

    return choose


def _wrap(
    name: str,
    engine: Engine,
    space: Space,
    objectives: Sequence[Objective],
    seed: int,
    options: BaseModel,
    prior: Points,
    replicates: int = 1,
) -> Optimizer:
    told = options.model_dump(mode="json")
    return EngineOptimizer(name, engine, space, objectives, seed, told, replicates, prior)


ENGINES: Mapping[str, EngineInfo] = MappingProxyType(
    {
        "random": EngineInfo(_random, NoOptions, "uniform random; what every other engine has to beat"),
        "sobol": EngineInfo(_sobol, NoOptions, "evenly spread points that learn nothing; for a map of the space"),
        "gp": EngineInfo(_gp, GpOptions, "Gaussian process, log expected improvement; few trials, failures allowed"),
        "egobox": EngineInfo(
            _peer("egobox", _egobox, 1), PeerOptions, "egobox's Gaussian process in Rust; an extra", "egobox"
        ),
        "optuna": EngineInfo(_peer("optuna", _optuna), PeerOptions, "Optuna's TPE sampler; an extra", "optuna"),
        "ax": EngineInfo(
            _peer("ax", _ax), PeerOptions, "Ax and BoTorch through bluesky-adaptive; an extra of gigabytes", "ax"
        ),
    }
)
"""Every engine by the name that a campaign file uses."""
