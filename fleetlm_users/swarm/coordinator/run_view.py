"""A read-only view of the current run, for pages and exporters."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.backlog.keeping_up import keeping_up
from fleetlm_users.measure.judging.generator_lateness import excuse_lateness
from fleetlm_users.measure.judging.storm.result import StormRecord
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold, judge
from fleetlm_users.measure.judging.verdict import is_beyond_limits
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.report.content.stages import StageSpan
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.coordinator.conclusion.conclusion import RunResult
from fleetlm_users.units import MS_PER_S
from fleetlm_users.workload.options.model import Options

RECENT_S: Final = 300.0
"""The seconds of backlogs on a live page: reading a day of seconds for each view would make the generator late."""


class RunView(msgspec.Struct, frozen=True):
    """A run at one moment. `judged_s` is the length of its judged part; `planned_s` is None for a run until stopped;
    `speed` is how fast its timetables run, 0 while it is paused; `stages` are those planned, or begun so far;
    `storm` is what it plans to cut, None for a run without a storm.

    `merge` stays live: it returns the numbers of the moment of reading.
    """

    merge: SnapshotStore
    options: Options
    thresholds: Sequence[Threshold]
    started_at: str
    elapsed_s: float
    judged_s: float
    planned_s: float | None
    users: int
    planned_users: int
    is_ending: bool
    result: RunResult | None
    judge_elsewhere: Callable[[Threshold], Judgement | None] = lambda _: None
    speed: float = 1.0
    stages: Sequence[StageSpan] = ()
    storm: StormRecord | None = None

    @property
    def key(self) -> str:
        """The key of the numbers: a run, from its beginning or from the last reset of its statistics."""
        return f"{self.merge.epoch}.{self.merge.resets}"

    def totals(self, yield_to_loop: Callable[[], None]) -> Totals:
        """Return the merged numbers of this moment, with the backlogs of the last minutes.

        At the end the judgements are those of the verdict, which cover the whole run.
        """
        ends_s = min(self.merge.sent_until_s(), self.elapsed_s)
        begins_s = max(self.elapsed_s - self.judged_s, ends_s - RECENT_S)
        timeline = self.merge.timeline
        backlogs = keeping_up(
            timeline, begins_s, ends_s, since_s=ends_s - RECENT_S, is_over=self.is_ending, yield_to_loop=yield_to_loop
        )
        return self.merge.totals(backlogs.derived)

    def judgements(self, totals: Totals) -> Sequence[Judgement]:
        """Return the thresholds judged on this moment's totals, or at the end as in the verdict."""
        if self.result is not None:
            return self.result.verdict.judgements
        limits = Limits.in_proportion_to(self.options.lateness_limit_s * MS_PER_S)
        judgements = judge(self.thresholds, totals, self.judged_s, self.judge_elsewhere)
        return excuse_lateness(judgements, totals, lambda: is_beyond_limits(totals, self.merge.workers, limits))

    @property
    def state(self) -> str:
        """`running`, `ending` while messages settle and reports come in, `ended` once there is a verdict."""
        if self.result is not None:
            return "ended"
        return "ending" if self.is_ending else "running"

    @property
    def phase(self) -> str:
        """The phase whose figures are worth showing: the judged one as soon as it has begun."""
        return MAIN if self.judged_s > 0 else WARM_UP


class RunSource(Protocol):
    """What a page or an exporter needs from the coordinator."""

    def view(self) -> RunView | None:
        """Return the current or latest run; None before the first."""

    def refresh(self) -> None:
        """Merge the newest numbers of this process itself, if users live in it."""
