"""The events of a run apart from its measurements: its stages, and the changes a person made."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from fleetlm_users.measure.report.content.stages import StageSpan
from fleetlm_users.workload.plan import Plan
from fleetlm_users.workload.stages.begun import BegunStage


class RunCourse(NamedTuple):
    """The `edits` of users and speed in the form of summary.json, the seconds of `resets`, and the `stages`."""

    edits: Sequence[Mapping[str, Any]] = ()
    resets: Sequence[float] = ()
    stages: Sequence[StageSpan] = ()

    def judged_from_s(self, plan: Plan) -> float:
        """Return the second of the run from which it is judged."""
        return max([plan.warm_up_s, *self.resets])


NO_COURSE: Final = RunCourse()


def stage_spans(plan: Plan, begun: Sequence[BegunStage], ends_s: float) -> list[StageSpan]:
    """Return the planned stages of users or of a rate, or a load shape's stages that have `begun` so far.

    `ends_s` is the second that the run has reached.
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
