"""The progress line of a run under way."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fleetlm_users.measure import formatting
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.metrics.phoenix import PUSH_FATES
from fleetlm_users.measure.report.live import kinds_of
from fleetlm_users.measure.timeline.rows import SeriesRow
from fleetlm_users.measure.totals import Totals

MAX_COLUMNS: Final = 110
RECENT_ROWS: Final = 6  # the seconds that "now" covers: few enough to see a change, enough not to flicker
_LATENCIES: Final = {
    "messages": (("append", "append_p95_ms", 2), ("agent", "agent_p95_ms", 5)),
    "pushes": (("push", "push_p95_ms", 2), ("event", "event_p95_ms", 5)),
}
_LATENESS: Final = ("late", "lateness_p95_ms", 8)
_FAILED: Final = ("connection_failures", "disconnects", "session_failures")
_FAILED_OF_PUSHES: Final = (
    *("pushes_refused", "pushes_timed_out", "pushes_lost"),
    *("events_missed", "join_failures", "channels_lost"),
)


_CONNECTED: Final = {"messages": "joined", "pushes": "connected"}


class _Part(NamedTuple):
    text: str
    rank: int  # the higher, the sooner it is left out


def progress_line(  # noqa: PLR0913, PLR0917 (each is one thing that the line shows, or its width)
    totals: Totals,
    recent: Sequence[SeriesRow],
    elapsed_s: float,
    duration_s: float | None,
    users: int,
    fits: Callable[[str], bool] = lambda _line: True,
) -> str:
    """Return at most 110 columns: time, sockets of users, the last seconds, and the failures so far.

    For users of other Phoenix applications it shows pushes, their replies and awaited events. Counts per second and
    percentiles are those of `recent`, the newest RECENT_ROWS of the timeline, both phases; other counts are since the
    start. `duration_s` None stands for a run without an end. The least important parts are left out until the line
    `fits`: failures and the latency of appends, or pushes, stay longest.
    """
    rows = recent[:-1] or recent  # the newest second has only just begun
    accounting = totals.accounting(phase=ALL, live=True)
    kinds = kinds_of(totals)
    failed = sum(totals.count(name, phase=ALL) for name in _FAILED)
    awaited = totals.gauge("agent_backlog").now
    replied = open_pushes = 0
    if "pushes" in kinds:
        failed += sum(totals.count(name, phase=ALL) for name in _FAILED_OF_PUSHES)
        replied = totals.count("pushes_replied", phase=ALL)
        fates = sum(totals.count(f"pushes_{fate}", phase=ALL) for fate in PUSH_FATES)
        open_pushes = totals.count("pushes_sent", phase=ALL) - fates
    end = f"/{formatting.duration(duration_s)}" if duration_s is not None else ""
    parts = [
        _Part(formatting.duration(elapsed_s) + end, 0),
        _Part(f"{totals.gauge('active_connections').now:.0f}/{users} {_CONNECTED[kinds[0]]}", 3),
        *([_Part(f"{_per_s(rows, 'sent')} sent", 4)] if "messages" in kinds else []),
        *([_Part(f"{_per_s(rows, 'pushes_sent', 'pushes_without_reply')} pushed", 4)] if "pushes" in kinds else []),
        _Part(f"{_short(accounting.appended + replied)} ok", 10),
        _Part(f"{_short(accounting.in_flight + open_pushes)} open", 9),
        *([_Part(f"{_short(awaited)} awaited", 6)] if awaited > 0 else []),
        _Part(f"{_short(accounting.rejected + accounting.lost + failed)} failed", 1),
    ]
    latencies = [
        _Part("p95 ms", 7),
        *(
            _Part(f"{label} {_highest(rows, column)}", rank)
            for label, column, rank in (*(each for kind in kinds for each in _LATENCIES[kind]), _LATENESS)
        ),
    ]
    while len(line := _joined(parts, latencies)) > MAX_COLUMNS or not fits(line):
        last = max((*parts, *latencies), key=lambda part: part.rank)
        if not last.rank:
            break
        (latencies if last in latencies else parts).remove(last)
    return line[:MAX_COLUMNS]


def _joined(parts: Sequence[_Part], latencies: Sequence[_Part]) -> str:
    groups = [*(part.text for part in parts), " ".join(part.text for part in latencies)]
    return " · ".join(group for group in groups if group)


def _per_s(rows: Sequence[SeriesRow], *columns: str) -> str:
    return f"{_short(sum(row[column] or 0 for row in rows for column in columns) / max(len(rows), 1))}/s"


def _highest(rows: Sequence[SeriesRow], column: str) -> str:
    """Return the worst of the newest seconds: percentiles cannot be averaged, and the worst one matters."""
    values = [value for row in rows if (value := row[column]) is not None]
    if not values:
        return formatting.NOTHING
    return f"{max(values):.1f}" if max(values) < 100 else f"{max(values):.0f}"


def _short(value: float) -> str:
    thousands = 0
    while value >= 10_000:
        value, thousands = value / 1000, thousands + 1
    return f"{value:.0f}{('', 'k', 'M', 'G')[thousands]}"
