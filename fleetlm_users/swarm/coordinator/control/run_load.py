"""The load of one run: as planned, and as changed since by a person, a control command or a load shape."""

import math
from operator import itemgetter
from typing import Any

from fleetlm_users.measure.report.content.stages import StageSpan
from fleetlm_users.swarm.coordinator.control.speed_control import LEAD_S, SpeedControl
from fleetlm_users.swarm.coordinator.control.user_target import UserTarget
from fleetlm_users.swarm.coordinator.run_clock import RunClock
from fleetlm_users.swarm.results.run_course import RunCourse, stage_spans
from fleetlm_users.workload.orders.load_clock import LoadOrder
from fleetlm_users.workload.plan import Plan
from fleetlm_users.workload.stages.begun import BegunStages


class RunLoad:
    """The number of users a run should have, the speed of its timetables, and the stages that have begun."""

    def __init__(self, plan: Plan, clock: RunClock) -> None:
        self._plan = plan
        self._clock = clock
        self._begun = BegunStages()
        self.target = UserTarget(plan.total_users, plan.duration_s)
        self.speed_control = SpeedControl(clock.elapsed_s)
        self._stops: list[dict[str, Any]] = []

    def __repr__(self) -> str:
        return f"RunLoad({self.target!r}, {self.speed_control!r})"

    @property
    def order(self) -> LoadOrder:
        """The orders to all processes so far."""
        return LoadOrder(tuple(self.speed_control.changes), tuple(self._begun.changes))

    def edit_users(self, users: int, running: int) -> None:
        """Expect a different number of users from now on; `running` of them are there."""
        self.target.edit(users, running, self._clock.elapsed_s())

    def note_users(self, running: int) -> None:
        """Note how many users are running at this moment."""
        self.target.note(running, self._clock.elapsed_s())

    def note_stop(self) -> None:
        """Note that a control command ends the run at this moment."""
        if not self._stops:
            self._stops.append({"at_s": round(self._clock.elapsed_s(), 1), "stopped": True})

    def begin_first_stage(self, users: int, name: str) -> None:
        """Note the load shape's request at the start of the run."""
        self._begun.tick(0.0, users, name)

    def begin_stage(self, users: int, name: str) -> bool:
        """Note the load shape's current request; return whether a stage begins shortly."""
        return self._begun.tick(self._clock.elapsed_s() + LEAD_S, users, name)

    def stages(self) -> list[StageSpan]:
        """Return the planned stages, or a load shape's stages that have begun so far."""
        return stage_spans(self._plan, self._begun.stages, self._clock.elapsed_s())

    def course(self) -> RunCourse:
        """Return the events of the run so far."""
        return RunCourse(self._edits(), self._clock.resets, self.stages())

    def _edits(self) -> list[dict[str, Any]]:
        """Return what was changed so far, in order of time, without changes due after the run's end."""
        ends_s = self._clock.elapsed_s() if self._clock.is_stopped else math.inf
        speeds = [edit for edit in self.speed_control.edits if edit["at_s"] <= ends_s]
        return sorted([*self.target.edits, *speeds, *self._stops], key=itemgetter("at_s"))
