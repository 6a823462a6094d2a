"""Simulated servers, message by message, as the seconds of a timeline: what came, what waited, how long it took."""

import heapq
import math
import random
from collections import Counter

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
    length = int(min(seconds, until_s))
    came, spreads, rows, waiting = [0] * length, [Counter() for _ in range(length)], [], 0
    for at_s, done_s in messages:
        if at_s < length:
            came[int(at_s)] += 1
        if done_s < length:
            spreads[int(done_s)][coarse_index(int(1e6 * (done_s - at_s)))] += 1
    for second, (count, spread) in enumerate(zip(came, spreads, strict=True)):
        waiting += count - spread.total()
        counts = {"sent": count, "appended": count, "replies_due": count, "replies_matched": spread.total()}
        part = Part([counts.get(column, 0) for column in COUNTER_COLUMNS], (0, waiting, 0, 0), {"agent": dict(spread)})
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
