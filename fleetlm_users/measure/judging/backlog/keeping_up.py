"""Does the server keep up? Its backlogs, judged while messages are being sent: appends, agent answers, replies to
pushes, and due events. Pure.

Each backlog is judged twice: whether it grew throughout (backlog_growth.py), and how far the server was behind when
sending stopped (end.py). The second also works for a short run, and for a queue that wanders at its limit.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from fleetlm_users.measure.judging.backlog.end import FEW, FastestLatency, behind_s, together, window_of
from fleetlm_users.measure.judging.backlog_growth import MIN_SECONDS, BacklogGrowth, growth, is_filling
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.timeline.second import PLACES, Column, Distribution, Part, Stretch
from fleetlm_users.measure.totals import Derived

BEHIND_S: Final = 2.0
"""The default bound on how far the server may be behind; above it, a run that cannot tell growth is in doubt."""

SPREADS_KEPT: Final = 60
"""How many seconds keep their distributions: more than the end of any run with enough messages."""

SECONDS_AT_ONCE: Final = 20
"""Seconds that are read before yielding: 4 ms at a thousand messages a second in four scenarios."""


class Queue(msgspec.Struct, frozen=True):
    """One kind of thing that users wait for: its columns of the timeline, and its name in messages."""

    name: str
    place: int  # in Part.backlogs
    arrived: str
    finished: str
    spread: Column
    words: str


QUEUES: Final = (
    Queue("append", 0, "sent", "appended", "append", "appends"),
    Queue("agent", 1, "replies_due", "replies_matched", "agent", "agent answers"),
    Queue("push", 2, "pushes_sent", "pushes_replied", "push", "replies to pushes"),
    Queue("event", 3, "events_due", "events_due_seen", "event", "due events"),
)


class Backlog(msgspec.Struct, frozen=True):
    """One backlog over `seconds` of the run, of one scenario or of all together (empty).

    `growth` is None if the seconds cannot tell, and `behind_s` if too little was finished; `waiting` is the backlog
    when sending stopped, `begins_s` the second of the run in which the judged part begins.
    """

    queue: Queue
    scenario: str
    begins_s: int
    seconds: int
    arrived: int
    waiting: int
    growth: BacklogGrowth | None
    behind_s: float | None
    is_filling: bool
    is_over: bool = True

    @property
    def metrics(self) -> dict[str, Derived]:
        """The two figures by metric, each with its text."""
        return {f"{self.queue.name}_backlog_growth": self._growth(), f"{self.queue.name}_backlog_end_s": self._end()}

    @property
    def _stopped(self) -> str:
        if not self.is_over:
            return f"{self.waiting:,} {'is' if self.waiting == 1 else 'are'} waiting"
        return f"{self.waiting:,} {'was' if self.waiting == 1 else 'were'} waiting when sending stopped"

    @property
    def _what(self) -> str:
        return self.queue.words + (f" of {self.scenario}" if self.scenario else "")

    def _growth(self) -> Derived:
        if self.growth is None:
            return Derived(None, self.arrived, self._why_not(), self._is_large)
        words = "the backlog does not grow"
        if self.growth.is_growing:
            words = (
                f"the server did not keep up: {self._what} fell behind by {_rate(self.growth.per_s)}/s of the"
                f" {_rate(self.growth.arrivals_per_s)}/s sent; {self._stopped}"
            )
        return Derived(self.growth.share, self.arrived, words, False)

    def _end(self) -> Derived:
        if self.behind_s is None:
            return Derived(None, self.arrived, f"too few {self._what} to tell; {self._stopped}", self._is_large)
        words = f"the server did not keep up: it was {self.behind_s:.1f} s behind with {self._what}; {self._stopped}"
        return Derived(self.behind_s, self.arrived, words, False)

    @property
    def _is_large(self) -> bool:
        """Whether the backlog at the end is so large that a run without an answer is in doubt."""
        return self.waiting >= FEW if self.behind_s is None else self.behind_s > BEHIND_S

    def _why_not(self) -> str:
        if self.seconds < MIN_SECONDS:
            return f"too short to tell: {self.seconds} s of the {MIN_SECONDS} s that it takes; {self._stopped}"
        return f"too short to tell: {self._what} take so long that the backlog may still be filling up; {self._stopped}"


_NOTHING: Final = Derived(None, 0, "nothing was waiting while it was judged", False)


class KeepingUp:
    """All backlogs of a run, of all scenarios together and of each one; empty if they were not judged."""

    def __init__(self, backlogs: Iterable[Backlog] | None = None) -> None:
        self._is_judged = backlogs is not None
        self.backlogs = tuple(backlogs or ())

    def __repr__(self) -> str:
        return f"KeepingUp({len(self.backlogs)} backlogs)"

    @property
    def derived(self) -> dict[tuple[str, str], Derived]:
        """The figures by metric and scenario, in the form that totals take.

        If no message was waiting, as between two pings of idle sessions, the run as a whole has no figures either.
        """
        figures = {
            (metric, backlog.scenario): figure
            for backlog in self.backlogs
            for metric, figure in backlog.metrics.items()
        }
        if not self._is_judged:
            return figures
        names = (f"{queue.name}_backlog_{end}" for queue in QUEUES for end in ("growth", "end_s"))
        return {(name, ""): _NOTHING for name in names} | figures


def keeping_up(  # noqa: PLR0913  # each is named where it is given
    timeline: MergedTimeline,
    begins_s: float,
    ends_s: float,
    *,
    since_s: float = 0.0,
    is_over: bool = True,
    yield_to_loop: Callable[[], None] = lambda: None,
) -> KeepingUp:
    """Judge the backlogs of a run.

    Args:
        timeline: The seconds of all workers.
        begins_s: The start of the judged part: the end of the warm-up, or the last reset of the statistics.
        ends_s: The moment sending stopped; that second is left out, because part of it is drain.
        since_s: The first second to read; those before the judged part only serve to find the fastest latency.
        is_over: Whether sending has stopped; the wording depends on it.
        yield_to_loop: Called every SECONDS_AT_ONCE.
    """
    first = -int(-begins_s // 1)
    series: dict[tuple[str, str], _Series] = {}
    for stretch in _seconds(timeline, max(timeline.begins, int(since_s)), int(ends_s), yield_to_loop):
        for scenario, part in _parts(stretch):
            for queue in QUEUES:
                key = (queue.name, scenario)
                if key not in series:
                    series[key] = _Series(queue, scenario)
                series[key].add(stretch.second, part, is_judged=stretch.second >= first)
    return KeepingUp(_judged(series.values(), is_over, yield_to_loop))


def _seconds(timeline: MergedTimeline, first: int, end: int, yield_to_loop: Callable[[], None]) -> Iterator[Stretch]:
    for begins in range(first, end, SECONDS_AT_ONCE):
        yield from timeline.intervals(begins, min(end, begins + SECONDS_AT_ONCE))
        yield_to_loop()


def _judged(series: Iterable["_Series"], is_over: bool, yield_to_loop: Callable[[], None]) -> Iterator[Backlog]:
    for one in sorted(series, key=lambda one: (one.queue.place, one.scenario)):
        backlog = one.judge(is_over)
        if backlog is not None:
            yield backlog
        yield_to_loop()


def _parts(stretch: Stretch) -> Iterator[tuple[str, Part]]:
    """Yield the sum of all scenarios, under an empty name, and, if there are several, each of them."""
    yield "", stretch.whole()
    yield from ((scenario, part) for scenario, part in stretch.parts.items() if scenario)


class _Series:
    """One queue of one scenario, second by second."""

    def __init__(self, queue: Queue, scenario: str) -> None:
        self.queue = queue
        self.scenario = scenario
        self._begins_s = 0
        self._before = 0
        self._arrived: list[int] = []
        self._waiting: list[int] = []
        self._finished: list[int] = []
        self._spreads: deque[Distribution] = deque(maxlen=SPREADS_KEPT)
        self._fastest = FastestLatency()

    def add(self, second: int, part: Part, *, is_judged: bool) -> None:
        spread = part.spreads.get(self.queue.spread, {})
        self._fastest.add(spread)
        if not is_judged:
            self._before = part.backlogs[self.queue.place]
            return
        if not self._arrived:
            self._begins_s = second
        missing = second - self._begins_s - len(self._arrived)  # seconds in which the scenario did nothing
        for _ in range(missing):
            self._append(0, 0, 0, {})
        self._append(
            part.counts[PLACES[self.queue.arrived]],
            part.backlogs[self.queue.place],
            part.counts[PLACES[self.queue.finished]],
            spread,
        )

    def judge(self, is_over: bool) -> Backlog | None:
        """Return the backlog up to the last second with an arrival; None if nothing arrived."""
        length = max((at for at, count in enumerate(self._arrived, 1) if count), default=0)
        if not length:
            return None
        arrived, waiting, finished = self._arrived[:length], self._waiting[:length], self._finished[:length]
        filling = length > 3 and is_filling(waiting, arrived)
        return Backlog(
            queue=self.queue,
            scenario=self.scenario,
            begins_s=self._begins_s,
            seconds=length,
            arrived=sum(arrived),
            waiting=waiting[-1],
            growth=growth(waiting, arrived),
            behind_s=self._behind_s(waiting, finished, is_filling=filling),
            is_filling=filling,
            is_over=is_over,
        )

    def _behind_s(self, waiting: list[int], finished: list[int], *, is_filling: bool) -> float | None:
        first = max(window_of(finished), len(self._arrived) - len(self._spreads))
        if first >= len(finished):
            return None
        dropped = len(self._arrived) - len(self._spreads)
        spread = together(list(self._spreads)[first - dropped : len(finished) - dropped])
        before = waiting[first - 1] if first else self._before
        return behind_s(
            [before, *waiting[first:]], finished[first:], spread, self._fastest.lowest_us, is_filling=is_filling
        )

    def _append(self, arrived: int, waiting: int, finished: int, spread: Distribution) -> None:
        self._arrived.append(max(0, arrived))
        self._waiting.append(max(0, waiting))
        self._finished.append(max(0, finished))
        self._spreads.append(spread)


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}" if per_s >= 10 else f"{per_s:.1f}"
