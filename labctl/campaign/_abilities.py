"""Whether the stations of a laboratory can do whatever a campaign may ask for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from labctl.campaign._findings import Findings
from labctl.campaign._space import Varied
from labctl.lab import Limits
from labctl.recipes import Operation
from labctl.trials import Candidates, Continuous


def check_abilities(
    operations: Sequence[Operation],
    varied: Varied,
    able: Mapping[str, Mapping[str, Limits]],
    findings: Findings,
    paths: Mapping[str, Path],
) -> None:
    """Check that for every operation, whatever the campaign varies, there is a station whose devices allow it.

    Args:
        operations: of the recipe, as far as they are right.
        varied: what the campaign varies.
        able: limits of the stations that offer a kind of operation, by kind and station.
        findings: takes the problems.
        paths: of the files ``campaign`` and ``recipe``.
    """
    for index, operation in enumerate(operations):
        where = f"operations[{index}]"
        if not operation.kind:
            continue
        stations = able.get(operation.kind, {})
        if not stations:
            text = f"no station offers {operation.kind!r}; the lab offers: {', '.join(sorted(able)) or 'nothing'}"
            findings.tell(paths["recipe"], f"{where}.operation", text)
            continue
        impossible = False
        for parameter, value in operation.parameters.items():
            tried = varied.tried.get((operation.name, parameter))
            path = paths["recipe"] if tried is None else paths["campaign"]
            for place, one in [(f"{where}.{parameter}", value)] if tried is None else tried:
                reasons = _refusals(stations, {parameter: one})
                if all(reasons):
                    impossible = True
                    findings.tell(path, place, "; ".join(reasons))
        if len(stations) > 1 and varied.space is not None and not impossible:
            _check_together(operation, where, varied, stations, findings, paths)


def _check_together(
    operation: Operation,
    where: str,
    varied: Varied,
    stations: Mapping[str, Limits],
    findings: Findings,
    paths: Mapping[str, Path],
) -> None:
    """Check that no combination of values, each of which some station allows, is refused by all of them."""
    for combination in _combinations(operation, varied, stations):
        reasons = _refusals(stations, combination)
        if all(reasons):
            is_varied = any(name == operation.name for name, _ in varied.fields.values())
            path, place = (paths["campaign"], "space") if is_varied else (paths["recipe"], where)
            findings.tell(
                path, place, f"no station allows these values of {operation.name} together: {'; '.join(reasons)}"
            )
            return


def _refusals(stations: Mapping[str, Limits], parameters: Mapping[str, object]) -> list[str]:
    """Return why each station refuses; an empty text for one that does not."""
    return [
        next(
            (text for name, value in parameters.items() if name in limits and (text := limits[name].refusal(value))), ""
        )
        for limits in stations.values()
    ]


def _combinations(
    operation: Operation, varied: Varied, stations: Mapping[str, Limits]
) -> Iterable[Mapping[str, object]]:
    """Return every combination of values that stations may judge differently."""
    names = {parameter: name for name, (of, parameter) in varied.fields.items() if of == operation.name}
    limited = {
        p: value for p, value in operation.parameters.items() if any(p in limits for limits in stations.values())
    }
    if isinstance(varied.space, Candidates):
        columns = {parameter: name for parameter, name in names.items() if parameter in limited}
        return [limited | {p: row[name] for p, name in columns.items()} for row in varied.space.rows]
    free = {parameter.name: parameter for parameter in varied.space.parameters} if varied.space is not None else {}
    axes = []
    for parameter, value in limited.items():
        values = [one for _, one in varied.tried.get((operation.name, parameter), [("", value)])]
        chosen = free.get(names.get(parameter, ""))
        if isinstance(chosen, Continuous):
            edges = [edge for limits in stations.values() if parameter in limits for edge in limits[parameter].span]
            values += _between(chosen.low, chosen.high, edges)
        axes.append(values)
    return (dict(zip(limited, values, strict=True)) for values in itertools.product(*axes))


def _between(low: float, high: float, edges: Iterable[float]) -> list[float]:
    """Return a value from each part into which edges cut a range."""
    cuts = sorted({low, high, *(edge for edge in edges if low < edge < high)})
    return [(left + right) / 2 for left, right in itertools.pairwise(cuts)]
