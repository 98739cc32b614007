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


class NoOptions(BaseModel):
    """An engine without options."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GpOptions(BaseModel):
    """Options of the Gaussian-process engine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_start: int | None = Field(
        None, ge=1, description="trials before the model is asked; by default one more than inputs, in a pool three"
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

    factory: Callable[[Space, Sequence[Objective], int, Any], Optimizer]
    """Takes space, objectives, seed and the options: an instance of its own model, hence Any."""
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
    engine: str, space: Space, objectives: Sequence[Objective], seed: int, options: Mapping[str, Any]
) -> Optimizer:
    """Return a new optimizer.

    Args:
        engine: one of `ENGINES`.
        space: what may vary.
        objectives: what to look for.
        seed: of the campaign; equal seeds and equal outcomes give equal suggestions.
        options: of the engine.

    Raises:
        ValueError: unknown engine or option, or an option's value is out of range; with what is known.
    """
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}{nearest(engine, tuple(ENGINES))}")
    info = ENGINES[engine]
    try:
        checked = info.options.model_validate(dict(options))
    except ValidationError as error:
        problems = problems_of(error, info.options)
        raise ValueError(f"options of {engine}: " + "; ".join(map(str, problems))) from error
    return info.factory(space, objectives, seed, checked)


def _random(space: Space, objectives: Sequence[Objective], seed: int, options: NoOptions) -> Optimizer:
    return _wrap("random", RandomEngine(), space, objectives, seed, options)


def _sobol(space: Space, objectives: Sequence[Objective], seed: int, options: NoOptions) -> Optimizer:
    return _wrap("sobol", SobolEngine(seed), space, objectives, seed, options)


def _gp(space: Space, objectives: Sequence[Objective], seed: int, options: GpOptions) -> Optimizer:
    from labctl.optimize._gp import GaussianProcessEngine  # loads scipy

    return _wrap("gp", GaussianProcessEngine(seed, options.n_start), space, objectives, seed, options)


def _peer(name: str, choose: Callable[[], Choose], most_objectives: int = 100) -> Callable[..., Optimizer]:
    """Return what makes an engine of another library, which is imported when it first chooses."""

    def factory(space: Space, objectives: Sequence[Objective], seed: int, options: PeerOptions) -> Optimizer:
        from labctl.optimize._peers import PeerEngine  # loads numpy

        if not ENGINES[name].is_installed:
            raise ValueError(f"the engine {name} needs a package that is not installed: pip install 'labctl[{name}]'")
        if len(objectives) > most_objectives:
            raise ValueError(f"the engine {name} looks for one objective, not {len(objectives)}")
        engine = PeerEngine(lambda axes, told, number: choose()(axes, told, number), seed, options.n_start)
        return _wrap(name, engine, space, objectives, seed, options)

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
    name: str, engine: Engine, space: Space, objectives: Sequence[Objective], seed: int, options: BaseModel
) -> Optimizer:
    return EngineOptimizer(name, engine, space, objectives, seed, options.model_dump(mode="json"))


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
