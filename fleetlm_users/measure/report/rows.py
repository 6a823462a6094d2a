"""The tables of a report, as every renderer shows them: head and rows of cells, made from the summary."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.metrics.metric import MAIN, SKEWED_PARTS, WARM_UP
from fleetlm_users.measure.report.content.push_accounting import book_tables, is_of_pushes, sent_of
from fleetlm_users.measure.report.summary.load_types import SkewEntry, StageEntry
from fleetlm_users.measure.report.summary.metric_types import CounterEntry, CounterFigures, PhaseFigures, TrendFigures
from fleetlm_users.measure.report.summary.types import (
    BacklogEntry,
    Summary,
    WorkerEntry,
    counter_of,
    statistic,
    trend_of,
)
from fleetlm_users.measure.totals import FATES, Fate

Rows = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]  # a table's head and its rows
GENERATOR_TRENDS: Final = ("generator_lateness_ms", "visit_lateness_ms", "event_loop_lag_ms", "name_lookup_ms")
_SHOWN_OF_WARM_UP: Final = ("name_lookup_ms",)  # names are looked up when the first users begin
# counters of events that should not happen, most serious first
TROUBLES: Final = (
    "connection_failures",
    "session_failures",
    "disconnects",
    "join_failures",
    "channels_lost",
    "pushes_refused",
    "pushes_timed_out",
    "pushes_lost",
    "events_missed",
    "messages_unacknowledged",
    "messages_rejected",
    "messages_lost",
    "backpressure_events",
    "messages_unanswered",
    "messages_duplicated",
    "messages_out_of_order",
    "messages_altered",
    "messages_not_pushed",
    "seq_gaps",
    "rest_reads_failed",
    "replays_failed",
    "backlogs_short",
    "replay_missing",
    "replay_changed",
    "messages_unstored",
    "messages_stored_changed",
    "answers_unstored",
    "answers_stored_changed",
    "messages_unaudited",
    "answers_unaudited",
    "message_flaws",
    "messages_not_sent",
    "visits_dropped",
    "inbox_missed",
    "fan_outs_missed",
    "deliveries_missed",
    "deliveries_duplicated",
    "deliveries_unexpected",
    "cleanup_failed",
    "agent_replies_unmatched",
    "malformed_frames",
    "client_anomalies",
)
# shown elsewhere in the report, under another name
_SHOWN_ELSEWHERE: Final = (
    *("message_failures", "messages_in_flight", "messages_unconfirmed"),
    *("worker_cpu_samples", "worker_cpu_starved"),
    *("visits_due", "visits_begun", "visits_ended", "visits_unfinished"),
    *("visit_presence_ms", "visit_unfinished_ms", "visit_carried_ms"),
)
SPLIT_BY_SCENARIO: Final = (  # and anything with a threshold
    *("append_latency_ms", "agent_latency_ms"),
    *("push_latency_ms", "event_latency_ms"),
)
_LEFT_OUT: Final = {"agent_latency_ms": "agent_latencies_left_out"}
STATISTICS: Final = ("min", "avg", "med", "p90", "p95", "p99", "p99.9", "max")
WORKER_HEAD: Final = ("worker", "CPU now", "CPU peak", "memory", "late p99", "lag p99 ms", "reports", "final")
_UNCOUNTED: Final[PhaseFigures[CounterFigures]] = {
    "all": {"count": 0, "per_s": None, "labels": {}},
    "scenarios": {},
}


def title_parts(summary: Summary) -> list[str]:
    """Return the parts of a title: what ran, where, and for how long; unknown parts are left out."""
    plan, options, run = summary["plan"], summary["options"], summary["run"]
    warm_up_s = plan.get("warm_up_s") or 0
    parts = [
        str(options.get("benchmark") or plan.get("benchmark") or "run"),
        f"preset {plan['preset']}" if plan.get("preset") else "",
        f"run {options['run_id']}" if options.get("run_id") else "",
        str(options.get("ws_url" if is_of_pushes(summary) else "api_url") or ""),
        _protocol(options),
        f"{formatting.duration(run['duration_s'])} measured"
        + (f" after {formatting.duration(warm_up_s)} warm-up" if warm_up_s else ""),
        *(f"statistics reset at {formatting.duration(at_s)}" for at_s in plan.get("resets", ())),
        *(_edit_words(edit) for edit in plan.get("edits", ())),
    ]
    return [part for part in parts if part]


def _edit_words(edit: Mapping[str, Any]) -> str:
    """Return the changes a person made during the run, and when."""
    at = formatting.duration(edit["at_s"])
    if "stopped" in edit:
        return f"stopped by control at {at}"
    if "users" in edit:
        return f"edited to {edit['users']} users at {at}"
    return f"paused at {at}" if not edit["speed"] else f"{edit['speed']:.4g} times the planned rate from {at} on"


def _protocol(options: Mapping[str, Any]) -> str:
    """Return which protocol was spoken and whether it was given or detected; empty for none of FleetLM's."""
    if options.get("protocol") not in ("early", "late"):
        return ""
    is_detected = options.get("is_protocol_detected")
    origin = "" if is_detected is None else f" ({'detected' if is_detected else 'as given'})"
    return f"protocol {options['protocol']}{origin}"


def latency_rows(summary: Summary) -> Rows:
    """Return every trend of the main phase except the generator's own; by scenario where that matters."""
    rows: list[tuple[str, ...]] = []
    split = {*SPLIT_BY_SCENARIO, *(entry["metric"] for entry in summary["thresholds"])}
    for name, metric in summary["metrics"].items():
        if metric["kind"] == "trend" and MAIN in metric and name not in GENERATOR_TRENDS:
            rows += trend_rows(name, metric[MAIN], by_scenario=name in split)
    for name, counter in _LEFT_OUT.items():
        _add_left_out(rows, name, counter_of(summary, counter))
    return ("", "count", *STATISTICS), tuple(rows)


def _add_left_out(rows: list[tuple[str, ...]], name: str, counter: CounterEntry | None) -> None:
    """Add a row below a trend's own with the number of values that could not be measured, if any."""
    left_out = counter[MAIN]["all"]["count"] if counter is not None and MAIN in counter else 0
    if not left_out:
        return
    blanks = [formatting.ms_aligned(None)] * len(STATISTICS)
    if all(row[0] != name for row in rows):
        rows.append((name, formatting.count(0), *blanks))
    at = next(number for number, row in enumerate(rows) if row[0] == name) + 1
    rows.insert(at, ("  not measured", formatting.count(left_out), *blanks))


def trend_rows(name: str, phase: PhaseFigures[TrendFigures], *, by_scenario: bool) -> list[tuple[str, ...]]:
    """Return a trend's figures as cells; with `by_scenario` also those of its scenarios, if there are several."""
    scenarios = phase["scenarios"] if by_scenario and len(phase["scenarios"]) > 1 else {}
    entries = {name: phase["all"]} | {f"  {scenario}": entry for scenario, entry in scenarios.items()}
    return [
        (
            label,
            formatting.count(entry["count"]),
            *(formatting.ms_aligned(statistic(entry, name)) for name in STATISTICS),
        )
        for label, entry in entries.items()
    ]


def rate_rows(summary: Summary) -> Rows:
    """Return every rate of the main phase with its two counts."""
    rows = (
        (name, formatting.percent(entry["rate"]), formatting.count(entry["passes"]), formatting.count(entry["total"]))
        for name, metric in summary["metrics"].items()
        if metric["kind"] == "rate" and MAIN in metric
        for entry in [metric[MAIN]["all"]]
    )
    return ("", "rate", "passes", "of"), tuple(rows)


def loss_lines(summary: Summary) -> list[str]:
    """Return a line for each worker that did not report to the end, with the open work in its last report."""
    return [f"unknown: {loss['text']}" for loss in summary.get("workers_lost") or ()]


def accountings(summary: Summary) -> list[tuple[str, Rows]]:
    """Return the equations of the accounting, each with its table.

    They cover messages and, for users of other Phoenix applications, pushes and awaited events.
    """
    messages = [(_accounting_title(summary), _accounting_rows(summary))] if "messages" in sent_of(summary) else []
    return [*messages, *book_tables(summary)]


def _accounting_rows(summary: Summary) -> Rows:
    """Return the fates of all messages: by scenario, in total, and of the warm-up."""
    main, warm_up = summary["accounting"][MAIN], summary["accounting"][WARM_UP]
    entries = dict(main["scenarios"]) if len(main["scenarios"]) > 1 else {}
    entries |= {"all": main["all"]} | ({"warm-up": warm_up["all"]} if warm_up["all"]["sent"] else {})
    fates = _fates_of(summary)
    rows = (
        (label, *(formatting.count(entry.get(fate, 0)) for fate in fates), "✓" if entry["adds_up"] else "✗")
        for label, entry in entries.items()
    )
    return ("", *(fate.replace("_", " ") for fate in fates), "adds up"), tuple(rows)


def _accounting_title(summary: Summary) -> str:
    sent, *fates = (fate.replace("_", " ") for fate in _fates_of(summary))
    return f"messages: {sent} = {' + '.join(fates)}"


def _fates_of(summary: Summary) -> tuple[Fate, ...]:
    """Return the fates to show: only the late protocol leaves open whether the server could confirm a message."""
    has_open = any(summary["accounting"][phase]["all"].get("unconfirmed") for phase in (MAIN, WARM_UP))
    return tuple(fate for fate in FATES if has_open or fate != "unconfirmed")


def stage_rows(summary: Summary) -> Rows:
    """Return what each stage planned and achieved, latency in ms; no rows for a run without stages."""
    entries = summary.get("stages") or ()
    what = "sessions/s" if any(entry.get("rate") is not None for entry in entries) else "users"
    head = ("", "from", what, "sent", "per s", "appended", "adds up", "append med", "p95", "p99", "agent p95")
    if is_of_pushes(summary):
        head = ("", "from", what, "pushed", "per s", "replied", "adds up", "push med", "p95", "p99", "event p95")
    return head, tuple(row for entry in entries for row in _stage_rows(entry, is_of_pushes(summary)))


def _stage_rows(entry: StageEntry, only_pushes: bool) -> Iterator[tuple[str, ...]]:
    """Yield the row of a stage: its messages, its pushes, or both if both were sent."""
    before, after, accounting = f"{entry['users_before']:,}", f"{entry['users']:,}", entry["accounting"]
    if entry.get("rate") is not None:
        before, after = f"{entry.get('rate_before') or 0:g}", f"{entry.get('rate'):g}"
    where = formatting.duration(entry["begins_s"]), after if before == after else f"{before} to {after}"
    if not only_pushes:
        counts = accounting["sent"], entry["sent_per_s"], accounting["appended"], accounting["adds_up"]
        yield entry["name"], *where, *_figures(*counts, entry["append_latency_ms"], entry["agent_latency_ms"])
    pushes = entry.get("pushes")
    if pushes is not None:
        pushed = pushes["sent"], pushes["sent_per_s"], pushes["replied"], pushes["adds_up"]
        name, place = (entry["name"], where) if only_pushes else ("  pushes", ("", ""))
        yield name, *place, *_figures(*pushed, pushes["push_latency_ms"], pushes["event_latency_ms"])
    elif only_pushes:
        yield entry["name"], *where, *_figures(0, None, 0, True, None, None)


def _figures(  # noqa: PLR0913, PLR0917  # one for each cell
    sent: int, per_s: float | None, done: int, adds_up: bool, first: TrendFigures | None, second: TrendFigures | None
) -> tuple[str, ...]:
    latencies = [None if first is None else statistic(first, name) for name in ("med", "p95", "p99")]
    return (
        formatting.count(sent),
        formatting.per_s(per_s),
        formatting.count(done),
        "✓" if adds_up else "✗",
        *(formatting.ms_aligned(value) for value in (*latencies, None if second is None else second["p95"])),
    )


def skew_rows(summary: Summary) -> Rows:
    """Return the busiest tenth of the sessions and the rest, latency in ms; no rows for an even load."""
    counts = ("", "sessions", "share", "sent", "per s", "appended", "adds up")
    head = (*counts, "append med", "p95", "p99", "agent med", "agent p95")
    return head, tuple(_skew_row(entry) for entry in summary.get("skew") or ())


def _skew_row(entry: SkewEntry) -> tuple[str, ...]:
    accounting, append, agent = entry["accounting"], entry["append_latency_ms"], entry["agent_latency_ms"]
    figures = (append["med"], append["p95"], append["p99"], agent["med"], agent["p95"])
    return (
        f"{entry['scenario']}: {SKEWED_PARTS.get(entry['part'], entry['part'])}",
        formatting.count(entry["sessions"]),
        formatting.percent(entry["share"]),
        formatting.count(accounting["sent"]),
        formatting.per_s(entry["sent_per_s"]),
        formatting.count(accounting["appended"]),
        "✓" if accounting["adds_up"] else "✗",
        *(formatting.ms_aligned(value) for value in figures),
    )


def backlog_rows(summary: Summary) -> Rows:
    """Return the backlogs of appends and of the agent: over all scenarios, and by scenario if there are several."""
    entries = summary.get("backlogs") or []
    are_several = len({entry["scenario"] for entry in entries}) > 2
    rows = (backlog_row(entry) for entry in entries if not entry["scenario"] or are_several)
    return ("", "waiting at the end", "behind", "growth", "95 % interval", "arrived per s"), tuple(rows)


def backlog_row(entry: BacklogEntry) -> tuple[str, ...]:
    """Return one backlog as cells, in the order of the head; growth is only shown if it is beyond chance."""
    growth = {None: "cannot tell", False: "none", True: formatting.per_s(entry["per_s"])}[entry["is_growing"]]
    interval = formatting.NOTHING
    if entry["low_per_s"] is not None and entry["high_per_s"] is not None:
        interval = f"{entry['low_per_s']:,.1f} to {entry['high_per_s']:,.1f}/s"
    return (
        f"  {entry['scenario']}" if entry["scenario"] else f"{entry['queue']}_backlog",
        formatting.count(entry["waiting"]),
        "cannot tell" if entry["behind_s"] is None else f"{entry['behind_s']:.1f} s",
        growth,
        interval,
        formatting.per_s(entry["arrived"] / entry["seconds"]),
    )


def count_rows(summary: Summary) -> Rows:
    """Return every counter above 0 not shown elsewhere, and the gauges of the whole run."""
    rows = [
        (name, formatting.count(entry["count"]), formatting.per_s(entry["per_s"]))
        for name, metric in summary["metrics"].items()
        if metric["kind"] == "counter" and MAIN in metric and name not in (*TROUBLES, *_SHOWN_ELSEWHERE)
        for entry in [metric[MAIN]["all"]]
        if entry["count"]
    ]
    rows += [
        (name, f"{formatting.count(metric['peak'])} at most", f"{formatting.count(metric['now'])} now")
        for name, metric in summary["metrics"].items()
        if metric["kind"] == "gauge" and metric["unit"] == "count"
    ]
    return ("", "total", "per second"), tuple(rows)


def troubles_of(summary: Summary) -> list[tuple[str, int, int, dict[str, int]]]:
    """Return every trouble counter above 0: its name, counts in the main phase and in warm-up, main count by label."""
    troubles = []
    for name in TROUBLES:
        metric = counter_of(summary, name)
        if metric is None:
            continue
        main, warm_up = metric.get(MAIN, _UNCOUNTED)["all"], metric.get(WARM_UP, _UNCOUNTED)["all"]
        if main["count"] or warm_up["count"]:
            troubles.append((name, int(main["count"]), int(warm_up["count"]), dict(main["labels"])))
    return troubles


def left_undone(summary: Summary) -> list[str]:
    """Return the requests besides the measurement that failed: files, annotations."""
    undone = [f"not written: {path}" for path in summary.get("unwritten", ())]
    annotations = summary.get("annotations")
    if annotations is not None and annotations["failed"]:
        all_ = annotations["posted"] + annotations["failed"]
        undone.append(f"{annotations['failed']} of {all_} annotations not posted: {annotations['problem']}")
    return undone


def generator_rows(summary: Summary) -> list[tuple[str, ...]]:
    """Return the generator's own trends: of the main phase, or of the warm-up for name look-ups."""
    rows = []
    for name in GENERATOR_TRENDS:
        metric = trend_of(summary, name)
        if metric is None:
            continue
        if MAIN in metric:
            rows += trend_rows(name, metric[MAIN], by_scenario=False)
        elif WARM_UP in metric and name in _SHOWN_OF_WARM_UP:
            rows += trend_rows(f"{name} (warm-up)", metric[WARM_UP], by_scenario=False)
    return rows


def worker_row(worker: WorkerEntry) -> tuple[str, ...]:
    """Return one worker's health as cells, in the order of WORKER_HEAD."""
    cpu, peak = worker["cpu_percent"], worker["cpu_peak_percent"]
    return (
        worker["worker"],
        formatting.NOTHING if cpu is None else f"{cpu:.0f} %",
        formatting.NOTHING if peak is None else f"{peak:.0f} %",
        formatting.bytes_(worker["rss_bytes"]),
        formatting.ms(worker["lateness_p99_ms"]),
        formatting.ms(worker["loop_lag_p99_ms"]),
        formatting.count(worker["reports"]),
        "✓" if worker["final"] else "✗",
    )
