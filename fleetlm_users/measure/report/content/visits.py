"""The sessions that arrived at a rate, in the summary and the reports."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.judging.visits.visit_accounting import NO_USER, LittlesLaw
from fleetlm_users.measure.metrics.metric import ALL, MAIN
from fleetlm_users.measure.report.charts import Line, LineChart
from fleetlm_users.measure.report.content.charts_shown import ARRIVALS_CHART, PRESENT_CHART
from fleetlm_users.measure.report.summary.load_types import VisitCounts, VisitsEntry
from fleetlm_users.measure.report.summary.types import Summary, counter_of
from fleetlm_users.measure.timeline.rows import SeriesRow, column_of
from fleetlm_users.measure.totals import Totals

COUNTED: Final = ("due", "begun", "dropped", "ended", "unfinished")

Rows = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]


def visits_entry(totals: Totals, plan: Mapping[str, Any], law: LittlesLaw) -> VisitsEntry:
    """Return the arrivals in the main phase and in the whole run, and Little's law over the main phase.

    Args:
        totals: The numbers of all processes.
        plan: The plan as the summary describes it.
        law: Both sides of the law.
    """
    return {
        "rate": ",".join(plan["session_rate"]),
        "arrivals": plan["arrivals"],
        "max_users": plan["total_users"],
        "main": _counts(totals, MAIN),
        "all": _counts(totals, ALL),
        "most_present": int(totals.gauge("visits_present").peak),
        "little": {
            "rate_per_s": round(law.rate_per_s, 4),
            "stay_s": round(law.stay_s, 4),
            "expected": round(law.expected, 4),
            "edges": round(law.edges, 4),
            "measured": round(law.measured, 4),
            "accepted": round(law.accepted, 4),
            "agrees": law.agrees,
            "words": str(law),
        },
    }


def _counts(totals: Totals, phase: str) -> VisitCounts:
    due, begun, dropped, ended, unfinished = (totals.count(f"visits_{what}", phase=phase) for what in COUNTED)
    return {"due": due, "begun": begun, "dropped": dropped, "ended": ended, "unfinished": unfinished}


def visits_rows(summary: Summary) -> Rows:
    """Return the accounting of the sessions that arrived; no rows if users stay."""
    entry = summary.get("visits")
    head = ("", "due", "begun", "dropped", "ended", "cut short")
    if entry is None:
        return head, ()
    return head, (_row("measured", entry["main"]), _row("whole run", entry["all"]))


def _row(name: str, counts: VisitCounts) -> tuple[str, ...]:
    numbers = (counts["due"], counts["begun"], counts["dropped"], counts["ended"], counts["unfinished"])
    return name, *map(formatting.count, numbers)


def visits_lines(summary: Summary) -> list[str]:
    """Return how sessions were to arrive, how many were present at most, and whether Little's law holds."""
    entry = summary.get("visits")
    if entry is None:
        return []
    how = "as a Poisson process" if entry["arrivals"] == "poisson" else "evenly"
    rate = entry["rate"] if ":" in entry["rate"] else f"{entry['rate']} sessions/s"
    at_most = f"{formatting.count(entry['most_present'])} of {formatting.count(entry['max_users'])} users"
    arrivals = f"{rate}, arriving {how}; at most {at_most} were in a session at once"
    return [arrivals, *_shares(summary, entry), entry["little"]["words"]]


def _shares(summary: Summary, entry: VisitsEntry) -> Iterator[str]:
    """Yield, if sessions found no user free, that each process has only its share of the users."""
    processes, dropped = len(summary["workers"]), counter_of(summary, "visits_dropped")
    phases = () if dropped is None else (dropped.get("main"), dropped.get("warm_up"))
    if processes > 1 and any(figures and figures["all"]["labels"].get(NO_USER) for figures in phases):
        share = formatting.count(max(1, round(entry["max_users"] / processes)))
        yield (
            f"each of the {processes} processes has its share of --max-users, about {share}: it drops a session when "
            "those are busy, even if users of others are free"
        )


def visits_curves(summary: Summary, rows: Sequence[SeriesRow]) -> dict[LineChart, dict[Line, list[float | None]]]:
    """Return the lines of a run's arrivals that are not columns: the plan, and the number in the system.

    `rows` are all seconds of the run from its beginning. A run in which users stay has none. The number in the system
    is unknown after a reset, which forgets the sessions begun, and after the loss of a worker, which takes the ends of
    its sessions with it.
    """
    entry = summary.get("visits")
    begun, ended = ([value or 0 for value in column_of(rows, f"visits_{what}")] for what in ("begun", "ended"))
    if entry is None or not any(begun):  # also a file of an older version, which lacks these columns
        return {}
    planned = _planned(entry["rate"], summary, [int(row["second"] or 0) for row in rows])
    curves: dict[LineChart, dict[Line, list[float | None]]] = {ARRIVALS_CHART: {Line("planned", "planned", 4): planned}}
    if not (summary["plan"].get("resets") or summary.get("workers_lost")):
        present = accumulate(here - gone for here, gone in zip(begun, ended, strict=True))
        curves[PRESENT_CHART] = {Line("visits_present", "in the system", 1): list(present)}
    return curves


def _planned(rates: str, summary: Summary, seconds: Sequence[int]) -> list[float | None]:
    """Return the planned rate in the middle of each second; None after the planned end."""
    if ":" not in rates:
        ends_s = summary["plan"].get("duration_s")
        return [float(rates) if ends_s is None or second < ends_s else None for second in seconds]
    planned: dict[int, float] = {}
    last = max(seconds, default=-1)
    for stage in summary.get("stages") or ():
        before, rate = stage.get("rate_before"), stage.get("rate")
        if before is not None and rate is not None:
            first, length_s = int(stage["begins_s"]), int(stage["length_s"])
            rise = (rate - before) / max(length_s, 1)
            shown = range(max(first, 0), min(first + length_s, last + 1))  # no more, whatever a file claims
            planned |= {second: round(before + rise * (second - first + 0.5), 4) for second in shown}
    return [planned.get(second) for second in seconds]
