"""Reads the signals of interlocks, and sees whether they hold."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import replace

from labctl.errors import LabError
from labctl.interlocks import Action, Interlock, SignalName
from labctl.lab import Lab
from labctl.link import Job, Poller
from labctl.safety._evaluator import Memory, Reading, evaluate
from labctl.safety._responder import Responder
from labctl.safety._state import State


class Watch:
    """Watches the interlocks of a laboratory on its clock; it needs no campaign.

    Each device is read by its own link's thread, so that a mute instrument delays no other; a reading that an
    operation took meanwhile is used and not taken again. Judged is on a thread of the watch's own: what is not read
    in time is stale. In simulated time nothing is read while no plan runs, for time stands still then.

    Args:
        lab: with its interlocks; their signals are read every `lab.watch_period_s`.
        responder: does what is to be done.
        only: watch the interlocks with one of these actions; all when omitted.
    """

    def __init__(self, lab: Lab, responder: Responder, only: Collection[Action] | None = None) -> None:
        self.lab, self.responder = lab, responder
        self.interlocks = tuple(i for i in lab.interlocks if only is None or i.response.action in only)
        self._readings: dict[SignalName, Reading] = {}
        self._memories: dict[str, Memory] = {}
        self._jobs: list[Job] = []
        self._lock = lab.clock.make_rlock()
        self._poller: Poller | None = None

    @property
    def states(self) -> dict[str, State]:
        """How it stands with each interlock, by name."""
        return {name: memory.state for name, memory in self._memories.items()}

    def start(self) -> None:
        """Begin; what was not acknowledged before holds its stations again.

        Raises:
            StoreError: the board cannot be written.
        """
        if not self.interlocks or self._poller is not None:
            return
        clock, period_s = self.lab.clock, self.lab.watch_period_s
        states = self.responder.open({interlock.name: interlock.response for interlock in self.interlocks})
        now = clock.monotonic()
        self._memories = {name: Memory(now, state, same_since=now) for name, state in states.items()}
        devices: dict[str, set[SignalName]] = {}
        for signal in (signal for interlock in self.interlocks for signal in interlock.signals):
            devices.setdefault(signal.device, set()).add(signal)
        for name, signals in devices.items():
            ordered = sorted(signals, key=str)
            link = self.lab.devices[name].link
            self._jobs += [link.later(0.0, functools.partial(self._read, ordered))]
            self._jobs += [link.every(period_s, functools.partial(self._read, ordered))]
        self._poller = Poller(clock, "watch")
        self._jobs.append(self._poller.every(period_s, self.judge))

    def stop(self) -> None:
        """Read and judge no more."""
        for job in self._jobs:
            job.cancel()
        if self._poller is not None:
            self._poller.close()
            self._poller = None

    def judge(self) -> None:
        """See whether every interlock holds, by what was last read, and do what is to be done."""
        with self._lock:
            self.responder.look()
            for interlock in self.interlocks:
                self._judge(interlock)

    def _judge(self, interlock: Interlock) -> None:
        memory = self._memories[interlock.name]
        memory = replace(memory, state=self.responder.settle(interlock.name, memory.state))
        armed, now = self.responder.armed(interlock.name), self.lab.clock.monotonic()
        after = evaluate(interlock, memory, self._readings, now, armed=armed)
        self._memories[interlock.name] = after
        self.responder.follow(interlock.name, memory.state, after.state, after.wrong)

    def _read(self, signals: list[SignalName]) -> None:
        """Read what no operation has read within the last period; what cannot be read grows old."""
        clock = self.lab.clock
        for name in signals:
            signal = getattr(self.lab.devices[name.device], name.signal)
            try:
                if signal.newest is None or clock.monotonic() - signal.newest[1] >= self.lab.watch_period_s:
                    signal.get()
            except LabError:
                continue
            self._readings[name] = Reading(*signal.newest)
