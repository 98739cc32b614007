"""Optimizers: they choose the next trials from what was recorded of the last ones."""

from labctl.optimize._adaptive import AdaptiveOptimizer
from labctl.optimize._engines import ENGINES, EngineInfo, make_optimizer
from labctl.optimize._explanation import Diagnosis, Expected, Explains, Explanation, LeftOut, Outlook
from labctl.optimize._front import hypervolume, is_front, reference
from labctl.optimize._protocol import HOURS_KEY, ID_KEY, ROW_KEY, Optimizer

__all__ = [
    "ENGINES",
    "HOURS_KEY",
    "ID_KEY",
    "ROW_KEY",
    "AdaptiveOptimizer",
    "Diagnosis",
    "EngineInfo",
    "Expected",
    "Explains",
    "Explanation",
    "LeftOut",
    "Optimizer",
    "Outlook",
    "hypervolume",
    "is_front",
    "make_optimizer",
    "reference",
]
