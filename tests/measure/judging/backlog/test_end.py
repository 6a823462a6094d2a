"""How far a server was behind at the end: a queue is distinguished from slow answers, in runs of any length."""

import pytest

from fleetlm_users.measure.judging.backlog.end import FEW, FastestLatency, behind_s, fastest_of, window_of
from fleetlm_users.measure.judging.backlog.keeping_up import BEHIND_S
from tests.measure.judging.events import constant, exponential, lognormal, run
from tests.measure.judging.queues import bursts, ramp

SEEDS = 8
KEEPS_UP = {
    "8 s for each answer, for 10 s": (10, 60, constant(8)),
    "8 s for each answer, for 20 s": (20, 60, constant(8)),
    "8 s for each answer, for a minute": (60, 20, constant(8)),
    "8 s on average": (40, 30, exponential(8)),
    "3 s on average, for 20 s": (20, 30, exponential(3)),
    "5 s, with a long tail": (40, 20, lognormal(5, 1.5)),
    "6 of 10 busy": (30, 100, exponential(1 / 160), 1),
    "9 of 10 busy": (30, 100, exponential(1 / 111), 1),
    "250/s of 400/s, for 75 s": (75, 250, exponential(1 / 400), 1),
    "bursts": (40, bursts(50, 10, 0.2), constant(1 / 70), 1),
    "a ramp": (30, ramp(100, 20), exponential(1 / 120), 1),
    "a ramp, and 8 s for each answer": (30, ramp(60, 20), constant(8)),
}
FALLS_BEHIND = {
    "twice too much, for 8 s": (8, 50, constant(1 / 25), 1),
    "twice too much, for 20 s": (20, 20, constant(1 / 10), 1),
    "half as much too much": (15, 60, constant(1 / 40), 1),
    "a tenth too much, for a minute": (60, 110, exponential(1 / 100), 1),
    "420/s of 400/s, for 75 s": (75, 420, exponential(1 / 395), 1),
    "490/s of 398/s, for 20 s": (20, 490, exponential(1 / 398), 1),
    "after answers of 5 s": (30, 50, constant(5), 180),
    "bursts": (40, bursts(50, 10, 0.3), constant(1 / 35), 1),
}


@pytest.mark.parametrize("case", KEEPS_UP.values(), ids=KEEPS_UP.keys())
def test_slow_answers_are_no_queue(case):
    """It holds whatever waits, and however the answers' times are distributed."""
    for seed in range(SEEDS):
        backlog = run(seed, *case)
        assert backlog.behind_s is not None
        assert backlog.behind_s < BEHIND_S


@pytest.mark.parametrize("case", FALLS_BEHIND.values(), ids=FALLS_BEHIND.keys())
def test_a_queue_is_seen_in_a_short_run_too(case):
    """It includes answers that took long before there was a queue."""
    for seed in range(SEEDS):
        backlog = run(seed, *case)
        assert backlog.behind_s > BEHIND_S
        assert backlog.waiting > 0


def test_a_server_that_is_twice_too_slow_is_behind_by_half_of_the_time():
    """Ten seconds of work come in each ten, and five are done: what waits takes as long as the run was."""
    backlog = run(1, 20, 50, constant(1 / 25), 1, even=True)
    assert backlog.waiting == pytest.approx(500, abs=2)
    assert 10 < backlog.behind_s <= 20


@pytest.mark.parametrize(
    ("finished", "first"),
    [
        ([50] * 4, 2),
        ([50] * 40, 30),
        ([50] * 4000, 3990),
        ([1] * 40, 20),
        ([0] * 8 + [50] * 2, 9),
        ([0] * 6, 0),
        ([1], 0),
    ],
)
def test_the_end_is_the_last_fourth_of_the_time(finished, first):
    """From 2 to 10 s, longer where little is finished, and never before the first answers."""
    assert window_of(finished) == first


@pytest.mark.parametrize(
    ("spread", "lowest_us", "finished"),
    [({100: FEW - 1}, 9.0, [19]), ({100: FEW}, None, [20]), ({}, None, [0])],
)
def test_too_few_messages_tell_nothing(spread, lowest_us, finished):
    """A fastest twentieth needs twenty."""
    assert behind_s([9, 9], finished, spread, lowest_us) is None


def test_an_empty_queue_is_not_behind():
    """It holds whatever the latencies were."""
    assert behind_s([5, 0, 5], [50, 50], {180: 100}, 1000.0) == 0.0
    assert behind_s([0, 0, 0], [50, 50], {180: 100}, 1000.0) == 0.0


def test_the_fastest_latency_is_that_of_the_fastest_seconds():
    """Seconds are gathered until there are enough messages."""
    fastest = FastestLatency()
    for spread in ({10: FEW - 1}, {20: 1}, {15: FEW}, {}):
        fastest.add(spread)
    assert fastest.lowest_us == 10.0
    assert fastest_of({10: 1, 20: 19}) == 10.0
    assert fastest_of({10: 1, 20: 39}) == 20.0
