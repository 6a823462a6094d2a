"""What the stand-in says of its own delays."""

import pytest

from fleetlm_users.standin.faults.delivery import Delivery
from fleetlm_users.standin.faults.faults import Faults, FaultState
from fleetlm_users.standin.faults.hold_times import Held
from tests.standin.fakes import FakeListener, FakeTimer, new_session, new_store


def test_nothing_held_is_a_count_of_nothing():
    """No made-up zeros beside it."""
    assert Held().as_json() == {"count": 0}


def test_holds_are_told_in_milliseconds():
    """Percentiles of three significant digits; the ends are the ends."""
    held = Held()
    for held_s in (0.050, 0.050, 0.051, 0.060):
        held.add(held_s)
    found = held.as_json()
    assert found["count"] == 4
    assert [found[name] for name in ("min", "p50", "p90", "max")] == pytest.approx([50, 50, 60, 60], rel=0.002)


def test_a_hold_beyond_a_minute_counts_as_a_minute():
    """It is counted all the same."""
    held = Held()
    held.add(3600)
    assert held.as_json()["max"] == pytest.approx(60_000, rel=0.002)


def test_a_late_timer_shows():
    """Asked for 50 ms, held for 70: the hold is 70."""
    exact, held, session = FakeTimer(), Held(), new_session(new_store())
    session.listeners = [FakeListener()]
    now_s = [0.0]
    delivery = Delivery(FaultState(Faults(broadcast_delay_ms=50)), exact, FakeTimer(), held, lambda: now_s[0])
    delivery.deliver(session, b"1")
    now_s[0] = 0.070
    exact.advance(0.051)
    assert held.as_json()["min"] == pytest.approx(70, rel=0.002)
