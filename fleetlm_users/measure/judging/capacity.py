"""One step of a capacity search, judged by itself: on what happened while it was held, not on what came before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fleetlm_users.measure import formatting
from fleetlm_users.measure.generator_limits import CPU_STARVED_PERCENT, Limits
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.judging.generator_lateness import excuse_lateness
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold, judge
from fleetlm_users.measure.judging.verdict import late_generator
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Span, Totals

OPENING: Final = frozenset(
    ("session_creation_ms", "ws_connect_ms", "ws_join_ms", "connections_attempted", "connection_failures")
)
"""Sessions are opened on the way up to a step and not while it is held: these are judged from its beginning on."""

JOINED_SHARE: Final = 0.99
"""A step holds what it asks for when at its end so much of it is joined; the rest may just be between two lives."""

MIN_STARVED: Final = 3
"""Fewer readings of the CPU above its limit are no shortage: a short step has only a few."""

Outcome = Literal["kept", "missed", "limited"]


@dataclass(frozen=True, slots=True)
class Border:
    """The merged numbers at a moment, and the state of each worker."""

    totals: Totals
    workers: tuple[WorkerState, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one load. `misses` are the server's, `doubts` the generator's; `figures` is for the table.

    A threshold that was missed only because the generator was late is among the doubts.
    """

    load: int
    joined: int
    hold_s: float
    repeat: bool
    judgements: tuple[Judgement, ...]
    misses: tuple[str, ...]
    doubts: tuple[str, ...]
    figures: Mapping[str, float | None]

    @property
    def outcome(self) -> Outcome:
        """A generator that was itself at its limit says nothing of the server, whatever was kept or missed."""
        return "limited" if self.doubts else "missed" if self.misses else "kept"


def judge_step(  # noqa: PLR0913  # keyword-only facts of one step, each named where it is given
    thresholds: Sequence[Threshold],
    *,
    load: int,
    began: Border,
    settled: Border,
    ended: Border,
    hold_s: float,
    limits: Limits,
    repeat: bool = False,
) -> Step:
    """Judges the step that `began`, was held from `settled` to `ended`, for `hold_s` seconds."""
    whole, held = Span(began.totals, ended.totals), Span(settled.totals, ended.totals)
    joined = round(held.gauge("active_connections").now)
    doubts = (*late_generator(held, limits), *_short_of_cpu(settled.workers, ended.workers, limits))
    judgements = tuple(excuse_lateness(_judged(thresholds, whole, held, hold_s), held, lambda: bool(doubts)))
    return Step(
        load=load,
        joined=joined,
        hold_s=hold_s,
        repeat=repeat,
        judgements=judgements,
        misses=tuple(_misses(judgements, joined, load)),
        doubts=doubts,
        figures=_figures(whole, held, hold_s),
    )


def _judged(thresholds: Sequence[Threshold], whole: Span, held: Span, hold_s: float) -> Iterable[Judgement]:
    """Of the opening of sessions nothing is asked where too few were opened, as in the last steps of a bisection."""
    for threshold in thresholds:
        if held.catalogue[threshold.metric].is_derived:
            continue  # it is judged from the timeline
        is_opening = threshold.metric in OPENING
        judgement = judge([threshold], whole if is_opening else held, hold_s)[0]
        if not is_opening or (judgement.measured is not None and not judgement.too_few):
            yield judgement


def _misses(judgements: Iterable[Judgement], joined: int, load: int) -> Iterable[str]:
    if joined < load * JOINED_SHARE:
        yield f"only {joined:,} of {load:,} sessions were joined"
    for judgement in judgements:
        if not judgement.ok and not judgement.late:
            yield f"{judgement.expression}: {formatting.measured(judgement.measured, judgement.threshold.unit)}"


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


def _figures(whole: Span, held: Span, hold_s: float) -> dict[str, float | None]:
    return {
        "messages_per_s": round(held.count("messages_appended") / hold_s, 3) if hold_s else None,
        "append_p95_ms": _p95_ms(held, "append_latency_ms"),
        "agent_p95_ms": _p95_ms(held, "agent_latency_ms"),
        "join_p95_ms": _p95_ms(whole, "ws_join_ms"),
        "agent_reply_rate": held.rate("agent_reply_rate").value,
        "session_failures": whole.count("session_failures"),
        "lateness_p99_ms": _ms((held.trend("generator_lateness_ms") or Trend()).summary().p99_us),
        "cpu_percent": held.gauge("worker_cpu_percent").now,
    }


def _p95_ms(span: Span, metric: str) -> float | None:
    return _ms((span.trend(metric) or Trend()).summary().p95_us)


def _ms(value_us: int | None) -> float | None:
    return None if value_us is None else value_us / 1000
