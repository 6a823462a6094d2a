"""Live charts show what happened, neither more nor less, however old it is and however late it was reported."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fleetlm_users.measure.timeline.history import POINTS_KEPT, SETTLED_S, SILENT_S, WIDTHS_S, LiveHistory
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.timeline.rows import percentiles_ms
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS, NOTHING_WAITS, Part, Second

SENT = list(COUNTER_COLUMNS).index("sent")
# one duration of 1 ms, 100 of 4 ms, by coarse bucket
SPREAD = {"append": {111: 1, 143: 100}}


def row(second, sent=1, connections=3, cpu=10.0, spreads=None):
    counts = [0] * len(COUNTER_COLUMNS)
    counts[SENT] = sent
    return Second(second, connections, cpu, {"burst": Part(counts, NOTHING_WAITS, spreads or {})})


def told(final=False, **workers):
    timeline = MergedTimeline()
    for worker, rows in workers.items():
        timeline.absorb(worker, rows, final)
    return timeline


def sent_in(series):
    table = series.table(series.since(0))
    sent, width_s = (table["columns"].index(name) for name in ("sent", "width_s"))
    return round(sum(row[sent] * row[width_s] for row in table["rows"]))


def test_the_second_that_has_only_begun_is_not_shown():
    """It would look like a dip. With several workers, the last second that all have behind them is the last one."""
    series = LiveHistory()
    series.absorb(told(a=[row(n) for n in range(8)], b=[row(n) for n in range(6)]))
    assert [interval.second for interval in series.since(0)] == [0, 1, 2, 3, 4]
    assert sent_in(series) == 10


def test_a_worker_that_went_silent_does_not_stop_the_clock():
    """Its sockets stay as they were told; its messages are just missing from then on."""
    series = LiveHistory()
    series.absorb(told(a=[row(n) for n in range(20 + SILENT_S)], gone=[row(n) for n in range(5)]))
    assert series.since(0)[-1].second == 18 + SILENT_S


def test_late_rows_heal_what_is_young():
    """Until then the second is shown without them."""
    series, timeline = LiveHistory(), told(a=[row(n) for n in range(20)], b=[row(n) for n in range(12)])
    series.absorb(timeline)
    assert sent_in(series) == 22
    timeline.absorb("b", [row(n) for n in range(20)], final=False)
    series.absorb(timeline)
    assert sent_in(series) == 38


def test_nothing_is_reported_twice_and_nothing_left_out_while_seconds_settle():
    """Each look takes over where the last one settled."""
    series, timeline = LiveHistory(), MergedTimeline()
    for now in range(3 * SETTLED_S):
        timeline.absorb("a", [row(n) for n in range(max(0, now - 5), now + 1)], final=False)
        series.absorb(timeline)
        assert sent_in(series) == now
    assert [interval.second for interval in series.since(0)] == list(range(3 * SETTLED_S - 1))


def test_the_end_tells_everything():
    """It includes rows that came only with the final report, and the last, incomplete second."""
    series, timeline = LiveHistory(), told(a=[row(n) for n in range(30)])
    series.absorb(timeline)
    timeline.absorb("a", [row(n) for n in range(31)], final=True)
    timeline.absorb("b", [row(n) for n in range(10)], final=True)
    series.finish(timeline)
    assert sent_in(series) == 41


def test_the_end_tells_what_came_after_its_second_had_settled():
    """A worker that was cut off for long is in the charts at the end, in all widths."""
    series, timeline = LiveHistory(), MergedTimeline()
    for now in range(1, 1500, 3):
        timeline.absorb("a", [row(n) for n in range(max(0, now - 5), now + 1)], final=False)
        series.absorb(timeline)
    timeline.absorb("late", [row(n) for n in range(1000)], final=True)
    timeline.absorb("a", [row(n) for n in range(1490, 1500)], final=True)
    series.finish(timeline)
    assert sent_in(series) == 2500
    assert len({point.width_s for point in series.since(0)}) > 1


def test_a_run_whose_statistics_were_reset_begins_there():
    """The time before is not a time without messages."""
    series = LiveHistory()
    series.absorb(told(a=[row(n) for n in range(63, 70)]))
    assert series.since(0)[0].second == 63


def test_ten_hours_are_a_bounded_number_of_points():
    """No message is lost on the way; the newest ten minutes are by second."""
    series = LiveHistory()
    series.finish(told(final=True, a=[row(n) for n in range(36_000)]))
    points = series.since(0)
    assert len(points) <= sum(POINTS_KEPT) + 200
    assert sent_in(series) == 36_000
    assert [point.width_s for point in points[-POINTS_KEPT[0] :]] == [1] * POINTS_KEPT[0]
    assert {point.width_s for point in points} == set(WIDTHS_S)
    assert all(one.end_s == other.second for one, other in itertools.pairwise(points))


@given(st.dictionaries(st.integers(0, 50), st.integers(0, 9), max_size=40), st.integers(1, 12))
def test_a_longer_stretch_is_what_its_seconds_are_together(sent_by_second, width_s):
    """Percentiles are those of all durations, never an average of percentiles."""
    rows = [
        row(second, sent, sent, float(sent), {"append": {sent + 1: sent}} if sent else {})
        for second, sent in sorted(sent_by_second.items())
    ]
    inside = [each for each in rows if each.second < width_s]
    seconds = told(final=True, a=[*inside, row(width_s, 0, 0, 0.0)]).intervals(0, width_s)
    first, *others = seconds
    for other in others:
        first.extend(other)
    together = told(
        final=True, **{str(n): [structs.replace(each, second=0)] for n, each in enumerate(inside)}
    ).intervals(0, 1)
    assert first.width_s == width_s
    assert first.whole().counts[SENT] == sum(each.whole().counts[SENT] for each in inside)
    assert first.cpus.get("a", 0.0) == max((each.cpu_percent for each in inside), default=0.0)
    spreads = [each.whole().spreads.get("append", {}) for each in (first, *together)]
    assert all(percentiles_ms(spread) == percentiles_ms(spreads[0]) for spread in spreads)


def test_the_table_says_per_second_and_agrees_with_the_file():
    """Counts are divided by the width, percentiles are those of timeseries.csv, CPU is by worker."""
    timeline = told(final=True, a=[row(n, sent=4, spreads=SPREAD) for n in range(3)], b=[row(0, cpu=55.0)])
    series = LiveHistory()
    series.finish(timeline)
    table = series.table(series.since(0))
    first = dict(zip(table["columns"], table["rows"][0], strict=True))
    filed = timeline.rows()[0]
    assert first["sent"] == 5
    assert first["append_p95_ms"] == filed["append_p95_ms"] is not None
    assert first["connections"] == filed["connections"] == 6
    assert table["workers"] == ["a", "b"]
    assert table["cpu"] == [[10.0, 55.0], [10.0, None], [10.0, None]]


def test_what_a_run_has_no_metric_for_has_no_column():
    """A page that is opened late gets thousands of rows."""
    timeline = MergedTimeline()
    timeline.absorb("a", [row(0), row(1)], final=True)
    whole, part = LiveHistory(), LiveHistory({"messages_sent", "append_latency_ms", "append_backlog"})
    for history in (whole, part):
        history.finish(timeline)
    assert "push_p95_ms" in whole.table(whole.since(0))["columns"]
    assert part.table(part.since(0))["columns"] == [
        *("second", "width_s", "connections", "sent"),
        *("append_p50_ms", "append_p95_ms", "append_p99_ms", "append_max_ms", "append_backlog"),
    ]


def test_each_scenario_that_streams_has_figures_of_its_own():
    """The rows of one that came later are longer; those before it stay as they were."""
    series = LiveHistory()
    rows = [row(n, spreads={"first_chunk": {111: 1}}) for n in range(6)]
    for late in rows[3:]:
        late.parts["churn"] = Part([0] * len(COUNTER_COLUMNS), NOTHING_WAITS, {"first_chunk": {143: 1}})
    series.absorb(told(a=rows))
    table = series.table(series.since(0))
    burst, churn = percentiles_ms({111: 1})[1], percentiles_ms({143: 1})[1]
    assert table["scenarios"] == ["burst", "churn"]
    assert (
        table["by_scenario"]
        == [[burst, None, None, 0, 0]] * 3 + [[burst, None, None, 0, 0, churn, None, None, 0, 0]] * 2
    )
