"""What happened between two moments: counts and histograms are exact differences, whatever was before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.judging.thresholds import judge, parse
from fleetlm_users.measure.ledger import MAIN, Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshots import Merge
from fleetlm_users.measure.span import Span

DURATIONS = st.lists(st.integers(0, 4_000_000_000), max_size=60)


def trend_of(*parts):
    made = Trend()
    for values_us in parts:
        made.fold(values_us)
    return made


@given(DURATIONS, DURATIONS)
def test_a_trend_since_an_earlier_state_is_the_trend_of_what_came_since(before_us, added_us):
    """Every figure but minimum and maximum exactly, those within their bucket."""
    since, true = trend_of(before_us, added_us).since(trend_of(before_us)), trend_of(added_us)
    assert (since.count, since.sum_us, since.clamped) == (true.count, true.sum_us, true.clamped)
    assert since.distribution() == true.distribution()
    if added_us:
        assert since.min == pytest.approx(true.min, rel=0.001)
        assert since.max == pytest.approx(true.max, rel=0.001)
        for percent in (0, 50, 95, 99, 100):
            assert since.percentile(percent) == pytest.approx(true.percentile(percent), rel=0.001)


def test_a_difference_can_be_merged_and_sent_on():
    """It is a trend like any other."""
    since = trend_of([10, 20], [30, 40_000]).since(trend_of([10, 20]))
    again = Trend.decode(since.encode())
    again.merge(trend_of([50]))
    assert (again.count, again.min, again.max) == (3, 30, 40_000)


class Story:
    """A run whose totals can be taken at any moment."""

    def __init__(self):
        self.merge, self.ledger, self.seq = Merge("run"), Ledger(DEFAULT, "run", "worker"), 0

    def message(self, latency_us, *, answered=True, n=1):
        for _ in range(n):
            self.ledger.count("messages_sent", "burst", MAIN)
            self.ledger.count("messages_appended", "burst", MAIN)
            self.ledger.count("agent_replies_due", "burst", MAIN)
            self.ledger.count("agent_replies_matched", "burst", MAIN, int(answered))
            self.ledger.trend("append_latency_ms", "burst", MAIN).add(latency_us)

    def totals(self):
        self.seq += 1
        self.merge.absorb("worker", self.ledger.snapshot(self.seq, final=False, elapsed_s=10.0 * self.seq))
        return self.merge.totals()


@pytest.fixture
def story():
    return Story()


def test_thresholds_are_judged_on_what_happened_in_between(story):
    """A slow beginning and a slow end do not touch it."""
    story.message(900_000, answered=False, n=50)
    before = story.totals()
    story.message(5_000, n=40)
    after = story.totals()
    story.message(900_000, answered=False, n=50)
    story.totals()
    span = Span(before, after)
    judged = judge(parse("append_latency_ms: p(95)<10, max<10; agent_reply_rate: rate==1"), span, 10.0)
    assert [judgement.ok for judgement in judged] == [True, True, True]
    assert [judgement.samples for judgement in judged] == [40, 40, 40]
    assert span.elapsed_s == 10.0
    assert span.count("messages_sent") == 40
    assert span.count("messages_sent", "burst") == 40


def test_labels_are_subtracted_one_by_one(story):
    """Also one that went down, as a presumed rejection that is taken back."""
    story.ledger.count("messages_rejected", "burst", MAIN, 3, "a")
    before = story.totals()
    story.ledger.count("messages_rejected", "burst", MAIN, 2, "b")
    story.ledger.count("messages_rejected", "burst", MAIN, -1, "a")
    span = Span(before, story.totals())
    assert span.labels("messages_rejected") == {"b": 2, "a": -1}
    assert span.count("message_failures") == 1


def test_gauges_are_those_of_the_end(story):
    """The highest of the span is not known."""
    story.ledger.gauge("active_connections", "burst", 9)
    before = story.totals()
    story.ledger.gauge("active_connections", "burst", -4)
    span = Span(before, story.totals())
    assert span.gauge("active_connections") == (5, 5)
    assert span.samples("active_connections") == 1


def test_nothing_in_between_is_nothing(story):
    """No samples, which no threshold takes for kept."""
    story.message(1_000)
    before = story.totals()
    span = Span(before, story.totals())
    assert span.samples("append_latency_ms") == span.samples("messages_rejected") == 0
    assert not judge(parse("append_latency_ms: p(95)<10"), span, 10.0)[0].ok
    assert span.scenarios == ("burst",)


def test_what_had_not_begun_before_is_all_of_it(story):
    """A metric first recorded in the span."""
    before = story.totals()
    story.message(1_000, n=3)
    assert Span(before, story.totals()).trend("append_latency_ms").count == 3
    assert Span(before, before).trend("agent_latency_ms") is None
