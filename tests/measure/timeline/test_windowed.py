"""The values that seconds carry for windows: as fine as a whole run's, with exact sums."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.histogram_buckets import MAX_US
from fleetlm_users.measure.judging.over_time.sliding import SlidingSpread, SlidingWindow
from fleetlm_users.measure.timeline.windowed import FineSpread, Windowed

VALUES = st.lists(st.integers(0, 2 * MAX_US) | st.integers(0, 10_000), min_size=1, max_size=60)


def spread_of(values):
    spread = FineSpread(0, {})
    spread.add(Counter(values))
    return spread


@given(VALUES, st.sampled_from([1, 50, 90, 95, 99, 99.9, 100]))
def test_percentiles_are_those_of_a_trend(values, percent):
    """The same buckets: what the whole run reports lies between the bounds."""
    sliding, trend = SlidingSpread(), Trend()
    sliding.add(spread_of(values))
    for value in values:
        trend.add(value)
    low, high = sliding.bounds_us(percent)
    assert low <= trend.percentile(percent) <= high
    assert high - low <= max(0, low / 1000)
    assert sliding.mean_us == sum(min(value, MAX_US) for value in values) / len(values)


@given(st.lists(VALUES, min_size=1, max_size=12), st.integers(1, 5))
def test_what_slides_out_is_gone(seconds, length_s):
    """A window holds its own seconds, whatever was there before."""
    window = SlidingWindow(length_s, ["append_latency_ms"], ["messages_sent"])
    for values in seconds:
        window.push(Windowed({"append_latency_ms": spread_of(values)}, {"messages_sent": len(values)}))
    inside = [value for values in seconds[-length_s:] for value in values]
    alone = SlidingSpread()
    alone.add(spread_of(inside))
    sliding = window.trends["append_latency_ms"]
    assert (sliding.count, sliding.mean_us) == (alone.count, alone.mean_us)
    assert sliding.bounds_us(90) == alone.bounds_us(90)
    assert window.counts == {"messages_sent": len(inside)}
    assert window.is_full == (len(seconds) >= length_s)


def test_a_copy_shares_nothing():
    """Seconds are added to while reports of them are under way."""
    second = Windowed({"append_latency_ms": spread_of([5])}, {"messages_sent": 1})
    other = second.copy()
    other.include(second)
    other.include(Windowed({"ws_join_ms": spread_of([7])}, {"messages_lost": -1}))
    assert second == Windowed({"append_latency_ms": spread_of([5])}, {"messages_sent": 1})
    assert other.counts == {"messages_sent": 2, "messages_lost": -1}
    assert other.trends["append_latency_ms"].buckets == {5: 2}
