"""The sessions that arrived at a rate, as the summary and the reports have them."""

from collections.abc import Mapping
from typing import Any, Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.judging.visits.visit_accounting import LittlesLaw
from fleetlm_users.measure.metrics.metric import ALL, MAIN
from fleetlm_users.measure.report.summary.load_types import VisitCounts, VisitsEntry
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.totals import Totals

COUNTED: Final = ("due", "begun", "dropped", "ended", "unfinished")

Rows = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]


def visits_entry(totals: Totals, plan: Mapping[str, Any], law: LittlesLaw) -> VisitsEntry:
    """Return what arrived, in the main phase and in the whole run, and Little's law over the main phase.

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
    """Return the accounting of the sessions that arrived; no rows for a run in which users stay."""
    entry = summary.get("visits")
    head = ("", "due", "begun", "dropped", "ended", "cut short")
    if entry is None:
        return head, ()
    return head, (_row("measured", entry["main"]), _row("whole run", entry["all"]))


def _row(name: str, counts: VisitCounts) -> tuple[str, ...]:
    numbers = (counts["due"], counts["begun"], counts["dropped"], counts["ended"], counts["unfinished"])
    return name, *map(formatting.count, numbers)


def visits_lines(summary: Summary) -> list[str]:
    """Return how the sessions were to arrive, how many were there at most, and whether Little's law holds."""
    entry = summary.get("visits")
    if entry is None:
        return []
    how = "as a Poisson process" if entry["arrivals"] == "poisson" else "evenly"
    rate = entry["rate"] if ":" in entry["rate"] else f"{entry['rate']} sessions/s"
    at_most = f"{formatting.count(entry['most_present'])} of {formatting.count(entry['max_users'])} users"
    return [f"{rate}, arriving {how}; at most {at_most} were in a session at once", entry["little"]["words"]]
