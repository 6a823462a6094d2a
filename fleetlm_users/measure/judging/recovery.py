"""Has a server recovered from a load that it did not keep? First its backlog must be gone, then it must be fast again.

While nothing is sent, every message gets its fate and answers stop coming. That includes answers to messages that were
given up, because a server that is still working on them is not idle. Then a light load probes the server: its latencies
must be near those of the last kept step.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.metrics.metric import ALL, WARM_UP
from fleetlm_users.measure.totals import Span, Totals

LATENCIES: Final = ("append_latency_ms", "agent_latency_ms")
NEAR_FACTOR: Final = 2.0
NEAR_MS: Final = 50.0
"""Two latencies are near each other within this factor plus this margin: pauses of a machine are no queue."""

PROBES: Final = 20
"""The number of latencies that a 95th percentile needs."""

PROBE_S: Final = 10.0
"""With fewer of them, the median decides after this time."""

SURE: Final = 5.0
"""If this many probes were due and none was sent, the sessions are gone."""

QUIET_LOOKS: Final = 2
"""This many checks in a row must see nothing: answers may come in bursts."""

Reference = Mapping[str, tuple[float, float]]
"""The median and the 95th percentile of each latency, in ms."""


class OpenMessages(msgspec.Struct, frozen=True):
    """Messages without a fate, and appended ones whose answer is awaited."""

    appends: int
    answers: int

    @property
    def total(self) -> int:
        """The sum of both; a message is never in both."""
        return self.appends + self.answers

    def __str__(self) -> str:
        """Return what is still open, such as `1,846 answers still awaited`."""
        parts = [(self.appends, "append"), (self.answers, "answer")]
        words = " and ".join(f"{n:,} {what}{'' if n == 1 else 's'}" for n, what in parts if n)
        return f"{words} still awaited" if self.total > 0 else ""


def open_messages(totals: Totals, phase: str = ALL) -> OpenMessages:
    """Return the open messages of a phase."""
    fates = ("messages_appended", "messages_rejected", "messages_lost", "messages_in_flight")
    answers = ("agent_replies_matched", "messages_unanswered")
    return OpenMessages(
        totals.count("messages_sent", phase=phase) - sum(totals.count(name, phase=phase) for name in fates),
        totals.count("agent_replies_due", phase=phase) - sum(totals.count(name, phase=phase) for name in answers),
    )


def latencies_of(totals: Totals, phase: str) -> Reference:
    """Return the median and the 95th percentile of append and answer latencies, if there are any."""
    trends = ((name, totals.trend(name, phase=phase)) for name in LATENCIES)
    return {name: _percentiles_ms(trend) for name, trend in trends if trend is not None and trend.count}


class Recovery:
    """Watches a server recover: call `look` about once a second, until it `has_recovered`.

    `reference` holds the latencies of the last kept step. It is empty if none was kept; then the backlog alone decides.
    Nothing may be sent until `is_quiet`, and a light load of `probes_per_s` from then on.
    """

    def __init__(self, reference: Reference, probes_per_s: float = 0.0) -> None:
        self._reference = reference
        self._probes_per_s = probes_per_s
        self._seen: Totals | None = None
        self._probed_from: tuple[Totals, float] | None = None
        self._open = OpenMessages(0, 0)
        self._late_answers = 0
        self._quiet_looks = 0
        self._p95_ms: float | None = None
        self._is_silent = False
        self.is_quiet = False
        self.has_recovered = False

    @property
    def needs_probes(self) -> bool:
        """Whether messages must be sent to it once it is quiet: there are latencies that it has to come near."""
        return bool(self._reference)

    def look(self, totals: Totals, now_s: float) -> None:
        """Take the numbers of this moment."""
        if not self.is_quiet:
            self._await_quiet(totals, now_s)
        elif not self.has_recovered:
            self._probe(totals, now_s)

    def words(self) -> str:
        """Return what is still missing, and its value at the last kept step."""
        parts = [str(self._open)] if self._open.total > 0 else []
        if not parts and self._late_answers:
            parts.append(f"{self._late_answers:,} answers came to messages that had been given up")
        if self._p95_ms is not None:
            parts.append(f"p95 {_time(self._p95_ms)}")
        reference = self._reference.get(LATENCIES[1]) or self._reference.get(LATENCIES[0])
        if self._is_silent:
            parts = ["nothing can be sent to it"]
        text = ", ".join(parts) or "its first answers are awaited"
        return text if reference is None else f"{text}; the last kept step had {_time(reference[1])}"

    def _await_quiet(self, totals: Totals, now_s: float) -> None:
        self._open = open_messages(totals)
        before, self._seen = self._seen, totals
        if before is None:
            return
        span = Span(before, totals)
        self._note_latency(span, ALL)
        answered = max(0, span.count("agent_replies_matched", phase=ALL))
        self._late_answers = max(0, span.count("agent_replies", phase=ALL) - answered)
        has_answers = span.count("agent_replies", phase=ALL) != 0
        self._quiet_looks = 0 if self._open.total > 0 or has_answers else self._quiet_looks + 1
        if self._quiet_looks >= QUIET_LOOKS:
            self.is_quiet, self._probed_from = True, (totals, now_s)
            self.has_recovered = not self.needs_probes

    def _probe(self, totals: Totals, now_s: float) -> None:
        assert self._probed_from is not None  # for mypy: set once it was quiet
        span, probed_s = Span(self._probed_from[0], totals), now_s - self._probed_from[1]
        self._open = open_messages(totals)
        self._note_latency(span, WARM_UP)
        measured = latencies_of(span, WARM_UP)
        samples = min((_count(span, name) for name in self._reference), default=0)
        if samples < PROBES and probed_s < PROBE_S:
            return
        # probes that are sent and not answered are not samples, so they are counted
        is_slow = self._open.total > self._most_open() or (not samples and self._open.total > 0)
        expected = self._probes_per_s * probed_s
        self._is_silent = expected >= SURE and not span.count("messages_sent", phase=WARM_UP)
        if (
            not is_slow
            and not self._is_silent
            and all(self._is_near(name, measured, samples) for name in self._reference)
        ):
            self.has_recovered = True
        else:
            self._probed_from = totals, now_s

    def _most_open(self) -> float:
        """Return how many probes may be open at once, by Little's law at twice the latencies of the last kept step."""
        takes_s = sum(NEAR_FACTOR * p95_ms + NEAR_MS for _, p95_ms in self._reference.values()) / 1000
        return self._probes_per_s * takes_s + PROBES

    def _is_near(self, name: str, measured: Reference, samples: int) -> bool:
        if name not in measured:
            return True  # messages are so rare that nothing was due to be probed
        pairs = list(zip(measured[name], self._reference[name], strict=True))
        return all(now <= NEAR_FACTOR * then + NEAR_MS for now, then in (pairs if samples >= PROBES else pairs[:1]))

    def _note_latency(self, span: Span, phase: str) -> None:
        measured = latencies_of(span, phase)
        latest = measured.get(LATENCIES[1]) or measured.get(LATENCIES[0])
        self._p95_ms = latest[1] if latest is not None else self._p95_ms


def _percentiles_ms(trend: Trend) -> tuple[float, float]:
    return (trend.percentile(50) or 0) / 1000, (trend.percentile(95) or 0) / 1000


def _count(totals: Totals, name: str) -> int:
    trend = totals.trend(name, phase=WARM_UP)
    return trend.count if trend is not None else 0


def _time(value_ms: float) -> str:
    return f"{value_ms / 1000:.1f} s" if value_ms >= 1000 else f"{formatting.ms(value_ms)} ms"
