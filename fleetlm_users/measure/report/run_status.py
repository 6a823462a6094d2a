"""The status of a run: how it stands at one moment, or how it ended; what pages and exporters may read."""

import msgspec

from fleetlm_users.measure.judging.thresholds import Judgement
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Totals


class RunStatus(msgspec.Struct, frozen=True):
    """One moment of a run.

    `judgements` are the thresholds held against the numbers of this moment, or at the end those of the verdict; a
    search judges its steps instead and has none before its end. `planned_s` None is a run until stopped. `verdict` is
    empty until the run has been judged.
    """

    run_id: str
    benchmark: str
    preset: str
    totals: Totals
    workers: tuple[WorkerState, ...]
    judgements: tuple[Judgement, ...]
    elapsed_s: float
    planned_s: float | None
    users: int
    verdict: str = ""

    @property
    def is_running(self) -> bool:
        """Whether the run goes on, its drain included."""
        return not self.verdict
