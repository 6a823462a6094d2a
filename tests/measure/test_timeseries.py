"""Workers' rows merge by second, and what a worker did not say is not invented."""

import pytest

from fleetlm_users.measure.timeline import Timeline
from fleetlm_users.measure.timeseries import columns, merged, to_csv


def rows_of(*ticks):
    """Wire rows of one worker: (elapsed_s, sent so far, connections, {value_us: times})."""
    timeline = Timeline()
    for elapsed_s, sent, connections, tally in ticks:
        row = timeline.tick(elapsed_s, [sent] + [0] * 9, connections, 30.0)
        if tally:
            row.spread("append", tally)
    return [row.to_wire() for row in timeline.rows()]


def test_workers_are_summed_by_second():
    """Counts and connections add up, distributions merge before any percentile is taken."""
    fast = rows_of((1.0, 5, 2, {1_000: 99}))
    slow = rows_of((1.0, 7, 3, {100_000: 1}))
    (row,) = merged([fast, slow])
    assert (row["second"], row["sent"], row["connections"], row["append_count"]) == (0, 12, 5, 100)
    assert row["append_p50_ms"] == pytest.approx(1.0, rel=0.032)
    assert row["append_p99_ms"] == pytest.approx(1.0, rel=0.032)
    assert row["append_max_ms"] == pytest.approx(100.0, rel=0.032)
    assert row["agent_p95_ms"] is None


def test_a_second_without_a_report_keeps_the_sockets_and_counts_nothing():
    """A stalled worker's sockets are still open; its messages did not happen."""
    rows = merged([rows_of((1.0, 5, 4, {}), (4.5, 5, 4, {}), (5.5, 9, 4, {}))])
    assert [row["second"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["sent"] for row in rows] == [5, 0, 0, 0, 4]
    assert [row["connections"] for row in rows] == [4, 4, 4, 4, 4]


def test_only_the_newest_rows_when_asked():
    """The progress line looks at a few seconds, whatever the run's length."""
    rows = merged([rows_of(*((second + 1.0, second, 1, {}) for second in range(100)))], newest=5)
    assert [row["second"] for row in rows] == [95, 96, 97, 98, 99]
    assert rows[0]["connections"] == 1


def test_failures_are_everything_that_failed():
    """One column for the eye; its parts are beside it."""
    timeline = Timeline()
    timeline.tick(1.0, [9, 4, 1, 2, 0, 0, 7, 3, 4, 5], 0, 0.0)
    (row,) = merged([[row.to_wire() for row in timeline.rows()]])
    assert row["failures"] == 1 + 2 + 3 + 4 + 5


def test_nothing_merges_to_nothing():
    """No workers, no rows."""
    assert merged([]) == []
    assert merged([[]]) == []


def test_csv_has_a_head_and_an_empty_field_for_what_was_not_measured():
    """0 and nothing are different."""
    head, row = to_csv(merged([rows_of((1.0, 5, 2, {}))])).splitlines()
    assert head.split(",") == columns()
    fields = dict(zip(head.split(","), row.split(","), strict=True))
    assert (fields["sent"], fields["append_p95_ms"], fields["append_count"]) == ("5", "", "0")
