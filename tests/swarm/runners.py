"""Locust's runners and environment as our parts see them, without any network; the one place for such fakes."""

from types import SimpleNamespace

import gevent
import locust.runners
from locust.rpc import Message

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot import encode_snapshot
from fleetlm_users.swarm.cluster.messages import DrainRequest, FinalReport, SnapshotReply, SnapshotRequest


class Clients(dict):
    """The workers by id, as Locust's WorkerNodes."""

    @property
    def all(self):
        return self.values()


class LocalRunner:
    """A runner without workers; `ended` and `started` record the requests."""

    def __init__(self, target_user_count=0):
        self.target_user_count = target_user_count
        self.user_count = 0
        self.state = "running"
        self.exceptions = {}
        self.ended = []
        self.started = []
        self._users_dispatcher = None

    def start(self, user_count, spawn_rate, wait=False, user_classes=None):
        self.started.append((user_count, spawn_rate))

    def quit(self):
        self.ended.append("quit")

    def stop(self):
        self.ended.append("stop")


class MasterRunner(LocalRunner):
    """Takes messages as Locust's does, as far as these tests need it; `sent`, `drains` and `handled` are written down.

    A worker that is added with `answers` sends its numbers whenever it is asked: five messages at a look, nine at the
    end.
    """

    def __init__(self, target_user_count=0, **states):
        super().__init__(target_user_count)
        self.clients = Clients()
        self.sent = []
        self.handled = []
        self.listeners = self.custom_messages = {}
        self.rebalances = False
        self.spawning_completed = True
        self.server = SimpleNamespace(socket=SimpleNamespace(setsockopt=lambda *_: None))
        self.drains = []
        self.answering = set()
        for client_id, state in states.items():
            self.add(client_id, state)

    def register_message(self, name, listener):
        self.listeners[name] = listener

    def rebalancing_enabled(self):
        return self.rebalances

    def send_message(self, name, data, client_id):
        self.sent.append((name, client_id))
        self.told = data
        if name == DrainRequest.kind:
            self.drains.append((client_id, data["cut_short"]))
        answer = {SnapshotRequest.kind: (SnapshotReply.kind, 5), DrainRequest.kind: (FinalReport.kind, 9)}.get(name)
        if answer is not None and client_id in self.answering:
            numbers = snapshot(client_id, answer[1], final=name == DrainRequest.kind)
            message = Message(answer[0], {"epoch": data["epoch"], "snapshot": numbers}, client_id)
            gevent.spawn(self.listeners[answer[0]], environment=None, msg=message)

    def add(self, client_id, state="running", answers=False):
        self.clients[client_id] = SimpleNamespace(id=client_id, state=state, heartbeat=3, user_classes_count={"A": 2})
        if answers:
            self.answering.add(client_id)
        return self.clients[client_id]

    def handle_message(self, client_id, msg):
        self.handled.append((client_id, msg.type))
        if msg.type in self.listeners:
            self.listeners[msg.type](environment=None, msg=msg)

    def hears(self, client_id, kind, data=None):
        self.handle_message(client_id, Message(kind, data, client_id))


class TypedMasterRunner(MasterRunner, locust.runners.MasterRunner):
    """One that a test of its type takes for Locust's own."""

    greenlet = None
    user_count = 0


def snapshot(worker_id, seq, final=False, sent=5, epoch="e"):
    """The snapshot of a worker that has sent that many messages."""
    ledger = Ledger(DEFAULT, epoch, worker_id)
    ledger.count("messages_sent", "burst", "main", sent)
    return encode_snapshot(ledger.snapshot(seq, final, 1.0))


def environment(runner, *, headless=True, **parsed):
    """Locust's environment with that runner."""
    options = SimpleNamespace(headless=headless, autostart=False, autoquit=-1, **parsed)
    return SimpleNamespace(runner=runner, parsed_options=options, web_ui=None, process_exit_code=None)
