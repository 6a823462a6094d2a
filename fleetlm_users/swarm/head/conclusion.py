"""The end of a run: thresholds judged once on the merged numbers, the report written and worded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fleetlm_users.measure.judging.thresholds import Threshold, judge
from fleetlm_users.measure.judging.verdict import RunFacts, Verdict, decide
from fleetlm_users.measure.limits import Limits
from fleetlm_users.measure.report.capacity import Capacity, decide_search
from fleetlm_users.measure.report.summary import summary
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.cluster.worker_registry import WorkerRegistry
from fleetlm_users.swarm.host.host_facts import HostFacts
from fleetlm_users.swarm.results.result_files import write_reports
from fleetlm_users.workload.options.model import Options, describe

MS_PER_S = 1000


@dataclass(frozen=True)
class RunResult:
    """What a run came to: the verdict, everything it rests on, and where that was written (None: nowhere)."""

    verdict: Verdict
    summary: dict[str, Any]
    folder: Path | None

    @property
    def exit_code(self) -> int:
        """That of the verdict, or 5 where it would be 0 but a file that was asked for is missing."""
        return int(self.summary["verdict"]["exit_code"])

    def text(self, width: int, colour: bool) -> str:
        """The report for a console."""
        report = render(self.summary, width, colour)
        return f"{report}\n  report   {self.folder}\n" if self.folder is not None else report


def conclude(  # noqa: PLR0913  # keyword-only facts of one run's end, each named where it is given
    options: Options,
    thresholds: Sequence[Threshold],
    merge: SnapshotStore,
    *,
    judged_s: float,
    interrupted: bool,
    hurried: bool,
    roster: WorkerRegistry | None,
    host: HostFacts,
    doubts: Sequence[str],
    started_at: str,
    aborted: str = "",
    server: Sequence[Mapping[str, Any]] = (),
    found: Capacity | None = None,
    by_hand: Mapping[str, Sequence[Any]] = MappingProxyType({}),
) -> RunResult:
    """Judges the merged numbers, or what a capacity search `found`, and writes the result folder.

    `by_hand` is what a person did to the run under way: `edits` of its users, and at which seconds `resets`. What
    cannot be written is told in the summary.
    """
    totals = merge.totals()
    facts = RunFacts(
        interrupted=interrupted,
        workers_expected=roster.expected if roster is not None else 1,
        workers_final=roster.final if roster is not None else 1,
        workers_lost=tuple(roster.lost) if roster is not None else (),
        workers=tuple(merge.workers),
        doubts=tuple(doubts),
        aborted=aborted,
        was_reset=bool(by_hand.get("resets")),
        was_hurried=hurried,
        limits=limits_of(options.lateness_limit_s * MS_PER_S),
    )
    judgements = () if found is not None else judge(thresholds, totals, judged_s)
    verdict = decide(judgements, totals, facts) if found is None else decide_search(found, totals, facts)
    described = describe(options)
    described["plan"] |= {name: list(what) for name, what in by_hand.items()}
    told = summary(
        verdict,
        totals,
        described.pop("plan"),
        described,
        host.facts,
        host.versions,
        facts.workers,
        duration_s=judged_s,
        started_at=started_at,
        aborted=aborted,
        server=server,
        capacity=None if found is None else found.to_json(),
        lost=facts.workers_lost,
    )
    return RunResult(verdict, told, write_reports(options, told, merge.table()))


def limits_of(lateness_ms: float) -> Limits:
    """The generator's limits, all in proportion to the one that a person can set."""
    default = Limits()
    share = lateness_ms / default.lateness_p99_ms
    return replace(
        default,
        lateness_p99_ms=lateness_ms,
        lateness_p95_ms=default.lateness_p95_ms * share,
        loop_lag_p99_ms=default.loop_lag_p99_ms * share,
        name_lookup_ms=default.name_lookup_ms * share,
    )
