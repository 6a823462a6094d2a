"""The figures of an ended run, each part computed once for both the verdict and the report."""

from collections.abc import Iterator

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.audit import AuditResult, audit_doubts, result_of
from fleetlm_users.measure.judging.backlog.keeping_up import KeepingUp, keeping_up
from fleetlm_users.measure.judging.durability.crash import untested
from fleetlm_users.measure.judging.storm.result import StormEntry, storm_doubts, storm_entry
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.coordinator.conclusion.ended_run import EndedRun
from fleetlm_users.swarm.results.load_report import LoadReport
from fleetlm_users.units import MS_PER_S
from fleetlm_users.workload.options.audit import is_audited, way_of


class Evidence:
    """The totals of a run, its backlogs, and the results of its audit, its storm and its kind of load.

    `audit` and `storm` are None for a run without one.
    """

    def __init__(self, run: EndedRun) -> None:
        self._run = run
        options = run.options
        self.limits = Limits.in_proportion_to(options.lateness_limit_s * MS_PER_S)
        self.backlogs = _backlogs_of(run)
        recovery = {} if run.storm is None else {("latency_recovery_s", ""): run.storm.recovery.derived}
        self.totals: Totals = run.snapshots.totals({**self.backlogs.derived, **recovery})
        self.audit: AuditResult | None = result_of(self.totals, way_of(options)) if is_audited(options) else None
        self.storm: StormEntry | None = None if run.storm is None else storm_entry(run.storm, self.totals)
        self.load = LoadReport(self.totals, options, run.course, run.judged_s)

    def __repr__(self) -> str:
        return f"Evidence({self._run.options.run_id}, {self.load!r})"

    def doubts(self) -> Iterator[str]:
        """Yield why the run proves less than it should."""
        run = self._run
        if self.audit is not None:
            yield from audit_doubts(self.audit, run.options.audit_share, judged_by_thresholds=run.capacity is None)
        if run.crash is not None:
            yield from untested(run.crash, self.totals)
        if run.storm is not None and self.storm is not None:
            yield from storm_doubts(run.storm, self.storm)
        yield from self.load.doubts(self.limits)


def _backlogs_of(run: EndedRun) -> KeepingUp:
    """Return how the backlogs developed until sending stopped, by the clocks of this process and of the workers.

    A search has none: it overloads the server on purpose, and judges its steps one by one.
    """
    if run.capacity is not None:
        return KeepingUp()
    begins_s, snapshots = run.judged_from_s, run.snapshots
    return keeping_up(snapshots.timeline, begins_s, min(snapshots.sent_until_s(), begins_s + run.judged_s))
