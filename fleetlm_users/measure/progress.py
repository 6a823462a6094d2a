"""One live line about a run under way."""

from collections.abc import Sequence
from typing import Final

from fleetlm_users.measure import figures
from fleetlm_users.measure.phase import ALL
from fleetlm_users.measure.timeseries import SeriesRow
from fleetlm_users.measure.totals import Totals

MAX_COLUMNS: Final = 110
RECENT_ROWS: Final = 6  # seconds that "now" means: short enough to see a change, long enough not to flicker
_LATENCIES: Final = {"append": "append_p95_ms", "agent": "agent_p95_ms", "late": "lateness_p95_ms"}


def progress_line(
    totals: Totals, recent: Sequence[SeriesRow], elapsed_s: float, duration_s: float | None, users: int
) -> str:
    """At most 110 columns: time, joined sockets of users, what happened in the last seconds, what went wrong so far.

    Sends per second and percentiles are those of `recent`, the newest RECENT_ROWS of the timeline, both phases; counts
    are since the start. `duration_s` None stands for a run without an end.
    """
    rows = recent[:-1] or recent  # the newest second has only just begun
    books = totals.accounting(phase=ALL, live=True)
    failed = sum(totals.count(name, phase=ALL) for name in ("connection_failures", "disconnects", "session_failures"))
    end = f"/{figures.duration(duration_s)}" if duration_s is not None else ""
    latencies = " ".join(f"{shown} {_highest(rows, column)}" for shown, column in _LATENCIES.items())
    parts = [
        figures.duration(elapsed_s) + end,
        f"{totals.gauge('active_connections').now:.0f}/{users} joined",
        f"{_per_s(rows, 'sent')} sent",
        f"{_short(books.appended)} ok",
        f"{_short(books.in_flight)} open",
        f"{_short(books.rejected + books.lost + failed)} failed",
        f"p95 ms {latencies}",
    ]
    if len(" · ".join(parts)) > MAX_COLUMNS:
        del parts[3]  # what can be missed first
    return " · ".join(parts)[:MAX_COLUMNS]


def _per_s(rows: Sequence[SeriesRow], column: str) -> str:
    return f"{_short(sum(row[column] or 0 for row in rows) / max(len(rows), 1))}/s"


def _highest(rows: Sequence[SeriesRow], column: str) -> str:
    """The worst of the newest seconds: percentiles cannot be averaged, and the worst is what to watch."""
    values = [value for row in rows if (value := row[column]) is not None]
    if not values:
        return figures.NOTHING
    return f"{max(values):.1f}" if max(values) < 100 else f"{max(values):.0f}"


def _short(value: float) -> str:
    thousands = 0
    while value >= 10_000:
        value, thousands = value / 1000, thousands + 1
    return f"{value:.0f}{('', 'k', 'M', 'G')[thousands]}"
