"""Bounds for real runs whose speed is not under test, so that a busy machine does not decide them."""

import functools
import re

from fleetlm_users.workload.benchmarks import BENCHMARKS
from fleetlm_users.workload.presets.presets import load_presets

NEVER = "10m"
"""Longer than any test lasts."""

LENIENT = {"LATENESS_LIMIT": NEVER, "CONNECT_TIMEOUT": "60s", "JOIN_TIMEOUT": "60s"}
"""A generator may be as late as it likes, and no connection of a run is given up because its machine stood still."""


def calm(benchmark, arguments=()):
    """Variables of a run of this benchmark under which no clock decides its verdict; a flag of a test still counts.

    A server that stood still at the end of a run of seconds has a backlog then, which only a long run could explain.
    """
    bounds = [*latency_bounds(benchmark), *(f"{metric}: off" for metric in backlogs(benchmark, arguments))]
    return {**LENIENT, "THRESHOLD": "; ".join(bounds)} if bounds else dict(LENIENT)


@functools.cache
def latency_bounds(benchmark):
    """A minute for each latency that a benchmark's own preset bounds; empty for one that bounds none.

    Of the longest one: a percentile would need a number of messages, which a slow machine may not send in a short run.
    """
    presets = load_presets().by_benchmark.get(benchmark)
    judged = next(iter(presets.values())).thresholds if presets else ()
    bounded = filter(None, (re.match(r"\w+_ms(?=: )", text) for text in judged))
    return [f"{metric[0]}: max<60s" for metric in bounded]


UNJUDGED = {"--pipeline-depth": "append", "--agent-replies": "agent"}
"""The backlogs that a run with these flags does not judge anyway."""


def backlogs(benchmark, arguments=()):
    """The thresholds on backlogs that a run of this benchmark has by default; a search judges those of its steps."""
    unjudged = tuple(queue for flag, queue in UNJUDGED.items() if flag in arguments)
    judged = (
        text.partition(":")[0] for one in BENCHMARKS if one.name == benchmark != "capacity" for text in one.thresholds
    )
    return [metric for metric in judged if "_backlog_" in metric and not metric.startswith(unjudged)]
