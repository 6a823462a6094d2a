"""The verdict of a run: its thresholds are judged once, on the merged numbers, and its result files are written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.audit import AuditResult, audit_doubts, result_of
from fleetlm_users.measure.judging.backlog.keeping_up import KeepingUp, keeping_up
from fleetlm_users.measure.judging.durability.crash import PLANNED, CrashRecord, crash_entry
from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.judging.storm.result import StormRecord, storm_doubts, storm_entry
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold, judge
from fleetlm_users.measure.judging.verdict import RunFacts, Verdict, decide
from fleetlm_users.measure.report.capacity import Capacity, decide_search
from fleetlm_users.measure.report.summary.document import summary
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.timeline.rows import SeriesRow
from fleetlm_users.measure.totals import Totals
from fleetlm_users.swarm.host.host_facts import HostFacts
from fleetlm_users.swarm.results.baseline import Baseline
from fleetlm_users.swarm.results.leads import add_leads
from fleetlm_users.swarm.results.load_report import LoadReport
from fleetlm_users.swarm.results.result_files import write_reports
from fleetlm_users.swarm.results.run_course import NO_COURSE, RunCourse
from fleetlm_users.units import MS_PER_S
from fleetlm_users.workload.options.audit import is_audited, way_of
from fleetlm_users.workload.options.model import Options, describe


@dataclass(frozen=True)
class RunResult:
    """The verdict of a run, the summary it rests on, and the folder that holds it (None: nothing was written)."""

    verdict: Verdict
    summary: Summary
    folder: Path | None

    @property
    def exit_code(self) -> int:
        """Exit code of the verdict, or 5 instead of 0 if a requested file is missing."""
        return int(self.summary["verdict"]["exit_code"])

    def text(self, width: int, colour: bool) -> str:
        """Return the report for a terminal of that width in characters."""
        report = render(self.summary, width, colour)
        return f"{report}\n  report   {self.folder}\n" if self.folder is not None else report


class Attendance(Protocol):
    """Which processes took part in a run, and which of them reported to its end."""

    @property
    def expected(self) -> int:
        """Number of processes that took part."""

    @property
    def final(self) -> int:
        """Number of processes whose final numbers came."""

    @property
    def lost(self) -> Sequence[LostWorker]:
        """Workers that were lost on the way."""


def conclude(  # noqa: PLR0913  # keyword-only facts of one run's end, each named where it is given
    options: Options,
    thresholds: Sequence[Threshold],
    snapshots: SnapshotStore,
    *,
    judged_s: float,
    judge_elsewhere: Callable[[Threshold], Judgement | None] = lambda _: None,
    interrupted: bool,
    drain_cut_short: bool,
    workers: Attendance,
    host: HostFacts,
    doubts: Sequence[str],
    started_at: str,
    aborted: str = "",
    server: Sequence[Mapping[str, Any]] = (),
    capacity: Capacity | None = None,
    crash: CrashRecord | None = None,
    storm: StormRecord | None = None,
    baseline: Baseline | None = None,
    course: RunCourse = NO_COURSE,
) -> RunResult:
    """Judge a run and write its result files; what cannot be written is named in the summary.

    Args:
        options: The options of the run.
        thresholds: The thresholds to judge, unless the run was a capacity search.
        snapshots: The numbers of all processes.
        judged_s: Length of the judged part in seconds.
        judge_elsewhere: Judges what the snapshots do not hold; None for all else.
        interrupted: Whether the run ended before its planned end.
        drain_cut_short: Whether the drain was cut short.
        workers: Which processes took part and reported.
        host: The machine, for the report.
        doubts: Reasons not to trust the numbers.
        started_at: Start of the run in ISO 8601.
        aborted: Why the run was aborted; empty if it was not.
        server: The server's own metrics, by source.
        capacity: What a capacity search found; None for any other run.
        crash: How the server was stopped and came back; None for a run without a crash.
        storm: Whose connections were cut when; None for a run without a storm.
        baseline: The earlier run that the report compares this one with.
        course: What happened to the run while it was on: its stages, and what a person changed.
    """
    totals, backlogs = _numbers_of(snapshots, options, course, judged_s, storm, is_search=capacity is not None)
    limits = limits_of(options.lateness_limit_s * MS_PER_S)
    load = LoadReport(totals, options, course, judged_s)
    facts = RunFacts(
        **_circumstances(workers, snapshots, course, interrupted=interrupted, drain_cut_short=drain_cut_short),
        doubts=(*doubts, *_more_doubts(totals, options, storm, is_search=capacity is not None), *load.doubts(limits)),
        aborted=aborted,
        planned=PLANNED if crash or storm else frozenset(),
        limits=limits,
    )
    verdict = _verdict(capacity, totals, facts, lambda: judge(thresholds, totals, judged_s, judge_elsewhere))
    summary_of_run = summary(
        verdict,
        totals,
        *_described(options, course, host),
        facts.workers,
        duration_s=judged_s,
        started_at=started_at,
        aborted=aborted,
        server=server,
        capacity=None if capacity is None else capacity.to_json(),
        lost=facts.workers_lost,
        backlogs=backlogs,
        audit=_audit_of(totals, options),
        crash=crash_entry(crash, totals),
        storm=None if storm is None else storm_entry(storm, totals),
    )
    load.add_to(summary_of_run)
    return _reported(verdict, summary_of_run, options, snapshots.table(), baseline)


def _circumstances(
    workers: Attendance, snapshots: SnapshotStore, course: RunCourse, *, interrupted: bool, drain_cut_short: bool
) -> dict[str, Any]:
    """Return what RunFacts hold of the run's end and processes, and of what a person did to it."""
    return {
        "interrupted": interrupted,
        "workers_expected": workers.expected,
        "workers_final": workers.final,
        "workers_lost": tuple(workers.lost),
        "workers": tuple(snapshots.workers),
        "was_reset": bool(course.resets),
        "was_cut_short": drain_cut_short,
    }


def _verdict(
    capacity: Capacity | None, totals: Totals, facts: RunFacts, judged: Callable[[], Sequence[Judgement]]
) -> Verdict:
    """Return the verdict: of a search, or by the thresholds of any other run."""
    return decide(judged(), totals, facts) if capacity is None else decide_search(capacity, totals, facts)


def _described(
    options: Options, course: RunCourse, host: HostFacts
) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]:
    """Return the plan, with what a person changed during the run, the other options, the machine and the versions."""
    described = describe(options)
    plan = described.pop("plan") | {"edits": list(course.edits), "resets": list(course.resets)}
    return plan, described, host.facts, host.versions


def _reported(
    verdict: Verdict, document: Summary, options: Options, rows: Sequence[SeriesRow], baseline: Baseline | None
) -> RunResult:
    """Add what leads on from the figures, and write the result files."""
    add_leads(document, options, rows, baseline)
    return RunResult(verdict, document, write_reports(options, document, rows))


def _numbers_of(  # noqa: PLR0913  # each is named where it is given
    snapshots: SnapshotStore,
    options: Options,
    course: RunCourse,
    judged_s: float,
    storm: StormRecord | None,
    *,
    is_search: bool,
) -> tuple[Totals, KeepingUp]:
    """Return the totals, and how the backlogs did until sending stopped, by the clocks of this process and of the
    workers.

    A search overloads the server on purpose, and judges its steps one by one.
    """
    if is_search:
        return snapshots.totals(KeepingUp().derived), KeepingUp()
    begins_s = course.judged_from_s(options.plan)
    backlogs = keeping_up(snapshots.timeline, begins_s, min(snapshots.sent_until_s(), begins_s + judged_s))
    of_storm = {} if storm is None else {("latency_recovery_s", ""): storm.recovery.derived}
    return snapshots.totals({**backlogs.derived, **of_storm}), backlogs


def _audit_of(totals: Totals, options: Options) -> AuditResult | None:
    return result_of(totals, way_of(options)) if is_audited(options) else None


def _more_doubts(totals: Totals, options: Options, storm: StormRecord | None, *, is_search: bool) -> Iterator[str]:
    """Yield why the run's audit does not suffice, and why its storm proves less than it should."""
    audit = _audit_of(totals, options)
    if audit is not None:
        yield from audit_doubts(audit, options.audit_share, judged_by_thresholds=not is_search)
    if storm is not None:
        yield from storm_doubts(storm, storm_entry(storm, totals))


def limits_of(lateness_ms: float) -> Limits:
    """Return the generator's limits, all in proportion to the one that can be set, in milliseconds."""
    default = Limits()
    share = lateness_ms / default.lateness_p99_ms
    return replace(
        default,
        lateness_p99_ms=lateness_ms,
        lateness_p95_ms=default.lateness_p95_ms * share,
        loop_lag_p99_ms=default.loop_lag_p99_ms * share,
        name_lookup_ms=default.name_lookup_ms * share,
    )
