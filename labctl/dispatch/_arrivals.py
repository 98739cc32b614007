"""When samples will come to an operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.dispatch._traveller import LoadKey, Traveller

if TYPE_CHECKING:
    from labctl.dispatch._line import Line

_AHEAD = 3
"""So many operations are looked ahead; what lies behind them comes too late to be waited for."""


class Arrivals:
    """Estimates, for each kind of load, when samples that are under way will wait for it.

    Samples that wait for the same operation go one after another over the stations that can do it; queues farther ahead
    are not looked at.

    Args:
        line: only looked at.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._times: dict[LoadKey, list[float]] = {}
        self._servers: dict[tuple[str, ...], list[float]] = {}
        inside = {t: port for port in line.ports.values() for t in port.load if port.state not in ("unloading",)}
        for traveller in sorted(line.travellers, key=lambda t: (-t.index, t.waiting_since)):
            port = inside.get(traveller)
            if port is not None and port.state == "busy":
                self._note(traveller, traveller.index + 1, max(line.now, port.until) + line.move_s)
            elif port is not None:
                operation = traveller.next_operation
                if operation is not None:
                    lasts_s = line.durations.expected_s(port.station, operation) + line.move_s
                    begin = line.now + len(port.load) * line.move_s
                    self._note(traveller, traveller.index + 1, begin + lasts_s)
            elif traveller.status == "waiting":
                self._queue(traveller)
        for times in self._times.values():
            times.sort()

    def of(self, key: LoadKey) -> list[float]:
        """Return the lab times [s] at which samples will come, in order."""
        return self._times.get(key, [])

    def _queue(self, traveller: Traveller) -> None:
        """Put a sample that waits into the queue for its next operation."""
        line, operation = self._line, traveller.next_operation
        if operation is None:
            return
        able = tuple(name for name in line.able(operation) if name in line.ports and not line.ports[name].reason)
        if not able:
            return
        if able not in self._servers:
            self._servers[able] = [
                line.now if line.ports[name].state == "free" else max(line.now, line.ports[name].until) for name in able
            ]
        free = self._servers[able]
        first = min(range(len(able)), key=free.__getitem__)
        station = line.ports[able[first]].station
        lasts_s = line.durations.expected_s(station, operation)
        free[first] += (lasts_s + 2 * line.move_s) / station.places
        self._note(traveller, traveller.index + 1, free[first] + lasts_s * (1 - 1 / station.places))

    def _note(self, traveller: Traveller, index: int, time: float) -> None:
        line = self._line
        for operation in traveller.operations[index : index + _AHEAD]:
            self._times.setdefault(traveller.load_key(operation), []).append(time)
            able = line.able(operation)
            if not able or able[0] not in line.ports:
                return
            time += line.durations.expected_s(line.ports[able[0]].station, operation) + line.move_s
