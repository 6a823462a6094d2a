"""The end of a run, entered once: running, stopping, draining, judging, reported.

The run time, signals, the web UI's Stop, a lost worker and finished work may all end a run, at any moment and more than
once. Each step runs in a greenlet of its own. Nothing is ever thrown into it: signals only pass on a request, and
Locust only kills its own greenlets and those of users. A caller that arrives while a step is under way waits for it.
"""

import logging
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

import gevent

logger = logging.getLogger(__name__)


class Phase(IntEnum):
    """How far the end of a run has come; it never goes back."""

    RUNNING = 0
    STOPPING = 1
    DRAINING = 2
    JUDGING = 3
    REPORTED = 4


def attempt(step: Callable[[], None]) -> None:
    """Take a step of the end. An exception is logged, not raised: the end continues with whatever there is."""
    try:
        step()
    except Exception:
        logger.exception("A step of the run's end failed")


class Once:
    """An action that happens once, in a greenlet of its own; every caller returns once it has happened."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._greenlet: gevent.Greenlet | None = None

    def __call__(self) -> None:
        """Act, or wait until the action is done."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(attempt, self._action)
        if self._greenlet is not gevent.getcurrent():
            self._greenlet.join()

    @property
    def is_done(self) -> bool:
        """Whether it has happened."""
        return self._greenlet is not None and self._greenlet.ready()


class Steps(Protocol):
    """The steps of a process at the end of its run. Each is called at most once."""

    def on_stop(self) -> None:
        """Stop the run's clock and its monitors, without waiting."""

    def on_drain(self) -> None:
        """Return once users have settled and left, and their last numbers have arrived."""

    def on_drain_cut_short(self) -> None:
        """Cut `on_drain` short, even before it begins: anything still open counts as in flight."""

    def on_judge(self) -> None:
        """Return when the verdict is reached and the report is written."""


class RunEnd:
    """The end of one run; its methods may be called by any greenlet, in any order, any number of times.

    `drain_cut_short` says whether the drain was cut short.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.drain_cut_short = False
        self.phase = Phase.RUNNING
        self.drain = Once(self._drain)
        self.judge = Once(self._judge)

    def __repr__(self) -> str:
        return f"RunEnd({self.phase.name.lower()}{', cut short' if self.drain_cut_short else ''})"

    def stop(self) -> None:
        """Stop the run without waiting: Locust tells its listeners to drain."""
        if self.phase is Phase.RUNNING:
            self.phase = Phase.STOPPING
            attempt(self._steps.on_stop)

    def cut_drain_short(self) -> None:
        """Cut the drain of an ending run short; do nothing for one that is not ending, or has drained."""
        if self.phase in (Phase.STOPPING, Phase.DRAINING) and not self.drain_cut_short:
            self.drain_cut_short = True
            attempt(self._steps.on_drain_cut_short)

    def _drain(self) -> None:
        self.stop()
        self.phase = Phase.DRAINING
        self._steps.on_drain()

    def _judge(self) -> None:
        self.drain()
        self.phase = Phase.JUDGING
        attempt(self._steps.on_judge)
        self.phase = Phase.REPORTED
