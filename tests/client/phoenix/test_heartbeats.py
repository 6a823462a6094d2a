"""Heartbeats on a hub with short intervals: what is sent, what a missing answer causes, and that nothing is left
over.
"""

import gc
import math
import time
import weakref

import gevent
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client import Heartbeats
from fleetlm_users.client.phoenix.heartbeats import GROUP, TURN_S
from fleetlm_users.errors import Disconnected
from tests.client.fakes import hold, phoenix
from tests.client.handlers import WAIT_S, Recorder

SHORT_S = 0.05
ANSWERED_WITHIN_S = 1.0  # on a busy machine too; what is silent goes down after twice that


class Beaten:
    """Counts its beats and tells when there were enough."""

    def __init__(self, enough: int = 3, error: Exception | None = None) -> None:
        self.beats = 0
        self.error = error
        self.enough = Event()
        self._enough = enough

    def beat(self) -> None:
        self.beats += 1
        if self.beats >= self._enough:
            self.enough.set()
        if self.error is not None:
            raise self.error


@pytest.fixture
def heartbeats(no_greenlets_left):
    made = Heartbeats(SHORT_S)
    yield made
    made.stop()


def test_nothing_runs_before_the_first_socket_nor_after_the_last(heartbeats):
    """Locust may fork after construction: the timer starts with the first socket, and ends with the last."""
    assert heartbeats._timer is None
    one, two = Beaten(), Beaten()
    heartbeats.add(one)
    heartbeats.add(two)
    assert heartbeats._timer is not None
    assert one.enough.wait(WAIT_S)
    assert two.enough.wait(WAIT_S)
    heartbeats.remove(one)
    heartbeats.remove(one)
    heartbeats.remove(two)
    assert heartbeats._timer is None
    assert heartbeats._due == []
    heartbeats.add(one)
    assert heartbeats._timer is not None
    assert repr(heartbeats) == "<Heartbeats every 0.05 s sockets=1>"


@pytest.mark.parametrize("error", [Disconnected("eof"), ValueError("a bug")])
def test_a_socket_that_raises_does_not_stop_the_others(heartbeats, error):
    """Neither a known error nor a bug in one stops them."""
    broken, sound = Beaten(error=error), Beaten()
    heartbeats.add(broken)
    heartbeats.add(sound)
    assert broken.enough.wait(WAIT_S)
    assert sound.enough.wait(WAIT_S)


def test_beats_are_spread_over_the_interval():
    """However many sockets are added at once, no tenth of the interval gets many more than its share."""
    heartbeats = Heartbeats(1000.0)
    sockets = [Beaten() for _ in range(1000)]
    for one in sockets:
        heartbeats.add(one)
    first_s = min(due_s for due_s, _ in heartbeats._due)
    tenths = [int((due_s - first_s) / 100.0) for due_s, _ in heartbeats._due]
    assert len(tenths) == 1000 / GROUP
    assert all(abs(tenths.count(tenth) - 100 / GROUP) <= 1 for tenth in range(10))
    heartbeats.stop()


def test_a_group_is_beaten_in_turns_that_are_bounded(monkeypatch):
    """However slow a beat is, nothing else waits longer than TURN_S plus one beat; the rest follows after a pause."""
    now_s, heartbeats = [0.0], Heartbeats(30.0)
    monkeypatch.setattr(time, "perf_counter", lambda: now_s[0])

    class Slow(Beaten):
        def beat(self):
            now_s[0] += TURN_S * 0.4
            super().beat()

    sockets = [Slow() for _ in range(GROUP)]
    for one in sockets:
        heartbeats.add(one)
    now_s[0] = 30.0
    beats = []
    while sum(beats) < GROUP:
        heartbeats._turn()
        beats.append(sum(one.beats for one in sockets) - sum(beats))
    assert max(beats) == 3
    assert {one.beats for one in sockets} == {1}
    heartbeats._turn()
    assert {one.beats for one in sockets} == {1}
    heartbeats.stop()


def test_a_socket_removed_amid_its_groups_turn_is_not_beaten(monkeypatch):
    """It may be closed by then."""
    now_s, heartbeats = [0.0], Heartbeats(30.0)
    monkeypatch.setattr(time, "perf_counter", lambda: now_s[0])
    first, last = Beaten(), Beaten()
    for one in (first, last):
        heartbeats.add(one)
    last.beat = lambda: heartbeats.remove(first)
    now_s[0] = 30.0
    heartbeats._turn()
    assert first.beats == 0
    assert len(heartbeats) == 1
    heartbeats.stop()


@given(st.lists(st.integers(0, 99), max_size=300))
def test_seats_that_become_free_are_taken_again(numbers):
    """Sockets that come and go never open more groups than their highest number at once needs."""
    heartbeats, there, most = Heartbeats(1000.0), {}, 0
    for number in numbers:
        if number in there:
            heartbeats.remove(there.pop(number))
        else:
            heartbeats.add(there.setdefault(number, Beaten()))
        most = max(most, len(there))
        assert len(heartbeats) == len(there) == sum(map(len, heartbeats._groups.values()))
        assert len(heartbeats._groups) <= math.ceil(most / GROUP)
        assert sorted(heartbeats._roomy) == sorted(n for n, group in heartbeats._groups.items() if len(group) < GROUP)
    heartbeats.stop()


def test_an_empty_group_ends_when_it_is_due(monkeypatch):
    """The memory of many sockets is not kept for a few."""
    now_s, heartbeats = [0.0], Heartbeats(30.0)
    monkeypatch.setattr(time, "perf_counter", lambda: now_s[0])
    sockets = [Beaten() for _ in range(2 * GROUP)]
    for one in sockets:
        heartbeats.add(one)
    for one in sockets[:-1]:
        heartbeats.remove(one)
    now_s[0] = 30.0
    heartbeats._turn()
    assert len(heartbeats._groups) == len(heartbeats._due) == len(heartbeats._roomy) == 1
    assert sockets[-1].beats == 1
    heartbeats.stop()


@pytest.mark.parametrize(
    ("due_s", "now_s", "next_s"),
    [
        (100.0, 100.0, 130.0),
        (100.0, 114.0, 130.0),
        (100.0, 116.0, 160.0),
        (100.0, 145.0, 160.0),
        (100.0, 1000.0, 1030.0),
    ],
)
def test_after_a_stall_a_socket_is_not_beaten_twice_in_a_row(due_s, now_s, next_s):
    """The server gets at least half an interval to answer before silence counts; the phase is kept."""
    assert Heartbeats(30.0)._next_due_s(due_s, now_s) == next_s


def test_a_removed_socket_is_not_kept_in_memory_until_it_would_be_due():
    """Churn makes many short-lived sockets: only their numbers may stay."""
    heartbeats = Heartbeats(1000.0)
    keeper, passing = Beaten(), Beaten()
    gone = weakref.ref(passing)
    heartbeats.add(keeper)
    heartbeats.add(passing)
    heartbeats.remove(passing)
    del passing
    gc.collect()
    assert gone() is None
    heartbeats.stop()


def test_an_earlier_group_is_not_kept_waiting(heartbeats):
    """One that is due before all others brings the timer forward."""
    heartbeats.interval_s = 1000.0
    full = [Beaten() for _ in range(GROUP)]
    for one in full:
        heartbeats.add(one)
    gevent.idle()
    heartbeats.interval_s = SHORT_S
    soon = Beaten(enough=1)
    heartbeats.add(soon)
    assert soon.enough.wait(WAIT_S)


def test_a_socket_that_answers_lives_and_one_that_is_silent_goes_down(client, serve):
    """phoenix.js' rule: a heartbeat that is unanswered when the next one is due ends the connection."""
    client.heartbeats.interval_s = ANSWERED_WITHIN_S

    def silent(peer):
        peer.upgrade()
        peer.reply(peer.expect("phx_join"))
        peer.expect("heartbeat")
        hold(peer)

    alive, dead = Recorder(), Recorder()
    polite = client.connected(serve(phoenix).ws_url)
    polite.join("session:1", {}, alive, WAIT_S)
    client.connected(serve(silent).ws_url).join("session:1", {}, dead, WAIT_S)
    assert dead.down().kind == "heartbeat_timeout"
    assert alive.downs == []
    assert polite.down is None
    assert len(client.heartbeats) == 1


def test_a_full_send_buffer_does_not_hold_up_the_others(client, serve):
    """One socket's server reads nothing: the others keep their beats, and that socket goes down in its own time."""
    client.heartbeats.interval_s = ANSWERED_WITHIN_S

    def stuck(peer):
        peer.upgrade()
        peer.reply(peer.expect("phx_join"))
        never.wait(WAIT_S)

    never = Event()
    stuck_recorder, sound_recorder = Recorder(), Recorder()
    full = client.connected(serve(stuck).ws_url, send_timeout_s=WAIT_S)
    full.join("session:1", {}, stuck_recorder, WAIT_S)
    while not full._transport._writers:
        full._transport.send_soon(b"x" * 50_000)
    sound = client.connected(serve(phoenix).ws_url)
    sound.join("session:1", {}, sound_recorder, WAIT_S)
    assert stuck_recorder.down().kind == "heartbeat_timeout"
    assert sound.down is None
    never.set()
