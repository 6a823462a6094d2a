"""Judge one step of a capacity search by itself: by what happened while it was held, not before.

A message belongs to the step in which it was due, whenever its answer comes. So a step is judged once all its messages
have their fate: judged on early answers alone, it would look better than it was.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.generator_limits import CPU_STARVED_PERCENT, Limits
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.judging.backlog.keeping_up import KeepingUp
from fleetlm_users.measure.judging.generator_lateness import excuse_lateness
from fleetlm_users.measure.judging.held_backlog import BEHIND_S, HeldBacklog, held_backlog
from fleetlm_users.measure.judging.recovery import OpenMessages, Reference, latencies_of
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold, judge
from fleetlm_users.measure.judging.verdict import LATENESS, LOOP_LAG, late_generator
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Derived, Span, Totals

OPENING: Final = frozenset(
    ("session_creation_ms", "ws_connect_ms", "ws_join_ms", "connections_attempted", "connection_failures")
)
"""Metrics of opening sessions. That happens before a step is held, so these are judged from the step's beginning."""

OF_MESSAGES: Final = frozenset(
    (
        *("append_latency_ms", "append_service_ms", "agent_latency_ms", "message_roundtrip_ms"),
        *("generator_lateness_ms", "messages_sent", "messages_appended", "messages_rejected", "messages_lost"),
        *("messages_in_flight", "agent_replies_due", "agent_replies_matched", "messages_unanswered"),
        "agent_latencies_left_out",
    )
)
"""Metrics counted for the step in which the message was due, and final once all its messages have their fate."""

JOINED_SHARE: Final = 0.99
"""The share of sessions that must be joined at a step's end; the others may be between two sessions."""

FAR: Final = 20.0
"""A queue longer than this many times the generator's lateness cannot be explained by that lateness."""

SENT_SHARE: Final = 0.95
"""A step that sends a smaller share of its messages was not the intended load."""

MIN_STARVED: Final = 3
"""The fewest CPU readings above the limit that count as a shortage: a short step has only a few readings."""

GROWTH: Final = frozenset(("append_backlog_growth", "agent_backlog_growth"))

APPENDS: Final = "appends"
ANSWERS: Final = "agent answers"

Outcome = Literal["kept", "missed", "limited"]


class Border(msgspec.Struct, frozen=True):
    """The merged numbers at a moment, and the state of each worker.

    `present` holds the numbers without lost workers: messages that a lost worker left open never get a fate. By default
    no worker is lost.
    """

    totals: Totals
    workers: tuple[WorkerState, ...]
    present: Totals | None = None

    @property
    def of_present(self) -> Totals:
        """The numbers of the workers that are not lost."""
        return self.totals if self.present is None else self.present


class StepBorders(msgspec.Struct, frozen=True):
    """The moments of a step: `began`; held from `settled` to `held`; `closed`, once all its messages had their fate."""

    began: Border
    settled: Border
    held: Border
    closed: Border


class Step(msgspec.Struct, frozen=True):
    """The result of one load. `misses` are the server's fault, `doubts` the generator's; `figures` is for the table.

    A threshold that was missed only because the generator was late is among the doubts. `backlogs` are those of appends
    and answers, by name; `latencies` those of the step's own messages. `is_beyond_doubt` says that the server was
    behind by far more than the generator was late.
    """

    load: int
    joined: int
    hold_s: float
    repeat: bool
    judgements: tuple[Judgement, ...]
    misses: tuple[str, ...]
    doubts: tuple[str, ...]
    figures: Mapping[str, float | None]
    confirmation: bool = False
    backlogs: Mapping[str, HeldBacklog] = msgspec.field(default_factory=dict)
    latencies: Reference = msgspec.field(default_factory=dict)
    is_beyond_doubt: bool = False

    @property
    def outcome(self) -> Outcome:
        """The outcome. A generator at its own limit proves nothing about the server, whether thresholds were kept or
        missed.

        The exception is a server so far behind that no lateness of the generator explains it.
        """
        if self.doubts and not self.is_beyond_doubt:
            return "limited"
        return "missed" if self.misses else "kept"

    @property
    def is_behind(self) -> bool:
        """Whether the server did not keep up."""
        return any(backlog.is_behind for backlog in self.backlogs.values())


def judge_step(  # noqa: PLR0913  # keyword-only facts of one step, each named where it is given
    thresholds: Sequence[Threshold],
    borders: StepBorders,
    *,
    load: int,
    hold_s: float,
    limits: Limits,
    backlogs: Mapping[str, HeldBacklog],
    keeping_up: KeepingUp | None = None,
    left_open: OpenMessages | None = None,
    users: int | None = None,
    asked_messages: float = 0.0,
    repeat: bool = False,
    confirmation: bool = False,
) -> Step:
    """Judge one step.

    Args:
        thresholds: The thresholds to keep.
        borders: The numbers at the step's moments.
        load: How many users the step wanted.
        hold_s: How long it was held.
        limits: The generator's limits.
        backlogs: The backlogs of appends and answers while the step was held, from second to second.
        keeping_up: The backlogs as thresholds judge them in any run.
        left_open: Messages of the step without a fate, if waiting for it was given up.
        users: How many users ran at its end; None for all.
        asked_messages: How many messages were to be sent while it was held; 0 if unknown.
        repeat: Whether this is the second attempt at a load.
        confirmation: Whether it confirms a load that was kept.
    """
    whole = Span(borders.began.totals, borders.held.totals)
    held = Span(borders.settled.totals, borders.held.totals)
    messages = Span(borders.settled.totals, borders.closed.totals)
    joined = round(borders.held.of_present.gauge("active_connections").now)
    step = _StepSpan(held, messages, borders.held.totals, keeping_up.derived if keeping_up is not None else {})
    users = load if users is None else users
    unsent: tuple[list[str], list[str]] = ([], [])
    if min(users, joined) >= load * JOINED_SHARE:
        unsent = _unsent(held, load, messages.count("messages_sent"), asked_messages)
    late = tuple(late_generator(step, limits))
    doubts = (
        *late,
        *_short_of_cpu(borders.settled.workers, borders.held.workers, limits),
        *_unknown(left_open, backlogs),
        *([f"only {users:,} of {load:,} users ran"] if users < load * JOINED_SHARE else []),
        *unsent[1],
    )
    judged = _judged(thresholds, whole, step, hold_s)
    judgements = tuple(excuse_lateness(judged, messages, lambda: bool(doubts)))
    return Step(
        load=load,
        joined=joined,
        hold_s=hold_s,
        repeat=repeat,
        judgements=judgements,
        misses=(*_misses(judgements, backlogs, joined, load), *unsent[0]),
        doubts=doubts,
        figures=_figures(whole, held, messages, hold_s),
        confirmation=confirmation,
        backlogs=backlogs,
        latencies=latencies_of(messages, MAIN),
        is_beyond_doubt=doubts == late and _is_far_behind(backlogs, step),
    )


def step_backlogs(
    rows: Sequence[Mapping[str, Any]], first_s: int, end_s: int, follows_agent: bool
) -> dict[str, HeldBacklog]:
    """Return the backlogs of appends and answers from second `first_s` of the run to before `end_s`.

    `rows` are seconds as SnapshotStore.series returns them. A second without data is left out.
    """
    by_second = {row["second"]: row for row in rows}
    seconds = [by_second[second] for second in range(first_s, end_s) if second in by_second]
    before = by_second.get(first_s - 1) or {}
    kinds = {APPENDS: ("append_backlog", "sent")} | (
        {ANSWERS: ("agent_backlog", "replies_due")} if follows_agent else {}
    )
    return {
        name: held_backlog(
            float(before.get(backlog) or 0), [row[backlog] for row in seconds], [row[arrived] for row in seconds]
        )
        for name, (backlog, arrived) in kinds.items()
    }


class _StepSpan(Span):
    """The span of a hold: counts of messages cover those due in it, everything else its time.

    Sessions are opened before it, so their evidence comes from `ever`, the totals at its end. `figures` are those of
    derived metrics.
    """

    def __init__(self, held: Span, messages: Span, ever: Totals, figures: Mapping[tuple[str, str], Derived]) -> None:
        super().__init__(held, messages)
        self._figures = figures
        self._held = held
        self._messages = messages
        self._ever = ever

    def trend(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> Trend | None:
        """Return the durations of the step's messages, or those during the hold."""
        return self._of(metric).trend(metric, scenario, phase)

    def labels(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> dict[str, int]:
        """Return the counts of the step's messages, or those during the hold."""
        declared = self.catalogue.find(metric, "counter")
        return self._of(declared.parts[0] if declared.parts else metric).labels(metric, scenario, phase)

    def samples(self, metric: str, scenario: str | None = None, phase: str = MAIN) -> int:
        """Return how much evidence there is: if sessions are the evidence, those of the whole search."""
        declared = self.catalogue.find(metric)
        opened = declared.evidence if declared.kind == "counter" and declared.evidence in OPENING else None
        own = super().samples(metric, scenario, phase)
        return max(own, self._ever.samples(opened, scenario, phase)) if opened else own

    def _of(self, metric: str) -> Span:
        return self._messages if self.catalogue.find(metric).name in OF_MESSAGES else self._held


def _is_far_behind(backlogs: Mapping[str, HeldBacklog], step: Span) -> bool:
    """Whether the server is so far behind that neither late sending nor late reading explains it."""
    trends = (step.trend(name) for name in (LATENESS, LOOP_LAG))
    late_s = max(((trend.percentile(99) or 0) / 1e6 for trend in trends if trend is not None), default=0.0)
    bound_s = max(BEHIND_S, FAR * late_s)
    return any(one.is_behind and (one.waiting_s is None or one.waiting_s > bound_s) for one in backlogs.values())


def _judged(thresholds: Sequence[Threshold], whole: Span, held: Span, hold_s: float) -> Iterable[Judgement]:
    """Leave out thresholds on opening sessions if too few were opened, as in the last steps of a bisection."""
    for threshold in thresholds:
        is_opening = threshold.metric in OPENING
        judgement = judge([threshold], whole if is_opening else held, hold_s)[0]
        is_too_short = threshold.metric in GROWTH and judgement.measured is None  # held_backlog.py judges it
        if not is_too_short and (not is_opening or (judgement.measured is not None and not judgement.too_few)):
            yield judgement


def _behind(backlogs: Mapping[str, HeldBacklog]) -> Iterable[str]:
    for name, backlog in backlogs.items():
        if backlog.is_behind:
            waited = "" if backlog.waiting_s is None else f", {backlog.waiting_s:.1f} s of the server's own rate"
            yield (
                f"the server did not keep up: {name} fell behind by {formatting.per_s(backlog.per_s)} of the "
                f"{formatting.per_s(backlog.arrivals_per_s)} sent; {backlog.waiting:,} were waiting at the end{waited}"
            )


def _misses(
    judgements: Sequence[Judgement], backlogs: Mapping[str, HeldBacklog], joined: int, load: int
) -> Iterable[str]:
    yield from _behind(backlogs)
    if joined < load * JOINED_SHARE:
        yield f"only {joined:,} of {load:,} sessions were joined"
    for judgement in judgements:
        if not judgement.ok and not judgement.late:
            outcome = formatting.measured(judgement.measured, judgement.threshold.unit)
            yield f"{judgement.expression}: {outcome}{f': {judgement.problem}' if judgement.problem else ''}"


def _unknown(left_open: OpenMessages | None, backlogs: Mapping[str, HeldBacklog]) -> Iterable[str]:
    """Doubt a step with messages without a fate: it may not have been kept. A step that is behind is missed anyway."""
    if left_open is not None and left_open.total > 0 and not any(one.is_behind for one in backlogs.values()):
        yield f"the fate of {left_open.total:,} messages of the step is unknown"


def _unsent(held: Span, load: int, sent: int, asked: float) -> tuple[list[str], list[str]]:
    """Return the misses and doubts of a step that sent fewer messages than it should have.

    Broken sessions are the server's fault, everything else is the generator's.
    """
    if sent >= SENT_SHARE * asked - 3 * math.sqrt(load):  # each user's count is within one of its share
        return [], []
    said = f"only {sent:,} of {asked:,.0f} messages were sent"
    broken = held.count("disconnects") + held.count("session_failures") + held.count("connection_failures")
    return ([f"{said}: sessions broke {broken:,} times"], []) if broken else ([], [said])


def _short_of_cpu(before: Iterable[WorkerState], after: Iterable[WorkerState], limits: Limits) -> Iterable[str]:
    earlier = {worker.worker: worker for worker in before}
    for worker in after:
        then = earlier.get(worker.worker)
        samples = worker.cpu_samples - (then.cpu_samples if then else 0)
        starved = worker.cpu_starved - (then.cpu_starved if then else 0)
        if starved >= MIN_STARVED and starved > limits.cpu_share * samples:
            yield (
                f"worker {worker.worker} was short of CPU: above {CPU_STARVED_PERCENT:g} % of a core in {starved} of "
                f"{samples} readings; use more workers"
            )


def _figures(whole: Span, held: Span, messages: Span, hold_s: float) -> dict[str, float | None]:
    return {
        "messages_per_s": round(messages.count("messages_appended") / hold_s, 3) if hold_s else None,
        "append_p95_ms": _p95_ms(messages, "append_latency_ms"),
        "agent_p95_ms": _p95_ms(messages, "agent_latency_ms"),
        "join_p95_ms": _p95_ms(whole, "ws_join_ms"),
        "agent_reply_rate": messages.rate("agent_reply_rate").value,
        "session_failures": whole.count("session_failures"),
        "lateness_p99_ms": _ms((messages.trend("generator_lateness_ms") or Trend()).summary().p99_us),
        "cpu_percent": held.gauge("worker_cpu_percent").now,
    }


def _p95_ms(span: Span, metric: str) -> float | None:
    return _ms((span.trend(metric) or Trend()).summary().p95_us)


def _ms(value_us: int | None) -> float | None:
    return None if value_us is None else value_us / 1000
