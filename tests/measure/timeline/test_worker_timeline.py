"""Rows are per second, absolute, and the same however often they are sent."""

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS, Second
from fleetlm_users.measure.timeline.worker_timeline import ROWS_AT_ONCE, WorkerTimeline

NONE = [0] * len(COUNTER_COLUMNS)


def sent_in(row):
    return row.whole().count("sent")


def totals(sent):
    return {"burst": [sent, *NONE[1:]]}


def test_a_tick_belongs_to_the_second_in_which_its_stretch_began():
    """Ticks come a little late; what they tell began on time."""
    timeline = WorkerTimeline()
    timeline.tick(1.003, totals(5), 2, 10.0)
    timeline.tick(2.004, totals(9), 3, 20.0)
    assert [(row.second, sent_in(row), row.connections) for row in timeline.rows()] == [(0, 5, 2), (1, 4, 3)]


def test_two_ticks_in_a_second_make_one_row():
    """A snapshot ticks too, at any moment."""
    timeline = WorkerTimeline()
    timeline.tick(0.4, totals(5), 2, 10.0)
    timeline.tick(0.9, totals(9), 1, 5.0)
    (row,) = timeline.rows()
    assert (sent_in(row), row.connections, row.cpu_percent) == (9, 2, 10.0)


def test_a_clock_that_goes_back_makes_no_second_row():
    """Rows only follow each other."""
    timeline = WorkerTimeline()
    timeline.tick(5.0, totals(1), 0, 0.0)
    timeline.tick(3.0, totals(2), 0, 0.0)
    timeline.tick(6.0, totals(3), 0, 0.0)
    assert [row.second for row in timeline.rows()] == [0, 5]


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 50)), max_size=30))
def test_rows_add_up_to_the_counters(stretches):
    """No count is lost or doubled between ticks."""
    timeline, elapsed_s, sent = WorkerTimeline(), 0.0, 0
    for length_s, more in stretches:
        elapsed_s, sent = elapsed_s + length_s, sent + more
        timeline.tick(elapsed_s, totals(sent), 0, 0.0)
    seconds = [row.second for row in timeline.rows()]
    assert sum(sent_in(row) for row in timeline.rows()) == sent
    assert seconds == sorted(set(seconds))


def test_a_snapshot_holds_the_youngest_second_as_it_was(ledger):
    """It goes on while the snapshot waits to be sent; the seconds before it do not."""
    ledger.count("messages_sent", "burst", MAIN)
    ledger.trend("append_latency_ms", "burst", MAIN).add(1000)
    first = ledger.snapshot(1, final=False, elapsed_s=0.3)
    ledger.count("messages_sent", "burst", MAIN)
    ledger.trend("append_latency_ms", "burst", MAIN).add(1000)
    second = ledger.snapshot(2, final=False, elapsed_s=0.6)
    assert [sent_in(row) for row in (*first.rows, *second.rows)] == [1, 2]
    assert [sum(row.whole().spreads["append"].values()) for row in (*first.rows, *second.rows)] == [1, 2]


def test_durations_lie_in_coarse_buckets():
    """Their order does not matter."""
    row = Second.empty(0)
    row.spread("burst", "append", {100: 2, 101: 1, 5000: 1})
    row.spread("burst", "append", {5000: 2})
    assert sorted(row.whole().spreads["append"].values()) == [3, 3]


def test_a_snapshot_repeats_what_the_master_has_not_said_it_has(ledger):
    """It starts with the oldest, so nothing is left out; the final one sends all of it."""
    for second in range(ROWS_AT_ONCE + 40):
        ledger.count("messages_sent", "burst", MAIN)
        ledger.trend("append_latency_ms", "burst", MAIN).add(1000)
        ledger.tick(second + 1.0)
    end = ROWS_AT_ONCE + 40
    rows = ledger.snapshot(1, final=False, elapsed_s=float(end)).rows
    assert [row.second for row in rows] == list(range(ROWS_AT_ONCE))
    ledger.forget_rows(25)
    rows = ledger.snapshot(2, final=False, elapsed_s=float(end)).rows
    assert [row.second for row in rows] == list(range(25, 25 + ROWS_AT_ONCE))
    final = ledger.snapshot(3, final=True, elapsed_s=end + 0.5).rows
    assert [row.second for row in final] == list(range(25, end + 1))
    assert {sent_in(row) for row in final[:-1]} == {1}
    assert all(list(row.whole().spreads["append"].values()) == [1] for row in final[:-1])


def test_the_second_that_still_grows_is_never_forgotten():
    """It holds whatever a master claims to have."""
    timeline = WorkerTimeline()
    for second in range(5):
        timeline.tick(second + 0.5, totals(second), 0, 0.0)
        timeline.tick(second + 1.0, totals(second), 0, 0.0)
    timeline.forget(3)
    timeline.forget(2)
    assert [row.second for row in timeline.rows()] == [3, 4]
    timeline.tick(5.5, totals(6), 0, 0.0)
    timeline.forget(99)
    timeline.tick(5.9, totals(9), 0, 0.0)
    assert [(row.second, sent_in(row)) for row in timeline.rows()] == [(5, 5)]
