"""A message is shown by the first delta that is not older than it, or missed after the deadline; never both."""

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.inbox_watch import InboxWatch, ShownMessage

T1, T2, T3 = "2026-11-23T20:19:46.338747", "2026-11-23T20:19:46.753381", "2026-11-23T20:19:47.157602"


def test_a_delta_shows_every_message_up_to_its_last_activity():
    """It includes messages followed by later ones: the inbox only shows the latest."""
    watch = InboxWatch(5.0)
    assert watch.appended(1.0, 1.05, T1, 1.1) == []
    assert watch.appended(1.4, 1.45, T2, 1.5) == []
    assert watch.delta(T2, 2.0) == [ShownMessage(1.0, 1.05, 2.0), ShownMessage(1.4, 1.45, 2.0)]
    assert len(watch) == 0


def test_a_delta_from_before_a_message_does_not_show_it():
    """It is another's activity."""
    watch = InboxWatch(5.0)
    watch.appended(1.0, 1.05, T2, 1.1)
    assert watch.delta(T1, 2.0) == []
    assert watch.delta(T3, 3.0) == [ShownMessage(1.0, 1.05, 3.0)]


def test_a_delta_may_overtake_the_messages_own_broadcast():
    """The moment of the delta counts, not that of the broadcast."""
    watch = InboxWatch(5.0)
    watch.delta(T2, 2.0)
    assert watch.appended(1.0, 1.05, T2, 2.3) == [ShownMessage(1.0, 1.05, 2.0)]


def test_what_waits_for_longer_than_the_deadline_is_missed_once():
    """It is not shown afterwards."""
    watch = InboxWatch(5.0)
    watch.appended(1.0, 1.05, T1, 1.0)
    watch.appended(3.0, 3.05, T2, 3.0)
    assert watch.next_deadline_s() == 6.0
    assert watch.expire(5.9) == 0
    assert watch.expire(6.0) == 1
    assert watch.expire(6.0) == 0
    assert watch.delta(T3, 7.0) == [ShownMessage(3.0, 3.05, 7.0)]


@given(st.lists(st.sampled_from(["append", "delta", "expire"]), max_size=40))
def test_every_message_is_shown_missed_or_waiting(steps):
    """The order of events does not matter."""
    watch, sent, shown, missed = InboxWatch(2.5), 0, 0, 0
    for now, step in enumerate(steps):
        stamp = f"2026-11-23T20:19:{now:02}"
        if step == "append":
            sent += 1
            shown += len(watch.appended(float(now), float(now), stamp, float(now)))
        elif step == "delta":
            shown += len(watch.delta(stamp, float(now)))
        else:
            missed += watch.expire(float(now))
        assert sent == shown + missed + len(watch)
