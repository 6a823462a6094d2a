"""Simulated servers, message by message, as the seconds of a timeline: what came, what waited, how long it took."""

import heapq
import math
import random

from fleetlm_users.measure.histogram_buckets import coarse_index
from fleetlm_users.measure.judging.backlog.keeping_up import keeping_up
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS, Part, Second


def constant(seconds):
    return lambda _rng: seconds


def exponential(mean_s):
    return lambda rng: rng.expovariate(1 / mean_s)


def lognormal(mean_s, variation):
    variance = math.log(1 + variation**2)
    return lambda rng: rng.lognormvariate(math.log(mean_s) - variance / 2, math.sqrt(variance))


def answered(seed, seconds, rate_per_s, service, servers=None, *, even=False):
    """When messages came and were answered: in order of arrival by so many servers, or each at once by one of its own.

    `rate_per_s` may be a function of the second; arrivals are random unless they are `even`.
    """
    rng, now_s, came = random.Random(seed), 0.0, []
    while now_s < seconds:
        rate = rate_per_s(now_s) if callable(rate_per_s) else rate_per_s
        now_s += 0.05 if rate <= 0 else 1 / rate if even else rng.expovariate(rate)
        if rate > 0 and now_s < seconds:
            came.append(now_s)
    free, done = [0.0] * (servers or 0), []
    for at_s in came:
        begins_s = at_s if servers is None else max(at_s, heapq.heappop(free))
        done.append(begins_s + service(rng))
        if servers is not None:
            heapq.heappush(free, done[-1])
    return list(zip(came, done, strict=True))


def seconds_of(messages, seconds, scenario="burst", until_s=math.inf):
    """The timeline's seconds of messages that wait for their agent; `until_s` is when the worker was lost."""
    rows = []
    for second in range(int(min(seconds, until_s))):
        spread = {}
        for at_s, done_s in messages:
            if second <= done_s < second + 1:
                index = coarse_index(int(1e6 * (done_s - at_s)))
                spread[index] = spread.get(index, 0) + 1
        came = sum(second <= at_s < second + 1 for at_s, _ in messages)
        waiting = sum(at_s < second + 1 <= done_s for at_s, done_s in messages)
        counts = {"sent": came, "appended": came, "replies_due": came, "replies_matched": sum(spread.values())}
        part = Part([counts.get(column, 0) for column in COUNTER_COLUMNS], (0, waiting), {"agent": spread})
        rows.append(Second(second, 1, 5.0, {scenario: part}))
    return rows


def judged(*workers, warm_up_s=0, ends_s=None):
    """The agent's backlog over all scenarios, judged from the seconds of each worker."""
    timeline = MergedTimeline()
    for number, rows in enumerate(workers):
        timeline.absorb(f"w{number}", rows, final=True)
    longest = max(len(rows) for rows in workers)
    found = keeping_up(timeline, warm_up_s, longest if ends_s is None else ends_s)
    return next((one for one in found.backlogs if one.queue.name == "agent" and not one.scenario), None)


def run(seed, seconds, rate_per_s, service, servers=None, **how):
    """One worker's run, judged."""
    return judged(seconds_of(answered(seed, seconds, rate_per_s, service, servers, **how), seconds))
