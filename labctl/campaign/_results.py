"""What came of a campaign's trials."""

from __future__ import annotations

from labctl.campaign._checked import CheckedCampaign
from labctl.dispatch import Traveller
from labctl.records import distrust, operation_record, people_doubt, read_outcome
from labctl.store import Store
from labctl.trials import Outcome


class Results:
    """Outcomes as they were recorded, and how long nothing good has come of it.

    Args:
        checked: the campaign's files.
        store: from which everything is read back.
    """

    def __init__(self, checked: CheckedCampaign, store: Store) -> None:
        self._checked, self._store = checked, store
        self.outcomes: list[Outcome] = []
        """Of the trials that ended, in the order they ended."""
        self.lost: dict[str, str] = {}
        """Why each trial without an outcome has none."""
        self.best: Outcome | None = None
        """With the first objective at its best."""
        self.n_since_best = 0
        """Trials since then, those that failed too."""
        self.n_lost_in_a_row = 0

    @property
    def n_ended(self) -> int:
        """How many trials have ended."""
        return len(self.outcomes) + len(self.lost)

    @property
    def n_failed(self) -> int:
        """How many samples were spoilt by their recipe."""
        return sum(outcome.status == "failed" for outcome in self.outcomes)

    def read(self, traveller: Traveller) -> Outcome | None:
        """Read back what was recorded of a sample that ended; None where nothing is to be learnt from it.

        Raises:
            StoreError: it cannot be read.
        """
        checked, doubts = self._checked, people_doubt(self._store.directory)
        quantities = [quantity for _, quantity in checked.as_run.values()]
        runs = [self._store.run(uid) for uid in traveller.runs]
        records = [operation_record(run, traveller.sample, doubts, quantities) for run in runs]
        n_operations = len(traveller.recipe.operations) - len(traveller.left_out)
        about = records, n_operations, checked.objectives, checked.as_run
        outcome = read_outcome(traveller.trial, traveller.suggestion, *about)
        if outcome is None:
            self._lose(traveller, traveller.reason or "not every operation was recorded as a success")
            return None
        if outcome.status == "completed" and (reason := distrust(records, checked.file.quality)):
            self._lose(traveller, reason)
            return None
        self.n_lost_in_a_row = 0
        self.outcomes.append(outcome)
        if outcome.status == "completed" and self._is_better(outcome):
            self.best, self.n_since_best = outcome, 0
        else:
            self.n_since_best += 1
        return outcome

    def _lose(self, traveller: Traveller, reason: str) -> None:
        self.lost[traveller.trial] = reason
        self.n_lost_in_a_row += 1

    def _is_better(self, outcome: Outcome) -> bool:
        """Return whether the first objective is better than ever."""
        first = self._checked.objectives[0]
        if self.best is None:
            return True
        return first.gain(outcome.objectives[first.name]) > first.gain(self.best.objectives[first.name])
