"""Tells every target what it wants to know."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Self

from labctl.clock import Clock, RealClock
from labctl.notices._address import Address
from labctl.notices._courier import Courier, UndeliveredFile
from labctl.notices._delivery import deliver
from labctl.notices._entry import NoticesEntry, TargetEntry
from labctl.notices._message import message
from labctl.notices._notice import SEVERITIES, Notice
from labctl.notices._waiting import Told, Waiting

logger = logging.getLogger("labctl.notices")
CLOSE_LIMIT_S = 5.0
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}


def send(address: Address, lab: str, zone: tzinfo | None, told: Sequence[Told]) -> None:
    """Send one message; returns when the service has taken it.

    Args:
        address: of the target.
        lab: name of the laboratory, as the title gives it.
        zone: of the times in it; the computer's when None.
        told: what it tells, the most severe first.

    Raises:
        LabError: the address is not set, or the service cannot be reached or refuses.
    """
    deliver(address.read(), *message(lab, told, zone), told[0].notice)


class Notifier:
    """Tells people what happened, through apprise; no call ever waits for a server.

    Every notice is in the log, also when nobody is to be told. Gaps and retries are counted on the wall clock, also
    for a simulated laboratory: they are there for people, who live on it.

    Args:
        entry: the lab file's; None when nobody is told.
        lab: name of the laboratory.
        simulated: whether it is; only targets with ``when_simulated`` are told then.
        undelivered: file for what could not be delivered; None keeps it in the log alone.
        clock: that gaps and retries are counted on; the wall clock when omitted.
    """

    def __init__(
        self,
        entry: NoticesEntry | None,
        lab: str,
        *,
        simulated: bool,
        undelivered: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or RealClock()
        self._couriers: list[tuple[TargetEntry, Courier]] = []
        if entry is None:
            return
        title, file = f"{lab}, simulated" if simulated else lab, UndeliveredFile(undelivered)
        for name, target in entry.told(simulated=simulated).items():
            waiting, sender = Waiting(entry.gap, entry.repeat_after), partial(send, Address(target), title, entry.zone)
            self._couriers.append((target, Courier(name, sender, waiting, entry.retry_for, file, self._clock)))

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of those who are told."""
        return tuple(courier.target for _, courier in self._couriers)

    def tell(self, notice: Notice) -> None:
        """Log a notice and let the targets that want it be told; returns at once. Any thread may call this."""
        words = {"kind": notice.kind, "severity": notice.severity, "subject": notice.subject, "text": notice.text}
        logger.log(_LEVELS[notice.severity], "notice", extra={**words, **notice.about.fields()})
        for target, courier in self._couriers:
            if notice.kind in target.kinds and notice.rank >= SEVERITIES.index(target.severity):
                courier.add(notice)

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> None:
        """Try what still waits once more and end; waits at most `limit_s` [s] for all targets together."""
        deadline = self._clock.monotonic() + limit_s
        for _, courier in self._couriers:
            courier.finish()
        for _, courier in self._couriers:
            courier.wait_ended(deadline - self._clock.monotonic())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
