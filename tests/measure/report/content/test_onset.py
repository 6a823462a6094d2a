"""Since when a threshold was missed: since a stretch of the run that is mostly beyond it, not since an odd second."""

import pytest

from fleetlm_users.measure.report.content.onset import UNTOLD, Onset, onset
from fleetlm_users.measure.timeline.rows import SeriesTable, flat
from fleetlm_users.measure.timeline.second import PLACES, Part, Stretch
from tests.cli.summaries import rate, summary, threshold

MISSED = threshold("append_latency_ms: p(95)<100", 300.0, False)
CALM, SLOW = 50.0, 300.0


def seconds(values, column="append_p95_ms"):
    return [{"second": second, column: value} for second, value in enumerate(values)]


def began_s(entry, rows, begins_s):
    return onset(summary(), entry, rows, begins_s).began_s


def counts(**columns):
    """Return seconds with these counts, as a run's table has them."""
    rows = []
    for second, values in enumerate(zip(*columns.values(), strict=True)):
        part = Part.empty()
        for column, value in zip(columns, values, strict=True):
            part.counts[PLACES[column]] = value
        rows.append(flat(Stretch(second, 0, 0.0, {"burst": part})))
    return SeriesTable(rows)


@pytest.mark.parametrize(
    ("values", "second"),
    [
        ([CALM] * 70 + [SLOW] * 50, 70),
        ([SLOW] * 120, 5),  # from the beginning of what is judged
        ([CALM] * 20 + [SLOW] + [CALM] * 40 + [SLOW] * 30, 61),
        ([CALM] * 30 + [SLOW, CALM, SLOW, SLOW] * 10, 30),
        ([CALM] * 20 + [SLOW] * 15 + [CALM] * 60, 20),
        ([SLOW] + [CALM] * 20 + [SLOW] + [CALM] * 20, None),
        ([CALM] * 60, None),
        ([None] * 30 + [SLOW, None, SLOW, None, SLOW] + [None] * 20, 30),
        ([None] * 30 + [SLOW, SLOW], None),
        ([], None),
    ],
)
def test_it_is_where_a_stretch_begins(values, second):
    """Seconds without samples say nothing; the warm-up of five seconds is not judged."""
    assert began_s(MISSED, seconds(values), 5.0) == second


@pytest.mark.parametrize(
    ("of_warm_up", "values", "second"),
    [
        (0, [CALM] * 10 + [SLOW, 9 * SLOW] + [None, CALM] * 20, 11),
        (0, [9 * SLOW] + [CALM] * 10 + [SLOW] + [CALM] * 10, 11),  # that of the warm-up is not judged
        (1, [CALM] * 10 + [SLOW] + [CALM] * 20, None),  # whose samples are among them: it may be one of those
        (0, [CALM] * 40, None),
        (0, [None] * 9, None),
    ],
)
def test_a_latency_that_is_beyond_in_single_seconds_has_a_worst_one(of_warm_up, values, second):
    """It happens after a stall, when all answers come at once."""
    rows = [row | {"append_count": 7 * (row["append_p95_ms"] is not None)} for row in seconds(values)]
    samples = sum(row["append_count"] for row in rows[1:]) - of_warm_up
    assert onset(summary(), MISSED | {"samples": samples}, rows, 1.0) == Onset(worst_s=second)


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"metric": "agent_latency_ms"}, "agent_p95_ms"),
        ({"condition": "p(99.9)<100"}, "append_p99_ms"),
        ({"condition": "p(90)<100"}, "append_p50_ms"),
        ({"condition": "avg<100"}, "append_p50_ms"),
        ({"condition": "max<=100"}, "append_max_ms"),
        ({"scenario": "burst"}, "append_p95_ms"),  # whose seconds these are
    ],
)
def test_each_figure_has_its_column(changed, column):
    """Or the next one below."""
    assert began_s(MISSED | changed, seconds([CALM] * 20 + [SLOW] * 20, column), 0.0) == 20


@pytest.mark.parametrize(
    "changed",
    [
        {"window_s": 10},
        {"stage": "peak"},  # of which nothing is known
        {"metric": "own_ms"},
        {"measured": None},
        {"condition": "min<100"},
        {"condition": "p(20)<100"},
        {"condition": "p(95)>100"},
        {"metric": "delivery_rate", "condition": "rate>0.9"},
        {"metric": "seq_gaps", "condition": "count==0"},
        {"metric": "append_backlog_growth", "condition": "value<0.1"},
    ],
)
def test_where_the_seconds_do_not_tell_nothing_is_said(changed):
    """They hold neither stages nor every metric."""
    assert onset(summary(), MISSED | changed, seconds([SLOW] * 40), 0.0) == UNTOLD


@pytest.mark.parametrize(
    ("condition", "lost", "begins_s", "told"),
    [
        ("count==0", [0] * 7 + [1] + [0] * 3 + [4] + [0] * 3, 0, Onset(first_s=7)),
        ("count<1", [0] * 7 + [2] + [0] * 3, 0, Onset(first_s=7)),
        ("count<=3", [0] * 7 + [1] + [0] * 3 + [4] + [0] * 3, 0, Onset(began_s=11)),
        ("count<5", [0] * 7 + [1] + [0] * 3 + [4] + [0] * 3, 0, Onset(began_s=11)),
        ("count==2", [0] * 7 + [1] + [0] * 3 + [4] + [0] * 3, 0, Onset(began_s=11)),
        ("count==0", [0, 3] + [0] * 5 + [2] + [0] * 3, 5, Onset(first_s=7)),
        ("count==0", [0] * 7 + [5, -2, 0], 0, UNTOLD),  # refusals taken back
    ],
)
def test_a_count_passes_its_bound_in_one_second(condition, lost, begins_s, told):
    """Counts before the judged part are not included."""
    entry = threshold(f"messages_lost: {condition}", sum(lost[begins_s:]), False, unit="count")
    assert onset(summary(), entry, counts(lost=lost), begins_s) == told


def test_a_count_that_is_not_the_judged_one_says_nothing():
    """A message of the warm-up that is lost later is counted in judged seconds; some are counted in no second."""
    for measured in (1, 3):
        entry = threshold("messages_lost: count==0", measured, False, unit="count")
        assert onset(summary(), entry, counts(lost=[0] * 5 + [1, 0, 1]), 4.0) == UNTOLD


def test_a_sum_of_counters_and_a_count_that_is_too_small():
    """The first has all their columns; the second is too small all the time."""
    rows = counts(rejected=[0, 0, 1, 0], lost=[0, 0, 0, 1])
    assert onset(summary(), threshold("message_failures: count==0", 2, False), rows, 0.0) == Onset(first_s=2)
    assert onset(summary(), threshold("messages_lost: count>9", 1, False), rows, 0.0) == UNTOLD


def of_rate(metric, condition, well, ill, failed, *, begins_s=0.0, scenario=None):
    bad = {
        "message_success_rate": "lost",
        "agent_reply_rate": "unanswered",
        "lifecycle_success_rate": "session_failures",
    }
    good = {"agent_reply_rate": "replies_matched"}.get(metric, "appended")
    figures = rate(1000 - failed, 1000)
    if scenario:
        figures["main"] = {"all": rate(1, 9)["main"]["all"], "scenarios": {scenario: figures["main"]["all"]}}
    entry = threshold(f"{metric}: {condition}", 0.1, False, unit="fraction", scenario=scenario)
    rows = counts(**{good: well, bad[metric]: ill})
    return onset(summary({metric: figures}), entry, rows, begins_s)


@pytest.mark.parametrize("metric", ["message_success_rate", "agent_reply_rate"])
@pytest.mark.parametrize("scenario", [None, "burst"])
def test_a_rate_is_below_its_bound_since_a_stretch(metric, scenario):
    """One bad second is not a stretch; seconds without an outcome say nothing."""
    ill = [0] * 10 + [5] + [0] * 19 + [3, 0, 3, 3] * 5
    well = [10] * 50
    assert of_rate(metric, "rate>0.9", well, ill, sum(ill), scenario=scenario) == Onset(began_s=30)
    assert of_rate(metric, "rate>0.9", [0] * 50, [0] * 30 + [5] * 20, 100) == Onset(began_s=30)


def test_scattered_failures_have_a_first():
    """It applies if no stretch is below, or if the seconds lack the rate's other outcomes."""
    ill = [0] * 12 + [1] + [0] * 30 + [1] + [0] * 6
    for metric in ("message_success_rate", "lifecycle_success_rate"):
        assert of_rate(metric, "rate>=1", [10] * 50, ill, 2) == Onset(first_s=12)


def test_failures_of_the_warm_up_are_not_taken_for_the_runs():
    """They may come for as long as a timeout lasts: a stretch must be beyond the bound without them."""
    ill = [0] * 5 + [5] * 6 + [0] * 20 + [5] * 19
    at_first = sum(ill[5:11])
    judged = sum(ill) - at_first
    assert of_rate("message_success_rate", "rate>0.9", [10] * 50, ill, sum(ill), begins_s=5.0) == Onset(began_s=5)
    assert of_rate("message_success_rate", "rate>0.9", [10] * 50, ill, judged, begins_s=5.0) == Onset(began_s=31)
    scattered = [0] * 6 + [1] + [0] * 20 + [1] + [0] * 22
    assert of_rate("message_success_rate", "rate>=1", [10] * 50, scattered, 1, begins_s=5.0) == UNTOLD


def test_refusals_that_were_taken_back_leave_no_moment():
    """The second in which one was counted was not its last word."""
    assert of_rate("message_success_rate", "rate>0.9", [10] * 20, [9] * 10 + [-3] * 10, 60) == UNTOLD


@pytest.mark.parametrize(
    ("condition", "values", "told"),
    [
        ("rate>=100", [100] * 20 + [80] * 40, Onset(began_s=20)),
        ("rate>=100", [100] * 60, UNTOLD),  # only what drains is less
        ("rate>=100", [99, 101] * 30, UNTOLD),  # the same in the mean
        ("rate<90", [50] * 40 + [100] * 20, Onset(began_s=40)),
    ],
)
def test_a_count_per_second_is_beyond_since_a_stretch(condition, values, told):
    """Within the sixty seconds that were judged."""
    entry = threshold(f"messages_sent: {condition}", 95.0, False, unit="1/s")
    assert onset(summary(), entry, counts(sent=values + [0] * 9), 0.0) == told


def of_stage(values, waiting=0, begins_s=0.0, **changed):
    """Return the onset of a threshold on the stage from 20 to 50 s, with this many open appends at its start."""
    rows = [
        row | {"append_count": 5 * (row["append_p95_ms"] is not None), "append_backlog": waiting}
        for row in seconds(values)
    ]
    stages = [{"name": "peak", "begins_s": 20.0, "length_s": 30.0}]
    return onset(summary() | {"stages": stages}, MISSED | {"stage": "peak"} | changed, rows, begins_s)


@pytest.mark.parametrize(
    ("values", "waiting", "told"),
    [
        ([CALM] * 30 + [SLOW] * 40, 0, Onset(began_s=30)),
        ([SLOW] * 20 + [CALM] * 30 + [SLOW] * 40, 0, UNTOLD),  # before and after it
        ([SLOW] * 80, 0, Onset(began_s=20)),
        ([SLOW] * 80, 7, Onset(began_s=22)),  # what had waited came first
        ([SLOW] * 26 + [CALM] * 60, 30, UNTOLD),
        ([SLOW] * 80, 1000, UNTOLD),
        ([CALM] * 49 + [SLOW] * 40, 0, UNTOLD),
        ([CALM] * 10, 0, UNTOLD),  # a run that ended before
    ],
)
def test_a_latency_of_a_stage_is_looked_for_in_its_seconds(values, waiting, told):
    """It counts once as many answers have come as were awaited at its start: those belong to the stage before."""
    assert of_stage(values, waiting) == told


def test_a_stage_in_which_one_second_was_the_worst():
    """Known where nothing waited when it began and the seconds hold just its samples."""
    values = [CALM] * 30 + [SLOW] + [CALM] * 40
    assert of_stage(values, samples=150) == Onset(worst_s=30)
    assert of_stage(values, samples=149) == of_stage(values, waiting=1, samples=145) == UNTOLD
    assert of_stage([SLOW] * 80, begins_s=25.0) == Onset(began_s=25)


@pytest.mark.parametrize(
    ("expression", "measured", "firsts", "told"),
    [
        ("seq_gaps: count==0", 3, {("seq_gaps", None, "main"): 41.7}, Onset(first_s=41)),
        ("messages_unstored: count<2", 3, {("messages_unstored", None, "main"): 0.4}, Onset(first_s=0)),
        ("durability_rate: rate==1", 0.9, {("messages_stored_changed", None, "main"): 9.0}, Onset(first_s=9)),
        ("delivery_rate: rate>0.99", 0.9, {("deliveries_missed", None, "main"): 9.0}, Onset(first_s=9)),
        ("messages_lost: count==0", 3, {("messages_lost", None, "main"): 6.0}, Onset(first_s=6)),
        ("message_success_rate: rate>0.9", 0.8, {("messages_lost", None, "main"): 6.0}, Onset(first_s=6)),
        ("seq_gaps: count>9", 3, {("seq_gaps", None, "main"): 4.0}, UNTOLD),
        ("seq_gaps: rate<1", 3.0, {("seq_gaps", None, "main"): 4.0}, UNTOLD),
        ("seq_gaps: count==0", 3, {("seq_gaps", "burst", "main"): 4.0}, UNTOLD),
    ],
)
def test_what_the_seconds_lack_has_a_first_moment(expression, measured, firsts, told):
    """The processes counted it by phase: gaps, losses found by an audit, and failures among those of the warm-up."""
    unit = "count" if "count" in expression else "fraction"
    rows = counts(lost=[0, 5, 0, 5])
    assert (
        onset(summary(), threshold(expression, measured, False, unit=unit), rows, 0.0, lambda *key: firsts.get(key))
        == told
    )


def test_the_first_failure_of_a_stage_or_of_the_busiest_sessions():
    """It counts by the phase in which it was due, but not if refusals were taken back."""
    firsts = {("messages_lost", None, "main:peak"): 33.0, ("messages_rejected", "burst", "main:busiest"): 8.0}
    lost = threshold("messages_lost: count==0", 2, False, unit="count") | {"stage": "peak"}
    refused = threshold("message_success_rate: rate>0.9", 0.5, False, unit="fraction", scenario="burst")
    refused |= {"stage": "busiest"}

    def told(entry, rows):
        return onset(summary(), entry, rows, 0.0, lambda *key: firsts.get(key))

    assert told(lost, counts(lost=[0, 9])) == Onset(first_s=33)
    assert told(refused, counts(rejected=[0, 9])) == Onset(first_s=8)
    assert told(refused, counts(rejected=[9, -1])) == UNTOLD
