"""Doubles for the pure parts: a timer that is driven by hand, a channel that remembers, sessions without a server."""

from fleetlm_users.standin.chat.session_store import Caps, Store
from fleetlm_users.standin.counters import Counters


class FakeTimer:
    """`advance` runs what has come due, in its order."""

    def __init__(self):
        self.now_s = 0.0
        self.planned = []

    def after(self, delay_s, action):
        self.at(self.now_s + delay_s, action)

    def at(self, due_s, action):
        self.planned.append((due_s, action))

    def advance(self, seconds):
        until_s = self.now_s + seconds
        while due := sorted((plan for plan in self.planned if plan[0] <= until_s), key=lambda plan: plan[0]):
            self.planned.remove(due[0])
            self.now_s = due[0][0]
            due[0][1]()
        self.now_s = until_s


class FakeListener:
    """A joined channel; `pushed` holds its pushes, garbage as None; `events` are other pushes, with their event."""

    def __init__(self):
        self.open = True
        self.pushed = []
        self.events = []
        self.flushed = 0  # how many were pushed when last flushed

    def push(self, payload):
        self.pushed.append(payload)

    def push_event(self, event, payload):
        self.events.append((event, payload))

    def push_garbage(self):
        self.pushed.append(None)

    def flush(self):
        self.flushed = len(self.pushed)


def new_store():
    return Store(Caps(), Counters())


def new_session(store, number=1, user="u"):
    return store.create(id=f"s{number}", user_id=user, agent_id="a", metadata={}, now_s=float(number))
