"""What an engine's models hold true: how an engine lets itself be asked, whatever its models are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from labctl.optimize._axes import Floats
from labctl.optimize._domain import Box, Pool
from labctl.optimize._history import Known


class Surrogate(Protocol):
    """A model of one objective's gain (larger is better), learnt from the completed trials in their order."""

    @property
    def lengths(self) -> Floats:
        """Over which part of an input's range the gain changes, shape (n_inputs,); large: the input hardly matters."""
        ...

    @property
    def noise(self) -> float:
        """Standard deviation of the gain when one recipe is made again and again."""
        ...

    @property
    def best(self) -> float:
        """Highest gain expected at a completed trial: what has to be beaten."""
        ...

    def gains(self, codes: Floats, z: Floats) -> Floats:
        """Return quantiles of the gain without noise, shape (n, n_z), at the normal distribution's deviates `z`."""
        ...

    def left_out(self, z: Floats) -> Floats:
        """Return quantiles of each completed trial's result as the others foretell it, shape (n_completed, n_z)."""
        ...

    def shares(self, codes: Floats) -> Floats:
        """Return the part each completed trial has in the expectation, shape (n, n_completed); rows add up to 1."""
        ...


@dataclass(frozen=True)
class Beliefs:
    """What the models of an engine hold true after the trials that finished."""

    intent: str
    """What the next suggestion is for, in a few words; empty where the engine has no model that can be asked."""
    surrogates: tuple[Surrogate, ...]
    """One for each objective; empty while no model speaks."""

    def feasibility(self, codes: Floats) -> Floats:
        """Return how probable it is that trials complete, shape (n,)."""
        return np.ones(len(codes))


@runtime_checkable
class CanBelieve(Protocol):
    """An engine whose models can be asked."""

    def beliefs(self, domain: Box | Pool, known: Known) -> Beliefs:
        """Return what the models hold true: a function of its arguments alone."""
        ...
