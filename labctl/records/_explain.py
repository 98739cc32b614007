"""Which recorded quantities explain a property of samples, how strongly, and where the data cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from labctl.errors import FileError, LabError, Problem
from labctl.records._influences import Influence, influences, signal_of
from labctl.records._measured import Measured, measured
from labctl.records._mixed_model import SmoothModel

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Verdict: TypeAlias = Literal["explains", "one of several", "perhaps", "not seen", "cannot tell"]
LEVEL = 0.05
"""Chance that anything at all is named although nothing matters."""
_PERHAPS = 0.25
_FEWEST = 12
_FEWEST_PER_SET = 4
_LOG_FROM = 1.6
"""A positive property whose largest value is so many times its smallest is looked at as its logarithm."""
_RIVAL = 2.0
"""Two quantities fit alike when the logarithms of their likelihoods differ by less."""
_MOST_STATISTICS = 4
_ALIKE = 0.5
"""Correlation, given everything else, from which two quantities may stand for each other."""
_TOGETHER = 0.9
"""Correlation from which two quantities that were set, or one and what became of it, cannot be parted."""
_MOST = 12
_LOW, _HIGH = 10.0, 90.0
_CURVE = 41
_TELLING = ("asked", "wear", "ambient", "substrate", "fittings")
"""Groups of which it is told that a quantity does not vary."""


@dataclass(frozen=True)
class Curve:
    """How a property depends on a quantity, the others staying as they are for each sample."""

    at: Array
    """(n,) The quantity [its unit]."""
    effect: Array
    """(n,) Change of the property against its mean [unit of effects]."""
    low: Array
    """(n,) Lower end of the interval of 95 %."""
    high: Array
    points: Array
    """(n_samples,) What each sample has besides the effects of the other quantities [unit of effects]."""


@dataclass(frozen=True)
class Finding:
    """What the records say of one quantity."""

    quantity: str
    unit: str
    verdict: Verdict
    reason: str = ""
    """Why the data cannot tell."""
    effect: float = float("nan")
    """Change of the property when the quantity goes from `begin` to `end` [unit of effects]."""
    low: float = float("nan")
    """Lower end of the interval of 95 %."""
    high: float = float("nan")
    begin: float = float("nan")
    """Quantity that one sample of ten is below [unit]."""
    end: float = float("nan")
    """Quantity that one sample of ten is above [unit]."""
    p: float = float("nan")
    """Chance of so strong a relation of any quantity, if none mattered."""
    kin: tuple[str, ...] = ()
    """Facts that say the same."""
    rivals: tuple[str, ...] = ()
    """Quantities that explain the property as well in its place."""
    values: Array = field(default_factory=lambda: np.empty(0), repr=False)
    """(n_samples,) [unit]."""
    curve: Curve | None = field(default=None, repr=False)

    @property
    def is_set(self) -> bool:
        """Whether it is a parameter of the recipe."""
        return self.quantity.startswith("asked.")


@dataclass(frozen=True)
class Explanation:
    """What explains a property, as far as the records can tell."""

    objective: str
    """Key of the property."""
    unit: str
    samples: tuple[str, ...]
    values: Array = field(repr=False)
    """(n_samples,) The property [unit]."""
    effect_unit: str
    """Of effects: that of the property, or ``%`` where it spans so much that its logarithm was explained."""
    findings: tuple[Finding, ...]
    unexplained: float
    """Standard deviation of what is left [unit of effects]."""
    spread: float
    """Standard deviation of the property [unit of effects]."""
    warnings: tuple[str, ...]
    left_out: tuple[str, ...]
    """Why samples were not used."""

    def of(self, *verdicts: Verdict) -> tuple[Finding, ...]:
        """Return the findings with one of these verdicts."""
        return tuple(finding for finding in self.findings if finding.verdict in verdicts)

    @property
    def table(self) -> pd.DataFrame:
        """Return the findings as a table; units of quantities are a column, that of effects is in ``attrs``."""
        import pandas as pd

        rows = [
            {
                "quantity": one.quantity,
                "verdict": one.verdict,
                "effect": one.effect,
                "low": one.low,
                "high": one.high,
                "begin": one.begin,
                "end": one.end,
                "unit": one.unit,
                "p": one.p,
                "told": "; ".join((*((one.reason,) if one.reason else ()), *one.rivals)),
                "kin": "; ".join(one.kin),
            }
            for one in self.findings
        ]
        names = ("quantity", "verdict", "effect", "low", "high", "begin", "end", "unit", "p", "told", "kin")
        table = pd.DataFrame(rows, columns=list(names))
        table.attrs["units"] = dict.fromkeys(("effect", "low", "high"), self.effect_unit)
        return table


def explain(
    directories: Path | str | Sequence[Path | str],
    objective: str,
    query: str = "",
    *,
    quality: str = "good",
    also: pd.DataFrame | None = None,
    seed: int = 1,
) -> Explanation:
    """Find the recorded quantities that explain a property, with those that nobody set.

    The set parameters of the recipe come first, as an unknown smooth function (a Gaussian process). Every other
    recorded quantity is then tested on top of it; the strongest is taken into the function where chance alone would
    hardly give so strong a relation to any of them, and so on. What is measured with the property, or after it, is left
    out. docs/how-to/find-what-matters.md says more.

    Args:
        directories: of stores; stations of the same name are the same in all of them.
        objective: key of a fact that is a number, such as ``result.resistance.sheet_resistance``, or its last part.
        query: which samples, in the language of `search`.
        quality: the worst that a sample's runs may have: ``good``, ``suspect`` or ``bad``.
        also: more quantities, which labctl did not record: an index of samples' names, units in ``attrs["units"]``.
        seed: of the shuffles.

    Raises:
        FileError: the objective or the query is wrong, or there are too few samples, or the property does not vary.
        StoreError: a directory is no store.
        LabError: scikit-learn is not installed.
    """
    _require_library()
    folders = [directories] if isinstance(directories, Path | str) else list(directories)
    found = measured([Path(folder) for folder in folders], objective, query, quality=quality, also=also)
    return _Search(found, np.random.default_rng(seed)).explanation()


def _require_library() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise LabError("labctl records explain needs scikit-learn: pip install 'labctl[explain]'") from error


class _Search:
    """Finds what explains a property, one quantity after the other."""

    def __init__(self, found: Measured, rng: np.random.Generator) -> None:
        self.found, self.rng = found, rng
        self.influences, self.cannot = influences(found) if len(found.samples) else ([], {})
        self._refuse()
        self.is_log = float(found.values.min()) > 0 and found.values.max() >= _LOG_FROM * found.values.min()
        property_ = np.log(found.values) if self.is_log else found.values
        self.scale = float(property_.std())
        self.y = (property_ - property_.mean()) / self.scale
        self.x = np.array([one.standard for one in self.influences]).reshape(-1, len(self.y)).T
        self.set = [k for k, one in enumerate(self.influences) if one.is_set]
        self._models: dict[tuple[int, ...], SmoothModel] = {}

    def _refuse(self) -> None:
        """Raise the error that nothing can be found out at all."""
        values, told = self.found.values, ", ".join(f"{n} {why}" for why, n in self.found.left_out.items())
        n_set = sum(one.is_set for one in self.influences)
        fewest = max(_FEWEST, _FEWEST_PER_SET * n_set)
        if len(values) < fewest:
            varied = f", for {n_set} parameters that were varied" if n_set else ""
            left_out = f" (left out: {told})" if told else ""
            text = f"{len(values)} samples have it{left_out}; at least {fewest} are needed{varied}"
        elif np.ptp(values) <= 1e-9 * np.abs(values).max():
            text = f"it is {values[0]:g} {self.found.unit}".rstrip() + " for all samples: there is nothing to explain"
        else:
            return
        raise FileError("objective", [Problem(self.found.key, text)])

    def explanation(self) -> Explanation:
        chosen = self._chosen()
        model = self._model(chosen)
        findings = [self._chosen_finding(k, chosen, model) for k in chosen]
        findings += self._others(chosen, model)
        findings += [
            Finding(key, self.found.units.get(key, ""), "cannot tell", reason)
            for key, reason in self.cannot.items()
            if key.partition(".")[0] in _TELLING
        ]
        order = ("explains", "one of several", "perhaps", "not seen", "cannot tell")
        findings.sort(key=lambda one: (order.index(one.verdict), -abs(np.nan_to_num(one.effect)), one.quantity))
        left = self._effect(model.noise * self.scale)
        warnings = self._warnings(model, findings, chosen)
        told = tuple(f"{n} {why}" for why, n in self.found.left_out.items())
        unit = "%" if self.is_log else self.found.unit
        return Explanation(
            self.found.key,
            self.found.unit,
            self.found.samples,
            self.found.values,
            unit,
            tuple(findings),
            left,
            self._effect(self.scale),
            tuple(warnings),
            told,
        )

    def _model(self, chosen: Sequence[int]) -> SmoothModel:
        key = tuple(chosen)
        if key not in self._models:
            self._models[key] = SmoothModel(self.x[:, list(chosen)], self.y)
        return self._models[key]

    def _rest(self, chosen: Sequence[int]) -> list[int]:
        return [k for k in range(len(self.influences)) if k not in chosen]

    def _chosen(self) -> list[int]:
        """Return the recipe's parameters, and the quantities that explain the property besides."""
        chosen, tried = self._extended(list(self.set)), set[frozenset[int]]()
        while frozenset(chosen) not in tried:
            tried.add(frozenset(chosen))
            chosen = self._extended(self._corrected(chosen))
        return chosen

    def _extended(self, chosen: list[int]) -> list[int]:
        """Return what is chosen with whatever explains the property besides, the strongest first."""
        while (rest := self._rest(chosen)) and len(chosen) < len(self.set) + _MOST:
            model = self._model(chosen)
            tested = model.test(self.x[:, rest], self.rng)
            best = int(np.argmax(np.abs(tested.t)))
            if tested.p[best] > LEVEL:
                break
            chosen = [*chosen, self._named(chosen, rest, min(best, *self._like(model, rest, best)))]
        return chosen

    def _named(self, chosen: Sequence[int], rest: Sequence[int], found: int) -> int:
        """Return the statistic of a signal that makes the best model: overshoot and highest value say much the same."""
        model, signal = self._model(chosen), signal_of(self.influences[rest[found]].name)
        columns = self.x[:, list(rest)]
        fits, unforeseen = model.fit_of(columns), model.unforeseen(columns)
        alike = np.abs(unforeseen.T @ unforeseen[:, found]) >= _TOGETHER
        same = [at for at, k in enumerate(rest) if alike[at] and signal_of(self.influences[k].name) == signal]
        if len(same) < 2:
            return rest[found]
        best = sorted(sorted(same, key=lambda at: -fits[at])[:_MOST_STATISTICS])
        evidence = {rest[at]: self._model([*chosen, rest[at]]).evidence for at in best}
        return next(k for k, value in evidence.items() if value >= max(evidence.values()) - _RIVAL)

    def _corrected(self, chosen: list[int]) -> list[int]:
        """Return what is chosen without what is not needed, or fits worse than another, given the others."""
        signals = np.array([signal_of(one.name) for one in self.influences])
        for k in [k for k in chosen if k not in self.set]:
            others = [other for other in chosen if other != k]
            rest = [k, *self._rest(chosen)]
            model = self._model(others)
            fits = model.fit_of(self.x[:, rest])
            fits[1:][signals[rest[1:]] == signals[k]] = -np.inf  # `_named` has looked at them
            if model.test(self.x[:, rest], self.rng).p[0] > LEVEL:
                chosen = others
            elif (best := int(np.argmax(fits))) and fits[best] > fits[0] + _RIVAL:
                chosen = [*others, self._named(others, rest, min(best, *self._like(model, rest, best)))]
        return chosen

    def _like(self, model: SmoothModel, rest: Sequence[int], best: int) -> list[int]:
        """Return which of the rest, by place, stand for one of them: they say much the same and fit as well."""
        columns = self.x[:, list(rest)]
        fits, unforeseen = model.fit_of(columns), model.unforeseen(columns)
        alike = np.abs(unforeseen.T @ unforeseen[:, best])
        return [int(at) for at in np.flatnonzero((fits >= fits[best] - _RIVAL) & (alike >= _ALIKE))]

    def _chosen_finding(self, k: int, chosen: Sequence[int], model: SmoothModel) -> Finding:
        others = [other for other in chosen if other != k]
        rest = [k, *self._rest(chosen)]
        without = self._model(others)
        tested = without.test(self.x[:, rest], self.rng)
        one, p = self.influences[k], float(tested.p[0])
        curve, change, error = self._curve(k, chosen, model)
        finding = replace(self._finding(one, "explains", p, change, 1.96 * error), curve=curve)
        if p > LEVEL:
            near = [o for o in others if abs(float(np.mean(self.x[:, o] * self.x[:, k]))) >= _TOGETHER]
            if near:
                return replace(finding, verdict="one of several", rivals=tuple(self.influences[o].name for o in near))
            return replace(finding, verdict="perhaps" if p <= _PERHAPS else "not seen")
        if one.is_set:
            return finding
        like = [self.influences[rest[at]].name for at in self._like(without, rest, 0) if at != 0]
        rivals = tuple(name for name in like if signal_of(name) != signal_of(one.name))
        kin = (*one.kin, *(name for name in like if name not in rivals))
        return replace(finding, verdict="one of several" if rivals else "explains", rivals=rivals, kin=kin)

    def _others(self, chosen: Sequence[int], model: SmoothModel) -> list[Finding]:
        rest = self._rest(chosen)
        if not rest:
            return []
        tested = model.test(self.x[:, rest], self.rng)
        found = []
        for at, k in enumerate(rest):
            one = self.influences[k]
            slope, error = model.slope(self.x[:, k])
            span = self._span(one)
            verdict: Verdict = "perhaps" if tested.p[at] <= _PERHAPS else "not seen"
            if error * span * self.scale > self.scale:
                reason = "varies only together with what explains the property"
                found.append(Finding(one.name, one.unit, "cannot tell", reason, kin=one.kin, values=one.values))
                continue
            found.append(self._finding(one, verdict, float(tested.p[at]), slope * span, 1.96 * error * span))
        return found

    def _finding(self, one: Influence, verdict: Verdict, p: float, change: float, half: float) -> Finding:
        begin, end = (0.0, 1.0) if one.is_either else map(float, np.percentile(one.values, [_LOW, _HIGH]))
        if one.is_either:
            begin, end = float(one.values.min()), float(one.values.max())
        ends = [self._effect(self.scale * value) for value in (change, change - half, change + half)]
        return Finding(
            one.name,
            one.unit,
            verdict,
            effect=ends[0],
            low=min(ends[1:]),
            high=max(ends[1:]),
            begin=begin,
            end=end,
            p=p,
            kin=one.kin,
            values=one.values,
        )

    def _span(self, one: Influence) -> float:
        if one.is_either:
            return float(np.ptp(one.standard))
        low, high = np.percentile(one.standard, [_LOW, _HIGH])
        return float(high - low)

    def _curve(self, k: int, chosen: Sequence[int], model: SmoothModel) -> tuple[Curve, float, float]:
        """Return the dependence on a quantity, and the change from its low to its high value with its error."""
        one = self.influences[k]
        standard = one.standard
        low, high = (standard.min(), standard.max()) if one.is_either else np.percentile(standard, [_LOW, _HIGH])
        grid = np.linspace(standard.min(), standard.max(), _CURVE)
        at = np.concatenate([[low, high], grid])
        mean, covariance = model.dependence(list(chosen).index(k), at)
        change = float(mean[1] - mean[0])
        error = float(np.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0)))
        centre = np.interp(standard, grid, mean[2:]).mean()
        effect, half = mean[2:] - centre, 1.96 * np.sqrt(np.maximum(np.diag(covariance)[2:], 0.0))
        points = np.interp(standard, grid, effect) + model.residuals
        raw = np.interp(grid, np.sort(standard), np.sort(one.values))
        told = [self._effects(values) for values in (effect, effect - half, effect + half, points)]
        return Curve(raw, *told), change, error

    def _effects(self, values: Array) -> Array:
        return 100.0 * np.expm1(self.scale * values) if self.is_log else self.scale * values

    def _effect(self, value: float) -> float:
        return 100.0 * float(np.expm1(value)) if self.is_log else float(value)

    def _warnings(self, model: SmoothModel, findings: Sequence[Finding], chosen: Sequence[int]) -> list[str]:
        found = []
        unit = "%" if self.is_log else self.found.unit
        n, n_set = len(self.y), len(self.set)
        unseen = [max(abs(f.low), abs(f.high)) for f in findings if f.verdict == "not seen" and not f.is_set]
        if unseen:
            found.append(
                f"{n} samples: what is not seen may still change the property by {np.median(unseen):.2g} {unit}, "
                "between its low and its high value"
            )
        p = model.drift(self.found_times(), self.rng)
        if p <= LEVEL:
            found.append(
                "what is left drifts with time: something that was not recorded matters too, and slow quantities are "
                "less certain than they look"
            )
        for a in range(n_set):
            for b in range(a):
                first, second = self.influences[self.set[a]], self.influences[self.set[b]]
                if abs(float(np.mean(first.standard * second.standard))) >= _TOGETHER:
                    found.append(
                        f"{second.name} and {first.name} were changed together: their effects cannot be parted"
                    )
        return found

    def found_times(self) -> Array:
        """Return (n_samples,) when each sample was begun [s], or their order."""
        told = self.found.columns.get("time")
        if told is None or any(value is None for value in told):
            return np.arange(len(self.y), dtype=float)
        return np.array(told, np.float64)


__all__ = ["Curve", "Explanation", "Finding", "Verdict", "explain"]
