"""The shape of a summary.json: the required and optional fields of each part, and how a part's figures fit together.

A file can be damaged, truncated, edited or foreign and still be JSON: types and bounds are checked, and the place of
each problem is named. summary_check.py checks the parts against each other.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from fleetlm_users.errors import ShapeError, UsageError
from fleetlm_users.measure.histogram import required_samples
from fleetlm_users.shape import (
    Check,
    anything,
    each,
    flag,
    nothing_or,
    number,
    one_of,
    record,
    row,
    shown,
    table,
    text,
    whole,
)
from fleetlm_users.workload.arrivals.notation import parse_rates
from fleetlm_users.workload.identity import VUS_PER_BLOCK, check_name

MAX_SAMPLES: Final = 10**11
"""A million per second for a day; the cost of an interval grows with the square root of the samples."""

MAX_NAMES: Final = 10_000
MAX_BUCKETS: Final = 2_000
ROUNDED: Final = 1e-5
"""Figures are rounded to at least six decimals, and judged before that."""

_NAME: Final = text(200)
_LONG: Final = text(100_000, printable=False)
_WORDS: Final = nothing_or(text(2_000))
_LINES: Final = each(_LONG, MAX_NAMES)
_SAMPLES: Final = whole(high=MAX_SAMPLES)
_MS: Final = number(0, 1e12)
_FIGURE: Final = number(-1e15, 1e15)
_RISING: Final = {"min": 0.0, "med": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
_CONDITION: Final = re.compile(
    r"(?:avg|med|min|max|count|rate|value|growth|p\(\d{1,3}(?:\.\d+)?\))(?:<=|>=|==|!=|<|>)"
    r"([+-]?\d[^\sµA-Za-z%/]*(?:e[+-]?\d+)?)(?:[A-Za-zµ%]*(?:/[A-Za-z]+)?)"
)


def _named(accepted: str) -> Check:
    def check(value: Any) -> None:
        _NAME(value)
        try:
            check_name(value, accepted, "bench")
        except UsageError as problem:
            raise ShapeError(f"is {shown(value)}; expected {problem.expected}") from problem

    return check


def _trend(value: Any) -> None:
    _TREND(value)
    count = value["count"]
    for name, percent in _RISING.items():
        needed = 1 if name == "min" else required_samples(percent)
        if (value[name] is None) != (count < needed):
            raise ShapeError(f"is {shown(value[name])} of {count:,} samples", name)
    known = [(name, value[name]) for name in _RISING if value[name] is not None]
    for (lower, low), (higher, high) in pairwise(known):
        if low > high:
            raise ShapeError(f"is {shown(high)}, below {lower}, which is {shown(low)}", higher)
    if count and not value["min"] - ROUNDED * 1000 <= value["avg"] <= value["max"] + ROUNDED * 1000:
        raise ShapeError(f"is {shown(value['avg'])}, which is not between min and max", "avg")


def _rate(value: Any) -> None:
    _RATE(value)
    passes, total, rate = value["passes"], value["total"], value["rate"]
    if passes > total:
        raise ShapeError(f"is {passes:,}, more than total, which is {total:,}", "passes")
    if (rate is None) != (total == 0) or (rate is not None and abs(rate - passes / total) > ROUNDED):
        raise ShapeError(f"is {shown(rate)}, which is not {passes:,} of {total:,}", "rate")


def _phases(figures: Check) -> Check:
    phase = record({"all": figures, "scenarios": table(_NAME, figures, MAX_NAMES)})
    return record({"unit": _NAME}, {"main": phase, "warm_up": phase})


_TREND: Final = record({"count": _SAMPLES, "avg": nothing_or(_MS)} | dict.fromkeys(_RISING, nothing_or(_MS)))
_RATE: Final = record({"passes": _SAMPLES, "total": _SAMPLES, "rate": nothing_or(number(0, 1))})
_GAUGE: Final = {"now": _FIGURE, "peak": _FIGURE}
_KINDS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "trend": _phases(_trend),
        "rate": _phases(_rate),
        "counter": _phases(record({"count": _SAMPLES})),
        "gauge": record(_GAUGE | {"unit": _NAME, "scenarios": table(_NAME, record(_GAUGE), MAX_NAMES)}),
    }
)
_KIND: Final = record({"kind": one_of(*_KINDS)})


def _metric(value: Any) -> None:
    _KIND(value)
    _KINDS[value["kind"]](value)


def _condition(value: Any) -> None:
    _NAME(value)
    match = _CONDITION.fullmatch(value)
    if match is None or not _is_number(match[1]) or not _is_percent(value):
        raise ShapeError(f"is {shown(value)}; expected a condition such as 'p(95)<500'")


_THRESHOLD: Final = record(
    {
        "expression": text(1_000),
        "subject": text(500),
        "condition": _condition,
        "metric": _NAME,
        "scenario": nothing_or(_NAME),
        "bound": _FIGURE,
        "measured": nothing_or(_FIGURE),
        "unit": _NAME,
        "ok": flag,
        "too_few": flag,
    },
    {
        "undecided": flag,
        "late": flag,
        "samples": whole(),
        "window_s": nothing_or(whole(1, 86_400)),
        "stage": nothing_or(_NAME),
        "note": _LONG,
        "origin": one_of("", "given", "preset", "behaviour", "audit"),
        "worst_window_s": nothing_or(row(whole(), whole())),
        "began_s": whole(),
        "first_s": whole(),
        "worst_s": whole(),
    },
)
_PER_S: Final = nothing_or(_FIGURE)
_BACKLOG: Final = record(
    {
        "queue": one_of("append", "agent", "push", "event"),
        "scenario": _NAME,
        "begins_s": whole(),
        "seconds": whole(1),
        "arrived": _SAMPLES,
        "waiting": _SAMPLES,
        "behind_s": nothing_or(number(0, 1e9)),
        "is_growing": nothing_or(flag),
    }
    | dict.fromkeys(("per_s", "low_per_s", "high_per_s", "resolution_per_s"), _PER_S)
)


def _audited(value: Any) -> None:
    _AUDITED(value)
    accounted = value["audited"] + sum(value["unaudited"].values())
    if value["all"] != accounted:
        raise ShapeError(f"is {value['all']:,}, and {accounted:,} were audited or not", "all")
    if value["unstored"] + value["changed"] > value["audited"]:
        raise ShapeError(f"is {value['audited']:,}, fewer than were found unstored or changed", "audited")


_AUDITED: Final = record(
    {
        **dict.fromkeys(("all", "audited", "unstored", "changed"), _SAMPLES),
        "unaudited": table(_NAME, _SAMPLES, MAX_NAMES),
    }
)
_MOMENT: Final = nothing_or(number(0, 1e9))
_CAPACITY: Final = record(
    {"unit": _NAME, "per_user": number(0, 1e9), "kept": whole(), "missed": nothing_or(whole()), "words": _LONG},
    {"confirmed": whole(), "confirm_s": number(0, 1e9), "unrecovered": _LONG},
)
_SLOW: Final = record(
    {
        **dict.fromkeys(("metric", "scenario", "phase", "due_at", "sent_at", "done_at"), _NAME),
        **dict.fromkeys(("run_id", "session_id", "client_ref"), _LONG),
        **dict.fromkeys(("latency_ms", "lateness_ms", "append_ms"), _MS),
        "slow_part": one_of("generator", "append", "agent", "reply", "event"),
        "agent_ms": nothing_or(_MS),
        "seq": anything,  # the server's
    },
    {"trace_id": _NAME, "trace_sampled": flag},
)
_BASELINE: Final = record(
    {
        **dict.fromkeys(("run_id", "path", "answer"), _LONG),
        **dict.fromkeys(("exit_code", "more"), whole()),
        "sentences": each(record({"text": _LONG, "metric": _NAME}), MAX_NAMES),
    }
)
_STAGE: Final = record(
    {
        "name": _NAME,
        **dict.fromkeys(("begins_s", "length_s"), number()),
        **dict.fromkeys(("users_before", "users"), whole()),
        "lasted_s": number(0, 1e9),
        "sent_per_s": nothing_or(_FIGURE),
        "accounting": record({"sent": _SAMPLES, "appended": _SAMPLES, "adds_up": flag}),
        **dict.fromkeys(("append_latency_ms", "agent_latency_ms"), _trend),
    },
    {
        "pushes": record(
            {
                **dict.fromkeys(("sent", "replied"), _SAMPLES),
                "sent_per_s": nothing_or(_FIGURE),
                "adds_up": flag,
                **dict.fromkeys(("push_latency_ms", "event_latency_ms"), _trend),
            }
        ),
        **dict.fromkeys(("rate_before", "rate"), nothing_or(number(0, 1e9))),
    },
)

_CURVE: Final = each(nothing_or(_MS), MAX_NAMES)
_STREAM: Final = record(
    {"scenario": _NAME, "first_chunk_p95_ms": _CURVE, "chunk_gap_p95_ms": _CURVE},
    dict.fromkeys(("stream_p95_ms", "chunks_per_s", "broken_per_s"), _CURVE),
)
_STREAMS: Final = record({"begins_s": whole(), "step_s": whole(1), "scenarios": each(_STREAM, MAX_NAMES)})


def _arrival_rates(value: Any) -> None:
    _LONG(value)
    try:
        parse_rates(value, "rate")
    except UsageError as problem:
        raise ShapeError(f"is {shown(value)}; expected {problem.expected}") from problem


_VISIT_COUNTS: Final = record(dict.fromkeys(("due", "begun", "dropped", "ended", "unfinished"), _SAMPLES))
_VISITS: Final = record(
    {
        "rate": _arrival_rates,
        "arrivals": one_of("even", "poisson"),
        **dict.fromkeys(("max_users", "most_present"), whole()),
        **dict.fromkeys(("main", "all"), _VISIT_COUNTS),
        "little": record(
            {
                **dict.fromkeys(("rate_per_s", "stay_s", "expected", "measured", "accepted"), number(0, 1e9)),
                "edges": number(-1e9, 1e9),
                "agrees": nothing_or(flag),
                "words": _LONG,
            }
        ),
    }
)
_STORM: Final = record(
    {
        "how": _LONG,
        "cut": _SAMPLES,
        "back": _SAMPLES,
        "back_s": table(_NAME, nothing_or(_MS), MAX_NAMES),
        "curve": each(row(_MS, number(0, 1)), MAX_BUCKETS),
        "lines": _LINES,
    }
)
_SKEW: Final = record(
    {
        "scenario": _NAME,
        "part": _NAME,
        "sessions": whole(),
        "share": number(0, 1),
        "sent_per_s": nothing_or(_FIGURE),
        "accounting": record({"sent": _SAMPLES, "appended": _SAMPLES, "adds_up": flag}),
        **dict.fromkeys(("append_latency_ms", "agent_latency_ms"), _trend),
    }
)
SUMMARY: Final = record(
    {
        "verdict": record({"kind": one_of("pass", "fail", "inconclusive"), "failures": _LINES, "doubts": _LINES}),
        "thresholds": each(_THRESHOLD, MAX_NAMES),
        "metrics": table(_NAME, _metric, MAX_NAMES),
        "run": record({"duration_s": number(0, 1e9)}, {"sends": each(one_of("messages", "pushes"), 2)}),
        "plan": record(
            {},
            {
                "benchmark": _WORDS,
                "preset": _WORDS,
                "users": nothing_or(table(_NAME, whole(), MAX_NAMES)),
                "total_users": nothing_or(whole(high=VUS_PER_BLOCK)),
            },
        ),
        "options": record(
            {},
            {
                "benchmark": _WORDS,
                "run_id": nothing_or(_named("run_id")),
                "participant_prefix": nothing_or(_named("participant_prefix")),
                "extra": nothing_or(record({})),
            },
        ),
    },
    {
        "distributions": nothing_or(table(_NAME, each(row(_MS, _MS, whole(1, MAX_SAMPLES)), MAX_BUCKETS), MAX_NAMES)),
        "backlogs": nothing_or(each(_BACKLOG, MAX_NAMES)),
        "capacity": nothing_or(_CAPACITY),
        "stages": nothing_or(each(_STAGE, MAX_NAMES)),
        "visits": nothing_or(_VISITS),
        "streams": nothing_or(_STREAMS),
        "skew": nothing_or(each(_SKEW, MAX_NAMES)),
        "audit": nothing_or(
            record(
                {"way": _NAME, "words": _LONG, "result": _LONG, "messages": _audited, "answers": _audited},
                {"unconfirmed": _audited, "open_outcomes": _LONG},
            )
        ),
        "slowest": nothing_or(each(_SLOW, MAX_NAMES)),
        "baseline": nothing_or(_BASELINE),
        "annotations": nothing_or(record({"url": _LONG, "posted": whole(), "failed": whole(), "problem": _LONG})),
        "crash": nothing_or(record({"how": _LONG, "stopped_s": _MOMENT, "back_s": _MOMENT, "lines": _LINES})),
        "storm": nothing_or(_STORM),
        "host": nothing_or(table(_NAME, anything, MAX_NAMES)),
        "versions": nothing_or(table(_NAME, anything, MAX_NAMES)),
        "workers": nothing_or(each(anything, MAX_NAMES)),
    },
)


def _is_number(text_: str) -> bool:
    try:
        return abs(float(text_)) < 1e15
    except ValueError:
        return False


def _is_percent(condition: str) -> bool:
    match = re.match(r"p\(([\d.]+)\)", condition)
    return match is None or 0 <= float(match[1]) <= 100
