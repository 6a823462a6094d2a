"""Inboxes, with time driven by hand."""

import orjson
import pytest

from fleetlm_users.standin.chat import inbox as module
from fleetlm_users.standin.chat.inbox import Inboxes
from tests.standin.fakes import FakeListener, FakeTimer, new_session, new_store

STAMP = b"2026-11-23T20:19:46.753381"


def scene(quirks, sessions=1, stops=None):
    """(the user's opened inbox with a listener, the listener, the sessions, the timer)."""
    store, timer, listener = new_store(), FakeTimer(), FakeListener()
    mine = [new_session(store, number) for number in range(sessions)]
    inbox = Inboxes(store, timer, quirks, stops).open("u")
    inbox.listeners = [listener]
    return inbox, listener, mine, timer


def counts(listener):
    """The sum of the unread counts of each delta."""
    return [sum(entry["unread_count"] for entry in orjson.loads(delta)["inbox"]) for delta in listener.pushed]


@pytest.mark.parametrize(
    ("quirks", "stops", "expected"),
    [(False, None, [2, 3]), (True, None, [2]), (False, True, [2]), (True, False, [2, 3])],
)
def test_the_timer(quirks, stops, expected):
    """One delta per second with news; under quirks none ever comes after the first second without."""
    inbox, listener, (session,), timer = scene(quirks, stops=stops)
    inbox.touch(session, "u", STAMP)
    inbox.touch(session, "a", STAMP)
    timer.advance(1.0)
    assert counts(listener) == [2]
    timer.advance(5.0)
    inbox.touch(session, "u", STAMP)
    timer.advance(5.0)
    assert counts(listener) == expected
    assert inbox.snapshot()[0]["unread_count"] == 3


@pytest.mark.parametrize("quirks", [False, True])
def test_fifty_dirty_sessions_do_not_wait(quirks):
    """It holds with and without quirks."""
    inbox, listener, sessions, timer = scene(quirks, sessions=51)
    timer.advance(5.0)
    for session in sessions:
        inbox.touch(session, "u", STAMP)
    assert counts(listener) == [50]
    timer.advance(1.0)
    assert counts(listener) == [50, 51]


def test_the_timer_rests_while_nobody_listens():
    """The next join restarts it."""
    store, timer = new_store(), FakeTimer()
    session, inboxes = new_session(store), Inboxes(store, timer)
    inbox = inboxes.open("u")
    timer.advance(10.0)
    assert timer.planned == []
    inbox.touch(session, "u", STAMP)
    listener = FakeListener()
    inboxes.open("u").listeners = [listener]
    inbox.touch(session, "u", STAMP)
    timer.advance(1.0)
    assert counts(listener) == [2]


def test_bounds(monkeypatch):
    """The oldest entries and the longest unused inboxes are forgotten."""
    monkeypatch.setattr(module, "MAX_ENTRIES", 3)
    monkeypatch.setattr(module, "MAX_INBOXES", 2)
    store = new_store()
    sessions = [new_session(store, number) for number in range(5)]
    inboxes = Inboxes(store, FakeTimer())
    assert len(inboxes.open("u").snapshot()) == 3
    inboxes.open("v").listeners = [FakeListener()]
    inboxes.open("w")
    assert inboxes.get("u") is None
    assert sessions[0].inbox is None
    assert inboxes.get("v") is not None
