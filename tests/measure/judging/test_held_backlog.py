"""Whether a server kept up with a load that was held: sure in a short hold, and never for the size of a backlog."""

import pytest

from fleetlm_users.measure.judging.held_backlog import held_backlog
from tests.measure.judging.queues import queue, slow_agents

SEEDS = range(400)


def judged(series, warm_up=1):
    backlog, arrivals = series
    return held_backlog(backlog[warm_up - 1], backlog[warm_up:], arrivals[warm_up:])


@pytest.mark.parametrize("seconds", [12, 30, 60])
@pytest.mark.parametrize("rate", [40, 400, 2_000])
def test_a_server_with_reserves_keeps_up(rate, seconds):
    """Of four hundred noisy ones at 80 % of their rate, at most four are called too slow."""
    wrong = sum(judged(queue(seed, seconds + 1, rate, rate / 0.8)).is_behind for seed in SEEDS)
    assert wrong <= 4


@pytest.mark.parametrize("seconds", [12, 30])
@pytest.mark.parametrize("rate", [40, 400, 2_000])
def test_a_server_that_is_a_quarter_too_slow_is_found(rate, seconds):
    """However noisy."""
    found = sum(judged(queue(seed, seconds + 1, rate, rate * 0.75, warm_up_s=1)).is_behind for seed in SEEDS)
    assert found >= 396


@pytest.mark.parametrize("seconds", [12, 30])
def test_even_arrivals_and_a_steady_server_show_two_percent(seconds):
    """It load and the stand-in are such: nothing blurs the growth."""
    levels = [8 * second for second in range(1, seconds + 1)]
    found = held_backlog(0, levels, [400] * seconds)
    assert found.is_behind
    assert found.per_s == pytest.approx(8)
    assert found.waiting == 8 * seconds
    assert found.waiting_s == pytest.approx(8 * seconds / 392)


def test_slow_answers_are_no_overload():
    """Two seconds each at 400/s: 800 always wait, and it keeps up."""
    wrong = sum(judged(slow_agents(seed, 31, 400, 2.0)).is_behind for seed in SEEDS)
    assert wrong <= 4


@pytest.mark.parametrize("seconds", [1, 2, 3])
def test_a_hold_of_a_few_seconds_goes_by_what_it_gained(seconds):
    """More than the server finishes in a second."""
    behind = [100.0 * second for second in range(1, seconds + 1)]
    assert held_backlog(0, behind, [150] * seconds).is_behind
    assert not held_backlog(0, [5.0] * seconds, [150] * seconds).is_behind


@pytest.mark.parametrize("seconds", [3, 12, 30])
def test_a_server_that_finishes_nothing_is_behind(seconds):
    """Its backlog cannot be stated in seconds of its rate."""
    found = held_backlog(0, [40.0 * second for second in range(1, seconds + 1)], [40] * seconds)
    assert found.is_behind
    assert found.waiting_s is None


def test_a_backlog_that_is_flushed_now_and_then_does_not_grow():
    """It saws, and where the hold happens to end means nothing."""
    saw = [100.0 * (second % 5) for second in range(1, 31)]
    assert not held_backlog(0, saw[:28], [100] * 28).is_behind


def test_where_nothing_arrives_nothing_is_behind():
    """Nothing is known about the rate either."""
    found = held_backlog(3, [3, 3], [0, 0])
    assert (found.is_behind, found.waiting, found.waiting_s) == (False, 3, None)
    assert held_backlog(0, [], []).waiting_s == 0.0


def test_both_series_are_of_the_same_seconds():
    """Anything else is a mistake."""
    with pytest.raises(ValueError, match="seconds"):
        held_backlog(0, [1, 2], [1])
