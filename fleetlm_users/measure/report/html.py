"""The report of a run as one self-contained HTML page: no network, no fonts, complete without script.

The page itself is in templates/: `report.html`, the macros that it is made of, its style sheet and its script. This
module prepares what the template shows. The template escapes every text, since names come from files and servers.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import structs

from fleetlm_users.measure import formatting
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.capacity import capacity_lines, capacity_rows
from fleetlm_users.measure.report.charts import (
    Band,
    ChartFigure,
    Line,
    LineChart,
    MarkedSpan,
    band_of,
    distribution_figure,
    span_of,
)
from fleetlm_users.measure.report.compiled_templates import CompiledTemplates
from fleetlm_users.measure.report.content.charts_shown import BACKLOG_CHARTS, CHARTS, SERVER_CHARTS
from fleetlm_users.measure.report.content.push_accounting import sent_of
from fleetlm_users.measure.report.content.slow_messages import slow_message_rows, slow_title
from fleetlm_users.measure.report.content.statements import Statement, statements
from fleetlm_users.measure.report.content.storm import storm_charts, storm_lines
from fleetlm_users.measure.report.content.streams import stream_curves
from fleetlm_users.measure.report.content.visits import visits_curves, visits_lines, visits_rows
from fleetlm_users.measure.report.findings import storage_lines
from fleetlm_users.measure.report.rows import (
    WORKER_HEAD,
    Rows,
    accountings,
    backlog_rows,
    count_rows,
    generator_rows,
    latency_rows,
    left_undone,
    loss_lines,
    rate_rows,
    skew_rows,
    stage_rows,
    title_parts,
    troubles_of,
    worker_row,
)
from fleetlm_users.measure.report.summary.types import Summary, counter_of, gauge_of, rate_of, statistic, trend_of
from fleetlm_users.measure.server.figures import server_lines, server_rows, server_seconds, title_of
from fleetlm_users.measure.timeline.rows import SeriesRow, column_of
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS, TREND_COLUMNS

PACKAGE: Final = "fleetlm_users.measure.report"
_LOOKS: Final = {"✓": "pass", "✗": "fail", "?": "inconclusive", "–": "dim"}


class ThresholdLine(NamedTuple):
    """One threshold: its sign, its CSS class, and its texts."""

    sign: str
    look: str
    subject: str
    condition: str
    measured: str
    note: str


class CapacitySection(NamedTuple):
    """The result of a capacity search, and its steps."""

    title: str
    lines: Sequence[str]
    steps: Rows


class ServerSection(NamedTuple):
    """The figures of one source of the server."""

    source: str
    figures: Rows
    lines: Sequence[str]
    charts: Sequence[ChartFigure]


def render_html(summary: Summary, timeline_rows: Sequence[SeriesRow]) -> str:
    """Return the page.

    Args:
        summary: the run, as in summary.json.
        timeline_rows: a row per second of the run, as the merged timeline gives them.
    """
    context = _context(summary, timeline_rows)
    context["statements"] = _statements(summary, timeline_rows)
    return environment().get_template("report.html").render(context) + "\n"


@cache
def environment() -> Environment:
    """Return the templates of the report, loaded on first use."""
    compiled = CompiledTemplates(Path(str(files(PACKAGE) / "templates")))
    templates = Environment(
        loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, bytecode_cache=compiled
    )
    templates.globals["asset"] = asset
    templates.globals["chart_anchor"] = chart_anchor
    return templates


def asset(name: str) -> Markup:
    """Return one of our style sheets or scripts unchanged, to be put inside its tag."""
    return Markup((files(PACKAGE) / "templates" / name).read_text(encoding="utf-8"))  # our own file


def _context(summary: Summary, timeline_rows: Sequence[SeriesRow]) -> dict[str, object]:
    """Return everything that report.html shows, by name."""
    name, *rest = title_parts(summary)
    started = summary["run"]["started_at"]
    return {
        "title": " · ".join([name, *rest][:3]),
        "name": name,
        "subtitle": " · ".join([*rest, f"started {started}"] if started else rest),
        "verdict": summary["verdict"],
        "undone": left_undone(summary),
        "capacity": _capacity(summary),
        "thresholds": list(_thresholds(summary)),
        "key_figures": list(_key_figures(summary)),
        "timeline": _timeline(summary, timeline_rows),
        "latency": latency_rows(summary),
        "distributions": list(_distributions(summary)),
        "accountings": [(title.capitalize(), rows) for title, rows in accountings(summary)],
        "losses": loss_lines(summary),
        "backlogs": backlog_rows(summary),
        "rates": rate_rows(summary),
        "visits": visits_rows(summary),
        "visits_lines": visits_lines(summary),
        "stages": stage_rows(summary),
        "storm": storm_lines(summary),
        "storm_charts": storm_charts(summary),
        "skew": skew_rows(summary),
        "counts": count_rows(summary),
        "troubles": list(_troubles(summary)),
        "audit": storage_lines(summary),
        "slow_title": slow_title(summary).capitalize(),
        "slowest": slow_message_rows(summary),
        **_findings(summary),
        "servers": [_server(entry) for entry in summary.get("server") or ()],
        "generator": generator_rows(summary),
        "worker_head": WORKER_HEAD,
        "workers": [worker_row(worker) for worker in summary["workers"]],
        "circumstances": list(_circumstances(summary)),
    }


def _statements(summary: Summary, rows: Sequence[SeriesRow]) -> list[Statement]:
    """Return the sentences at the top; those whose chart or table is not on the page link to the thresholds."""
    charts = {chart_anchor(chart.title) for chart in CHARTS if chart.has_data(rows[:-1] or rows)}
    tables = {"latency": latency_rows(summary), "rates": rate_rows(summary), "counts": count_rows(summary)}
    there = (
        {"thresholds", "slowest", "troubles", "capacity", "storm"}
        | charts
        | {name for name, rows in tables.items() if rows[1]}
    )
    return [
        statement if statement.anchor in there else statement._replace(anchor="thresholds")
        for statement in statements(summary)
    ]


def chart_anchor(title: str) -> str:
    """Return the id of a chart on the page."""
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))


def _capacity(summary: Summary) -> CapacitySection | None:
    """Return the result of a search; None for a run that was not one."""
    capacity = summary.get("capacity")
    if capacity is None:
        return None
    title = f"The most {capacity['unit']} that keep the thresholds"
    return CapacitySection(title, capacity_lines(capacity), capacity_rows(capacity))


def _thresholds(summary: Summary) -> Iterator[ThresholdLine]:
    for entry in summary["thresholds"]:
        sign = formatting.mark(entry)
        measured = formatting.outcome(entry)
        samples, semicolon, more = formatting.note(entry).removeprefix("of ").partition("; ")
        note = ", ".join(filter(None, (samples, formatting.origin(entry)))) + semicolon + more
        yield ThresholdLine(sign, _LOOKS[sign], entry["subject"], entry["condition"], measured, note)


def _key_figures(summary: Summary) -> Iterator[tuple[str, str, str]]:
    """Yield the tiles: name, figure, and what the figure consists of."""
    for what in sent_of(summary):
        sent = counter_of(summary, f"{what}_sent")
        figures = sent[MAIN]["all"] if sent is not None and MAIN in sent else None
        per_s, count = (figures["per_s"], figures["count"]) if figures is not None else (None, 0)
        yield f"{what} sent", formatting.count(count), formatting.per_s(per_s)
    for name, label in (
        ("append_latency_ms", "append p95"),
        ("agent_latency_ms", "agent p95"),
        ("push_latency_ms", "push p95"),
        ("event_latency_ms", "event p95"),
        ("ws_join_ms", "join p95"),
    ):
        trend = trend_of(summary, name)
        if trend is not None and MAIN in trend:
            entry = trend[MAIN]["all"]
            yield label, formatting.ms_with_unit(entry["p95"]), f"median {formatting.ms_with_unit(entry['med'])}"
    for name, label in (
        ("message_success_rate", "appended"),
        ("agent_reply_rate", "answered"),
        ("push_success_rate", "replied"),
        ("event_success_rate", "events seen"),
    ):
        rate = rate_of(summary, name)
        if rate is not None and MAIN in rate:
            share = rate[MAIN]["all"]
            made_of = f"{formatting.count(share['passes'])} of {formatting.count(share['total'])}"
            yield label, formatting.percent(share["rate"]), made_of
    connections = gauge_of(summary, "active_connections")
    if connections is not None:
        yield "joined sockets", formatting.count(connections["peak"]), "at most"


def _timeline(summary: Summary, rows: Sequence[SeriesRow]) -> list[ChartFigure]:
    warm_up_s = float(summary["plan"].get("warm_up_s") or 0)
    rows = rows[:-1] or rows  # the last second is only part of one: it would look like a collapse
    more = {chart: dict(_growth_lines(summary, rows, chart)) for chart in BACKLOG_CHARTS.values()}
    more |= visits_curves(summary, rows) | stream_curves(summary, rows)
    return [
        structs.replace(
            chart.figure(rows, warm_up_s, more.get(chart, {})),
            spans=tuple(_worst_windows(summary, chart, rows)),
            bands=tuple(_bands(summary, rows)),
        )
        for chart in CHARTS
        if chart.has_data(rows) or (not chart.lines and chart in more)
    ]


def _bands(summary: Summary, rows: Sequence[SeriesRow]) -> Iterator[Band]:
    """Yield the bands of the run's stages that are on its charts."""
    for stage in summary.get("stages") or ():
        begins_s = stage["begins_s"]
        band = band_of(begins_s, begins_s + stage["length_s"], rows, stage["name"])
        if band is not None:
            yield band


def _worst_windows(summary: Summary, chart: LineChart, rows: Sequence[SeriesRow]) -> Iterator[MarkedSpan]:
    """Yield the worst window of each threshold on windows whose metric the chart shows."""
    shown = {metric for column, metric in COUNTER_COLUMNS.items() if column in {line.column for line in chart.lines}}
    shown |= {metric for prefix, metric in TREND_COLUMNS.items() if any(_is_of(line, prefix) for line in chart.lines)}
    for entry in summary["thresholds"]:
        window = entry.get("worst_window_s")
        if window and entry["metric"] in shown:
            yield span_of(window[0], window[1], rows, f"the worst of {entry['expression']}")


def _is_of(line: Line, prefix: str) -> bool:
    return line.column.startswith(f"{prefix}_p") or line.column == f"{prefix}_max_ms"


def _growth_lines(
    summary: Summary, rows: Sequence[SeriesRow], chart: LineChart
) -> Iterator[tuple[Line, list[float | None]]]:
    """Yield the slope of each growing backlog of a chart, through the middle of the judged part of the run."""
    for entry in summary.get("backlogs") or ():
        if BACKLOG_CHARTS.get(entry["queue"]) is not chart:
            continue
        if not entry["is_growing"] or entry["per_s"] is None or entry["scenario"] or not rows:
            continue
        first = max(0, entry["begins_s"] - int(rows[0]["second"] or 0))
        waiting = [value or 0 for value in column_of(rows, f"{entry['queue']}_backlog")]
        waiting = waiting[first : first + entry["seconds"]]
        level = median(waiting or [0]) - entry["per_s"] * (len(waiting) - 1) / 2
        slope = [max(0.0, round(level + entry["per_s"] * at, 1)) for at in range(len(waiting))]
        line = Line(f"{entry['queue']}_growth", f"growth {formatting.per_s(entry['per_s'])}", 3)
        yield line, [None] * first + slope + [None] * (len(rows) - first - len(slope))


def _distributions(summary: Summary) -> Iterator[ChartFigure]:
    for name, buckets in summary["distributions"].items():
        trend = trend_of(summary, name)
        entry = trend[MAIN]["all"] if trend is not None and MAIN in trend else None
        values = [(mark, statistic(entry, mark)) for mark in ("med", "p95", "p99")] if entry is not None else []
        marks = [(mark, value) for mark, value in values if value is not None]
        yield distribution_figure(name, buckets, marks)


def _troubles(summary: Summary) -> Iterator[tuple[str, str, str]]:
    for name, main_count, warm_up_count, labels in troubles_of(summary):
        yield name, formatting.count(main_count), formatting.count(warm_up_count)
        yield from ((f"  {label}", formatting.count(n), "") for label, n in labels.items())


def _findings(summary: Summary) -> dict[str, object]:
    """Return the recorded faulty messages, and the number of others, as text."""
    findings = summary.get("findings") or {"total": 0, "shown": []}
    rows = [
        (
            entry["kind"],
            entry["run_id"],
            entry["session_id"],
            "?" if entry["seq"] is None else str(entry["seq"]),
            entry["client_ref"],
            entry["detail"],
        )
        for entry in findings["shown"]
    ]
    hidden = findings["total"] - len(rows)
    return {"findings": rows, "findings_hidden": formatting.count(hidden) if hidden > 0 else ""}


def _server(entry: Mapping[str, Any]) -> ServerSection:
    """Return a source's figures, memory per session, and the memory over the run's time."""
    rows = server_seconds(entry)
    charts = [chart.figure(rows, 0.0) for chart in SERVER_CHARTS] if len(rows) > 1 else []
    return ServerSection(title_of(entry), server_rows(entry), server_lines(entry), charts)


def _circumstances(summary: Summary) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    parts = (
        ("Plan", summary["plan"]),
        ("Options", summary["options"]),
        ("Machine", summary["host"]),
        ("Versions", summary["versions"]),
    )
    yield from ((title, list(flat_facts(part))) for title, part in parts if part)


def flat_facts(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield names and values; nested mappings are flattened, empty ones left out."""
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            yield from flat_facts(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            if value:
                yield prefix + name, ", ".join(str(item) for item in value)
        elif value not in (None, ""):
            yield prefix + name, str(value)
