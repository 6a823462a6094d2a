"""The admission of workers by a master: a worker takes part only once it has shown that it runs the same code.

Locust admits any worker that sends `client_ready`, and at most warns about a different Locust version. Here that
message waits until the worker has sent its introduction with its code version, which it can do only after an `ack`.

Everything else from an unknown peer is ignored. Every message is first checked against its shape (messages.py), and
errors in handling it stop here: the greenlet that receives from all workers must not end because of one of them.
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
from fleetlm_users.swarm.cluster.locust_messages import NAME
from fleetlm_users.swarm.cluster.messages import FROM_WORKER, Introduction, WorkerAdmitted, WorkerRejected, problem_with
from fleetlm_users.swarm.cluster.process_identity import own_identity
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.cluster.unreadable_messages import UnreadableMessage, survive_garbage
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.locust_internals import intercept_master_messages
from fleetlm_users.swarm.options.parser import specs_of

logger = logging.getLogger(__name__)

CLIENT_READY = "client_ready"
LOCUSTFILE = "locustfile"
"""The message with which a process started with `-f -` asks for the locustfile, before it can be a worker."""

INTRODUCTION_S = 30.0
"""How long a worker may take from Locust's connection to our `init`: it needs milliseconds, or more on a busy
machine.
"""

MAX_WAITING = 1_000
"""How many peers may wait at once; others are answered when they ask again, as Locust's workers do."""

MAX_REASON_CHARS = 1_000

MAX_LOGGED = 50
"""How many rejected workers get a line of their own."""

OTHER_CODE = "it runs other code than its master"
REMEDY = "Install the same version on every machine, and give each process the same locustfile."
FORKED_ELSEWHERE = "it was started by the --processes of another run, whose master is gone"


class WorkerAdmission:
    """The admission of workers that run the same code; others are rejected by name.

    Args:
        runner: The master's runner, whose messages all pass through here.
        version: The code version of the master.
        say: Prints a line for a person.
        refused: Counts the messages that are refused.
        family: The mark of the workers that this master forked; they belong to no other master.
    """

    def __init__(
        self,
        runner: MasterRunner,
        version: CodeVersion,
        say: Callable[[str], None],
        refused: RefusedMessages,
        family: str = "",
    ) -> None:
        self._runner = runner
        self._version = version
        self._family = family
        self._say = say
        self._refused = refused
        self._admitted: set[str] = set()
        self._waiting: dict[str, Message] = {}
        self._rejected = 0
        self._pass_on = intercept_master_messages(runner, self.handle_message)
        runner.register_message(Introduction.kind, self.on_introduction)
        survive_garbage()

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Check a message, and pass it on if its sender may send it. Runs before all other handling."""
        problem = self._problem(client_id, msg)
        if problem:
            self._refused.add(client_id, msg.type, problem)
            return
        try:
            self._handle(client_id, msg)
        except Exception as error:
            logger.debug("A message of type %s could not be handled", msg.type, exc_info=True)
            self._refused.add(client_id, msg.type, f"it could not be handled: {error!r}")

    def refused_of_workers(self) -> list[str]:
        """Return descriptions of the refused messages of admitted workers."""
        return self._refused.doubts(sorted(self._admitted))

    def on_introduction(self, msg: Any, **_: Any) -> None:
        """Admit a worker that runs the same code, and reject any other."""
        client_id = msg.node_id
        ready = self._waiting.pop(client_id, None)
        if ready is None:
            return
        introduction = Introduction.from_wire(msg.data)
        if introduction.family and introduction.family != self._family:
            self._reject(client_id, FORKED_ELSEWHERE, WorkerRejected.kind)
            return
        differences = self._version.differences(introduction.version)
        if differences:
            reasons = cut("; ".join(differences), MAX_REASON_CHARS)
            self._reject(client_id, f"{OTHER_CODE}: {reasons}. {REMEDY}", WorkerRejected.kind)
            return
        self._admitted.add(client_id)
        admitted = WorkerAdmitted(process=own_identity())
        self._runner.send_message(admitted.kind, admitted.to_wire(), client_id)
        self._pass_on(client_id, ready)

    def _problem(self, client_id: str, msg: Message) -> str:
        if isinstance(msg, UnreadableMessage):
            return msg.problem
        problem = problem_with(msg, FROM_WORKER, self._runner.custom_messages)
        if problem:
            return problem
        # Locust answers and counts by the name in the message, not by that of the connection
        return "" if msg.node_id == client_id and _is_name(client_id) else "it is sent under another name"

    def _handle(self, client_id: str, msg: Message) -> None:
        if client_id in self._admitted or msg.type == LOCUSTFILE:
            self._pass_on(client_id, msg)
        elif msg.type == CLIENT_READY:
            self._ask_for_version(client_id, msg)
        elif msg.type == Introduction.kind and client_id in self._waiting:
            self._pass_on(client_id, msg)

    def _ask_for_version(self, client_id: str, msg: Message) -> None:
        if client_id not in self._waiting:
            if len(self._waiting) >= MAX_WAITING:
                return
            gevent.spawn_later(INTRODUCTION_S, self._dismiss, client_id)
        self._waiting[client_id] = msg
        self._runner.send_message("ack", None, client_id)

    def _dismiss(self, client_id: str) -> None:
        """Reject a worker without an introduction: a plain Locust, or an older version of this package."""
        if self._waiting.pop(client_id, None) is not None:
            why = "it does not say what code it runs, so it is of another version"
            self._reject(client_id, f"{OTHER_CODE}: {why}. {REMEDY}", "quit")

    def _reject(self, client_id: str, why: str, farewell: str) -> None:
        problem = f"Worker {client_id} cannot take part, {why}"
        self._rejected += 1
        if self._rejected <= MAX_LOGGED:
            self._say(problem)
        if self._rejected == MAX_LOGGED:
            self._say("Further workers that cannot take part are rejected without a line each.")
        self._runner.send_message(farewell, WorkerRejected(problem=problem).to_wire(), client_id)


def _is_name(client_id: str) -> bool:
    try:
        NAME(client_id)
    except ShapeError:
        return False
    return True


PACKAGE = Path(fleetlm_users.__file__).parent


def code_version_of(environment: Environment, context: BenchmarkContext) -> CodeVersion:
    """Return the code version of this process. Reads all of the code, which takes some milliseconds."""
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
    """Return a digest of the files' texts, whatever their names and line ends; empty if one cannot be read."""
    total = hashlib.sha256()
    try:
        for file in files:
            total.update(hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).digest())
    except OSError:
        return ""
    return total.hexdigest()[:16]
