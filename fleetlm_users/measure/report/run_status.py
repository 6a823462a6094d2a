"""The status of a run: its state at one moment, or its end; everything that pages and exporters may read."""

import msgspec

from fleetlm_users.measure.judging.thresholds import Judgement
from fleetlm_users.measure.snapshot_store import WorkerState
from fleetlm_users.measure.totals import Totals


class RunStatus(msgspec.Struct, frozen=True):
    """The state of a run at one moment.

    `judgements` are the thresholds judged on the numbers of this moment, or at the end those of the verdict; a search
    judges its steps instead and has none before its end. `planned_s` is None for a run until stopped. `verdict` is
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
