"""The logarithm of expected improvement, with its derivatives."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from labctl.optimize._axes import Floats

_LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)


def log_improvement(mean: Floats, deviation: Floats, best: Floats | float) -> Floats:
    """Return log EI over `best`, accurate also where EI itself underflows (Ament 2023, arXiv:2310.20708)."""
    z = (mean - best) / deviation
    return np.log(deviation) + _log_h(z)


def log_improvement_slopes(mean: Floats, deviation: Floats, best: Floats) -> tuple[Floats, Floats, Floats]:
    """Return log EI and its derivatives by mean and by standard deviation."""
    z = (mean - best) / deviation
    log_h = _log_h(z)
    by_mean = np.exp(np.minimum(log_ndtr(z) - log_h, 50.0)) / deviation
    return np.log(deviation) + log_h, by_mean, 1.0 / deviation - z * by_mean


def _log_h(z: Floats) -> Floats:
    """Return log(phi(z) + z Phi(z))."""
    high, low = np.maximum(z, -1.0), np.minimum(z, -1.0)
    direct = np.log(np.exp(-0.5 * high**2 - _LOG_ROOT_2PI) + high * ndtr(high))
    ratio = -low * erfcx(-low / np.sqrt(2)) * np.sqrt(np.pi / 2)
    tail = np.where(low > -1e4, np.log1p(-np.minimum(ratio, 1 - 1e-15)), -2 * np.log(-low))
    return np.where(z > -1.0, direct, -0.5 * low**2 - _LOG_ROOT_2PI + tail)
