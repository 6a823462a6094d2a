"""Liveness of workers and their master, judged by silence and, on the same machine, by whether the process runs.

On a master: Locust gives a worker up after three missed heartbeats, assigns its users again when it returns, and
restarts the whole ramp from 0 users if it stays silent for a minute. A cable unplugged for ten seconds would disturb
every other worker. So Locust is kept from missing heartbeats, until a worker is declared lost here. With
`--enable-rebalancing` Locust's own way applies, except for the ramp from 0.

On a worker: without a master it must not go on loading a server. Locust compares wall clocks here, which a person or
NTP may set at any time: a worker would quit if its clock jumped ahead by a minute, and would ignore spawn messages of a
master whose clock was set back.

Silence is counted in ticks of this process, not on a clock.
"""

import itertools
import logging
from collections.abc import Callable
from typing import Any

import gevent
from locust.rpc import Message
from locust.runners import MASTER_HEARTBEAT_TIMEOUT, STATE_MISSING, MasterRunner, WorkerNode, WorkerRunner

from fleetlm_users.swarm.cluster.messages import FROM_MASTER, Introduction, WorkerAdmitted, problem_with
from fleetlm_users.swarm.cluster.process_identity import ProcessIdentity, visible_process
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.cluster.unreadable_messages import UnreadableMessage, survive_garbage
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

    A tick counts the same however late it comes: a process that was itself stopped for a minute has not listened, so
    that minute does not count as silence of the others.
    """

    def __init__(self) -> None:
        self._silent_s: dict[str, float] = {}

    def heard(self, name: str) -> float:
        """Note that a peer sent something; return the seconds of silence before."""
        silent_s = self.of(name)
        self._silent_s[name] = 0.0
        return silent_s

    def tick(self) -> None:
        """Count TICK_S more of silence for every peer."""
        for name in self._silent_s:
            self._silent_s[name] += TICK_S

    def of(self, name: str) -> float:
        """Return the seconds since a peer last sent something; 0 for one that never did."""
        return self._silent_s.get(name, 0.0)


PATIENCE_S = 30.0
"""How long a worker may be silent between runs; TCP itself takes up to 13 s to continue after a cut of 10 s."""

SETTLED_S = 2.0
"""After this time the last messages of a process that ended have arrived, and have been read."""


class EndedProcesses:
    """Seconds, in ticks, since each peer's process was seen to have ended.

    Its last messages are read meanwhile, even if they came while this process stood still.
    """

    def __init__(self) -> None:
        self._ended_s: dict[str, float] = {}

    def has_settled(self, name: str, process: ProcessIdentity | None) -> bool:
        """Return whether a peer's process ended SETTLED_S ago. Called once in each tick."""
        if process is None or not process.is_gone:
            return False
        self._ended_s[name] = self._ended_s.get(name, 0.0) + TICK_S
        return self._ended_s[name] >= SETTLED_S


class WorkerLiveness:
    """A master's watch over its workers.

    Args:
        runner: The master's runner.
        on_lost: Called with a worker's id and the reason when it is lost.
        on_found: Called with its id when it returns.

    Attributes:
        patience_s: How long a worker may be silent, in seconds.
    """

    def __init__(
        self, runner: MasterRunner, on_lost: Callable[[str, str], None], on_found: Callable[[str], None]
    ) -> None:
        self._runner = runner
        self._on_lost = on_lost
        self._on_found = on_found
        self.patience_s = PATIENCE_S
        self._silence = SilenceCounter()
        self._ended = EndedProcesses()
        self._processes: dict[str, ProcessIdentity | None] = {}
        self._lost: set[str] = set()
        self._pass_on = intercept_master_messages(runner, self.handle_message)
        accept_reconnections(runner)
        gevent.spawn(self._watch)

    def begin(self, patience_s: float) -> None:
        """Begin a run in which a worker may be silent for `patience_s` seconds."""
        self.patience_s = patience_s

    def silent_s(self, client_id: str) -> float:
        """Return for how many seconds that worker has been silent."""
        return self._silence.of(client_id)

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Note that a worker sent something, and pass its message on. Runs before all other handlers."""
        self._silence.heard(client_id)
        if msg.type == Introduction.kind:
            self._processes[client_id] = visible_process(Introduction.from_wire(msg.data).process)
        was_lost = client_id in self._lost
        client = self._runner.clients.get(client_id)
        if was_lost and client is not None and msg.type == "heartbeat" and not self._runner.rebalancing_enabled():
            client.state = msg.data["state"]  # so that Locust sees no worker recover, and assigns no users again
        self._pass_on(client_id, msg)
        if was_lost and msg.type == "heartbeat":
            self._lost.discard(client_id)
            self._on_found(client_id)
        self._keep_alive(client_id)

    def check(self) -> None:
        """Declare workers lost that have been silent for too long or have ended. Called after each tick."""
        self._silence.tick()
        for client in list(self._runner.clients.all):
            why = self._why_lost(client.id)
            if client.id not in self._lost and why:
                self._give_up(client)
                self._on_lost(client.id, why)

    def _watch(self) -> None:
        while True:
            gevent.sleep(TICK_S)
            self.check()

    def _why_lost(self, client_id: str) -> str:
        silent_s = self._silence.of(client_id)
        if self._ended.has_settled(client_id, self._processes.get(client_id)) and silent_s >= SETTLED_S:
            return "its process ended"
        return f"it was silent for {silent_s:.0f} s" if silent_s >= self.patience_s else ""

    def _give_up(self, client: WorkerNode) -> None:
        self._lost.add(client.id)
        if self._runner.rebalancing_enabled():
            return  # Locust does the same after three missed heartbeats, and more
        mark_missing(client)

    def _keep_alive(self, client_id: str) -> None:
        client = self._runner.clients.get(client_id)
        if client is not None and (client.state == STATE_MISSING or not self._runner.rebalancing_enabled()):
            keep_alive(client)


logger = logging.getLogger(__name__)

MASTER = "the master"


class MasterLiveness:
    """A worker's watch over its master; `on_lost` is called once, with the reason, when the master is gone."""

    def __init__(self, runner: WorkerRunner, on_lost: Callable[[str], None]) -> None:
        self._runner = runner
        self._on_lost = on_lost
        self._patience_s = float(MASTER_HEARTBEAT_TIMEOUT)
        self._silence = SilenceCounter()
        self._ended = EndedProcesses()
        self._process: ProcessIdentity | None = None
        self._numbers = itertools.count(1)
        self._refused = RefusedMessages(logger.warning)
        self._pass_on = intercept_worker_messages(runner, self.handle_message)
        runner.register_message(WorkerAdmitted.kind, self.on_admitted)
        survive_garbage()
        self._silence.heard(MASTER)
        gevent.spawn(self._watch)

    def begin(self, patience_s: float) -> None:
        """Begin a run in which the master may be silent for `patience_s` seconds."""
        self._patience_s = patience_s

    def handle_message(self, msg: Message) -> None:
        """Check and handle a message. Runs before Locust's own handling, which an exception would end permanently."""
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

    def on_admitted(self, msg: Any, **_: Any) -> None:
        """Note the identity of the master, once it has admitted this worker."""
        self._process = visible_process(WorkerAdmitted.from_wire(msg.data).process)

    def check(self) -> str:
        """Return why the master is gone, or an empty text. Called after each tick."""
        self._silence.tick()
        silent_s = self._silence.of(MASTER)
        if self._ended.has_settled(MASTER, self._process) and silent_s >= SETTLED_S:
            return "its process ended"
        return f"it was silent for {silent_s:.0f} s" if silent_s >= self._patience_s else ""

    def _watch(self) -> None:
        why = ""
        while not why:
            gevent.sleep(TICK_S)
            why = self.check()
        self._on_lost(why)
