"""The master's door: a worker takes part only once it has shown that it runs the same code, and only what can be read
comes through.

Locust lets any worker in that says `client_ready`, and warns at most of another version of its own. Here that message
waits until the worker has sent its passport, which it can do only after an `ack`.

Whatever else a stranger says is not heard. What anybody says is held against its shape first (messages.py), and what
cannot be handled all the same stops here: the greenlet that hears all workers must not end because of one.

The passport of this process: what code it runs.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gevent
import locust
from locust.env import Environment
from locust.rpc import Message
from locust.runners import MasterRunner

import fleetlm_users
from fleetlm_users.errors import ShapeError
from fleetlm_users.quoting import cut
from fleetlm_users.swarm.cluster.code_version import CodeVersion
from fleetlm_users.swarm.cluster.messages import FROM_WORKER, NAME, PASSPORT, TURNED_AWAY, WELCOME, problem_with
from fleetlm_users.swarm.cluster.process_identity import own_identity
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.cluster.unreadable import UnreadableMessage, survive_garbage
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.locust_internals import intercept_master_messages
from fleetlm_users.swarm.options.parser import specs_of

logger = logging.getLogger(__name__)

CLIENT_READY = "client_ready"
LOCUSTFILE = "locustfile"
"""A process asks for it with `-f -` before it can be a worker (runners.py)."""

INTRODUCTION_S = 30.0
"""So long a worker may take from Locust's connection to our `init`: it needs milliseconds, on a busy machine more."""

MOST_WAITING = 1_000
"""Peers that may be in that time at once; others are answered when they ask again, which Locust's workers do."""

MOST_REASON_CHARS = 1_000

MOST_TOLD = 50
"""Workers that are turned away with a line of their own."""

OTHER_CODE = "it runs other code than its master"
REMEDY = "Install the same version on every machine, and give each process the same locustfile."
FORKED_ELSEWHERE = "it was started by the --processes of another run, whose master is gone"


class WorkerAdmission:
    """Lets workers of the same code in, and turns others away by name. `say` tells a person of it.

    Workers that a master forked say of which `family` they are, and belong to no other.
    """

    def __init__(
        self,
        runner: MasterRunner,
        passport: CodeVersion,
        say: Callable[[str], None],
        refused: RefusedMessages,
        family: str = "",
    ) -> None:
        self._runner = runner
        self._passport = passport
        self._family = family
        self._say = say
        self._refused = refused
        self._known: set[str] = set()
        self._waiting: dict[str, Message] = {}
        self._turned_away = 0
        self._let_in = intercept_master_messages(runner, self.handle_message)
        runner.register_message(PASSPORT, self.on_passport)
        survive_garbage()

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Stands before all other handling of messages."""
        problem = self._problem(client_id, msg)
        if problem:
            self._refused.add(client_id, msg.type, problem)
            return
        try:
            self._hear(client_id, msg)
        except Exception as error:
            logger.debug("A message of type %s could not be handled", msg.type, exc_info=True)
            self._refused.add(client_id, msg.type, f"it could not be handled: {error!r}")

    def refused_of_workers(self) -> list[str]:
        """What was refused of workers that were let in, in words."""
        return self._refused.doubts(sorted(self._known))

    def on_passport(self, msg: Any, **_: Any) -> None:
        """A worker says what code it runs."""
        client_id = msg.node_id
        ready = self._waiting.pop(client_id, None)
        if ready is None:
            return
        if msg.data.get("family") and msg.data["family"] != self._family:
            self._turn_away(client_id, FORKED_ELSEWHERE, TURNED_AWAY)
            return
        differences = self._passport.differences(msg.data["passport"])
        if differences:
            reasons = cut("; ".join(differences), MOST_REASON_CHARS)
            self._turn_away(client_id, f"{OTHER_CODE}: {reasons}. {REMEDY}", TURNED_AWAY)
            return
        self._known.add(client_id)
        origin = own_identity()
        self._runner.send_message(WELCOME, {"origin": origin.to_wire() if origin else None}, client_id)
        self._let_in(client_id, ready)

    def _problem(self, client_id: str, msg: Message) -> str:
        if isinstance(msg, UnreadableMessage):
            return msg.problem
        problem = problem_with(msg, FROM_WORKER, self._runner.custom_messages)
        if problem:
            return problem
        # Locust answers and books by the name in the message, and not by that of the connection
        return "" if msg.node_id == client_id and _is_name(client_id) else "it is sent under another name"

    def _hear(self, client_id: str, msg: Message) -> None:
        if client_id in self._known or msg.type == LOCUSTFILE:
            self._let_in(client_id, msg)
        elif msg.type == CLIENT_READY:
            self._ask(client_id, msg)
        elif msg.type == PASSPORT and client_id in self._waiting:
            self._let_in(client_id, msg)

    def _ask(self, client_id: str, msg: Message) -> None:
        if client_id not in self._waiting:
            if len(self._waiting) >= MOST_WAITING:
                return
            gevent.spawn_later(INTRODUCTION_S, self._dismiss, client_id)
        self._waiting[client_id] = msg
        self._runner.send_message("ack", None, client_id)

    def _dismiss(self, client_id: str) -> None:
        """It has not said what it is: a plain Locust, or a version of this package that does not know the question."""
        if self._waiting.pop(client_id, None) is not None:
            why = "it does not say what code it runs, so it is of another version"
            self._turn_away(client_id, f"{OTHER_CODE}: {why}. {REMEDY}", "quit")

    def _turn_away(self, client_id: str, why: str, farewell: str) -> None:
        problem = f"Worker {client_id} cannot take part, {why}"
        self._turned_away += 1
        if self._turned_away <= MOST_TOLD:
            self._say(problem)
        if self._turned_away == MOST_TOLD:
            self._say("Further workers that cannot take part are turned away in silence.")
        self._runner.send_message(farewell, {"problem": problem}, client_id)


def _is_name(client_id: str) -> bool:
    try:
        NAME(client_id)
    except ShapeError:
        return False
    return True


PACKAGE = Path(fleetlm_users.__file__).parent


def code_version_of(environment: Environment, context: BenchmarkContext) -> CodeVersion:
    """The code of this process, as another process of the run must have it. Reads it: some milliseconds."""
    return CodeVersion(
        package=fleetlm_users.__version__,
        locust=locust.__version__,
        benchmark=context.benchmark.name,
        scenarios=tuple(context.benchmark.behaviours),
        options=tuple(spec.flag for spec in specs_of(context.benchmark)),
        metrics=tuple(f"{name} ({metric.kind})" for name, metric in context.catalogue.items()),
        source=digest(sorted(PACKAGE.rglob("*.py"))),
        locustfile=digest(map(Path, environment.parsed_locustfiles or ())),
    )


def digest(files: Iterable[Path]) -> str:
    """Of the files' texts, whatever their names and line ends; empty when one cannot be read, a URL for example."""
    total = hashlib.sha256()
    try:
        for file in files:
            total.update(hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).digest())
    except OSError:
        return ""
    return total.hexdigest()[:16]
