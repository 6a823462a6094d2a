"""Simulated queues, second by second, for tests of what grows and what only wanders."""

import math
import random


def poisson(rng, mean):
    """A Poisson draw; the normal approximation where the mean is large."""
    if mean >= 15:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def queue(seed, seconds, arrivals_per_s, served_per_s, *, warm_up_s=10, even=False):
    """One server: arrivals that come evenly or at random, and as many completions as it has the capacity for."""
    rng, waiting, backlog, arrivals = random.Random(seed), 0, [], []
    for second in range(-warm_up_s, seconds):
        rate = arrivals_per_s(second) if callable(arrivals_per_s) else arrivals_per_s
        arrived = round(rate) if even else poisson(rng, rate)
        waiting = max(0, waiting + arrived - poisson(rng, served_per_s))
        if second >= 0:
            backlog.append(waiting)
            arrivals.append(arrived)
    return backlog, arrivals


def slow_agents(seed, seconds, arrivals_per_s, answer_s, *, warm_up_s=10):
    """Any number of answers at once, each taking an exponential time: the backlog fills up and then stays."""
    rng, waiting, backlog, arrivals = random.Random(seed), 0, [], []
    share = 1 - math.exp(-1 / answer_s)
    for second in range(-warm_up_s, seconds):
        rate = arrivals_per_s(second) if callable(arrivals_per_s) else arrivals_per_s
        arrived = poisson(rng, rate)
        done = round(rng.gauss(waiting * share, math.sqrt(waiting * share * (1 - share))))
        waiting += arrived - min(waiting, max(0, done))
        if second >= 0:
            backlog.append(waiting)
            arrivals.append(arrived)
    return backlog, arrivals


def fixed_answers(seed, seconds, arrivals_per_s, answer_s, *, warm_up_s=10):
    """Any number of answers at once, each after the same whole number of seconds."""
    rng, arrived = random.Random(seed), []
    for second in range(-warm_up_s, seconds):
        rate = arrivals_per_s(second) if callable(arrivals_per_s) else arrivals_per_s
        arrived.append(poisson(rng, rate))
    waiting = [sum(arrived[max(0, end - answer_s) : end]) for end in range(1, len(arrived) + 1)]
    return waiting[warm_up_s:], arrived[warm_up_s:]


def fading(rate_per_s, from_s, to_s):
    """Users that leave: the full rate up to one moment, nothing from another one on."""
    return lambda second: rate_per_s * min(1.0, max(0.0, (to_s - second) / (to_s - from_s)))


def stages(rate_per_s, number, seconds):
    """Every stage has as much more as the first one has."""
    return lambda second: rate_per_s * (1 + max(0, second) * number // seconds)


def bursts(rate_per_s, period_s, duty):
    """The same number of arrivals on average, all within `duty` of each period."""
    return lambda second: rate_per_s / duty if second % period_s < duty * period_s else 0.0


def ramp(rate_per_s, ramp_s):
    """Return a load that rises from nothing to the full rate."""
    return lambda second: rate_per_s * min(1.0, (second + 1) / ramp_s)
