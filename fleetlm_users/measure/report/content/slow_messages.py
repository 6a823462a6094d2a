"""The slowest messages of a run, as the summary holds them and reports show them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.summary.related_types import SlowMessageEntry
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.report.terminal_style import Style
from fleetlm_users.measure.slow_messages import LATEST_S, SLOW_METRICS, SlowMessage
from fleetlm_users.units import MS_PER_S

IN_TERMINAL: Final = 3
"""The most messages per metric in a terminal, which has few lines; summary.json has them all."""

ON_PAGE: Final = 10
"""The most messages per metric on the page and in Markdown."""

SLOW_HEAD: Final = (
    *("", "ms", "slow part", "late", "append", "agent", "due (UTC)", "sent", "done"),
    *("scenario", "session", "seq", "client_ref"),
)


_PUSH_HEAD: Final = (
    "",
    "ms",
    "slow part",
    "late",
    "server",
    "due (UTC)",
    "sent",
    "done",
    "scenario",
    "topic",
    "event, ref",
)
_OF_PUSHES: Final = ("push_latency_ms", "event_latency_ms")


def slow_message_entry(message: SlowMessage, run_id: str) -> SlowMessageEntry:
    """Return a message's entry for the summary: moments in UTC, durations in ms."""
    sent_at_s = message.due_at_s + message.lateness_s
    done_at_s = sent_at_s + message.append_s
    if message.metric == "agent_latency_ms":
        done_at_s += message.agent_s or 0.0
    return {
        "run_id": run_id,
        "metric": message.metric,
        "scenario": message.scenario,
        "phase": message.phase,
        "session_id": message.session_id,
        "seq": message.seq,
        "client_ref": message.client_ref,
        "due_at": _utc(message.due_at_s),
        "sent_at": _utc(sent_at_s),
        "done_at": _utc(done_at_s),
        "latency_ms": round(message.latency_s * MS_PER_S, 3),
        "slow_part": message.slow_part,
        "lateness_ms": round(message.lateness_s * MS_PER_S, 3),
        "append_ms": round(message.append_s * MS_PER_S, 3),
        "agent_ms": None if message.agent_s is None else round(message.agent_s * MS_PER_S, 3),
    }


def _utc(moment_s: float) -> str:
    """Return a moment in log format: 2026-01-31T12:00:00.123Z."""
    moment = datetime.fromtimestamp(min(moment_s, LATEST_S), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def slowest_of(summary: Summary) -> list[SlowMessageEntry]:
    """Return the slowest messages of the judged part of a run: by metric, all scenarios together, slowest first."""
    entries = [entry for entry in summary.get("slowest") or () if entry["phase"] == MAIN]
    return sorted(entries, key=lambda entry: (_place(entry["metric"]), -entry["latency_ms"]))


def slow_title(summary: Summary) -> str:
    """Return the title of the list."""
    entries = slowest_of(summary)
    is_of_pushes = bool(entries) and all(_is_of_pushes(entry) for entry in entries)
    return "the slowest pushes and events" if is_of_pushes else "the slowest messages"


def slow_message_rows(summary: Summary) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return head and rows of a table of the slowest messages; for a run of pushes and events, in their terms."""
    entries = _slowest_of_each(summary, ON_PAGE)
    if entries and all(_is_of_pushes(entry) for entry in entries):
        return _PUSH_HEAD, tuple(_push_row(entry) for entry in entries)
    if not any("trace_id" in entry for entry in entries):
        return SLOW_HEAD, tuple(map(_row, entries))
    return (*SLOW_HEAD, "trace id"), tuple((*_row(entry), _trace(entry)) for entry in entries)


def _push_row(entry: SlowMessageEntry) -> tuple[str, ...]:
    return *_times(entry), *_moments(entry), entry["client_ref"]


def _is_of_pushes(entry: SlowMessageEntry) -> bool:
    return entry["metric"] in _OF_PUSHES


def _row(entry: SlowMessageEntry) -> tuple[str, ...]:
    seq = formatting.NOTHING if _is_of_pushes(entry) else "?" if entry["seq"] is None else str(entry["seq"])
    return *_times(entry), formatting.ms(entry["agent_ms"]), *_moments(entry), seq, entry["client_ref"]


def _times(entry: SlowMessageEntry) -> tuple[str, ...]:
    """Return how long it took, and the share of each part."""
    slow = _kind(entry), formatting.ms(entry["latency_ms"]), entry["slow_part"]
    return *slow, formatting.ms(entry["lateness_ms"]), formatting.ms(entry["append_ms"])


def _moments(entry: SlowMessageEntry) -> tuple[str, ...]:
    """Return when it was due, and in which session."""
    moments = entry["due_at"], _time(entry["sent_at"]), _time(entry["done_at"])
    return *moments, entry["scenario"], entry["session_id"]


def slow_message_line(entry: SlowMessageEntry) -> str:
    """Return one line about a slow message: everything that identifies it, and its parts."""
    if _is_of_pushes(entry):
        took = f"late {formatting.ms(entry['lateness_ms'])}, server {formatting.ms(entry['append_ms'])}"
        return (
            f"{_kind(entry)} {formatting.ms(entry['latency_ms'])} ms ({took}): due {entry['due_at']}, "
            f"{entry['scenario']}, topic {entry['session_id']}, {entry['client_ref']}"
        )
    seq = "?" if entry["seq"] is None else entry["seq"]
    parts = [f"late {formatting.ms(entry['lateness_ms'])}", f"append {formatting.ms(entry['append_ms'])}"]
    parts += [] if entry["agent_ms"] is None else [f"agent {formatting.ms(entry['agent_ms'])}"]
    return (
        f"{_kind(entry)} {formatting.ms(entry['latency_ms'])} ms ({', '.join(parts)}): due {entry['due_at']}, "
        f"{entry['scenario']}, session {entry['session_id']}, seq {seq}, client_ref {entry['client_ref']}"
        f"{', trace ' + _trace(entry) if 'trace_id' in entry else ''}"
    )


def _trace(entry: SlowMessageEntry) -> str:
    """Return the id by which a tracing UI finds the message, and whether the trace was sampled."""
    sampled = "" if entry.get("trace_sampled", True) else " (not sampled)"
    return f"{entry.get('trace_id') or '?'}{sampled}"


def slow_messages_section(summary: Summary, style: Style) -> Iterable[str]:
    """Yield the section of the terminal's report that names the slowest messages."""
    entries = _slowest_of_each(summary, IN_TERMINAL)
    if entries:
        yield from style.heading(slow_title(summary))
    for entry in entries:
        yield from style.wrapped(slow_message_line(entry), "    ", "      ")
    more = len(slowest_of(summary)) - len(entries)
    if more > 0:
        yield f"    … and {more} more, see summary.json"


def _slowest_of_each(summary: Summary, most: int) -> list[SlowMessageEntry]:
    """Return at most that many messages of each metric."""
    by_metric = groupby(slowest_of(summary), key=lambda entry: entry["metric"])
    return [entry for _, entries in by_metric for entry in islice(entries, most)]


def _kind(entry: SlowMessageEntry) -> str:
    return entry["metric"].removesuffix("_latency_ms")


def _time(moment: str) -> str:
    """Return the time of day of a moment in ISO 8601."""
    return moment.partition("T")[2].removesuffix("Z") or moment


def _place(metric: str) -> int:
    """Return the place of a metric in reports; a metric unknown to this version comes last."""
    return next((at for at, name in enumerate(SLOW_METRICS) if name == metric), len(SLOW_METRICS))
