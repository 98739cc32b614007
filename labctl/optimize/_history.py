"""What an optimizer was told, in order: its only changing state."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from labctl.objectives import Objective
from labctl.optimize._axes import Floats
from labctl.optimize._domain import Box, Pool
from labctl.optimize._protocol import HOURS_KEY, ID_KEY, ROW_KEY

Status: TypeAlias = Literal["pending", "completed", "failed", "refused"]


@dataclass(frozen=True)
class Trial:
    """One point and what became of it."""

    name: str
    values: Mapping[str, Any]
    code: Floats
    row: int | None
    status: Status
    objectives: Mapping[str, float] = field(default_factory=dict)
    hours: float = math.nan
    """What it cost [lab hours]."""
    asked: Floats | None = None
    """Code of what was asked for; None where only what was done is known."""

    def point(self) -> dict[str, Any]:
        """Return the trial as a point of the protocol."""
        row = {} if self.row is None else {ROW_KEY: self.row}
        hours = {} if math.isnan(self.hours) else {HOURS_KEY: self.hours}
        return {**self.values, **self.objectives, ID_KEY: self.name, **row, **hours}


@dataclass(frozen=True)
class Known:
    """Everything that a suggestion may depend on besides the domain and its trial's seed."""

    codes: Floats
    """Finished trials in the order they finished, shape (n, n_inputs)."""
    gains: Floats
    """Their objectives, larger is better, NaN where the trial failed; shape (n, n_objectives)."""
    pending: Floats
    """Trials on their way in the order they were registered, shape (n_pending, n_inputs)."""
    used_rows: tuple[int, ...]
    """Rows of a pool that were tried or are on their way; as often as they were."""
    hours: Floats
    """What finished trials cost, NaN where that was not told; shape (n,) [lab hours]."""
    pending_rows: tuple[int, ...]
    """Rows of a pool that are on their way."""
    shift: Floats
    """How far what is done is expected to lie from what is asked, in codes, shape (n_inputs,)."""
    failed: Floats
    """Failed trials as they are expected to be done if they are asked for again, shape (n_failed, n_inputs)."""
    refused: Floats
    """Trials that people refused, which nobody makes, as they would have been done, shape (n_refused, n_inputs)."""

    @property
    def is_completed(self) -> NDArray[np.bool_]:
        """Which of the finished trials have an outcome."""
        return ~np.isnan(self.gains[:, 0])

    @property
    def n_trials(self) -> int:
        """How many trials there are, finished or on their way."""
        return len(self.codes) + len(self.pending)

    @property
    def n_chosen(self) -> int:
        """How many recipes were ever chosen, also those that were refused."""
        return self.n_trials + len(self.refused)


class History:
    """The trials of one campaign."""

    def __init__(self, domain: Box | Pool, objectives: Sequence[Objective]) -> None:
        self._domain, self._objectives = domain, tuple(objectives)
        self._trials: dict[str, Trial] = {}
        self._finished: tuple[str, ...] = ()
        self._last = 0

    @property
    def next_name(self) -> str:
        """The trial after the highest there is: ``T0001``, ``T0002``."""
        return f"T{self._last + 1:04d}"

    def known(self) -> Known:
        """Return what is known."""
        finished = [self._trials[name] for name in self._finished]
        pending, failed, refused = (
            [trial for trial in self._trials.values() if trial.status == status]
            for status in ("pending", "failed", "refused")
        )
        shift = self._shift(finished)
        return Known(
            codes=np.array([_done(trial, shift) for trial in finished]).reshape(-1, self._domain.n_inputs),
            gains=np.array([self._gains(trial) for trial in finished]).reshape(-1, len(self._objectives)),
            pending=np.array([_again(trial, shift) for trial in pending]).reshape(-1, self._domain.n_inputs),
            used_rows=tuple(trial.row for trial in self._trials.values() if trial.row is not None),
            hours=np.array([trial.hours for trial in finished]),
            pending_rows=tuple(trial.row for trial in pending if trial.row is not None),
            shift=shift,
            failed=np.array([_again(trial, shift) for trial in failed]).reshape(-1, self._domain.n_inputs),
            refused=np.array([_again(trial, shift) for trial in refused]).reshape(-1, self._domain.n_inputs),
        )

    def _shift(self, finished: Sequence[Trial]) -> Floats:
        """Return how far what is done lies from what is asked: the mean, drawn towards none as by one more trial."""
        moved = [t.code - t.asked for t in finished if t.asked is not None and t.status == "completed"]
        if not moved:
            return np.zeros(self._domain.n_inputs)
        shift: Floats = np.sum(moved, axis=0) / (len(moved) + 1)
        shift[self._domain.is_nominal] = 0.0
        return shift

    def trial(self, name: str) -> Trial | None:
        """Return a trial, or None where there is none of this name."""
        return self._trials.get(name)

    def completed(self) -> list[Trial]:
        """Return the trials that have an outcome, in the order they finished."""
        return [trial for name in self._finished if (trial := self._trials[name]).status == "completed"]

    def add(self, points: Sequence[Mapping[str, Any]], status: Status) -> list[Trial]:
        """Take points in, all or none, and return them as trials.

        Args:
            points: a trial that is on its way need not give its values again; other keys are ignored.
            status: what they are from here on.

        Raises:
            ValueError: a trial is finished already, or a value is missing or has no place in the domain.
        """
        before = dict(self._trials), self._finished, self._last
        try:
            return [self._add(point, status) for point in points]
        except ValueError:
            self._trials, self._finished, self._last = before
            raise

    def _add(self, point: Mapping[str, Any], status: Status) -> Trial:
        name = point.get(ID_KEY, self.next_name)
        if not isinstance(name, str) or not name:
            raise ValueError(f"{ID_KEY} {name!r} must be text")
        earlier = self._trials.get(name)
        if earlier is not None and (earlier.status != "pending" or status == "pending"):
            raise ValueError(f"trial {name} is {earlier.status} already")
        try:
            trial = self._read(name, point, earlier, status)
        except ValueError as error:
            raise ValueError(f"trial {name}: {error}") from error
        self._trials[name] = trial
        if status in ("completed", "failed"):
            self._finished += (name,)
        if number := re.fullmatch(r"T(\d+)", name):
            self._last = max(self._last, int(number[1]))
        return trial

    def _read(self, name: str, point: Mapping[str, Any], earlier: Trial | None, status: Status) -> Trial:
        given = {key: _plain(point[key]) for key in self._domain.names if key in point}
        values, row = {**(earlier.values if earlier else {}), **given}, earlier.row if earlier else None
        if isinstance(self._domain, Pool):
            row = _plain(point.get(ROW_KEY, row))
            row = self._free_row(self._domain, values) if row is None else self._domain.check_row(row)
            values = values if row is None else {**self._domain.values(row), **values}
        objectives = {each.name: _number(point, each.name) for each in self._objectives if status == "completed"}
        code, hours = self._domain.code(values), _hours(point)
        asked = earlier.asked if earlier is not None else code if status in ("pending", "refused") else None
        return Trial(name, values, code, row, status, objectives, hours, asked)

    def _free_row(self, pool: Pool, values: Mapping[str, Any]) -> int | None:
        used = {trial.row for trial in self._trials.values()}
        return next((row for row in pool.rows_of(values) if row not in used), None)

    def _gains(self, trial: Trial) -> list[float]:
        if trial.status == "failed":
            return [math.nan] * len(self._objectives)
        return [each.gain(trial.objectives[each.name]) for each in self._objectives]


def _again(trial: Trial, shift: Floats) -> Floats:
    """Return the code of what is expected to be done when a trial is made, or made again."""
    return trial.code if trial.asked is None else trial.asked + shift


def _done(trial: Trial, shift: Floats) -> Floats:
    """Return the code of what was done; of an input of which only what was asked is known, what is expected of it."""
    return trial.code if trial.asked is None else np.where(trial.code == trial.asked, trial.code + shift, trial.code)


def _plain(value: Any) -> Any:  # a number as numpy holds it becomes one that JSON can hold
    return value.item() if isinstance(value, np.generic) else value


def _hours(point: Mapping[str, Any]) -> float:
    hours = _plain(point.get(HOURS_KEY, math.nan))
    if not isinstance(hours, float | int) or isinstance(hours, bool) or hours <= 0 or math.isinf(hours):
        raise ValueError(f"{HOURS_KEY} is {hours!r}, not a number above 0")
    return float(hours)


def _number(point: Mapping[str, Any], name: str) -> float:
    value = _plain(point.get(name))
    if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"objective {name} is {value!r}, not a finite number")
    return float(value)
