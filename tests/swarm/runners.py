"""What the master's parts ask of Locust's runner, without any network."""

from types import SimpleNamespace

from locust.rpc import Message


class Clients(dict):
    """The workers by id, as Locust's WorkerNodes."""

    @property
    def all(self):
        return self.values()


class MasterRunner:
    """Takes messages as Locust's does, as far as these tests need it; `sent` and `handled` are written down."""

    def __init__(self):
        self.clients = Clients()
        self.sent = []
        self.handled = []
        self.listeners = self.custom_messages = {}
        self.rebalances = False
        self.server = SimpleNamespace(socket=SimpleNamespace(setsockopt=lambda *_: None))

    def register_message(self, name, listener):
        self.listeners[name] = listener

    def rebalancing_enabled(self):
        return self.rebalances

    def send_message(self, name, data, client_id):
        self.sent.append((name, client_id))
        self.told = data

    def add(self, client_id, state="running"):
        self.clients[client_id] = SimpleNamespace(id=client_id, state=state, heartbeat=3, user_classes_count={"A": 2})
        return self.clients[client_id]

    def handle_message(self, client_id, msg):
        self.handled.append((client_id, msg.type))
        if msg.type in self.listeners:
            self.listeners[msg.type](environment=None, msg=msg)

    def hears(self, client_id, kind, data=None):
        self.handle_message(client_id, Message(kind, data, client_id))
