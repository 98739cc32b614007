"""An adviser: OR-Tools CP-SAT looks for a plan that is better than the greedy one."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

from labctl.dispatch._advised import Advice, Advised, PlannedLoad
from labctl.dispatch._forecast import Forecast, Prospect, Span
from labctl.dispatch._greedy import Greedy
from labctl.dispatch._line import Line
from labctl.dispatch._traveller import LoadKey, Traveller
from labctl.errors import LabError
from labctl.recipes import Operation

EFFORT = 2.0
"""Of the solver, in its own deterministic seconds: the same plan on every machine."""
MOST_OPERATIONS = 1000
"""With more operations ahead no plan is looked for: the line itself would have to be played through for minutes."""
_SOLVER_LIMIT_S = 60.0
"""Real time after which the solver ends with the best it has; its effort is spent long before [s]."""
_SEED = 1


def advise(line: Line, effort: float = EFFORT) -> Advice | None:
    """Return a plan with which the line is done sooner than with `Greedy`, or None where none was found.

    The work is bounded: by the solver's effort, and by `MOST_OPERATIONS`.

    First the greedy rules are tried with loads of other sizes. From the best of these plans CP-SAT goes on. What it
    finds is played through on a copy of the line with the rules that hold for the line itself: advice that is not
    better there is not given.

    Args:
        line: only copied; it may be at any point of its work.
        effort: how long the solver may search, in deterministic seconds; none at all with 0.

    Raises:
        LabError: OR-Tools is not installed.
    """
    if sum(len(traveller.operations) - traveller.index for traveller in line.travellers) > MOST_OPERATIONS:
        return None
    greedy = Forecast(line, Greedy()).run()
    if not greedy.spans:
        return None
    best, best_loads = greedy, _loads_of(greedy, line.now)
    for fill in _fills(line):
        other = Forecast(line, Greedy(fill)).run()
        if _score(other) < _score(best):
            best, best_loads = other, _loads_of(other, line.now)
    loads = _Search(line, best).loads(effort) if effort else ()
    found = [(_score(played), played, each) for each in (best_loads, loads) if each for played in [_played(line, each)]]
    score, advised, chosen = min(found, key=lambda each: each[0])
    return Advice(chosen, advised.makespan, greedy.makespan) if score < _score(greedy) else None


def _played(line: Line, loads: tuple[PlannedLoad, ...]) -> Prospect:
    """Return what comes of following a plan."""
    return Forecast(line, Advised(Advice(loads, 0.0, 0.0))).run()


def _fills(line: Line) -> list[int]:
    """Return the sizes of loads that are tried."""
    most = max((port.station.places for port in line.ports.values()), default=1)
    return sorted({1, 2, 3, most // 2, most - 1} & set(range(1, most)))


def _loads_of(prospect: Prospect, now: float) -> tuple[PlannedLoad, ...]:
    """Return the loads that a forecast begins from now on."""
    return tuple(
        PlannedLoad(span.station, tuple(zip(span.samples, span.names, strict=True)), span.begin)
        for span in sorted(prospect.spans, key=lambda span: (span.begin, span.station))
        if span.begin >= now
    )


def _score(prospect: Prospect) -> tuple[int, float]:
    """Return what is to be small: samples lost, time until the last one ends."""
    return len(prospect.lost), prospect.makespan


@dataclass
class _Load:
    """A load that a station with several places may have."""

    station: str
    begin: Any  # variables of the model, which carry no types
    end: Any
    key: LoadKey
    hinted: Span | None
    members: list[tuple[Any, str, Operation]] = field(default_factory=list)
    """Literal of each sample that may be in it."""


class _Search:
    """One model: every operation that is still to be begun, on the stations that can do it.

    Stations with one place have the operations themselves as intervals, with the moves in and out; stations with
    several have loads, of which those of the greedy plan and one more of each programme may be used. The mover is left
    out: a minute here or there is found when the plan is played through.
    """

    def __init__(self, line: Line, greedy: Prospect) -> None:
        try:
            from ortools.sat.python import cp_model
        except ImportError as error:
            raise LabError("an adviser needs OR-Tools: pip install 'labctl[schedule]'") from error
        self._cp, self._line = cp_model, line
        self._model = cp_model.CpModel()
        self._now = math.floor(line.now)
        self._horizon = math.ceil(greedy.makespan) - self._now
        self._move = round(line.move_s)
        self._travellers = {t.sample: t for t in line.travellers}
        self._planned = {
            (sample, name): span
            for span in greedy.spans
            if span.begin >= line.now
            for sample, name in zip(span.samples, span.names, strict=True)
        }
        self._intervals: dict[str, list[Any]] = {name: self._occupied(name) for name in line.ports}
        self._singles: list[tuple[Any, str, Any, str, str]] = []
        self._loads = self._possible_loads()
        self._makespan = self._model.new_int_var(0, self._horizon, "makespan")
        for traveller in line.travellers:
            self._chain(traveller)
        self._close_loads()
        for intervals in self._intervals.values():
            self._model.add_no_overlap(intervals)
        self._model.minimize(self._makespan)

    def loads(self, effort: float) -> tuple[PlannedLoad, ...]:
        """Return the loads of the best plan that was found, in the order in which they begin."""
        solver = self._cp.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = _SEED
        solver.parameters.max_deterministic_time = effort
        solver.parameters.max_time_in_seconds = _SOLVER_LIMIT_S
        if solver.solve(self._model) not in (self._cp.OPTIMAL, self._cp.FEASIBLE):
            return ()
        found = [
            PlannedLoad(station, ((sample, name),), self._now + float(solver.value(begin)))
            for literal, station, begin, sample, name in self._singles
            if solver.boolean_value(literal)
        ]
        for load in self._loads:
            members = tuple((s, o.name) for literal, s, o in load.members if solver.boolean_value(literal))
            if members:
                found.append(PlannedLoad(load.station, members, self._now + float(solver.value(load.begin))))
        return tuple(sorted(found, key=lambda load: (load.begin, load.station)))

    # The model.

    def _variable(self) -> Any:
        return self._model.new_int_var(0, self._horizon, "")

    def _occupied(self, name: str) -> list[Any]:
        """Return the time for which a station is not free yet."""
        port, line = self._line.ports[name], self._line
        if port.state in ("free", "quarantined"):
            return []
        _, until = self._end(name)
        free_at = round(until - line.now) + len(port.load) * self._move
        return [self._model.new_fixed_size_interval_var(0, min(free_at, self._horizon), "")]

    def _end(self, name: str) -> tuple[Operation | None, float]:
        """Return what a station does and when that ends [s of lab time]."""
        port, line = self._line.ports[name], self._line
        operation = port.load[0].next_operation if port.load else None
        if port.state == "busy" or operation is None:
            return operation, max(line.now, port.until if port.state == "busy" else line.now)
        lasts_s = line.durations.expected_s(port.station, operation)
        return operation, line.now + len(port.load) * line.move_s + lasts_s

    def _possible_loads(self) -> list[_Load]:
        loads: list[_Load] = []
        spans = {id(span): (sample, name, span) for (sample, name), span in self._planned.items()}
        spare: set[tuple[str, LoadKey]] = set()
        for sample, name, span in spans.values():
            if self._line.ports[span.station].station.places > 1:
                traveller = self._travellers[sample]
                key = traveller.load_key(next(o for o in traveller.operations if o.name == name))
                spare.add((span.station, key))
                loads.append(self._load(span.station, key, span))
        loads += [self._load(station, key, None) for station, key in sorted(spare, key=repr)]
        return loads

    def _load(self, station: str, key: LoadKey, span: Span | None) -> _Load:
        begin = self._variable()
        if span is not None:
            self._model.add_hint(begin, round(span.begin - self._now))
        return _Load(station, begin, self._variable(), key, span)

    def _chain(self, traveller: Traveller) -> None:
        """Let a sample's operations come one after another, with a move before each."""
        line, model = self._line, self._model
        first, before = traveller.index, 0
        for name, port in line.ports.items():
            if traveller in port.load and port.state in ("busy", "loading", "changing", "retrying"):
                first, before = traveller.index + 1, round(self._end(name)[1] - line.now)
        ahead = [] if traveller.aside else traveller.operations[first:]
        end: Any = before
        for operation in ahead:
            begin, after = self._variable(), end
            end = self._variable()
            timing = operation.timing
            model.add(begin >= after + max(self._move, round(timing.begin_after)))
            if timing.begin_within is not None:
                model.add(begin <= after + math.floor(timing.begin_within))
            if (planned := self._planned.get((traveller.sample, operation.name))) is not None:
                model.add_hint(begin, round(planned.begin - self._now))
            literals = self._somewhere(traveller, operation, begin, end, planned)
            model.add_exactly_one(literals)
        if ahead:
            model.add(self._makespan >= end + self._move)

    def _somewhere(
        self, traveller: Traveller, operation: Operation, begin: Any, end: Any, planned: Span | None
    ) -> list[Any]:
        """Let an operation be done on one of the stations that can; return a literal for each way."""
        model, line, literals = self._model, self._line, []
        for name in line.able(operation):
            port = line.ports.get(name)
            if port is None or port.reason:
                continue
            lasts = round(line.durations.expected_s(port.station, operation))
            if port.station.places > 1:
                continue
            literal = model.new_bool_var("")
            model.add(end == begin + lasts).only_enforce_if(literal)
            interval = model.new_optional_interval_var(
                begin - self._move, lasts + 2 * self._move, begin + lasts + self._move, literal, ""
            )
            self._intervals[name].append(interval)
            self._singles.append((literal, name, begin, traveller.sample, operation.name))
            model.add_hint(literal, planned is not None and planned.station == name)
            literals.append(literal)
        for load in self._loads:
            if load.key == traveller.load_key(operation):
                literal = model.new_bool_var("")
                model.add(begin == load.begin).only_enforce_if(literal)
                model.add(end == load.end).only_enforce_if(literal)
                load.members.append((literal, traveller.sample, operation))
                model.add_hint(literal, planned is not None and load.hinted is planned)
                literals.append(literal)
        return literals

    def _close_loads(self) -> None:
        """Let a load last as long as its operation, with its samples carried in and out around it."""
        model, line = self._model, self._line
        for load in self._loads:
            station = line.ports[load.station].station
            if not load.members:
                continue
            lasts = round(line.durations.expected_s(station, load.members[0][2]))
            literals = [literal for literal, _, _ in load.members]
            used = model.new_bool_var("")
            model.add_max_equality(used, literals)
            n = sum(literals)
            model.add(n <= station.places)
            model.add(load.end == load.begin + lasts)
            out = model.new_int_var(0, self._horizon + station.places * self._move, "")
            size = model.new_int_var(0, lasts + (station.places + 1) * self._move, "")
            model.add(out == load.end + n * self._move)
            self._intervals[load.station].append(
                model.new_optional_interval_var(load.begin - self._move, size, out, used, "")
            )
        for one, other in itertools.pairwise(self._loads):
            if (one.station, one.key) == (other.station, other.key):
                model.add(one.begin <= other.begin)
