"""Waiting on a channel ends when the condition is true, the channel goes down, somebody wakes it, or time is up."""

import math
import time
from typing import Any

import gevent
import pytest

from fleetlm_users.client import InboxChannel, Joined, Sent, SessionChannel
from fleetlm_users.errors import Disconnected

USER, AGENT, SOON_S = "u1", "agent", 0.05


class Socket:
    """A socket on which a test plays the server."""

    participant_id = USER

    def __init__(self) -> None:
        self.handler: Any = None
        self.left: list[str] = []

    def join(self, topic: str, payload: Any, handler: Any, timeout_s: float) -> Joined:
        self.topic, self.handler = topic, handler
        return Joined({"messages": []}, "1", 0.0, 0.0)

    def push(self, topic: str, event: str, payload: Any) -> Sent:
        return Sent("2", time.perf_counter())

    def leave(self, topic: str, timeout_s: float) -> None:
        self.left.append(topic)


class Observer:
    """Counts its calls by name."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.told.append(name)


@pytest.fixture
def channel() -> SessionChannel:
    channel = SessionChannel(Socket(), "s1", AGENT, Observer(), reply_timeout_s=10.0)  # type: ignore[arg-type]
    channel.join(1.0)
    return channel


def own(seq: int, ref: str) -> dict[str, Any]:
    return {"seq": seq, "sender_id": USER, "content": {"client_ref": ref}}


def for_ever() -> float:
    return math.inf


def test_a_condition_is_looked_at_after_each_frame(channel: SessionChannel) -> None:
    """There is no polling: the frame that makes it true ends the wait."""
    message = channel.send("hello", "a", time.perf_counter(), "main")
    waiting = gevent.spawn(channel.wait, lambda: message.seq is not None, for_ever)
    gevent.idle()
    assert not waiting.ready()
    channel.on_broadcast("message", own(1, "a"), time.perf_counter())
    assert waiting.get() is True
    assert channel.in_flight == 0
    assert channel.is_open(message)  # the agent has not answered


def test_a_condition_that_is_true_is_not_waited_for(channel: SessionChannel) -> None:
    """Nothing could end such a wait."""
    assert channel.wait(lambda: True, for_ever)


def test_time_ends_a_wait(channel: SessionChannel) -> None:
    """The condition's value says whether the wait succeeded."""
    assert not channel.wait(lambda: False, lambda: 0.0)
    end_s = time.perf_counter() + SOON_S
    assert not channel.wait(lambda: False, lambda: end_s)
    assert time.perf_counter() >= end_s


def test_a_lost_channel_ends_a_wait(channel: SessionChannel) -> None:
    """Whatever it was waiting for will not come."""
    waiting = gevent.spawn(channel.wait, lambda: False, for_ever)
    gevent.idle()
    channel.on_down(Disconnected("eof"), time.perf_counter())
    assert waiting.get() is False


def test_a_wake_makes_it_look_again(channel: SessionChannel) -> None:
    """It checks the condition and the deadline, which may have come nearer."""
    deadline_s = [math.inf]
    waiting = gevent.spawn(channel.wait, lambda: False, lambda: deadline_s[0])
    gevent.idle()
    deadline_s[0] = 0.0
    channel.wake()
    assert waiting.get() is False


def test_messages_whose_time_is_up_are_given_up_during_a_wait() -> None:
    """So that a sender waiting for room gets it even if a broadcast never comes."""
    observer = Observer()
    channel = SessionChannel(Socket(), "s1", AGENT, observer, reply_timeout_s=SOON_S)  # type: ignore[arg-type]
    channel.join(1.0)
    channel.send("hello", "a", time.perf_counter(), "main")
    assert channel.wait(lambda: channel.in_flight == 0, for_ever)
    assert observer.told == ["lost"]


def test_an_inbox_hands_on_what_it_shows_of_each_session() -> None:
    """A delta is the whole inbox; a session without a moment is left out."""
    socket, shown, anomalies = Socket(), [], []
    inbox = InboxChannel(socket, lambda *told: shown.append(told), anomalies.append)  # type: ignore[arg-type]
    inbox.join(1.0)
    assert socket.topic == "inbox:u1"
    at = "2026-11-23T20:19:46.753381"
    entries = [{"session_id": name, "last_activity_at": at} for name in ("s1", "s2", 3)]
    inbox.on_broadcast("inbox_delta", {"inbox": [{"session_id": "s0"}, "s4", *entries]}, 1.0)
    inbox.on_broadcast("inbox_delta", {"inbox": [{"session_id": "s1", "last_activity_at": None}]}, 2.0)
    inbox.on_broadcast("inbox_delta", {"inbox": []}, 3.0)
    assert shown == [({"s1": at, "s2": at}, 1.0), ({}, 2.0), ({}, 3.0)]
    inbox.on_broadcast("inbox_delta", [], 4.0)
    inbox.on_broadcast("other", {}, 5.0)
    inbox.on_reply("1", "ok", {}, 6.0)
    assert anomalies == ["malformed_inbox", "unknown_event", "inbox_reply"]
    inbox.leave(1.0)
    assert socket.left == ["inbox:u1"]
    inbox.on_down(Disconnected("eof"), 7.0)
    assert inbox.down is not None
