"""What happened to a run apart from what was measured: its stages, and what a person changed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from fleetlm_users.measure.report.content.stages import StageSpan
from fleetlm_users.workload.plan import Plan
from fleetlm_users.workload.stages.begun import BegunStage


class RunCourse(NamedTuple):
    """`edits` of the users and of the speed as summary.json holds them, the seconds of `resets`, the `stages`."""

    edits: Sequence[Mapping[str, Any]] = ()
    resets: Sequence[float] = ()
    stages: Sequence[StageSpan] = ()

    def judged_from_s(self, plan: Plan) -> float:
        """Return from which second of the run on it is judged."""
        return max([plan.warm_up_s, *self.resets])


NO_COURSE: Final = RunCourse()


def stage_spans(plan: Plan, begun: Sequence[BegunStage], ends_s: float) -> list[StageSpan]:
    """Return the stages of users or of a rate that are planned, or those of a load shape that have `begun` so far.

    `ends_s` is the second up to which the run has come.
    """
    if plan.timetable is not None:
        spans = plan.timetable.spans()
        return [StageSpan(stage.name, at_s, stage.length_s, before, stage.users) for at_s, before, stage in spans]
    if plan.rates is not None:
        most = plan.total_users
        return [
            StageSpan(part.name, begins_s, part.length_s, most, most, rate, part.rate_per_s)
            for begins_s, rate, part in plan.rates.spans()
        ]
    ends = [*(stage.at_s for stage in begun[1:]), ends_s]
    return [
        StageSpan(stage.name, round(stage.at_s, 1), round(max(0.0, end_s - stage.at_s), 1), *stage[2:])
        for stage, end_s in zip(begun, ends, strict=False)
    ]
