"""What a busy machine must not decide: the bounds of real runs whose speed is not what a test is about."""

import functools
import re

from fleetlm_users.workload.presets.presets import load_presets

NEVER = "10m"
"""Longer than any test lasts."""

LENIENT = {"LATENESS_LIMIT": NEVER, "CONNECT_TIMEOUT": "60s", "JOIN_TIMEOUT": "60s"}
"""A generator may be as late as it likes, and no connection of a run is given up because its machine stood still."""


def calm(benchmark):
    """Variables of a run of this benchmark under which no clock decides its verdict; a flag of a test still counts."""
    bounds = latency_bounds(benchmark)
    return {**LENIENT, "THRESHOLD": bounds} if bounds else dict(LENIENT)


@functools.cache
def latency_bounds(benchmark):
    """A minute for each latency that a benchmark's own preset bounds; empty for one that bounds none.

    Of the longest one: a percentile would need a number of messages, which a slow machine may not send in a short run.
    """
    presets = load_presets().by_benchmark.get(benchmark)
    judged = next(iter(presets.values())).thresholds if presets else ()
    bounded = filter(None, (re.match(r"\w+_ms(?=: )", text) for text in judged))
    return "; ".join(f"{metric[0]}: max<60s" for metric in bounded)
