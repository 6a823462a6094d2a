"""A session that is over is freed by its reference counts, however it ended: nothing waits for a garbage collection."""

import contextlib
import gc
import json
import socket
import struct
import types
from functools import partial

import gevent
import pytest

from fleetlm_users.client import Heartbeats, InboxChannel, PhoenixSocket, SocketOptions
from fleetlm_users.client.net.racing import connect_first
from fleetlm_users.client.net.resolver import Address
from fleetlm_users.users import FleetUser
from fleetlm_users.users.behaviours.inbox_watcher import InboxDeltas
from tests.client.fakes import CLOSE, FakeServer, Gone, frame, text
from tests.users import lives

TURNS = 20
"""Of the event loop, in which greenlets that have been woken come to their end."""

OF_A_SESSION = ("client", "protocol", "users", "measure")
ROUNDS = 3
SESSIONS = 10
AGENT = lives.AGENT


def fleetlm(peer, *, join="ok", on_send="echo"):
    """Play FleetLM on one connection; calls report joins and sends."""
    peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.upgrade()
    seq = 0
    while True:
        opcode, payload = peer.read_frame()
        if opcode == CLOSE:
            peer.send(frame(struct.pack("!H", 1000), CLOSE))
            return
        message = json.loads(payload)
        join_ref, _, topic, event, body = message
        if event == "phx_join" and join == "silent":
            continue
        if event != "send":
            peer.reply(message, {"messages": [], "reason": "no"}, join if event == "phx_join" else "ok")
            continue
        if on_send == "reset":
            peer.reset()
            raise Gone
        if on_send == "close":
            peer.send(frame(struct.pack("!H", 1011), CLOSE))
            return
        if on_send == "oversize":
            peer.send(frame(b"x" * 9_000_000))
            raise Gone
        if on_send == "refuse":
            peer.reply(message, {"error": "rejected"}, "error")
        if on_send != "echo":
            continue
        for sender_id in ("bench-r1-1", AGENT):
            seq += 1
            told = {"seq": seq, "sender_id": sender_id, "content": body["content"]["content"], "kind": "text"}
            peer.send(text(join_ref, None, topic, "message", {**told, "inserted_at": "2026-11-23T20:19:46"}))


class ScriptedClient(lives.PlayedClient):
    """Real sockets to a scripted server; REST is played."""

    url = ""
    heartbeats = Heartbeats(30.0)

    def socket(self, participant_id, on_anomaly):
        options = SocketOptions(connect_timeout_s=0.05, max_message_bytes=100_000)
        return PhoenixSocket(self.url, participant_id, options, self.heartbeats, on_anomaly)


class Visitor(FleetUser):
    """Opens sessions and does in each what the test says."""

    scenario = "visitor"
    visit = staticmethod(lambda user, session: user.ask(session))

    @classmethod
    def journeys(cls, options):
        return 0  # the test calls each journey itself

    def journey(self):
        with self.session(delete=True) as session:
            session.keep_log()
            type(self).visit(self, session)


def rejoins(user, session):
    """Asks, leaves and joins again, asks."""
    user.ask(session)
    session.rejoin()
    user.ask(session)


def watches_its_inbox(user, session):
    """Joins its inbox over the same socket."""
    user.on_delta = lambda: None
    deltas = InboxDeltas(user, [session])
    inbox = InboxChannel(session.socket, deltas.on_delta, session.observer.anomaly)
    inbox.join(1.0)
    session.observer.on_appended = partial(deltas.on_appended, session)
    user.ask(session)


def gives_up(user, session):
    """Aborts its own connection, as an unanswered heartbeat does."""
    session.send(session.joined_s)
    session.socket.beat()
    session.socket.beat()
    session.settle()


ENDINGS = {
    "a whole visit": (fleetlm, None),
    "a second join": (fleetlm, rejoins),
    "an inbox": (fleetlm, watches_its_inbox),
    "a closed loop": (fleetlm, lambda user, session: user.send_within(session, 2, count=4)),
    "a bug in the behaviour": (fleetlm, lambda user, session: int("bug")),
    "a user that is killed": (fleetlm, lambda user, session: gevent.getcurrent().throw()),
    "an unanswered heartbeat": (lambda peer: fleetlm(peer, on_send="nothing"), gives_up),
    "a refused join": (lambda peer: fleetlm(peer, join="error"), None),
    "a join without an answer": (lambda peer: fleetlm(peer, join="silent"), None),
    "a message without an answer": (lambda peer: fleetlm(peer, on_send="nothing"), None),
    "a refused message": (lambda peer: fleetlm(peer, on_send="refuse"), None),
    "a close by the server": (lambda peer: fleetlm(peer, on_send="close"), None),
    "a reset by the server": (lambda peer: fleetlm(peer, on_send="reset"), None),
    "a message that is too large": (lambda peer: fleetlm(peer, on_send="oversize"), None),
    "a refused upgrade": (lambda peer: (peer.read_head(), peer.answer("403 Forbidden", b"no")), None),
    "an upgrade without an answer": (lambda peer: (peer.read_head(), peer.read(1)), None),
    "no HTTP": (lambda peer: (peer.read_head(), peer.send(b"hello\r\n\r\n")), None),
}


@pytest.fixture
def visitor(stage, monkeypatch):
    """Make a user whose sessions go over real sockets to a script; the test calls each journey."""
    servers = []

    def make(script, visit=None, url=lambda server: server.ws_url):
        servers.append(FakeServer(script))
        monkeypatch.setattr(lives, "PlayedClient", ScriptedClient)
        monkeypatch.setattr(ScriptedClient, "url", url(servers[0]).replace("localhost", "127.0.0.1"))
        if visit is not None:
            monkeypatch.setattr(Visitor, "visit", staticmethod(visit))
        played = stage(Visitor, reply_timeout="40ms", join_timeout="40ms")
        played.local_run._gc_freeze.end()  # what it freezes is never garbage
        return played.users[0]

    yield make
    for server in servers:
        server.stop()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_session_is_freed_however_it_ended(visitor, ending):
    """With the collector off, no object of ours is left."""
    user = visitor(*ENDINGS[ending])
    assert left_by(user, SESSIONS) == []


@pytest.mark.parametrize(
    "url",
    [lambda server: "ws://127.0.0.1:1/socket", lambda server: server.ws_url.replace("ws:", "wss:")],
    ids=["a refused connection", "no TLS"],
)
def test_a_session_that_never_was_is_freed(visitor, url):
    """The error that says why holds no reference."""
    user = visitor(lambda peer: peer.read_head(), url=url)
    assert left_by(user, SESSIONS) == []


def test_a_race_that_no_address_won_is_freed():
    """Its error is raised, and nothing keeps it."""
    dead = [Address(socket.AF_INET, "127.0.0.1"), Address(socket.AF_INET6, "::1")]

    def race():
        with contextlib.suppress(OSError):
            connect_first(dead, 1)

    race()
    assert garbage_after(race) == []


def test_a_thousand_visits_leave_nothing(visitor):
    """An hour of churn is alike."""
    user = visitor(fleetlm)
    assert left_by(user, 1000) == []


def left_by(user, journeys):
    """The objects that this many journeys left; the first journey makes those that stay.

    A greenlet of an earlier test in this process may end just then, and leave something of its own: once. What a
    journey leaves is there each time.
    """
    live_once(user)
    for _ in range(ROUNDS):
        left = [describe(thing) for thing in garbage_after(lambda: [live_once(user) for _ in range(journeys)])]
        if not left:
            break
    return left


def live_once(user):
    """One journey, whatever becomes of it."""
    with contextlib.suppress(ValueError, gevent.GreenletExit):
        user._journey_once()


def garbage_after(act):
    """What of our package is unreachable, and was not freed, after `act` without a collector.

    What was there before is frozen, not searched: it is no garbage of `act`, and there is very much of it.
    """
    gc.disable()
    gc.freeze()
    try:
        act()
        for _ in range(TURNS):
            gevent.idle()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return [thing for thing in gc.garbage if is_ours(thing)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def is_ours(thing):
    """An object or a frame of the packages that a session lives in; greenlets of earlier tests may end meanwhile."""
    if isinstance(thing, types.FrameType):
        return any(f"fleetlm_users/{package}/" in thing.f_code.co_filename for package in OF_A_SESSION)
    return type(thing).__module__.startswith(tuple(f"fleetlm_users.{package}" for package in OF_A_SESSION))


def describe(thing):
    """Enough to know it by."""
    return f"frame of {thing.f_code.co_qualname}" if isinstance(thing, types.FrameType) else type(thing).__name__
