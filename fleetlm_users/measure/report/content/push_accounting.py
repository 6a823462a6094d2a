"""What became of every push of users that speak to any Phoenix application, as a table of the report.

It is made from the counters of the summary, of which `pushes_sent` must be the sum of the others.
"""

from typing import Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.metrics.phoenix import PUSH_FATES
from fleetlm_users.measure.report.summary.types import Summary, counter_of

ALL: Final = "all"
SENT: Final = "pushes_sent"
PUSH_TITLE: Final = "pushes: sent = " + " + ".join(fate.replace("_", " ") for fate in PUSH_FATES)


def is_of_pushes(summary: Summary) -> bool:
    """Return whether a run sent pushes, and no message to a FleetLM: its accounting is then that of its pushes."""
    messages = sum(summary["accounting"][phase]["all"]["sent"] for phase in (MAIN, WARM_UP))
    return not messages and any(_count(summary, SENT, phase, ALL) for phase in (MAIN, WARM_UP))


def pushes_sent(summary: Summary) -> int:
    """Return how many pushes were sent after the warm-up."""
    return _count(summary, SENT, MAIN, ALL)


def push_rows(summary: Summary) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the fates of all pushes: by scenario, altogether, and of the warm-up."""
    scenarios = _scenarios(summary)
    kinds = [(name, MAIN, name) for name in scenarios] if len(scenarios) > 1 else []
    kinds.append((ALL, MAIN, ALL))
    if _count(summary, SENT, WARM_UP, ALL):
        kinds.append(("warm-up", WARM_UP, ALL))
    rows = []
    for label, phase, scenario in kinds:
        sent = _count(summary, SENT, phase, scenario)
        fates = [_count(summary, f"pushes_{fate}", phase, scenario) for fate in PUSH_FATES]
        rows.append((label, *map(formatting.count, (sent, *fates)), "✓" if sent == sum(fates) else "✗"))
    return ("", "sent", *(fate.replace("_", " ") for fate in PUSH_FATES), "adds up"), tuple(rows)


def _scenarios(summary: Summary) -> list[str]:
    counter = counter_of(summary, SENT)
    return list(counter[MAIN]["scenarios"]) if counter is not None and MAIN in counter else []


def _count(summary: Summary, name: str, phase: str, scenario: str) -> int:
    """Return a count of a phase, of one scenario or of all; 0 where nothing was counted."""
    counter = counter_of(summary, name)
    figures = None if counter is None else counter.get(phase)
    if not isinstance(figures, dict):
        return 0
    entry = figures["all"] if scenario == ALL else figures["scenarios"].get(scenario)
    return int(entry["count"]) if entry else 0
