"""The master's door: a worker takes part only once it has shown that it runs the same code.

Locust lets any worker in that says `client_ready`, and warns at most of another version of its own. Here that message
waits until the worker has sent its passport, which it can do only after an `ack`.
"""

from collections.abc import Callable
from typing import Any

import gevent
from locust.rpc import Message
from locust.runners import MasterRunner

from fleetlm_users.swarm.origin import own_origin
from fleetlm_users.workload.passport import Passport

PASSPORT = "fleetlm_passport"
WELCOME = "fleetlm_welcome"
TURNED_AWAY = "fleetlm_turned_away"

CLIENT_READY = "client_ready"
FOR_STRANGERS = ("locustfile", PASSPORT)
"""What one may say who is not known: `-f -` asks for the locustfile before it can be a worker (runners.py)."""

INTRODUCTION_S = 30.0
"""So long a worker may take from Locust's connection to our `init`: it needs milliseconds, on a busy machine more."""

REMEDY = "Install the same version on every machine, and give each process the same locustfile."


class Door:
    """Lets workers of the same code in, and turns others away by name. `say` tells a person of it."""

    def __init__(self, runner: MasterRunner, passport: Passport, say: Callable[[str], None]) -> None:
        self._runner = runner
        self._passport = passport
        self._say = say
        self._known: set[str] = set()
        self._waiting: dict[str, Message] = {}
        self._let_in = runner.handle_message
        runner.handle_message = self.handle_message  # type: ignore[method-assign]  # every message goes this way
        runner.register_message(PASSPORT, self.on_passport)

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Stands before Locust's own handling of messages."""
        if client_id in self._known or msg.type in FOR_STRANGERS:
            self._let_in(client_id, msg)
        elif msg.type == CLIENT_READY:
            self._ask(client_id, msg)

    def on_passport(self, msg: Any, **_: Any) -> None:
        """A worker says what code it runs."""
        client_id = msg.node_id
        ready = self._waiting.pop(client_id, None)
        if ready is None:
            return
        differences = self._passport.differences(msg.data["passport"])
        if differences:
            self._turn_away(client_id, "; ".join(differences), TURNED_AWAY)
            return
        self._known.add(client_id)
        origin = own_origin()
        self._runner.send_message(WELCOME, {"origin": origin.to_wire() if origin else None}, client_id)
        self._let_in(client_id, ready)

    def _ask(self, client_id: str, msg: Message) -> None:
        if client_id not in self._waiting:
            gevent.spawn_later(INTRODUCTION_S, self._dismiss, client_id)
        self._waiting[client_id] = msg
        self._runner.send_message("ack", None, client_id)

    def _dismiss(self, client_id: str) -> None:
        """It has not said what it is: a plain Locust, or a version of this package that does not know the question."""
        if self._waiting.pop(client_id, None) is not None:
            self._turn_away(client_id, "it does not say what code it runs, so it is of another version", "quit")

    def _turn_away(self, client_id: str, why: str, farewell: str) -> None:
        problem = f"Worker {client_id} cannot take part, it runs other code than its master: {why}. {REMEDY}"
        self._say(problem)
        self._runner.send_message(farewell, {"problem": problem}, client_id)
