"""Only a backlog that keeps growing, beyond what a queue does by chance, is called growing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.judging.backlog_growth import MIN_SECONDS, growth
from tests.measure.judging.queues import bursts, fading, fixed_answers, queue, ramp, slow_agents, stages

SEEDS = 300
STATIONARY = {
    "half of the capacity": lambda seed: queue(seed, 60, 100, 200),
    "nine tenths": lambda seed: queue(seed, 60, 100, 111),
    "nineteen twentieths": lambda seed: queue(seed, 60, 100, 105),
    "nineteen twentieths, for ten minutes": lambda seed: queue(seed, 600, 100, 105),
    "few messages": lambda seed: queue(seed, 60, 5, 6),
    "evenly spaced": lambda seed: queue(seed, 30, 100, 111, even=True),
    "a large backlog of slow answers": lambda seed: slow_agents(seed, 60, 100, 10),
    "bursts": lambda seed: queue(seed, 60, bursts(100, 20, 0.4), 140),
    "a ramp": lambda seed: slow_agents(seed, 60, ramp(100, 50), 3, warm_up_s=0),
    "answers of 8 s": lambda seed: fixed_answers(seed, 60, 100, 8),
    "answers of 8 s to users that leave": lambda seed: fixed_answers(seed, 60, fading(100, 20, 60), 8),
    "answers of 8 s to more in each stage": lambda seed: fixed_answers(seed, 90, stages(40, 4, 90), 8),
    "slow answers to users that leave": lambda seed: slow_agents(seed, 60, fading(100, 20, 60), 8),
    "slow answers to more in each stage": lambda seed: slow_agents(seed, 90, stages(40, 4, 90), 8),
    "a queue of users that leave": lambda seed: queue(seed, 60, fading(100, 20, 60), 111),
    "a slow start": lambda seed: slow_agents(seed, 60, 100, 5, warm_up_s=0),
}
FOUND_PERCENT = {  # utilisation 1.05 is 4.8 % of the arrivals, 1.1 is 9 %, 1.2 is 17 %
    (60, 500, 1.1): 90,
    (60, 500, 1.05): 80,
    (60, 100, 1.2): 90,
    (60, 100, 1.1): 65,
    (600, 500, 1.02): 90,
    (600, 100, 1.05): 90,
    (20, 500, 1.5): 95,
    (600, 500, 4.0): 100,
}


@pytest.mark.parametrize("simulated", STATIONARY.values(), ids=STATIONARY.keys())
def test_a_stationary_backlog_is_called_growing_in_less_than_one_run_of_a_hundred(simulated):
    """Almost five thousand runs in all."""
    results = [growth(*simulated(seed)) for seed in range(SEEDS)]
    assert sum(result is not None and result.is_growing for result in results) < SEEDS / 100


@pytest.mark.parametrize(("case", "percent"), FOUND_PERCENT.items(), ids=str)
def test_growth_is_found_where_it_is_large_against_chance(case, percent):
    """The cases vary length in seconds, arrivals per second, and utilisation."""
    seconds, arrivals_per_s, utilisation = case
    runs = [growth(*queue(seed, seconds, arrivals_per_s, arrivals_per_s / utilisation)) for seed in range(60)]
    growing = [run for run in runs if run is not None and run.is_growing]
    assert len(growing) >= percent / 100 * len(runs)
    for run in growing:
        assert run.low_per_s <= run.per_s <= run.high_per_s


def test_a_server_that_answers_fewer_than_are_sent_falls_behind_by_the_difference():
    """490 a second sent, 398 answered: 92 a second more wait, in whatever noise of the arrivals."""
    backlog, arrivals = queue(1, 45, 490, 398)
    result = growth(backlog, arrivals)
    assert result.is_growing
    assert result.per_s == pytest.approx(92, rel=0.15)
    assert result.share == pytest.approx(92 / 490, rel=0.15)
    assert result.seconds == 45


def test_without_noise_the_slope_is_exact():
    """Ten more each second."""
    result = growth([10.0 * second for second in range(40)], [100.0] * 40)
    assert (result.is_growing, result.per_s, result.share) == (True, 10.0, 0.1)


def test_the_last_moment_alone_is_no_growth():
    """A stall at the end is a large backlog, which is judged separately."""
    result = growth([5.0] * 55 + [500.0, 1000.0, 1500.0, 2000.0, 2500.0], [500.0] * 60)
    assert not result.is_growing
    assert result.share == 0.0


def test_a_backlog_that_shrinks_does_not_grow():
    """A negative slope is reported, and claims no growth."""
    result = growth([float(1000 - 10 * second) for second in range(60)], [100.0] * 60)
    assert not result.is_growing
    assert result.per_s < 0


@pytest.mark.parametrize("seconds", [0, 1, MIN_SECONDS - 1])
def test_too_short_a_series_tells_nothing(seconds):
    """Its values do not matter."""
    assert growth([10.0 * second for second in range(seconds)], [100.0] * seconds) is None


def test_a_series_without_arrivals_tells_nothing():
    """Nothing was asked of the server."""
    assert growth([0.0] * 60, [0.0] * 60) is None


def test_answers_that_take_longer_than_the_series_cannot_be_distinguished_from_falling_behind():
    """None has come yet: the backlog only fills."""
    assert growth([100.0 * second for second in range(30)], [100.0] * 30) is None


def test_series_of_different_lengths_are_a_mistake_of_the_caller():
    """They would be compared second by second."""
    with pytest.raises(ValueError, match="3 seconds of backlog, 2 of arrivals"):
        growth([1.0, 2.0, 3.0], [1.0, 2.0])


@given(st.lists(st.integers(0, 10_000), min_size=MIN_SECONDS, max_size=150), st.integers(1, 10_000))
def test_any_series_gives_finite_figures(backlog, rate):
    """The interval holds the slope, and nothing is claimed below the resolution."""
    result = growth([float(value) for value in backlog], [float(rate)] * len(backlog))
    if result is not None:
        assert result.low_per_s <= result.per_s <= result.high_per_s
        assert result.resolution_per_s >= 0
        assert not result.is_growing or result.per_s > result.resolution_per_s
