"""What the runs of a whole laboratory tell about each place in it."""

from __future__ import annotations

from collections.abc import Sequence

from sim_devices.plant.film import Film
from sim_devices.plant.furnace import STEP_S, keep_in_tube
from sim_devices.plant.line import AIR_STEP_S, stand_in_air
from sim_devices.replay._air import RoomAir
from sim_devices.replay._anneal import anneal_checks
from sim_devices.replay._check import Check
from sim_devices.replay._recording import Recording
from sim_devices.replay._sputter import energy_kWh
from sim_devices.replay._sputter_checks import sputter_checks
from sim_devices.replay._wall import FurnaceWall


class Laboratory:
    """The room's air, the furnaces' walls and the wear of the targets, by the documents of every run.

    Args:
        recordings: every run, in the order of time.

    Raises:
        CannotReplay: the room, a power or a temperature was not recorded.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self.air = RoomAir(recordings)
        self._spent_kWh: dict[str, float] = {}
        spent: dict[str, float] = {}
        for run in (r for r in recordings if r.kind == "sputter"):
            self._spent_kWh[run.name] = spent.get(run.station, 0.0)
            spent[run.station] = self._spent_kWh[run.name] + energy_kWh(run)
        self._chambers = frozenset(spent)
        anneals: dict[str, list[Recording]] = {}
        for run in (r for r in recordings if r.kind == "anneal"):
            anneals.setdefault(run.station, []).append(run)
        self._anneals = anneals
        self._walls = {station: FurnaceWall(runs, self.air) for station, runs in anneals.items()}

    def target_used_kWh(self, run: Recording) -> float:
        """Return the wear of a sputter station's target at the beginning of a run [kWh].

        Raises:
            CannotReplay: the fittings do not tell how worn it was when recording began.
        """
        return run.fitted("target_used") + self._spent_kWh[run.name]

    def checks(self, run: Recording) -> list[Check]:
        """Compare every process quantity of a run, and its readings of the room, with what the others predict.

        Raises:
            CannotReplay: a quantity is missing.
        """
        checks = self.air.checks(run)
        if run.kind == "sputter":
            checks += sputter_checks(run, self.target_used_kWh(run))
        elif run.kind == "anneal":
            checks += anneal_checks(run, self._walls[run.station].trace(run), self.air)
        return checks

    def pass_time(self, film: Film, place: str, begin_s: float, end_s: float) -> None:
        """Let a film lie in a place between two times [s since 1970-01-01 UTC].

        Raises:
            CannotReplay: a quantity of the furnace it lies in is missing.
        """
        station = place.rpartition(".")[0]
        if station in self._walls:
            self._warm(film, station, begin_s, end_s)
        elif station not in self._chambers:
            for index in range(int(begin_s // AIR_STEP_S), int(end_s // AIR_STEP_S)):
                room, humidity = (
                    float(quantity(index * AIR_STEP_S))
                    for quantity in (self.air.temperature_degC, self.air.relative_humidity_pct)
                )
                stand_in_air(film, room, humidity)

    def _warm(self, film: Film, station: str, begin_s: float, end_s: float) -> None:
        runs = self._anneals[station]
        covering = [run for run in runs if run.begin_s < end_s] or runs[:1]
        oxygen = covering[-1].fitted("oxygen")
        for wall_degC, cold in self._walls[station].span(int(begin_s // STEP_S), int(end_s // STEP_S)):
            keep_in_tube(film, wall_degC, oxygen, cold=cold)
