"""A run at its end: everything its conclusion rests on, gathered once the last numbers have arrived."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from fleetlm_users.measure.judging.durability.crash import CrashRecord
from fleetlm_users.measure.judging.storm.result import StormRecord
from fleetlm_users.measure.judging.thresholds import Judgement, Threshold
from fleetlm_users.measure.report.capacity import Capacity
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.coordinator.workers.workers import Attendance
from fleetlm_users.swarm.host.host_facts import HostFacts
from fleetlm_users.swarm.results.baseline import Baseline
from fleetlm_users.swarm.results.run_course import NO_COURSE, RunCourse
from fleetlm_users.workload.options.model import Options


class EndedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run whose users have stopped and whose processes have reported.

    Attributes:
        options: The options of the run.
        thresholds: The thresholds to judge, unless the run was a capacity search.
        snapshots: The numbers of all processes.
        judged_s: The length of the judged part, in seconds.
        judge_elsewhere: Judges thresholds that the snapshots do not cover; returns None for all others.
        interrupted: Whether the run ended before its planned end.
        drain_cut_short: Whether the drain was cut short.
        workers: The processes that took part and reported.
        host: The machine, for the report.
        doubts: Reasons not to trust the numbers, beyond those that the numbers themselves show.
        started_at: Start of the run in ISO 8601.
        aborted: Why the run was aborted; empty if it was not.
        server: The server's own metrics, by source.
        capacity: The result of a capacity search; None for any other run.
        crash: How the server was stopped and came back; None for a run without a crash.
        storm: Which connections were cut when; None for a run without a storm.
        baseline: The earlier run that the report compares this one with.
        course: The events of the run: its stages, and the changes a person made.
    """

    options: Options
    thresholds: Sequence[Threshold]
    snapshots: SnapshotStore
    judged_s: float
    judge_elsewhere: Callable[[Threshold], Judgement | None] = lambda _: None
    interrupted: bool
    drain_cut_short: bool
    workers: Attendance
    host: HostFacts
    doubts: Sequence[str]
    started_at: str
    aborted: str = ""
    server: Sequence[Mapping[str, Any]] = ()
    capacity: Capacity | None = None
    crash: CrashRecord | None = None
    storm: StormRecord | None = None
    baseline: Baseline | None = None
    course: RunCourse = NO_COURSE

    @property
    def judged_from_s(self) -> float:
        """The second of the run from which it is judged."""
        return self.course.judged_from_s(self.options.plan)
