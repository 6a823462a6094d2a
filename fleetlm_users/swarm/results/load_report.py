"""The load in a run's report: its stages, its busiest sessions, the sessions that arrived at a rate."""

from collections.abc import Iterator

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.visits.visit_accounting import LittlesLaw, littles_law, visit_doubts
from fleetlm_users.measure.report.content.stages import SkewedPart, skew_entry, stage_entry
from fleetlm_users.measure.report.content.visits import visits_entry
from fleetlm_users.measure.report.summary.load_types import SkewEntry, StageEntry
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.results.run_course import RunCourse
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.skew.settings import BUSIEST, PARTS, parts_in, skew_in
from fleetlm_users.workload.skew.shares import WHOLE


class LoadReport:
    """The stages, skew and arrivals of one run, with `judged_s` judged seconds; empty for a plan without them.

    `course` holds the events of the run.
    """

    def __init__(self, totals: Totals, options: Options, course: RunCourse, judged_s: float) -> None:
        self._totals = totals
        self._options = options
        self._plan = options.plan
        self._course = course
        self._judged_s = judged_s
        self._law = self._littles_law()

    def __repr__(self) -> str:
        return f"LoadReport(stages={len(self._course.stages)}, law={self._law})"

    def doubts(self, limits: Limits) -> Iterator[str]:
        """Yield why the load was not as planned."""
        if self._law is not None:
            yield from visit_doubts(self._totals, limits, self._law)

    def add_to(self, document: Summary) -> None:
        """Add these parts to a summary."""
        stages = self._stages()
        if stages:
            document["stages"] = stages
        if skew_in(self._options):
            document["skew"] = list(self._skew())
        if self._law is not None:
            document["visits"] = visits_entry(self._totals, document["plan"], self._law)

    def _littles_law(self) -> LittlesLaw | None:
        """Return both sides of the law if sessions arrive.

        They arrive until the planned end, however late the run's end begins.
        """
        plan = self._plan
        if not plan.session_rate:
            return None
        planned_s = self._judged_s if plan.duration_s is None else plan.duration_s - plan.warm_up_s
        unchecked = "the statistics were reset during the run" if self._course.resets else ""
        return littles_law(self._totals, min(self._judged_s, planned_s), unchecked)

    def _stages(self) -> list[StageEntry]:
        begins_s = self._course.judged_from_s(self._plan)
        return [stage_entry(self._totals, span, begins_s, begins_s + self._judged_s) for span in self._course.stages]

    def _skew(self) -> Iterator[SkewEntry]:
        """Yield the results of the busiest tenth of each scenario's sessions, and of the rest if there are any."""
        for scenario, users in self._plan.users.items():
            for name in PARTS if users else ():
                parts = parts_in(self._options, scenario)
                sizes = [part.size for part in parts if part.is_busiest == (name == BUSIEST)]
                if sizes:
                    planned = SkewedPart(scenario, name, len(sizes), sum(sizes) / WHOLE)
                    yield skew_entry(self._totals, planned, self._judged_s)
