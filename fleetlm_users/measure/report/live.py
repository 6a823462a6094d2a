"""The tables of the live page, for a run under way or just ended, as plain data."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.judging.thresholds import Judgement
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.metrics.phoenix import EVENT_FATES, PUSH_FATES
from fleetlm_users.measure.report.summary.figures import (
    accounting_figures,
    threshold_figures,
    trend_figures,
    worker_figures,
)
from fleetlm_users.measure.report.summary.metric_types import AccountingFigures
from fleetlm_users.measure.report.summary.types import ThresholdEntry, WorkerEntry
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import FATES, Totals

Json = dict[str, Any]

_PUSHES: Final = "pushes_sent"
_ACCOUNTINGS: Final = (("pushes", "sent", PUSH_FATES, "in_flight"), ("events", "awaited", EVENT_FATES, "open"))

OPEN_MARK: Final = "…"
_OF_THE_GENERATOR: Final = ("worker_cpu_samples", "worker_cpu_starved")  # shown per worker, as a share


def threshold_rows(judgements: Sequence[Judgement], *, is_over: bool) -> list[Json]:
    """Return each threshold with its mark and its present value as text.

    While the run goes on, a threshold without enough samples is open (…); afterwards the marks are those of the report.
    """
    return [_threshold(threshold_figures(judgement), is_over) for judgement in judgements]


def trend_rows(totals: Totals, phase: str) -> list[Json]:
    """Return every trend with samples in the phase, in ms; a percentile on too few samples is None."""
    candidates = (
        (metric.name, totals.trend(metric.name, phase=phase))
        for metric in totals.catalogue.values()
        if metric.kind == "trend"
    )
    return [{"name": name, **trend_figures(trend)} for name, trend in candidates if trend is not None and trend.count]


def rate_rows(totals: Totals, phase: str) -> list[Json]:
    """Return every rate with a total above 0, with its two counts."""
    candidates = (
        (metric.name, totals.rate(metric.name, phase=phase))
        for metric in totals.catalogue.values()
        if metric.kind == "rate"
    )
    return [
        {"name": name, "rate": ratio.value, "shown": formatting.percent(ratio.value), **ratio._asdict()}
        for name, ratio in candidates
        if ratio.total
    ]


def counter_rows(totals: Totals, phase: str, seconds: float) -> list[Json]:
    """Return every counter above 0 with its count per second over `seconds`, the length of the phase so far."""
    candidates = (
        (metric.name, totals.count(metric.name, phase=phase))
        for metric in totals.catalogue.values()
        if metric.kind == "counter" and metric.name not in _OF_THE_GENERATOR
    )
    return [
        {"name": name, "count": count, "per_s": round(count / seconds, 3) if seconds > 0 else None}
        for name, count in candidates
        if count
    ]


def kinds_of(totals: Totals) -> tuple[str, ...]:
    """Return what a run has sent so far: messages to FleetLM, pushes to any Phoenix application, or both."""
    if _PUSHES not in totals.catalogue:
        return ("messages",)
    has_messages = bool(totals.count("messages_sent", phase=ALL))
    has_pushes = any(totals.count(name, phase=ALL) for name in (_PUSHES, "pushes_without_reply", "joins_attempted"))
    if not has_messages:
        return ("pushes",)
    return ("messages", "pushes") if has_pushes else ("messages",)


def accountings_of(totals: Totals, *, is_over: bool) -> list[Json]:
    """Return the fate of everything sent, warm-up included: for each kind the equation, a head and a row of counts.

    While the run goes on, anything without a fate is in flight, or open.
    """
    kinds = kinds_of(totals)
    accountings = []
    if "messages" in kinds:
        accounting = totals.accounting(phase=ALL, live=not is_over)
        figures = accounting_figures(accounting)
        counts = {fate: figures[fate] for fate in FATES}
        without: dict[str, int] = {fate: n for fate, n in counts.items() if n or fate not in ("unconfirmed", "unknown")}
        accountings.append(_accounting("messages", without, adds_up=accounting.adds_up))
    if "pushes" in kinds:
        for what, word, fates, still_open in _ACCOUNTINGS:
            whole = f"{what}_{word}"
            counted = {fate: totals.count(f"{what}_{fate}", phase=ALL) for fate in fates}
            count = totals.count(whole, phase=ALL)
            unknown = count - sum(counted.values())
            if not is_over:
                counted[still_open] += unknown
                unknown = 0
            if count or what == "pushes":
                shown = {word: count, **counted, **({"unknown": unknown} if unknown else {})}
                adds_up = not is_over or not totals.unexplained(whole, [f"{what}_{fate}" for fate in fates])
                accountings.append(_accounting(what, shown, adds_up=adds_up))
    return accountings


def _accounting(what: str, counts: Mapping[str, int], *, adds_up: bool) -> Json:
    whole, *fates = (name.replace("_", " ") for name in counts)
    return {
        "what": what,
        "title": f"{what}: {whole} = {' + '.join(fates)}",
        "head": [whole, *fates],
        "counts": list(counts.values()),
        "adds_up": adds_up,
    }


def accounting_of(totals: Totals, *, is_over: bool) -> AccountingFigures:
    """Return the fate of every message, warm-up included; while the run goes on, open messages count as in flight."""
    accounting = totals.accounting(phase=ALL, live=not is_over)
    return accounting_figures(accounting)


def worker_rows(workers: Iterable[WorkerState]) -> list[WorkerEntry]:
    """Return the state of each worker."""
    return [worker_figures(worker) for worker in workers]


def _threshold(entry: ThresholdEntry, is_over: bool) -> Json:
    is_open = not is_over and (entry["measured"] is None or entry["too_few"])
    return {
        **entry,
        "mark": OPEN_MARK if is_open else formatting.mark(entry),
        "value": formatting.outcome(entry),
        "shown_note": formatting.note(entry),
    }
