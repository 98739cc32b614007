"""Asking an adviser beside the work: nothing waits for it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from labctl.clock import Clock
from labctl.dispatch._advised import Advice, Advised
from labctl.dispatch._adviser import EFFORT, advise
from labctl.dispatch._forecast import Forecast
from labctl.dispatch._line import Line

logger = logging.getLogger("labctl.dispatch")
PERIOD_S = 1800.0
"""Lab time between two questions, at least [s]."""
LIMIT_S = 600.0
"""Real time that a question may take on a machine that has much else to do [s]; `advise` bounds the work."""


class Advising:
    """Has a plan looked for whenever the last one was given up.

    The line is copied between two decisions, which takes milliseconds; the search goes on in a thread of its own, and
    what it finds is followed from the next decision on.

    Args:
        clock: the lab's; simulated time stands still while a plan is looked for.
        policy: that follows the advice.
        tell: has a call made between two decisions.
        effort: of the solver, in its deterministic seconds.
    """

    def __init__(
        self, clock: Clock, policy: Advised, tell: Callable[[Callable[[], None]], None], effort: float = EFFORT
    ) -> None:
        self._clock, self._policy, self._tell, self._effort = clock, policy, tell, effort
        self._is_asked = False
        self._asked_at = -math.inf

    def look(self, line: Line) -> None:
        """Ask, when it is time to."""
        if self._is_asked or self._policy.advice is not None or line.now - self._asked_at < PERIOD_S:
            return
        if not line.travellers or line.stopping or any(share.paused for share in line.shares.values()):
            return
        self._is_asked, self._asked_at = True, line.now
        copied = Forecast(line).line
        self._clock.spawn(lambda: self._ask(copied), "advise")

    def _ask(self, line: Line) -> None:
        with self._clock.outside(LIMIT_S):
            advice = advise(line, self._effort)
        self._tell(lambda: self._follow(advice))

    def _follow(self, advice: Advice | None) -> None:
        self._is_asked = False
        if advice is not None:
            gain_s = advice.makespan_without - advice.makespan
            logger.info("advice is followed", extra={"gain_s": gain_s, "n_loads": len(advice.loads)})
            self._policy.follow(advice)
