"""A worker's tie to its master: a worker without one must not go on loading a server.

Locust compares wall clocks here, which a person or NTP may set at any time: a worker would quit whose clock jumps ahead
by a minute, and would ignore a master whose clock is set back (runners.py: heartbeat_timeout_checker, spawn messages).
"""

import itertools
import logging
from collections.abc import Callable
from typing import Any

import gevent
from locust.rpc import Message
from locust.runners import MASTER_HEARTBEAT_TIMEOUT, WorkerRunner

from fleetlm_users.swarm.cluster.messages import FROM_MASTER, WELCOME, problem_with
from fleetlm_users.swarm.cluster.process_identity import Origin, neighbour
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.cluster.silence import TICK_S, Silence
from fleetlm_users.swarm.cluster.unreadable import Unreadable, survive_garbage

logger = logging.getLogger(__name__)

MASTER = "the master"


class Lifeline:
    """Watches the master of one worker. `on_cut` hears, once, why it is taken for gone."""

    def __init__(self, runner: WorkerRunner, on_cut: Callable[[str], None]) -> None:
        self._runner = runner
        self._on_cut = on_cut
        self._patience_s = float(MASTER_HEARTBEAT_TIMEOUT)
        self._silence = Silence()
        self._origin: Origin | None = None
        self._numbers = itertools.count(1)
        self._refused = RefusedMessages(logger.warning)
        self._pass_on = runner.handle_message
        runner.handle_message = self.handle_message  # type: ignore[method-assign]  # every message goes this way
        runner.register_message(WELCOME, self.on_welcome)
        survive_garbage()
        self._silence.heard(MASTER)
        gevent.spawn(self._watch)

    def begin(self, patience_s: float) -> None:
        """A run begins, in which the master may be silent for so long."""
        self._patience_s = patience_s

    def handle_message(self, msg: Message) -> None:
        """Stands before Locust's own handling of messages, which ends for good with whatever gets out of it."""
        self._silence.heard(MASTER)
        unreadable = msg.problem if isinstance(msg, Unreadable) else ""
        problem = unreadable or problem_with(msg, FROM_MASTER, self._runner.custom_messages)
        if problem:
            self._refused.add(MASTER, msg.type, problem)
            return
        try:
            self._act_on(msg)
        except Exception as error:
            logger.debug("A message of type %s could not be handled", msg.type, exc_info=True)
            self._refused.add(MASTER, msg.type, f"it could not be handled: {error!r}")

    def _act_on(self, msg: Message) -> None:
        if msg.type == "spawn":
            msg.data["timestamp"] = next(self._numbers)  # they come in order, whatever the master's clock says
        self._pass_on(msg)
        self._runner.last_heartbeat_timestamp = None  # Locust's own watch by the wall clock sleeps then

    def on_welcome(self, msg: Any, **_: Any) -> None:
        """The master lets this worker in, and says which process it is."""
        self._origin = neighbour(msg.data["origin"])

    def look_round(self) -> str:
        """A tick has passed: why the master is taken for gone, or nothing."""
        self._silence.tick()
        silent_s = self._silence.of(MASTER)
        if self._origin is not None and self._origin.is_gone:
            return "its process ended"
        return f"it was silent for {silent_s:.0f} s" if silent_s >= self._patience_s else ""

    def _watch(self) -> None:
        why = ""
        while not why:
            gevent.sleep(TICK_S)
            why = self.look_round()
        self._on_cut(why)
