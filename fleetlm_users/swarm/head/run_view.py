"""A run at one moment, as its head lets those see it who only show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fleetlm_users.measure.judging.generator_lateness import excuse_lateness
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold, judge
from fleetlm_users.measure.judging.verdict import is_beyond_limits
from fleetlm_users.measure.metrics.phase import MAIN, WARM_UP
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.head.conclusion import MS_PER_S, RunResult, limits_of
from fleetlm_users.workload.options.model import Options


@dataclass(frozen=True, slots=True)
class RunView:
    """`judged_s` is the length of the judged part so far; `planned_s` None stands for a run without an end.

    `merge` goes on living: what it is asked for is of the moment of asking.
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

    @property
    def key(self) -> str:
        """What the numbers belong to: a run, from its beginning or from the last reset of its statistics."""
        return f"{self.merge.epoch}.{self.merge.resets}"

    def judgements(self, totals: Totals) -> Sequence[Judgement]:
        """The thresholds as `totals` of this moment have them, or at the end as the verdict has them."""
        if self.result is not None:
            return self.result.verdict.judgements
        limits = limits_of(self.options.lateness_limit_s * MS_PER_S)
        judgements = judge(self.thresholds, totals, self.judged_s)
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
    """The head, as far as those see it who only show."""

    def view(self) -> RunView | None:
        """The run that is on or was on last; None before the first."""

    def refresh(self) -> None:
        """Takes in the newest numbers of this very process, where users live in it."""
