"""Pass, fail or inconclusive: the verdict from the judged thresholds and the health of the run."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.generator_limits import CPU_STARVED_PERCENT, Limits
from fleetlm_users.measure.histogram import Trend, TrendSummary
from fleetlm_users.measure.judging.early_abort import outlook_of
from fleetlm_users.measure.judging.generator_lateness import excuse_lateness
from fleetlm_users.measure.judging.lost_workers import LostWorker, losses
from fleetlm_users.measure.judging.thresholds import Judgement
from fleetlm_users.measure.judging.total_failures import total_failures
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.metrics.phoenix import EVENT_FATES, PUSH_FATES
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Totals

_FROM_DUE: Final = ("append_latency_ms", "push_latency_ms")
"""The latencies that the generator's lateness is compared with."""

_SIGNS: Final = ("messages_sent", "ws_join_ms")
_SIGNS_OF_PHOENIX: Final = ("ws_connect_ms",)
"""Without a sample of any of these nothing happened; some users of a Phoenix application only connect."""

_EXIT_CODES: Final = {"pass": 0, "fail": 3, "inconclusive": 4}  # 1 and 2 are Locust's own: error, usage

LATENESS: Final = "generator_lateness_ms"
VISIT_LATENESS: Final = "visit_lateness_ms"
LOOP_LAG: Final = "event_loop_lag_ms"
NAME_LOOKUP: Final = "name_lookup_ms"

_PUSH_SUMS: Final = (
    ("pushes", "pushes_sent", "sent", tuple(f"pushes_{fate}" for fate in PUSH_FATES), "pushes_in_flight"),
    ("events", "events_awaited", "awaited", tuple(f"events_{fate}" for fate in EVENT_FATES), None),
    ("due events", "events_due", "due", tuple(f"events_due_{fate}" for fate in EVENT_FATES), "events_due_open"),
)
"""For each kind of event: its name, its counter, its word, the counters of its fates, and that of those cut short by
the end of the run. An event without a due moment may be one that a user waits for all day: that it was open proves
nothing.

An event without a due moment may be one that a user waits for all day: that it was open proves nothing.
"""

_ANSWERED_LATE: Final = ("messages_unanswered", "messages_lost", "messages_unconfirmed")
"""The fates of messages whose answer, should it still come, finds nobody awaiting it."""


class RunFacts(msgspec.Struct, frozen=True):
    """What the numbers alone do not tell: how the run ended, and which workers reported to the end.

    `aborted` says why a hopeless run was ended early, and is empty for any other. `workers_expected` is 1 for a run in
    one process. `workers` are the states of SnapshotStore.workers. `doubts` are further reasons to doubt the numbers:
    unexpected exceptions, users that never started. `was_reset` says that the statistics were reset during the run,
    `was_cut_short` that the drain was cut short. `planned` names the counters of trouble that the run itself causes, as
    a crash breaks all connections: a total failure of one of them casts no doubt.
    """

    interrupted: bool
    workers_expected: int
    workers_final: int
    workers_lost: tuple[LostWorker, ...] = ()
    workers: tuple[WorkerState, ...] = ()
    doubts: tuple[str, ...] = ()
    limits: Limits = msgspec.field(default_factory=Limits)
    aborted: str = ""
    was_reset: bool = False
    was_cut_short: bool = False
    planned: frozenset[str] = frozenset()

    @property
    def cut_short(self) -> bool:
        """Whether a part of the run is not in the numbers: anything missing may just have been in that part."""
        return self.interrupted or bool(self.aborted) or self.was_reset or self.was_cut_short


class Verdict(msgspec.Struct, frozen=True):
    """The answer with all its reasons: `failures` say what was missed, `doubts` why the numbers cannot be relied on."""

    kind: Literal["pass", "fail", "inconclusive"]
    failures: tuple[str, ...]
    doubts: tuple[str, ...]
    judgements: tuple[Judgement, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Failures first, then doubts; both are reported, whichever decided."""
        return self.failures + self.doubts

    @property
    def exit_code(self) -> int:
        """0 pass, 3 fail, 4 inconclusive."""
        return _EXIT_CODES[self.kind]


def decide(judgements: Sequence[Judgement], totals: Totals, facts: RunFacts) -> Verdict:
    """Return the verdict. A failure outweighs every doubt: a missed threshold stays missed, however good the rest was.

    A miss that the generator's lateness alone explains is no failure: that threshold is undecided
    (generator_lateness.py). A run without thresholds is inconclusive: nothing was promised, so nothing can have been
    kept. A threshold without samples fails, except in a run cut short, which may just not have got that far; the same
    holds for a count or a maximum that had to reach its bound. An aborted run fails in any case.
    """
    judgements = excuse_lateness(judgements, totals, lambda: is_beyond_limits(totals, facts.workers, facts.limits))
    failures = tuple(_failures(judgements, totals, facts))
    doubts = tuple(_doubts(judgements, totals, facts))
    kind: Literal["pass", "fail", "inconclusive"] = "fail" if failures else "inconclusive" if doubts else "pass"
    return Verdict(kind, failures, doubts, tuple(judgements))


def _failures(judgements: Iterable[Judgement], totals: Totals, facts: RunFacts) -> Iterable[str]:
    if facts.aborted:
        yield facts.aborted
    for judgement in judgements:
        if not (judgement.ok or judgement.undecided or _is_unreached(judgement, totals, facts)):
            yield _failure(judgement)


def _failure(judgement: Judgement) -> str:
    """Return what was missed, in the figure's own words if it has any."""
    if judgement.measured is not None and judgement.problem:
        return f"{judgement.problem} ({judgement.expression})"
    return f"{judgement.expression}: {_outcome(judgement)}"


def _is_unreached(judgement: Judgement, totals: Totals, facts: RunFacts) -> bool:
    """Whether a threshold was missed only because the run was cut short."""
    return facts.cut_short and not judgement.ok and outlook_of(judgement, totals) == "may still come"


def _outcome(judgement: Judgement) -> str:
    if judgement.measured is None:
        return judgement.problem
    note = f", {judgement.note}" if judgement.note else ""
    return f"measured {formatting.measured(judgement.measured, judgement.threshold.unit)}{note}"


def _doubts(judgements: Sequence[Judgement], totals: Totals, facts: RunFacts) -> Iterable[str]:
    if not judgements:
        yield "no threshold was given, so nothing was judged"
    if facts.interrupted and not facts.aborted:
        yield "the run was interrupted"
    for judgement in judgements:
        if judgement.late:
            measured = formatting.measured(judgement.measured, judgement.threshold.unit)
            yield f"{judgement.expression}: measured {measured}, but {judgement.problem}"
        elif judgement.too_few or judgement.untold:
            yield f"{judgement.expression}: {judgement.problem}"
        elif _is_unreached(judgement, totals, facts):
            yield f"{judgement.expression}: {_outcome(judgement)}"
    yield from facts.doubts
    yield from missing_reports(facts)
    yield from accounting_doubts(totals, facts.limits)
    yield from _missing_load(totals, facts.limits)
    yield from unasked_answers(totals, facts)
    for failure in total_failures(totals, [judgement.threshold for judgement in judgements]):
        if failure.metric.name not in facts.planned:
            yield str(failure)
    yield from late_generator(totals, facts.limits)
    yield from _sick_workers(facts.workers, facts.limits)


def is_beyond_limits(totals: Totals, workers: Sequence[WorkerState], limits: Limits) -> bool:
    """Whether the generator, or one of its workers, was late, stalled or short of CPU."""
    return any(True for _ in (*late_generator(totals, limits), *_sick_workers(workers, limits)))


def missing_reports(facts: RunFacts) -> Iterable[str]:
    """Describe the workers that did not report to the end."""
    for loss in losses(facts.workers_lost, facts.workers):
        yield loss.text()
    missing = facts.workers_expected - facts.workers_final - len(facts.workers_lost)
    if missing > 0:
        yield f"the final report of {missing} of {facts.workers_expected} workers is missing"


def accounting_doubts(totals: Totals, limits: Limits) -> Iterable[str]:
    """Return a description of why the messages of the whole run do not add up."""
    is_of_phoenix = "pushes_sent" in totals.catalogue
    if not any(totals.samples(name, phase=ALL) for name in (*_SIGNS, *(_SIGNS_OF_PHOENIX if is_of_phoenix else ()))):
        if is_of_phoenix:
            yield "nothing happened: no connection was made"
        else:
            yield "nothing happened: no session was joined and no message sent"
    accounting = totals.accounting(phase=ALL)
    if not accounting.adds_up:
        sent, unexplained = accounting.sent, accounting.unexplained
        yield f"the messages do not add up: {sent:,} sent, {unexplained:,} unaccounted for"
    if accounting.in_flight > limits.in_flight_share * accounting.sent:
        yield f"{accounting.in_flight:,} of {accounting.sent:,} messages were still in flight at the end"
    yield from _push_doubts(totals, limits.in_flight_share)
    for name, metric in totals.catalogue.items():
        trend = totals.trend(name, phase=ALL) if metric.kind == "trend" else None
        if trend is not None and trend.negative:
            yield f"{name}: {trend.negative:,} negative durations, a defect of the clock or of this program"


def _push_doubts(totals: Totals, in_flight_share: float) -> Iterable[str]:
    """Describe why the pushes and awaited events of users of any Phoenix application do not add up."""
    for what, whole, word, fates, still_open in _PUSH_SUMS:
        if whole not in totals.catalogue:
            continue
        count, unexplained = totals.count(whole, phase=ALL), totals.unexplained(whole, fates)
        if unexplained:
            yield f"the {what} do not add up: {count:,} {word}, the fate of {abs(unexplained):,} unknown"
        left_open = totals.count(still_open, phase=ALL) if still_open else 0
        if left_open > in_flight_share * count:
            yield f"{left_open:,} of {count:,} {what} were still open at the end"


def _missing_load(totals: Totals, limits: Limits) -> Iterable[str]:
    """Describe the load that is missing in the whole run: sessions that fail in the warm-up are missing from the
    rest.
    """
    failed, completed = (totals.count(name, phase=ALL) for name in ("session_failures", "sessions_completed"))
    if failed > limits.failed_sessions_share * (failed + completed):
        by_kind = formatting.few_kinds(totals.labels("session_failures", phase=ALL))
        kinds = ", ".join(f"{count} {kind}" for kind, count in by_kind.items())
        yield f"{failed:,} of {failed + completed:,} sessions failed ({kinds}): the load was not as planned"


def unasked_answers(totals: Totals, facts: RunFacts) -> Iterable[str]:
    """Describe answers that nobody asked for: with matching in order, an answer to an earlier message makes a later one
    look fast.

    Answers to messages that were given up, whose own broadcast was lost, or whose outcome is open, were asked for.
    """
    if facts.was_reset:  # an answer to a message from before it answers none of those that are counted
        return
    names = ("agent_replies_due", "agent_replies", "agent_replies_unmatched")
    due, answers, unmatched = (totals.count(name, phase=ALL) for name in names)
    late = sum(totals.count(name, phase=ALL) for name in _ANSWERED_LATE)
    unasked = unmatched - late * math.ceil(answers / due) if due else 0
    if unasked > facts.limits.unasked_answers_share * due:
        yield (
            f"the agent answered more often than expected: {unasked:,} answer{'' if unasked == 1 else 's'}"
            " that no message asked for,"
            f" besides {due:,} messages that did, so answers may be matched to the wrong message; see --agent-replies"
        )


def late_generator(totals: Totals, limits: Limits) -> Iterable[str]:
    """Describe a generator that was itself late, or whose event loop stalled."""
    lateness = _summary(totals.trend(LATENESS))
    p99_ms, p95_ms = _ms(lateness.p99_us), _ms(lateness.p95_us)
    if p99_ms is not None and p99_ms > limits.lateness_p99_ms:
        yield f"the generator was late: {LATENESS} p(99) is {p99_ms:.1f} ms, the limit {limits.lateness_p99_ms:g} ms"
    elif p95_ms is not None and p95_ms > limits.lateness_p95_ms:
        judged = {name: _ms(_summary(totals.trend(name)).p95_us) for name in _FROM_DUE if name in totals.catalogue}
        shares = {name: p95_ms / latency_ms for name, latency_ms in judged.items() if latency_ms}
        worst = max(shares, key=lambda name: shares[name], default="")
        if worst and shares[worst] > limits.lateness_share:
            yield (
                f"the generator was late: {LATENESS} p(95) is {p95_ms:.1f} ms, {shares[worst]:.0%} of {worst} p(95);"
                f" the limit is {limits.lateness_share:.0%}"
            )
    visits_p99_ms = _ms(_summary(totals.trend(VISIT_LATENESS)).p99_us) if VISIT_LATENESS in totals.catalogue else None
    if visits_p99_ms is not None and visits_p99_ms > limits.lateness_p99_ms:
        yield (
            f"sessions began late: {VISIT_LATENESS} p(99) is {visits_p99_ms:.1f} ms, the limit"
            f" {limits.lateness_p99_ms:g} ms"
        )
    lag_ms = _ms(_summary(totals.trend(LOOP_LAG)).p99_us)
    if lag_ms is not None and lag_ms > limits.loop_lag_p99_ms:
        yield f"the event loop stalled: {LOOP_LAG} p(99) is {lag_ms:.1f} ms, the limit {limits.loop_lag_p99_ms:g} ms"
    lookup_ms = _ms(_summary(totals.trend(NAME_LOOKUP, phase=ALL)).max_us)
    if lookup_ms is not None and lookup_ms > limits.name_lookup_ms:
        yield (
            f"names were looked up too slowly: {NAME_LOOKUP} max is {lookup_ms:.1f} ms, the limit"
            f" {limits.name_lookup_ms:g} ms; sessions began that much later than planned"
        )


def _sick_workers(workers: Sequence[WorkerState], limits: Limits) -> Iterable[str]:
    """Describe sick workers; each is checked, because merged percentiles hide one bad worker of many."""
    for worker in workers:
        starved = worker.cpu_starved / worker.cpu_samples if worker.cpu_samples else 0.0
        if starved > limits.cpu_share and worker.cpu_starved >= limits.cpu_readings:
            yield (
                f"worker {worker.worker} was short of CPU: above {CPU_STARVED_PERCENT:g} % of a core in {starved:.0%}"
                f" of its readings, the limit is {limits.cpu_share:.0%}; use more workers"
            )
        if len(workers) > 1:
            yield from _late_worker(worker, limits)


def _late_worker(worker: WorkerState, limits: Limits) -> Iterable[str]:
    checks = (
        (LATENESS, _ms(worker.lateness_p99_us), limits.lateness_p99_ms),
        (LOOP_LAG, _ms(worker.loop_lag_p99_us), limits.loop_lag_p99_ms),
    )
    for metric, value_ms, limit_ms in checks:
        if value_ms is not None and value_ms > limit_ms:
            yield f"worker {worker.worker}: {metric} p(99) is {value_ms:.1f} ms, the limit {limit_ms:g} ms"


def _summary(trend: Trend | None) -> TrendSummary:
    return (trend or Trend()).summary()


def _ms(value_us: int | None) -> float | None:
    return None if value_us is None else value_us / 1000
