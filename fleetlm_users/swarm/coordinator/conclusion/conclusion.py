"""The verdict of a run: its thresholds are judged once, on the merged numbers, and its result files are written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fleetlm_users.measure.judging.durability.crash import PLANNED, crash_entry
from fleetlm_users.measure.judging.thresholds import judge
from fleetlm_users.measure.judging.verdict import RunFacts, Verdict, decide
from fleetlm_users.measure.report.capacity import decide_search
from fleetlm_users.measure.report.content.streams import streams_entry
from fleetlm_users.measure.report.summary.document import summary
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.report.text import render
from fleetlm_users.swarm.coordinator.conclusion.ended_run import EndedRun
from fleetlm_users.swarm.coordinator.conclusion.evidence import Evidence
from fleetlm_users.swarm.results.leads import add_leads, add_onsets
from fleetlm_users.swarm.results.result_files import write_reports
from fleetlm_users.workload.options.model import describe


class RunResult(msgspec.Struct, frozen=True):
    """The verdict of a run, the summary it rests on, and the folder that holds it (None: nothing was written)."""

    verdict: Verdict
    summary: Summary
    folder: Path | None

    @property
    def exit_code(self) -> int:
        """The exit code of the verdict, or 5 instead of 0 if a requested file is missing."""
        return int(self.summary["verdict"]["exit_code"])

    def text(self, width: int, colour: bool) -> str:
        """Return the report for a terminal of that width in characters."""
        report = render(self.summary, width, colour)
        return f"{report}\n  report   {self.folder}\n" if self.folder is not None else report


def conclude(run: EndedRun) -> RunResult:
    """Judge a run and write its result files; the summary names files that cannot be written."""
    evidence = Evidence(run)
    facts = _facts(run, evidence)
    verdict = _verdict(run, evidence, facts)
    document = _summary(run, evidence, facts, verdict)
    rows = run.snapshots.table()
    add_onsets(document, rows, run.snapshots.table, run.judged_from_s, evidence.totals.first_s)
    add_leads(document, run.options, run.baseline)
    return RunResult(verdict, document, write_reports(run.options, document, rows))


def _facts(run: EndedRun, evidence: Evidence) -> RunFacts:
    return RunFacts(
        interrupted=run.interrupted,
        workers_expected=run.workers.expected,
        workers_final=run.workers.final,
        workers_lost=tuple(run.workers.lost),
        workers=tuple(run.snapshots.workers),
        was_reset=bool(run.course.resets),
        was_cut_short=run.drain_cut_short,
        doubts=(*run.doubts, *evidence.doubts()),
        aborted=run.aborted,
        planned=PLANNED if run.crash or run.storm else frozenset(),
        limits=evidence.limits,
    )


def _verdict(run: EndedRun, evidence: Evidence, facts: RunFacts) -> Verdict:
    """Return the verdict: a search's own, or by the thresholds for any other run."""
    if run.capacity is not None:
        return decide_search(run.capacity, evidence.totals, facts)
    return decide(judge(run.thresholds, evidence.totals, run.judged_s, run.judge_elsewhere), evidence.totals, facts)


def _summary(run: EndedRun, evidence: Evidence, facts: RunFacts, verdict: Verdict) -> Summary:
    document = summary(
        verdict,
        evidence.totals,
        *_plan_and_options(run),
        run.host.facts,
        run.host.versions,
        facts.workers,
        duration_s=run.judged_s,
        started_at=run.started_at,
        aborted=run.aborted,
        server=run.server,
        capacity=None if run.capacity is None else run.capacity.to_json(),
        lost=facts.workers_lost,
        backlogs=evidence.backlogs,
        audit=evidence.audit,
        crash=crash_entry(run.crash, evidence.totals),
        storm=evidence.storm,
    )
    evidence.load.add_to(document)
    streams = streams_entry(run.snapshots.timeline, evidence.totals)
    if streams is not None:
        document["streams"] = streams
    return document


def _plan_and_options(run: EndedRun) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the plan, with the changes a person made during the run, and the other options."""
    described = describe(run.options)
    plan = described.pop("plan") | {"edits": list(run.course.edits), "resets": list(run.course.resets)}
    return plan, described
