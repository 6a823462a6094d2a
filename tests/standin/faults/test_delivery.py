"""Faulty pushes, with time driven by hand."""

import pytest

from fleetlm_users.standin.counters import HoldTimes
from fleetlm_users.standin.faults.delivery import Delivery
from fleetlm_users.standin.faults.faults import Faults, FaultState
from tests.standin.fakes import FakeListener, FakeTimer, new_session, new_store


def scene(**faults):
    """(delivery, session with one listener, the listener, the exact timer, the rough timer)."""
    session, listener, exact, rough = new_session(new_store()), FakeListener(), FakeTimer(), FakeTimer()
    session.listeners = [listener]
    delivery = Delivery(FaultState(Faults(**faults)), exact, rough, HoldTimes(), lambda: exact.now_s)
    return delivery, session, listener, exact, rough


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({}, [b"1", b"2", b"3"]),
        ({"lose_every": 2}, [b"1", b"3"]),
        ({"double_every": 3}, [b"1", b"2", b"3", b"3"]),
        ({"reorder_every": 2}, [b"1", b"3", b"2"]),
        ({"garbage_every": 2}, [b"1", b"2", None, b"3"]),
        ({"no_broadcast": True}, []),
    ],
)
def test_fates(faults, expected):
    """Return the pushes of three messages."""
    delivery, session, listener, _, _ = scene(**faults)
    for payload in (b"1", b"2", b"3"):
        delivery.deliver(session, payload)
    assert listener.pushed == expected
    lost = {"lose_every": 1, "no_broadcast": 3}
    assert session.run.broadcasts_dropped == sum(count for name, count in lost.items() if name in faults)


def test_a_delay_holds_each_push_back_in_order():
    """Nothing before that; clients that left meanwhile, or joined later, get nothing."""
    delivery, session, listener, exact, _ = scene(broadcast_delay_ms=50)
    gone, late = FakeListener(), FakeListener()
    session.listeners = [listener, gone]
    delivery.deliver(session, b"1")
    exact.advance(0.02)
    delivery.deliver(session, b"2")
    session.listeners = [listener, late]
    gone.open = False
    exact.advance(0.0299)
    assert listener.pushed == []
    exact.advance(0.0002)
    assert listener.pushed == [b"1"]
    exact.advance(0.02)
    assert (listener.pushed, gone.pushed, late.pushed) == ([b"1", b"2"], [], [])


def test_pieces_of_an_answer_are_delayed_as_its_message_is():
    """They keep the order in which they were pushed, even at the same moment."""
    delivery, session, listener, exact, _ = scene(broadcast_delay_ms=50)
    exact.advance(1.0)
    delivery.arrived_s = 0.99
    delivery.deliver_event(session, "stream_chunk", b"piece")
    delivery.deliver(session, b"whole")
    delivery.arrived_s = None
    exact.advance(0.0399)
    assert (listener.events, listener.pushed) == ([], [])
    exact.advance(0.0002)
    assert (listener.events, listener.pushed) == ([("stream_chunk", b"piece")], [b"whole"])
    delivery.deliver_event(session, "stream_chunk", b"later")
    listener.open = False
    exact.advance(1.0)
    assert len(listener.events) == 1


def test_a_hold_is_timed_from_the_reading_of_the_bytes():
    """The server's work before the append counts, for it is latency; the push does not wait for the loop's turn."""
    session, listener, exact, held = new_session(new_store()), FakeListener(), FakeTimer(), HoldTimes()
    session.listeners = [listener]
    faults = FaultState(Faults(broadcast_delay_ms=50))
    delivery = Delivery(faults, exact, FakeTimer(), held, lambda: exact.now_s)
    exact.advance(1.0)
    delivery.arrived_s = 0.99
    delivery.deliver(session, b"1")
    delivery.arrived_s = None
    exact.advance(0.039)
    assert (listener.pushed, listener.flushed) == ([], 0)
    exact.advance(0.002)
    assert (listener.pushed, listener.flushed) == ([b"1"], 1)
    assert held.as_json()["count"] == 1
    assert held.as_json()["p50"] == pytest.approx(50.0, rel=0.01)


def test_a_held_push_is_let_go_after_a_second():
    """When nothing follows it."""
    delivery, session, listener, _, rough = scene(reorder_every=1)
    delivery.deliver(session, b"1")
    rough.advance(0.9)
    assert listener.pushed == []
    rough.advance(0.2)
    assert listener.pushed == [b"1"]
