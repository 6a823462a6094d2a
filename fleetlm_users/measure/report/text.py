"""The summary of a run as text for a terminal: thresholds first, the verdict with all its reasons last."""

from collections.abc import Iterable
from typing import Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.report.capacity import capacity_lines, capacity_rows
from fleetlm_users.measure.report.findings import audit_section, findings_section
from fleetlm_users.measure.report.summary_types import (
    BacklogEntry,
    CounterEntry,
    CounterFigures,
    PhaseFigures,
    Summary,
    TrendFigures,
    WorkerEntry,
    counter_of,
    statistic,
    trend_of,
)
from fleetlm_users.measure.report.terminal_style import Style, Table
from fleetlm_users.measure.server.figures import server_lines, server_rows, title_of
from fleetlm_users.measure.totals import FATES, Fate

Rows = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]  # a table's head and its rows

_MARK_LOOKS: Final = {"✓": "green", "✗": "red", "?": "yellow"}
VERDICT_LOOKS: Final = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
GENERATOR_TRENDS: Final = ("generator_lateness_ms", "event_loop_lag_ms", "name_lookup_ms")
_SHOWN_OF_WARM_UP: Final = ("name_lookup_ms",)  # names are looked up when the first users begin
# counters of what should not happen, most serious first
TROUBLES: Final = (
    "connection_failures",
    "session_failures",
    "disconnects",
    "messages_rejected",
    "messages_lost",
    "backpressure_events",
    "messages_unanswered",
    "messages_duplicated",
    "messages_out_of_order",
    "seq_gaps",
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
    "inbox_missed",
    "cleanup_failed",
    "agent_replies_unmatched",
    "client_anomalies",
)
# shown elsewhere in the report, under another name
_SHOWN_ELSEWHERE: Final = (
    *("message_failures", "messages_in_flight", "messages_unconfirmed"),
    *("worker_cpu_samples", "worker_cpu_starved"),
)
SPLIT_BY_SCENARIO: Final = ("append_latency_ms", "agent_latency_ms")  # and whatever has a threshold
_LEFT_OUT: Final = {"agent_latency_ms": "agent_latencies_left_out"}
_STATISTICS: Final = ("min", "avg", "med", "p90", "p95", "p99", "p99.9", "max")
WORKER_HEAD: Final = ("worker", "CPU now", "CPU peak", "memory", "late p99", "lag p99 ms", "reports", "final")
MAX_WORKERS_SHOWN: Final = 12


def render(summary: Summary, width: int = 100, colour: bool = False) -> str:
    """Return the report, ended by a newline."""
    style = Style(max(width, 60), colour)
    what_happened = (
        _thresholds,
        _latencies,
        _rates,
        _messages,
        _backlogs,
        _counts,
        _troubles,
        audit_section,
        findings_section,
    )
    sections = (_title, _capacity, *what_happened, _server, _generator, _verdict)
    return style.finish([line for section in sections for line in section(summary, style)])


def title_parts(summary: Summary) -> list[str]:
    """Return the parts of a title: what was run, where, for how long; unknown parts are left out."""
    plan, options, run = summary["plan"], summary["options"], summary["run"]
    warm_up_s = plan.get("warm_up_s") or 0
    parts = [
        str(options.get("benchmark") or plan.get("benchmark") or "run"),
        f"preset {plan['preset']}" if plan.get("preset") else "",
        f"run {options['run_id']}" if options.get("run_id") else "",
        str(options.get("api_url") or ""),
        f"{formatting.duration(run['duration_s'])} measured"
        + (f" after {formatting.duration(warm_up_s)} warm-up" if warm_up_s else ""),
        *(f"statistics reset at {formatting.duration(at_s)}" for at_s in plan.get("resets", ())),
        *(f"edited to {edit['users']} users at {formatting.duration(edit['at_s'])}" for edit in plan.get("edits", ())),
    ]
    return [part for part in parts if part]


def _title(summary: Summary, style: Style) -> list[str]:
    benchmark, *rest = title_parts(summary)
    return ["", *style.wrapped(" · ".join((style.paint(benchmark, "bold"), *rest)), "  ", "    ")]


def _capacity(summary: Summary, style: Style) -> Iterable[str]:
    capacity = summary.get("capacity")
    if capacity is None:
        return
    yield from style.heading(f"the most {capacity['unit']} that keep the thresholds")
    head, rows = capacity_rows(capacity)
    if rows:
        yield from Table(head, rows, ("join p95", "late p99", "agent p95")).lines(style)
    for line in capacity_lines(capacity):
        yield from style.wrapped(line, "    ", "      ")


def _thresholds(summary: Summary, style: Style) -> Iterable[str]:
    yield from style.heading("thresholds")
    entries = summary["thresholds"]
    if not entries:
        yield "    no threshold was given"
        return
    widest = max(len(entry["expression"]) for entry in entries)
    for entry in entries:
        sign = formatting.mark(entry)
        look = _MARK_LOOKS[sign]
        measured = formatting.outcome(entry)
        first, _, more = formatting.note(entry).partition("; ")
        yield (
            f"    {style.paint(sign, look)} {entry['expression']:<{widest}}  {style.paint(f'{measured:>12}', look)}"
            + style.paint(f"  {first}" if first else "", "dim")
        )
        if more:
            yield from (style.paint(line, "dim") for line in style.wrapped(more, "        ", "        "))


def _latencies(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = latency_rows(summary)
    if rows:
        yield from style.heading("latency in ms")
        yield from Table(head, rows, ("min", "p99.9", "p90", "avg")).lines(style)


def latency_rows(summary: Summary) -> Rows:
    """Return every trend of the main phase except the generator's own; by scenario where that matters."""
    rows: list[tuple[str, ...]] = []
    split = {*SPLIT_BY_SCENARIO, *(entry["metric"] for entry in summary["thresholds"])}
    for name, metric in summary["metrics"].items():
        if metric["kind"] == "trend" and MAIN in metric and name not in GENERATOR_TRENDS:
            rows += trend_rows(name, metric[MAIN], by_scenario=name in split)
    for name, counter in _LEFT_OUT.items():
        _add_left_out(rows, name, counter_of(summary, counter))
    return ("", "count", *_STATISTICS), tuple(rows)


def _add_left_out(rows: list[tuple[str, ...]], name: str, counter: CounterEntry | None) -> None:
    """Add a row below a trend's own that says how many values it lacks because they could not be measured, if any."""
    left_out = counter[MAIN]["all"]["count"] if counter is not None and MAIN in counter else 0
    if not left_out:
        return
    blanks = [formatting.ms_aligned(None)] * len(_STATISTICS)
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
            *(formatting.ms_aligned(statistic(entry, name)) for name in _STATISTICS),
        )
        for label, entry in entries.items()
    ]


def _rates(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = rate_rows(summary)
    if rows:
        yield from style.heading("rates")
        yield from Table(head, rows).lines(style)


def rate_rows(summary: Summary) -> Rows:
    """Return every rate of the main phase with the two counts that it is made of."""
    rows = (
        (name, formatting.percent(entry["rate"]), formatting.count(entry["passes"]), formatting.count(entry["total"]))
        for name, metric in summary["metrics"].items()
        if metric["kind"] == "rate" and MAIN in metric
        for entry in [metric[MAIN]["all"]]
    )
    return ("", "rate", "passes", "of"), tuple(rows)


def _messages(summary: Summary, style: Style) -> Iterable[str]:
    yield from style.heading(accounting_title(summary))
    yield from Table(*accounting_rows(summary)).lines(style)
    for line in loss_lines(summary):
        yield from style.wrapped(line, "    ", "      ")


def loss_lines(summary: Summary) -> list[str]:
    """Return a line for each worker that did not report to the end, with what its last report left open."""
    return [f"unknown: {loss['text']}" for loss in summary.get("workers_lost") or ()]


def accounting_rows(summary: Summary) -> Rows:
    """Return the fates of all messages: by scenario, altogether, and of the warm-up."""
    main, warm_up = summary["accounting"][MAIN], summary["accounting"][WARM_UP]
    entries = dict(main["scenarios"]) if len(main["scenarios"]) > 1 else {}
    entries |= {"all": main["all"]} | ({"warm-up": warm_up["all"]} if warm_up["all"]["sent"] else {})
    fates = _fates_of(summary)
    rows = (
        (label, *(formatting.count(entry.get(fate, 0)) for fate in fates), "✓" if entry["adds_up"] else "✗")
        for label, entry in entries.items()
    )
    return ("", *(fate.replace("_", " ") for fate in fates), "adds up"), tuple(rows)


def accounting_title(summary: Summary) -> str:
    """Return the equation that the accounting must keep."""
    sent, *fates = (fate.replace("_", " ") for fate in _fates_of(summary))
    return f"messages: {sent} = {' + '.join(fates)}"


def _fates_of(summary: Summary) -> tuple[Fate, ...]:
    """Return the fates to show: whether the server could confirm a message is open in the late protocol alone."""
    has_open = any(summary["accounting"][phase]["all"].get("unconfirmed") for phase in (MAIN, WARM_UP))
    return tuple(fate for fate in FATES if has_open or fate != "unconfirmed")


def _backlogs(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = backlog_rows(summary)
    if rows:
        yield from style.heading("did the server keep up?")
        yield from Table(head, rows, ("95 % interval", "arrived per s")).lines(style)


def backlog_rows(summary: Summary) -> Rows:
    """Return what waited for its append and for the agent: of all scenarios, and of each where there are several."""
    entries = summary.get("backlogs") or []
    are_several = len({entry["scenario"] for entry in entries}) > 2
    rows = (backlog_row(entry) for entry in entries if not entry["scenario"] or are_several)
    return ("", "waiting at the end", "behind", "growth", "95 % interval", "arrived per s"), tuple(rows)


def backlog_row(entry: BacklogEntry) -> tuple[str, ...]:
    """Return one backlog as cells, in the order of the head; growth is told where it is beyond chance."""
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


def _counts(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = count_rows(summary)
    if rows:
        yield from style.heading("counts")
        yield from Table(head, rows).lines(style)


def count_rows(summary: Summary) -> Rows:
    """Return every counter above 0 that is shown nowhere else, and the gauges of the whole run."""
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


def _troubles(summary: Summary, style: Style) -> Iterable[str]:
    yield from style.heading("what went wrong")
    troubles = troubles_of(summary)
    if not troubles:
        yield "    " + style.paint("nothing was counted", "green")
    for name, main_count, warm_up_count, labels in troubles:
        line = f"    {name:<26}{formatting.count(main_count):>9}"
        line += f"  (+{formatting.count(warm_up_count)} in warm-up)" if warm_up_count else ""
        yield style.paint(line, "yellow") if main_count else line
        widest = max([24, *map(len, labels)])
        for label, n in labels.items():
            yield f"      {label:<{widest}}{formatting.count(n):>9}"


_UNCOUNTED: Final[PhaseFigures[CounterFigures]] = {
    "all": {"count": 0, "per_s": None, "labels": {}},
    "scenarios": {},
}


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


def _server(summary: Summary, style: Style) -> Iterable[str]:
    for entry in summary.get("server") or ():
        yield from style.heading("the server, according to {}", title_of(entry))
        head, rows = server_rows(entry)
        if rows:
            yield from Table(head, rows, ("name at the server", "first")).lines(style)
        for line in server_lines(entry):
            yield from style.wrapped(line, "    ", "      ")


def _generator(summary: Summary, style: Style) -> Iterable[str]:
    yield from style.heading("the generator itself")
    rows = generator_rows(summary)
    if rows:
        yield from Table(("in ms", "count", *_STATISTICS), tuple(rows), ("min", "p99.9", "p90", "avg")).lines(style)
    workers = summary["workers"]
    if workers:
        table = Table(
            WORKER_HEAD, tuple(worker_row(worker) for worker in workers[:MAX_WORKERS_SHOWN]), ("reports", "CPU now")
        )
        yield from table.lines(style)
    if len(workers) > MAX_WORKERS_SHOWN:
        yield f"    … and {len(workers) - MAX_WORKERS_SHOWN} more workers, see summary.json"


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


def _verdict(summary: Summary, style: Style) -> Iterable[str]:
    verdict = summary["verdict"]
    yield from style.heading("verdict")
    look = VERDICT_LOOKS[verdict["kind"]]
    yield f"    {style.paint(verdict['kind'].upper(), 'bold', look)}  (exit code {verdict['exit_code']})"
    for sign, reasons in (("✗", verdict["failures"]), ("?", verdict["doubts"])):
        for reason in reasons:
            first, *rest = style.wrapped(reason, f"    {sign} ", "      ")
            yield first.replace(sign, style.paint(sign, _MARK_LOOKS[sign]), 1)
            yield from rest
    for missing in summary.get("unwritten", ()):
        first, *rest = style.wrapped(f"not written: {missing}", "    ! ", "      ")
        yield first.replace("!", style.paint("!", "bold", "red"), 1)
        yield from rest
    yield ""
