"""The Gaussian-process engine."""

from labctl.optimize._gp._engine import GaussianProcessEngine

__all__ = ["GaussianProcessEngine"]
