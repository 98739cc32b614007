"""An optimizer around an engine: trials, seeds, failures, and when to stop."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from labctl.objectives import Objective
from labctl.optimize._axes import Floats
from labctl.optimize._beliefs import Beliefs, CanBelieve
from labctl.optimize._domain import APART, Box, Pool, domain_of
from labctl.optimize._explanation import Diagnosis, Explainer, Explanation, Outlook
from labctl.optimize._front import is_front
from labctl.optimize._history import History, Known, Status, Trial
from labctl.optimize._protocol import ID_KEY, ROW_KEY
from labctl.trials import Candidates, SearchSpace

_N_SPARE = 1024
_FEWEST_PRIOR = 5


class Engine(Protocol):
    """Chooses the next recipe: a function of its arguments alone, whatever it was asked before."""

    def in_box(self, box: Box, known: Known, rng: Generator) -> Floats:
        """Return codes to choose from, best first, shape (n, n_inputs)."""
        ...

    def in_pool(self, pool: Pool, known: Known, free: NDArray[np.intp], rng: Generator) -> int:
        """Return one of the free rows; there is at least one."""
        ...


@runtime_checkable
class CanExpect(Protocol):
    """An engine that can begin with what a simulation or an earlier campaign leads to expect."""

    def expect(self, domain: Box | Pool, codes: Floats, gains: Floats) -> None:
        """Take results, shape (n, n_objectives), of recipes, shape (n, n_inputs), as what is expected."""
        ...


class EngineOptimizer:
    """Suggests what its engine chooses, and remembers in order what it was told.

    A suggestion is a pure function of the space, the campaign's seed, its own trial and the calls so far.
    Several points at once are chosen one after another, each with those before it on their way, so that
    registering the same points again after a restart leads to the same next one. No suggestion is nearly
    identical to a recipe that failed or like one that was refused, and no row of a pool is suggested twice.

    Bit for bit that holds on one machine with one number of BLAS threads. One (``OPENBLAS_NUM_THREADS=1``, set
    before numpy is imported) is also the fastest by far at these sizes.

    Args:
        name: name of the engine.
        engine: chooses.
        space: what may vary.
        objectives: what to look for.
        seed: of the campaign.
        options: that the engine was made with, ready for JSON.
        replicates: how often one row of a pool may be measured; with more than one, the best trial is that of which
            the engine expects most, for the highest of many noisy results is mostly luck.
        prior: points with objectives of a simulation or an earlier campaign: what is expected of this one.

    Raises:
        ValueError: no objective, a name used twice or by a parameter too, or a prior that is too small, lacks a
            value or goes to an engine that can expect nothing.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        space: SearchSpace | Candidates,
        objectives: Sequence[Objective],
        seed: int,
        options: Mapping[str, Any],
        replicates: int = 1,
        prior: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        names = [*space.names, *(objective.name for objective in objectives)]
        twice = sorted({each for each in names if names.count(each) > 1})
        if not objectives:
            raise ValueError("at least one objective is needed")
        if twice:
            raise ValueError(f"objectives need names of their own; used twice: {', '.join(twice)}")
        self._name, self._engine, self._seed, self._options = name, engine, seed, dict(options)
        self._objectives, self._domain = tuple(objectives), domain_of(space)
        self._history = History(self._domain, self._objectives)
        self._calls: list[dict[str, Any]] = []
        self._replicates, self._prior = replicates, [dict(point) for point in prior]
        if self._prior:
            self._expect()

    def suggest(self, num_points: int | None = None) -> list[dict[str, Any]]:
        """Return the next points to try, one unless told; fewer where no more are left.

        Raises:
            ValueError: `num_points` is less than 1.
        """
        n_points = 1 if num_points is None else num_points
        if n_points < 1:
            raise ValueError(f"num_points={num_points} must be at least 1")
        points: list[dict[str, Any]] = []
        for _ in range(n_points):
            point = self._next()
            if point is None:
                break
            points += self.register_suggestions([point])
        return points

    def ingest(self, points: list[dict[str, Any]]) -> None:
        """Learn from completed trials, suggested here or not; values as run may differ from those suggested.

        Raises:
            ValueError: a trial is finished already, or a value is missing or unusable; then none is taken.
        """
        self._take("ingest", points, "completed")

    def register_suggestions(self, suggestions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take points that were chosen elsewhere or before a restart as on their way; return them with trials.

        Raises:
            ValueError: a trial is known already, or a value is missing or unusable; then none is taken.
        """
        return [trial.point() for trial in self._take("register_suggestions", suggestions, "pending")]

    def register_failures(self, suggestions: list[dict[str, Any]]) -> None:
        """Learn that trials gave no outcome.

        Raises:
            ValueError: a trial has no name or is finished already, or a value is missing; then none is taken.
        """
        self._take_named("register_failures", suggestions, "failed")

    def register_refusals(self, suggestions: list[dict[str, Any]]) -> None:
        """Take trials as not to be made, for reasons that are no outcome: no recipe like theirs is suggested again.

        Raises:
            ValueError: a trial has no name or is finished already, or a value is missing; then none is taken.
        """
        self._take_named("register_refusals", suggestions, "refused")

    def get_best_points(self) -> list[dict[str, Any]]:
        """Return the best completed points with their objectives; with several objectives the Pareto front."""
        trials = self._history.completed()
        known = self._history.known()
        gains = known.gains[known.is_completed]
        if not trials:
            return []
        if len(self._objectives) == 1:
            return [trials[int(np.argmax(self._judged(known, gains[:, 0])))].point()]
        return [trial.point() for trial, best in zip(trials, is_front(gains), strict=True) if best]

    def should_stop(self) -> bool:
        """Return whether there is nothing left to do."""
        return bool(self.stop_reason)

    @property
    def stop_reason(self) -> str:
        """Why there is nothing left to do: all targets reached, or no recipe left; empty while there is."""
        for trial in self._history.completed():
            if all(each.reached(trial.objectives[each.name]) for each in self._objectives):
                return f"trial {trial.name} reached {' and '.join(map(_target, self._objectives))}"
        known = self._history.known()
        if isinstance(self._domain, Pool):
            return "" if len(self._free_rows(self._domain, known)) else "no row of the pool is left to try"
        if len(self._spare(self._domain, known)):
            return ""
        return "every recipe left is nearly one that failed" + (" or was refused" if len(known.refused) else "")

    def checkpoint(self) -> dict[str, Any]:
        """Return name, seed, options and the calls that changed it: made again in order, they restore it."""
        history = [{"call": each["call"], "points": [dict(point) for point in each["points"]]} for each in self._calls]
        made = {"name": self._name, "seed": self._seed, "options": dict(self._options)}
        return {**made, **({"prior": self._prior} if self._prior else {}), "history": history}

    # What it expects.

    @property
    def learns(self) -> bool:
        """Whether the engine has models that can be asked."""
        return isinstance(self._engine, CanBelieve)

    def explain(self, points: Sequence[Mapping[str, Any]]) -> list[Explanation]:
        """Return what is expected of recipes, known or not, as things stand; nothing is taken in.

        Args:
            points: a trial's name alone will do where it is known.

        Raises:
            ValueError: a value is missing or has no place in the space.
        """
        known, names = self._history.known(), [str(point.get(ID_KEY, "")) for point in points]
        trials = [self._history.trial(name) for name in names]
        given = [{name: point[name] for name in self._domain.names if name in point} for point in points]
        recipes = [{**(trial.values if trial else {}), **each} for trial, each in zip(trials, given, strict=True)]
        is_done = [trial is not None and trial.status in ("completed", "failed") for trial in trials]
        asked = [self._domain.code(recipe) for recipe in recipes]
        codes = [code if done else code + known.shift for code, done in zip(asked, is_done, strict=True)]
        return self._explainer(known).explain(names, recipes, np.array(codes).reshape(-1, self._domain.n_inputs))

    def diagnose(self) -> dict[str, Diagnosis]:
        """Return how right the models are, by objective; empty while none speaks."""
        return self._explainer(self._history.known()).diagnose()

    def outlook(self) -> Outlook | None:
        """Return what there is still to be gained; None while no model speaks, or nothing is left to try."""
        known = self._history.known()
        if not known.is_completed.any():
            return None
        if isinstance(self._domain, Pool):
            codes = self._domain.rows[self._free_rows(self._domain, known)]
        else:
            rng = np.random.default_rng(_seed_of(self._seed, self._history.next_name))
            codes = self._engine.in_box(self._domain, known, rng)
            codes = codes[~_is_barred(self._domain, codes, known)]
        return self._explainer(known).outlook(codes)

    def _explainer(self, known: Known) -> Explainer:
        beliefs = Beliefs("", ())
        if isinstance(self._engine, CanBelieve):
            beliefs = self._engine.beliefs(self._domain, known)
        gains = known.gains[known.is_completed]
        return Explainer(beliefs, self._domain, self._objectives, self._history.completed(), gains)

    def _expect(self) -> None:
        if not isinstance(self._engine, CanExpect):
            raise ValueError(f"engine {self._name} can make no use of a prior")
        if len(self._prior) < _FEWEST_PRIOR:
            raise ValueError(f"a prior of {len(self._prior)} points says nothing: at least {_FEWEST_PRIOR} are needed")
        history = History(self._domain, self._objectives)
        history.add([{**point, ID_KEY: f"prior {n}"} for n, point in enumerate(self._prior, 1)], "completed")
        known = history.known()
        self._engine.expect(self._domain, known.codes, known.gains)

    def _judged(self, known: Known, gains: Floats) -> Floats:
        """Return how good completed trials are: as measured, or as expected where recipes are repeated."""
        if self._replicates == 1 or not isinstance(self._engine, CanBelieve):
            return gains
        surrogates = self._engine.beliefs(self._domain, known).surrogates
        return surrogates[0].gains(known.codes[known.is_completed], np.zeros(1))[:, 0] if surrogates else gains

    def _take(self, call: str, points: Sequence[Mapping[str, Any]], status: Status) -> list[Trial]:
        trials = self._history.add(points, status)
        self._calls.append({"call": call, "points": [trial.point() for trial in trials]})
        return trials

    def _take_named(self, call: str, points: Sequence[Mapping[str, Any]], status: Status) -> None:
        if any(ID_KEY not in point for point in points):
            raise ValueError(f"a {status} trial needs its {ID_KEY}")
        self._take(call, points, status)

    def _next(self) -> dict[str, Any] | None:
        trial, known = self._history.next_name, self._history.known()
        rng = np.random.default_rng(_seed_of(self._seed, trial))
        if isinstance(self._domain, Pool):
            free = self._free_rows(self._domain, known)
            if not len(free):
                return None
            row = self._engine.in_pool(self._domain, known, free, rng)
            return {**self._domain.values(row), ID_KEY: trial, ROW_KEY: row}
        values = self._first_allowed(self._domain, self._engine.in_box(self._domain, known, rng), known)
        if values is None:
            values = self._first_allowed(self._domain, rng.permutation(self._spare(self._domain, known)), known)
        return None if values is None else {**values, ID_KEY: trial}

    def _free_rows(self, pool: Pool, known: Known) -> NDArray[np.intp]:
        taken = _is_barred(pool, pool.rows, known)
        times = np.bincount(np.array(known.used_rows, dtype=np.intp), minlength=pool.n_rows)
        taken |= times >= self._replicates
        taken[list(known.pending_rows)] = True
        return np.flatnonzero(~taken)

    def _first_allowed(self, box: Box, codes: Floats, known: Known) -> dict[str, Any] | None:
        for code in codes:
            values = box.values(code - known.shift)
            if box.allows(values) and not _is_barred(box, box.settled(code[None]), known)[0]:
                return values
        return None

    def _spare(self, box: Box, known: Known) -> Floats:
        """Return some codes that may be suggested, none only where none of those tried may."""
        codes = box.all_codes(_N_SPARE)
        if codes is None:
            rng = np.random.default_rng(_seed_of(self._seed, "spare"))
            codes = box.draw(_N_SPARE, rng)
        for some in np.array_split(codes, max(len(codes) // 64, 1)):
            allowed = some[~_is_barred(box, box.settled(some), known)]
            if len(allowed):
                return allowed
        return codes[:0]


def _is_barred(domain: Box | Pool, codes: Floats, known: Known) -> NDArray[np.bool_]:
    """Return which codes are nearly those of a recipe that failed, or like those of one that was refused."""
    return domain.near(codes, known.failed) | domain.near(codes, known.refused, APART)


def _seed_of(seed: int, trial: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{trial}".encode()).digest()[:16], "big")


def _target(objective: Objective) -> str:
    sign = ">=" if objective.direction == "maximize" else "<="
    return f"{objective.name} {sign} {objective.target:g} {objective.unit}".strip()
