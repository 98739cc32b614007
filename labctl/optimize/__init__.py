"""Optimizers: they choose the next trials from what was recorded of the last ones."""

from labctl.optimize._engines import ENGINES, EngineInfo, make_optimizer
from labctl.optimize._protocol import ID_KEY, ROW_KEY, Optimizer

__all__ = ["ENGINES", "ID_KEY", "ROW_KEY", "EngineInfo", "Optimizer", "make_optimizer"]
