"""Which workers live, on the master: told by silence, and of a process on this machine by whether it still runs.

Locust gives a worker up after three missed beats, deals its users out anew when it is heard again, and starts the whole
ramp from 0 users when it is not heard for a minute (runners.py: heartbeat_worker). A cable that is out for ten seconds
would disturb every other worker. So Locust is told that all is well, until this says otherwise. With
`--enable-rebalancing` a person asked for Locust's way, and gets it, but for the ramp from 0.

A worker's tie to its master: a worker without one must not go on loading a server.

Locust compares wall clocks here, which a person or NTP may set at any time: a worker would quit whose clock jumps ahead
by a minute, and would ignore a master whose clock is set back (runners.py: heartbeat_timeout_checker, spawn messages).

For how long others have said nothing: counted in ticks of this process, on no clock.
"""

import itertools
import logging
from collections.abc import Callable
from typing import Any

import gevent
from locust.rpc import Message
from locust.runners import MASTER_HEARTBEAT_TIMEOUT, STATE_MISSING, MasterRunner, WorkerNode, WorkerRunner

from fleetlm_users.swarm.cluster.messages import FROM_MASTER, PASSPORT, WELCOME, problem_with
from fleetlm_users.swarm.cluster.process_identity import ProcessIdentity, visible_process
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.cluster.unreadable import UnreadableMessage, survive_garbage
from fleetlm_users.swarm.locust_internals import (
    accept_reconnections,
    disable_master_timeout,
    intercept_master_messages,
    intercept_worker_messages,
    keep_alive,
    mark_missing,
    number_spawn_message,
)

TICK_S = 0.5


class SilenceCounter:
    """Seconds of silence by name.

    A tick counts as one however late it comes: a process that was itself stopped for a minute has not listened, so it
    must not take that minute for the silence of the others.
    """

    def __init__(self) -> None:
        self._silent_s: dict[str, float] = {}

    def heard(self, name: str) -> float:
        """Something was heard: the silence before it, in seconds, is over."""
        silent_s = self.of(name)
        self._silent_s[name] = 0.0
        return silent_s

    def tick(self) -> None:
        """TICK_S have passed."""
        for name in self._silent_s:
            self._silent_s[name] += TICK_S

    def of(self, name: str) -> float:
        """Seconds since that one was heard; 0 for one that never was."""
        return self._silent_s.get(name, 0.0)


PATIENCE_S = 30.0
"""Between runs, when no option says how long; TCP itself takes up to 13 s to go on after a cut of 10 s."""

SETTLED_S = 2.0
"""What a process said before its end may still be on its way: so long after its last word it has arrived."""


class WorkerLiveness:
    """Watches the workers of one master. `on_lost` hears a worker's id and why, `on_found` that one is back.

    `patience_s` is how long a worker may be silent.
    """

    def __init__(
        self, runner: MasterRunner, on_lost: Callable[[str, str], None], on_found: Callable[[str], None]
    ) -> None:
        self._runner = runner
        self._on_lost = on_lost
        self._on_found = on_found
        self.patience_s = PATIENCE_S
        self._silence = SilenceCounter()
        self._origins: dict[str, ProcessIdentity | None] = {}
        self._lost: set[str] = set()
        self._pass_on = intercept_master_messages(runner, self.handle_message)
        accept_reconnections(runner)
        gevent.spawn(self._watch)

    def begin(self, patience_s: float) -> None:
        """A run begins, in which a worker may be silent for so long."""
        self.patience_s = patience_s

    def silent_s(self, client_id: str) -> float:
        """For how long nothing was heard of that worker."""
        return self._silence.of(client_id)

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Stands before all other handling of messages."""
        self._silence.heard(client_id)
        if msg.type == PASSPORT:
            self._origins[client_id] = visible_process(msg.data.get("origin"))
        found = client_id in self._lost
        client = self._runner.clients.get(client_id)
        if found and client is not None and msg.type == "heartbeat" and not self._runner.rebalancing_enabled():
            client.state = msg.data["state"]  # so that Locust sees nobody healed, and deals no users out anew
        self._pass_on(client_id, msg)
        if found and msg.type == "heartbeat":
            self._lost.discard(client_id)
            self._on_found(client_id)
        self._vouch_for(client_id)

    def look_round(self) -> None:
        """A tick has passed: who has become lost?"""
        self._silence.tick()
        for client in list(self._runner.clients.all):
            why = self._why_lost(client.id)
            if client.id not in self._lost and why:
                self._give_up(client)
                self._on_lost(client.id, why)

    def _watch(self) -> None:
        while True:
            gevent.sleep(TICK_S)
            self.look_round()

    def _why_lost(self, client_id: str) -> str:
        silent_s, origin = self._silence.of(client_id), self._origins.get(client_id)
        if silent_s >= SETTLED_S and origin is not None and origin.is_gone:
            return "its process ended"
        return f"it was silent for {silent_s:.0f} s" if silent_s >= self.patience_s else ""

    def _give_up(self, client: WorkerNode) -> None:
        self._lost.add(client.id)
        if self._runner.rebalancing_enabled():
            return  # Locust does the same after three missed beats, and more
        mark_missing(client)

    def _vouch_for(self, client_id: str) -> None:
        client = self._runner.clients.get(client_id)
        if client is not None and (client.state == STATE_MISSING or not self._runner.rebalancing_enabled()):
            keep_alive(client)


logger = logging.getLogger(__name__)

MASTER = "the master"


class MasterLiveness:
    """Watches the master of one worker. `on_cut` hears, once, why it is taken for gone."""

    def __init__(self, runner: WorkerRunner, on_cut: Callable[[str], None]) -> None:
        self._runner = runner
        self._on_cut = on_cut
        self._patience_s = float(MASTER_HEARTBEAT_TIMEOUT)
        self._silence = SilenceCounter()
        self._origin: ProcessIdentity | None = None
        self._numbers = itertools.count(1)
        self._refused = RefusedMessages(logger.warning)
        self._pass_on = intercept_worker_messages(runner, self.handle_message)
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
        unreadable = msg.problem if isinstance(msg, UnreadableMessage) else ""
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
            number_spawn_message(msg, next(self._numbers))  # they come in order, whatever the master's clock says
        self._pass_on(msg)
        disable_master_timeout(self._runner)

    def on_welcome(self, msg: Any, **_: Any) -> None:
        """The master lets this worker in, and says which process it is."""
        self._origin = visible_process(msg.data["origin"])

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
