"""What Locust remembers of the past is bounded, and what it reads of it stays as it was."""

from itertools import pairwise

from locust.env import Environment
from locust.util.date import format_utc_timestamp

from fleetlm_users.swarm.stats.locust_history import POINTS_KEPT, POINTS_WHOLE, SECONDS_KEPT, bound_history, thin


def test_seconds_that_locust_reads_no_more_are_forgotten():
    """Its rates are those that it would show with all of them."""
    stats, whole = Environment().stats, Environment().stats
    for second in range(1_700_000_000, 1_700_000_500):
        for table in (stats, whole):
            for entry in (table.total, table.get("append", "WS")):
                entry.num_reqs_per_sec[second] = second % 9
                entry.num_fail_per_sec[second] = second % 4
            table.total.last_request_timestamp = float(second)
            table.total.start_time = 1_700_000_000.0
        bound_history(stats)
        assert stats.total.current_rps == whole.total.current_rps
        assert stats.total.current_fail_per_sec == whole.total.current_fail_per_sec
    assert len(stats.total.num_reqs_per_sec) == len(stats.get("append", "WS").num_fail_per_sec) == SECONDS_KEPT


def test_a_day_of_points_is_as_many_as_half_an_hour():
    """The first and the newest are there, the others lie evenly in between."""
    points = []
    for number in range(17_280):
        points.append({"time": format_utc_timestamp(1_700_000_000.0 + 5 * number), "number": number})
        thin(points)
        assert len(points) <= POINTS_KEPT
    numbers = [point["number"] for point in points]
    assert numbers[-POINTS_WHOLE:] == list(range(17_280 - POINTS_WHOLE, 17_280))
    assert numbers[0] == 0
    gaps = [later - earlier for earlier, later in pairwise(numbers[:-POINTS_WHOLE])]
    assert max(gaps) <= 6 * 17_280 / POINTS_KEPT
    assert len(points) > POINTS_KEPT / 3
