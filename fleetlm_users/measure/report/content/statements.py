"""The findings of a run in a few sentences, by weight: each has a rule here, and names the part of the page that shows
it.

No sentence repeats a reason of the verdict. Sentences say what the figures behind it have in common: which behaviour,
when, and whether generator, server or agent.
"""

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from fleetlm_users.measure import formatting
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.charts import clock
from fleetlm_users.measure.report.content.push_accounting import sent_in_words
from fleetlm_users.measure.report.content.slow_messages import slowest_of
from fleetlm_users.measure.report.rows import troubles_of
from fleetlm_users.measure.report.summary.types import Summary, ThresholdEntry, counter_of, rate_of, statistic, trend_of
from fleetlm_users.measure.report.terminal_style import Style

MOST: Final = 4
"""The most sentences: more would be a second report. The baseline's sentences come on top."""

APART: Final = 1.5
"""A behaviour is named if its figure is this many times the next one: a smaller difference is not a cause."""

CHART_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "append_latency_ms": "append-latency",
        "agent_latency_ms": "agent-latency",
        "ws_join_ms": "join-latency",
        "push_latency_ms": "push-latency",
        "event_latency_ms": "event-latency",
        "message_success_rate": "messages",
        "agent_reply_rate": "messages",
        "append_backlog_growth": "backlog",
        "agent_backlog_growth": "backlog",
        "append_backlog_end_s": "backlog",
        "agent_backlog_end_s": "backlog",
        "message_failures": "failures",
        "disconnects": "failures",
        "backpressure_events": "failures",
        "messages_rejected": "failures",
        "messages_lost": "failures",
        "messages_unconfirmed": "failures",
        "connection_failures": "failures",
        "session_failures": "failures",
        "lifecycle_success_rate": "failures",
        "pushes_refused": "failures",
        "pushes_timed_out": "failures",
        "pushes_lost": "failures",
        "push_success_rate": "pushes-and-events",
        "events_missed": "failures",
        "event_success_rate": "pushes-and-events",
        "visits_dropped": "sessions-that-arrive",
        "active_connections": "connections",
        "generator_lateness_ms": "generator-lateness-loop-lag",
        "event_loop_lag_ms": "generator-lateness-loop-lag",
    }
)
"""The chart that shows a metric over time."""

TABLE_OF: Final[Mapping[str, str]] = MappingProxyType({"trend": "latency", "rate": "rates", "counter": "counts"})
"""The table of metrics of a kind, for metrics without a chart."""
_WAITING: Final = {
    "append": "messages waiting for their append",
    "agent": "messages waiting for the agent",
    "push": "pushes waiting for their reply",
    "event": "events that were due and had not come",
}
_STORM_SHARE: Final = "95 %"
_CUT: Final = "cut"
"""The kinds under which a connection cut on purpose is counted, and the messages lost with it (`users/storm`)."""

_MESSAGE_AUDITED: Final = "the first such message acknowledged"
_ANSWER_AUDITED: Final = "the first such answer pushed"
_FIRST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "seq_gaps": "the first gap noticed",
        "missed_not_brought": "the first such absence begun",
        "messages_unstored": _MESSAGE_AUDITED,
        "messages_stored_changed": _MESSAGE_AUDITED,
        "durability_rate": _MESSAGE_AUDITED,
        "answers_unstored": _ANSWER_AUDITED,
        "answers_stored_changed": _ANSWER_AUDITED,
    }
)
"""The event behind a metric's first moment, if the metric is counted later than it happened."""

_STATISTICS: Final = {"p(90)": "p90", "p(95)": "p95", "p(99)": "p99", "p(99.9)": "p99.9"}


class Statement(NamedTuple):
    """One sentence, and the anchor of the part of the page that shows it."""

    text: str
    anchor: str


def statements(summary: Summary) -> list[Statement]:
    """Return the sentences, the most important first, those on an earlier run last."""
    weighty = [statement for rule in _RULES for statement in rule(summary)]
    return [*weighty[:MOST], *_baseline(summary)]


def statements_section(summary: Summary, style: Style) -> Iterable[str]:
    """Yield the section of the terminal's report."""
    yield from style.heading("in short")
    for statement in statements(summary):
        yield from style.wrapped(statement.text, "    ", "      ")


def _outcome(summary: Summary) -> Iterator[Statement]:
    """Return how many thresholds were kept, or the result of a search."""
    capacity = summary.get("capacity")
    if capacity is not None:
        yield Statement(_sentence(capacity["words"]), "capacity")
        return
    entries = summary["thresholds"]
    if not entries:
        yield Statement("No threshold was given, so the run proves nothing.", "thresholds")
        return
    missed = [entry for entry in entries if formatting.mark(entry) == "✗"]
    open_ = [entry for entry in entries if formatting.mark(entry) == "?"]
    unjudged = [entry for entry in entries if formatting.is_unjudged(entry)]
    kept = len(entries) - len(missed) - len(open_) - len(unjudged)
    thresholds = f"{len(entries)} {_plural(len(entries), 'threshold')}"
    if kept == len(entries):
        text = f"{_all(kept)} kept"
    elif missed:
        text = f"Of {thresholds} {_were(kept)} kept and {_were(len(missed))} missed"
    else:
        text = f"{kept} of {thresholds} {_verb(kept)} kept and none was missed"
    text += f", on {sent_in_words(summary)}"
    text += f"; {len(open_)} cannot be decided" if open_ else ""
    text += f"; {len(unjudged)} had too little to judge" if unjudged else ""
    yield Statement(f"{text}.", "thresholds")


def _missed(summary: Summary) -> Iterator[Statement]:
    """Return which missed latency is furthest from its bound, whose it is, and in which window it was worst."""
    worst = _furthest(summary)
    if worst is None:
        return
    measured = formatting.measured(worst["measured"], worst["unit"])
    text = f"Furthest off is {worst['expression']}: {measured}, {_times_bound(worst):,.1f} times its bound"
    window = worst.get("worst_window_s")
    text += f", from {clock(int(window[0]))} to {clock(int(window[1]))} of the run" if window else ""
    began_s, worst_s = worst.get("began_s"), worst.get("worst_s")
    text += f", beyond it since {clock(began_s)} of the run" if began_s is not None else ""
    text += f", at its worst at {clock(worst_s)} of the run" if worst_s is not None else ""
    behaviour = _behaviour(summary, worst)
    text += f", slowest in {behaviour}" if behaviour else ""
    yield Statement(f"{text}.", anchor_of(summary, worst["metric"]))


def _furthest(summary: Summary) -> ThresholdEntry | None:
    """Return the missed latency that is furthest from its bound."""
    missed = [entry for entry in summary["thresholds"] if formatting.mark(entry) == "✗" and entry["unit"] == "ms"]
    known = [entry for entry in missed if entry["measured"] is not None and entry["bound"] > 0]
    return max(known, key=_times_bound) if known and summary.get("capacity") is None else None


def _failed(summary: Summary) -> Iterator[Statement]:
    """Return which missed rate or count weighs most, when it began or first failed, and whose it is."""
    if summary.get("capacity") is not None:
        return
    weights = [(_weight(summary, entry), entry) for entry in summary["thresholds"] if formatting.mark(entry) == "✗"]
    known = [(weight, entry) for weight, entry in weights if weight is not None]
    if not known:
        yield from _unsampled(summary)
        return
    _, worst = max(known, key=itemgetter(0))
    text = f"{worst['expression']} was missed: {formatting.measured(worst['measured'], worst['unit'])}"
    window, began_s, first_s = worst.get("worst_window_s"), worst.get("began_s"), worst.get("first_s")
    text += f", at worst from {clock(int(window[0]))} to {clock(int(window[1]))} of the run" if window else ""
    text += f", beyond its bound since {clock(began_s)} of the run" if began_s is not None else ""
    first = "first counted" if worst["unit"] == "count" else "the first failure counted"
    first = _FIRST.get(worst["metric"], first)
    text += f", {first} at {clock(first_s)} of the run" if first_s is not None else ""
    yield Statement(f"{text}{_failing_behaviour(summary, worst)}.", anchor_of(summary, worst["metric"]))


def _unsampled(summary: Summary) -> Iterator[Statement]:
    """Return which missed threshold had no samples, if nothing else explains why the run failed."""
    missed = [entry for entry in summary["thresholds"] if formatting.mark(entry) == "✗"]
    empty = [entry for entry in missed if entry["measured"] is None]
    if not empty or len(empty) < len(missed):
        return
    more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
    text = f"{empty[0]['expression']}{more} had no samples, and a threshold without samples fails."
    yield Statement(text, anchor_of(summary, empty[0]["metric"]))


def _weight(summary: Summary, entry: ThresholdEntry) -> tuple[int, float] | None:
    """Return how much a missed threshold weighs: rates of failure before counts, the largest first.

    Return None for all others, such as counts that are too small.
    """
    figures, measured, bound = summary["metrics"].get(entry["metric"]), entry["measured"], entry["bound"]
    if figures is None or measured is None:
        return None
    if figures["kind"] == "rate" and measured < bound:
        return 1, bound - measured
    is_counted = figures["kind"] == "counter" and entry["unit"] == "count"
    return (
        (0, measured - bound) if is_counted and entry["condition"].startswith("count") and measured >= bound else None
    )


def _failing_behaviour(summary: Summary, entry: ThresholdEntry) -> str:
    """Return the scenario with most of the failures, in words; empty if the threshold names one or none has most."""
    rate, counter = rate_of(summary, entry["metric"]), counter_of(summary, entry["metric"])
    if entry["scenario"] or entry.get("window_s") or entry.get("stage") or len(summary["run"]["scenarios"]) < 2:
        return ""
    failed: dict[str, int] = {}
    if rate is not None and MAIN in rate:
        failed = {name: each["total"] - each["passes"] for name, each in rate[MAIN]["scenarios"].items()}
    elif counter is not None and MAIN in counter:
        failed = {name: each["count"] for name, each in counter[MAIN]["scenarios"].items()}
    most = max(failed, key=lambda name: failed[name], default="")
    if 2 * failed.get(most, 0) <= sum(failed.values()):
        return ""
    share = "all" if failed[most] == sum(failed.values()) else "most"
    return f", {share} {'of them' if counter is not None else 'failures'} in {most}"


def _times_bound(entry: ThresholdEntry) -> float:
    return (entry["measured"] or 0.0) / entry["bound"]


def _behaviour(summary: Summary, entry: ThresholdEntry) -> str:
    """Return the scenario whose figure stands out; empty if the threshold names one or none does."""
    trend = trend_of(summary, entry["metric"])
    name = _STATISTICS.get(entry["condition"].partition("<")[0], entry["condition"].partition("<")[0])
    if entry["scenario"] or trend is None or MAIN not in trend or entry.get("window_s"):
        return ""
    values = {scenario: statistic(figures, name) for scenario, figures in trend[MAIN]["scenarios"].items()}
    ranked = sorted(((value, scenario) for scenario, value in values.items() if value is not None), reverse=True)
    stands_out = len(ranked) > 1 and ranked[0][0] >= APART * ranked[1][0]
    return ranked[0][1] if stands_out else ""


def _slow_part(summary: Summary) -> Iterator[Statement]:
    """Return which part took longest in more than half of the slowest messages by that latency, if one did."""
    worst = _furthest(summary)
    if worst is None:
        return
    metric = worst["metric"]
    parts = [entry["slow_part"] for entry in slowest_of(summary) if entry["metric"] == metric]
    names = {
        "generator": "the generator's own delay before it sent them",
        "append": "the server's, from send to broadcast",
        "agent": "the agent's answer",
        "reply": "the server's, from push to reply",
        "event": "the server's, until the event came",
    }
    for part, words in names.items():
        n = sum(each == part for each in parts)
        if n * 2 > len(parts):
            what = {"push_latency_ms": "pushes", "event_latency_ms": "events"}.get(metric, "messages")
            text = f"In {n} of the {len(parts)} slowest such {what}, the longest part was {words}."
            yield Statement(text, "slowest")


def _backlog(summary: Summary) -> Iterator[Statement]:
    """Return which backlog of all scenarios grew."""
    for entry in summary.get("backlogs") or ():
        if entry["is_growing"] and not entry["scenario"] and entry["per_s"] is not None:
            what = _WAITING.get(entry["queue"], f"messages waiting for {entry['queue']}")
            yield Statement(
                f"The server fell behind: {what} grew by {formatting.per_s(entry['per_s'])}, "
                f"to {formatting.count(entry['waiting'])} when sending stopped.",
                "backlog",
            )


def _storm(summary: Summary) -> Iterator[Statement]:
    """Return how soon the sessions of a reconnect storm were back, and whether missed messages were delivered."""
    storm = summary.get("storm")
    if storm is None or not storm["cut"]:
        return
    back_s, missed = storm["back_s"].get(_STORM_SHARE), storm["missed"]
    cut = f"{formatting.count(storm['cut'])} {_plural(storm['cut'], 'session')} that lost their connection"
    if back_s is None:
        text = f"Of the {cut} only {formatting.count(storm['back'])} came back"
    else:
        text = f"{_STORM_SHARE} of the {cut} were back after {back_s:,.3g} s"
    if missed["not_brought"]:
        text += f"; {formatting.count(missed['not_brought'])} of {formatting.count(missed['all'])} missed messages"
        text += " never arrived"
    elif missed["all"]:
        text += f"; all {formatting.count(missed['all'])} messages that they missed were delivered"
    yield Statement(f"{text}.", "storm")


def _trouble(summary: Summary) -> Iterator[Statement]:
    """Return the most serious trouble after the warm-up; what a storm cuts on purpose is no trouble."""
    asked_for = {_CUT} if summary.get("storm") is not None else set()
    wrong = []
    for name, all_, _, kinds in troubles_of(summary):
        labels = {label: n for label, n in kinds.items() if label not in asked_for}
        count = all_ - sum(kinds.values()) + sum(labels.values())
        if count:
            wrong.append((name, count, labels))
    if not wrong:
        return
    name, count, labels = wrong[0]
    few = ", ".join(f"{label} {formatting.count(n)}" for label, n in formatting.few_kinds(labels).items())
    more = f", and {len(wrong) - 1} more {_plural(len(wrong) - 1, 'kind')} of trouble" if len(wrong) > 1 else ""
    yield Statement(f"{name}: {formatting.count(count)}{f' ({few})' if few else ''}{more}.", "troubles")


def _baseline(summary: Summary) -> Iterator[Statement]:
    """Return how the run differs from an earlier one, if one was given."""
    entry = summary.get("baseline")
    if entry is None:
        return
    for sentence in entry["sentences"]:
        yield Statement(sentence["text"], anchor_of(summary, sentence["metric"]))
    if entry["more"]:
        text = f"… and {entry['more']} more {_plural(entry['more'], 'difference')}, see fleetlm-bench compare."
        yield Statement(text, "thresholds")


def anchor_of(summary: Summary, metric: str) -> str:
    """Return the anchor of the part of the page that shows a metric: its chart, or else the table of its kind."""
    if metric in CHART_OF:
        return CHART_OF[metric]
    known = summary["metrics"].get(metric)
    return "thresholds" if known is None else TABLE_OF.get(known["kind"], "thresholds")


_RULES: Final = (_outcome, _failed, _missed, _storm, _backlog, _slow_part, _trouble)


def _all(n: int) -> str:
    return "The one threshold was" if n == 1 else f"All {n} thresholds were"


def _were(n: int) -> str:
    return f"{n} {_verb(n)}"


def _verb(n: int) -> str:
    return "was" if n == 1 else "were"


def _plural(n: float, noun: str) -> str:
    return noun if n == 1 else f"{noun}s"


def _sentence(words: str) -> str:
    text = words[:1].upper() + words[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
