"""SIGINT (Ctrl-C), SIGTERM and SIGHUP (a closed terminal) end the run in an orderly way, then the process.

Python raises KeyboardInterrupt wherever it happens to be, under load most likely inside a user, between a message and
its count. So no signal is ever raised: gevent's watchers run in the event loop and only pass on a request. SIGQUIT
keeps its default action: it kills the process at once.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import gevent
from locust.runners import MasterRunner, Runner, WorkerRunner
from locust.web import WebUI

from fleetlm_users.swarm.host.startup_error import end_forked_workers
from fleetlm_users.swarm.role import Role

logger = logging.getLogger(__name__)

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

NOTHING_RAN_EXIT = 4
"""A run that measured nothing is inconclusive, never green."""

NOTHING_RAN = "interrupted before the run began: nothing was measured"

HOUR_S = 3600.0


def end_start_on_signals(say: Callable[[str], None]) -> None:
    """Make a signal end this process and its forked workers at once, until `Signals.listen` takes over.

    Locust has parsed its options and is about to fork: Python's own answer to Ctrl-C would be a traceback; its answer
    to SIGTERM would leave the workers behind, looking for a master. Forked workers inherit this, and print nothing.
    """
    parent = os.getpid()

    def end_start(_number: int, _frame: FrameType | None) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        if os.getpid() == parent:
            say(NOTHING_RAN)
            end_forked_workers(sleep=time.sleep)  # no greenlet runs any more
        sys.stdout.flush()
        os._exit(NOTHING_RAN_EXIT)  # SystemExit would be raised in whichever greenlet happens to run

    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end_start)


class Signals:
    """Ends one process: the first signal in order, later ones only shorten the drain.

    A first signal shortens the drain of a run that ended by itself, but not on a worker: a Ctrl-C reaches all processes
    of a terminal at once, and the master may have had a worker drain before the signal reaches that worker.

    Must be made in the main greenlet, which waits in Locust's `main` and shuts down when that wait is over.
    """

    def __init__(self, runner: Runner, web_ui: WebUI | None, say: Callable[[str], None]) -> None:
        self._main = gevent.getcurrent()
        self._runner = runner
        self._web_ui = web_ui
        self._say = say
        self._role: Role | None = None
        self._was_signalled = False
        self._had_sigterm = False

    def listen(self) -> None:
        """Handle signals from now on. A signal ignored from the start, as under `nohup`, stays ignored."""
        for number in ENDING:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            gevent.signal_handler(number, self.on_signal, number)

    def serve(self, role: Role) -> None:
        """Make a signal end the run from now on: the start is over. Before, it ends the start."""
        self._role = role

    def on_signal(self, number: signal.Signals) -> None:
        """End the start or the run; a later signal shortens the drain."""
        self._had_sigterm = self._had_sigterm or number is signal.SIGTERM
        is_first, self._was_signalled = not self._was_signalled, True
        if self._role is None:
            if is_first:
                self._abort_start()
            return
        if not (is_first and isinstance(self._runner, WorkerRunner)):
            self._role.cut_drain_short()  # only for a run that is already ending
        self._role.stop()
        if is_first:
            gevent.spawn(self._quit, self._role)

    def ignore(self) -> None:
        """Ignore signals until the process has exited: Python would restore SIGINT's deadly default meanwhile."""
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)

    def wait_if_shut_down_twice(self) -> None:
        """Never return to Locust's own SIGTERM handler, which shuts down in a greenlet next to the main one.

        Both would print the report and end the process (main.py: sig_term_handler). Call it when Locust quits.
        """
        while self._had_sigterm and gevent.getcurrent() is not self._main:
            gevent.sleep(HOUR_S)

    def _abort_start(self) -> None:
        """Abort the start. Locust's main greenlet may be anywhere before its final wait, and catches nothing there."""
        self._say(NOTHING_RAN)
        if isinstance(self._runner, MasterRunner):
            self._runner.send_message("quit")
        self.ignore()
        gevent.kill(self._main, SystemExit(NOTHING_RAN_EXIT))

    def _quit(self, role: Role) -> None:
        """Quit the runner and the web UI: the main greenlet waits for one of them and then shuts down."""
        role.judge()
        try:
            self._runner.quit()
        except Exception:
            logger.exception("Locust could not end its runner")
        finally:
            self._runner.greenlet.kill(block=False)
            if self._web_ui is not None:
                self._web_ui.stop()
