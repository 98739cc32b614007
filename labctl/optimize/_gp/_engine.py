"""Choose the next trial with Gaussian processes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from labctl.optimize._axes import Floats
from labctl.optimize._beliefs import Beliefs
from labctl.optimize._domain import Box, Domain, Pool
from labctl.optimize._front import is_front
from labctl.optimize._gp._acquisition import Acquisition, Circumstances
from labctl.optimize._gp._feasibility import Feasibility
from labctl.optimize._gp._hours import Hours
from labctl.optimize._gp._kernel import Prior, fit
from labctl.optimize._gp._process import Process
from labctl.optimize._gp._search import best_first, candidates
from labctl.optimize._gp._surrogate import GaussianBeliefs, GaussianSurrogate
from labctl.optimize._gp._trend import Trend
from labctl.optimize._gp._volume import VolumeAcquisition
from labctl.optimize._gp._warp import Warp, standardised
from labctl.optimize._history import Known
from labctl.optimize._uninformed import RandomEngine, SobolEngine

_PRIORS = (
    Prior(length=(0.0, 1.0)),
    Prior(length=(-1.2, 0.7), nominal=(0.0, 1.0), trend=None),  # one that no prior misleads
)
_MIN_COMPLETED = 3  # fewer outcomes say nothing about scales
_N_START_POOL = 3
_N_LED = 3
_N_CONFIRM = 4
_CONFIRMED = 0.7  # correlation of outcomes with what was expected of them
_N_CENTRES = 3
_N_ALL = 2048  # a box with no more recipes is compared whole
_N_FIT = 200  # the cost of a fit grows with the cube; its scales hardly change beyond this
_N_ITERATIONS = 50
_PATIENCE, _LEAST_IN_BOX = 6, 11
_KAPPA = 3.0
_ALIKE = 0.2  # correlation with the best recipe: above, it is the hill that the search has stalled on
_FAR = 0.3  # in codes: recipes that say little of each other before a model speaks
_EXACT = 1e-3  # noise variance below which a recipe made again tells nothing
_RHO = 0.05  # Knowles 2006
_TINY = float(np.finfo(np.float64).tiny)


class GaussianProcessEngine:
    """Log expected improvement averaged over two Gaussian processes, with failures and trials on their way.

    - Start: Sobol points in a box, random rows in a pool. Where a simulation or an earlier campaign leads to
      expect something, first three recipes that it holds to be good and that differ; the Sobol points after them
      end as soon as four outcomes or more go with what was expected (correlation above 0.7).
    - Model: Matern-5/2 with a length scale for each input, fitted twice at the maximum of the posterior, under
      a prior for long and one for short scales; outcomes standardised by Yeo and Johnson. What was expected
      before is a column with a weight of its own.
    - Trials on their way count as if they had given what the models expect (kriging believer).
    - Failed trials train a model of the probability to complete, whose cube multiplies the improvement.
    - Where time counts, the improvement is divided by a power of the lab hours that a recipe is expected to take
      (after Snoek 2012, arXiv:1206.2944), and of recipes that promise at least a third of the most the briefest is
      made.
    - Stagnation: after `n_inputs` + 6 trials (in a box 11 at least) without an improvement above the noise, two of
      three trials in a box look far from the best recipe: one at the highest upper confidence limit (Srinivas 2010,
      arXiv:0912.3995), which lies in corners, and one at a random place. In a pool one of three goes to the highest
      limit anywhere. All go where completing is more likely than not, if there is such a place. A trial in a box
      looks far away, too, when the best suggestion nearly repeats a recipe whose outcome has no noise.
    - Two objectives: the growth of the hypervolume that the Pareto front encloses. Three and more: each suggestion
      looks at one random weighting of all of them (ParEGO; Knowles 2006, doi:10.1109/TEVC.2005.851274), drawn from
      its trial's seed.

    Every fit starts from the same fixed point: what was fitted before never matters.

    Args:
        seed: of the campaign; scrambles the Sobol start.
        n_start: trials before the models are asked; by default `n_inputs` + 1, after three that a prior leads to as
            long as it is not confirmed; in a pool 3.
        per_hour: whether an improvement counts for each lab hour, not for each trial.
    """

    def __init__(self, seed: int, n_start: int | None = None, per_hour: bool = False) -> None:
        self._start, self._n_start, self._per_hour = SobolEngine(seed), n_start, per_hour
        self._fitted: dict[bytes, Acquisition] = {}

    def expect(self, domain: Box | Pool, codes: Floats, gains: Floats) -> None:
        """Take results of a simulation or an earlier campaign as what is expected of this one.

        Args:
            domain: gets columns that say what is expected.
            codes: recipes there, shape (n, n_inputs).
            gains: shape (n, n_objectives), larger is better.
        """
        domain.trend = Trend.of(domain.features(codes), gains, domain.groups)

    def in_box(self, box: Box, known: Known, rng: Generator) -> Floats:
        """Return codes to choose from, best first."""
        if self._is_starting(box, known):
            is_led = box.trend is not None and known.n_trials < _N_LED
            return _promising(box, box.draw(2048, rng), known) if is_led else self._start.in_box(box, known, rng)
        fitted = self._fit(box, known, rng)
        acquisition = fitted.believing(box.features(known.pending))
        best = known.codes[known.is_completed][_centres(fitted)]
        every = box.all_codes(_N_ALL)
        codes = candidates(box, best, len(known.codes), rng) if every is None else rng.permutation(every)
        if not isinstance(acquisition, Acquisition):
            return best_first(box, acquisition, codes, polish=every is None, rng=rng)
        if not (known.n_trials % 3 and self._has_stalled(box, acquisition, known)):
            found = best_first(box, acquisition, codes, polish=every is None, rng=rng)
            if acquisition.noise > _EXACT or not box.near(found[:1], known.codes)[0]:
                return found
        features = box.features(codes)
        is_close = acquisition.alike(features, box.features(best[:1])[0]) > _ALIKE
        if known.n_trials % 3 == 1:
            worth = acquisition.upper_limit(features, _KAPPA)
        else:  # the codes begin with those spread evenly, in an order that is random
            worth = -np.arange(len(codes), dtype=np.float64)
        is_known = box.near(codes, known.codes) & (acquisition.noise <= _EXACT)
        return codes[np.lexsort((-worth, is_close, ~acquisition.about.is_probable(features), is_known))]

    def in_pool(self, pool: Pool, known: Known, free: NDArray[np.intp], rng: Generator) -> int:
        """Return the free row most worth trying."""
        if self._is_starting(pool, known):
            if pool.trend is None:
                return RandomEngine().in_pool(pool, known, free, rng)
            best = _promising(pool, pool.rows[free], known)[0]
            return int(free[np.flatnonzero((pool.rows[free] == best).all(axis=1))[0]])
        fitted = self._fit(pool, known, rng)
        acquisition = fitted.believing(pool.features(known.pending))
        rows = pool.features(pool.rows[free])
        if (
            known.n_trials % 3 == 0
            and isinstance(acquisition, Acquisition)
            and self._has_stalled(pool, acquisition, known)
        ):
            worth = acquisition.upper_limit(rows, _KAPPA)
            return int(free[np.lexsort((-worth, ~acquisition.about.is_probable(rows)))[0]])
        return int(free[acquisition.about.order(rows, acquisition.log_improvement(rows))[0]])

    def beliefs(self, domain: Box | Pool, known: Known) -> Beliefs:
        """Return what the models hold true, each objective's alone, and what the next suggestion is for."""
        if int(known.is_completed.sum()) < _MIN_COMPLETED:
            return Beliefs("an even start: no model speaks before three trials completed", ())
        fitted, surrogates = [], []
        for gains in known.gains.T:
            unit = _unit(gains)
            fitted.append(self._fit_one(domain, known, gains / unit))
            warp = Warp.of(gains[known.is_completed] / unit)
            surrogates.append(GaussianSurrogate(domain, fitted[-1].models, warp, unit))
        intent = "an even start" if self._is_starting(domain, known) else self._intent(domain, known, fitted)
        return GaussianBeliefs(intent, tuple(surrogates), domain, fitted[0].about.feasibility)

    def _intent(self, domain: Box | Pool, known: Known, fitted: Sequence[Acquisition]) -> str:
        if known.gains.shape[1] > 2:
            return "a compromise between the objectives, with random weights"
        if known.gains.shape[1] == 2:
            return "the largest expected growth of the Pareto front"
        is_turn = known.n_trials % 3 == 0 if isinstance(domain, Pool) else known.n_trials % 3 > 0
        if is_turn and self._has_stalled(domain, fitted[0], known):
            return "a look where little is known: nothing better was found for a while"
        elsewhere = isinstance(domain, Box) and fitted[0].noise <= _EXACT
        intent = "the highest expected improvement" + (", lab hours counted" if self._per_hour else "")
        return intent + (", or a look where little is known if a recipe would be repeated" if elsewhere else "")

    def _is_starting(self, domain: Box | Pool, known: Known) -> bool:
        if int(known.is_completed.sum()) < _MIN_COMPLETED:
            return True
        if self._n_start is not None or isinstance(domain, Pool):
            return known.n_trials < (_N_START_POOL if self._n_start is None else self._n_start)
        n_even = domain.n_inputs + 1
        if domain.trend is None or known.n_trials < _N_LED:
            return known.n_trials < n_even
        return known.n_trials < _N_LED + n_even and not _is_confirmed(domain, known)

    def _fit(self, domain: Box | Pool, known: Known, rng: Generator) -> Acquisition | VolumeAcquisition:
        """Return the worth of recipes after the finished trials."""
        if known.gains.shape[1] != 2:
            return self._fit_one(domain, known, _weighted(known, rng))
        one, other = (self._fit_one(domain, known, gains / _unit(gains)) for gains in known.gains.T)
        return VolumeAcquisition(list(zip(one.models, other.models, strict=True)), one.about)

    def _fit_one(self, domain: Box | Pool, known: Known, gains: Floats) -> Acquisition:
        """Return models of one figure; kept for the next suggestion, if nothing finishes before it."""
        key = known.codes.tobytes() + gains.tobytes()
        if key not in self._fitted:
            if len(self._fitted) > known.gains.shape[1]:
                self._fitted.clear()
            self._fitted[key] = fit_acquisition(domain, known, gains, self._per_hour)
        return self._fitted[key]

    def _has_stalled(self, domain: Domain, fitted: Acquisition, known: Known) -> bool:
        """Return whether nothing better than noise was seen for a while."""
        gains = np.full(len(known.codes), np.nan)
        gains[known.is_completed] = fitted.told
        completed = gains[~np.isnan(gains)]
        noise = 2.0 * np.sqrt(fitted.models[0].kernel.noise) * completed.std()
        tolerance = max(noise, 0.02 * (completed.max() - np.median(completed)))
        first_good = int(np.flatnonzero(np.nan_to_num(gains, nan=-np.inf) >= completed.max() - tolerance)[0])
        least = _LEAST_IN_BOX if isinstance(domain, Box) else 0
        return len(gains) - first_good > max(domain.n_inputs + _PATIENCE, least)


def fit_acquisition(domain: Domain, known: Known, gains: Floats, per_hour: bool = False) -> Acquisition:
    """Return models of the finished trials.

    Args:
        domain: gives the model's columns.
        known: the trials.
        gains: one figure for each finished trial, larger is better, NaN where it failed.
        per_hour: whether lab hours count.
    """
    completed = ~np.isnan(gains)
    every = domain.features(known.codes)
    features, outcomes = every[completed], standardised(gains[completed])
    some = _fitted_part(outcomes)
    kernels = [fit(features[some], outcomes[some], domain.groups, prior, _N_ITERATIONS) for prior in _PRIORS]
    feasibility = None if completed.all() else Feasibility.of(every, completed, domain.groups)
    hours = Hours.of(every, known.hours, domain.groups) if per_hour else None
    models = [Process.of(kernel, features, outcomes) for kernel in kernels]
    return Acquisition(models, Circumstances(feasibility, hours), gains[completed])


def _centres(fitted: Acquisition | VolumeAcquisition) -> NDArray[np.intp]:
    """Return the completed trials around which to look, the best first."""
    if isinstance(fitted, Acquisition):
        seen = np.mean([model.seen for model in fitted.models], axis=0)
        return np.argsort(-seen, kind="stable")[:_N_CENTRES]
    seen = np.mean([[left.seen, right.seen] for left, right in fitted.pairs], axis=0).T
    front = np.flatnonzero(is_front(seen))
    front = front[np.argsort(-seen[front, 0], kind="stable")]
    return front[np.unique(np.linspace(0, len(front) - 1, 2 * _N_CENTRES).astype(np.intp))]


def _promising(domain: Box | Pool, codes: Floats, known: Known) -> Floats:
    """Return codes that are expected to be good before anything was tried, those far from known trials first."""
    tried = np.vstack([known.codes, known.pending])
    plain = domain.plain(codes)
    away = np.full(len(codes), np.inf)
    for feature in domain.plain(tried):
        away = np.minimum(away, ((plain - feature) ** 2).sum(axis=1))
    return codes[np.lexsort((-_expected(domain, codes), away <= _FAR**2))]


def _expected(domain: Domain, codes: Floats) -> Floats:
    """Return what is expected of recipes, the mean of all objectives, in standard deviations."""
    expected: Floats = domain.features(codes)[:, len(domain.groups) :].mean(axis=1)
    return expected


def _is_confirmed(domain: Domain, known: Known) -> bool:
    """Return whether outcomes go with what was expected of them."""
    gains = known.gains[known.is_completed]
    if len(gains) < _N_CONFIRM:
        return False
    outcomes = np.mean([standardised(column) for column in gains.T], axis=0)
    expected = _expected(domain, known.codes[known.is_completed])
    varies = min(np.ptp(outcomes), np.ptp(expected)) > 0.0
    return bool(varies and np.corrcoef(expected, outcomes)[0, 1] > _CONFIRMED)


def _unit(gains: Floats) -> float:
    return float(max(np.nanmax(np.abs(gains)), _TINY))


def _fitted_part(outcomes: Floats) -> NDArray[np.intp]:
    """Return which outcomes the kernel is fitted to: of many, the best half and an even choice of the others."""
    if len(outcomes) <= _N_FIT:
        return np.arange(len(outcomes))
    order = np.argsort(-outcomes, kind="stable")
    rest = np.sort(order[_N_FIT // 2 :])
    even = rest[np.linspace(0, len(rest) - 1, _N_FIT - _N_FIT // 2).astype(np.intp)]
    return np.sort(np.concatenate([order[: _N_FIT // 2], even]))


def _weighted(known: Known, rng: Generator) -> Floats:
    """Return one figure of order 1 for each finished trial, larger is better, NaN where it failed.

    With several objectives it is the augmented Tchebycheff function of Knowles 2006, eq. 2, of gains scaled to
    0..1, with weights drawn evenly from the simplex.
    """
    gains = known.gains / np.maximum(np.abs(known.gains[known.is_completed]).max(axis=0), _TINY)
    if gains.shape[1] == 1:
        return gains[:, 0]
    weights = rng.dirichlet(np.ones(gains.shape[1]))
    completed = gains[known.is_completed]
    losses = weights * (completed.max(axis=0) - gains) / np.maximum(np.ptp(completed, axis=0), _TINY)
    return -(losses.max(axis=1) + _RHO * losses.sum(axis=1))
