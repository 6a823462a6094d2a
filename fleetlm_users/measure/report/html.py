"""The report of a run as one HTML page that needs nothing else: no network, no fonts, no script to be complete.

The building blocks of the HTML report: tables, tiles, lists; all text in them is escaped here.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.metrics.phase import MAIN
from fleetlm_users.measure.report.assets import SCRIPT, STYLE
from fleetlm_users.measure.report.capacity import capacity_lines, capacity_rows
from fleetlm_users.measure.report.charts import Line, LineChart, distribution_chart
from fleetlm_users.measure.report.text import (
    BOOKS,
    WORKER_HEAD,
    accounting_rows,
    count_rows,
    generator_rows,
    latency_rows,
    loss_lines,
    rate_rows,
    title_parts,
    troubles_of,
    worker_row,
)
from fleetlm_users.measure.server.figures import server_lines, server_rows, server_seconds
from fleetlm_users.measure.timeline.rows import SeriesRow


def text(value: object) -> str:
    """A value as text that HTML cannot mistake for markup."""
    return html.escape(str(value))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, sub: str = "  ") -> str:
    """A table in a card, scrolling sideways where it must; a row whose first cell begins with `sub` is a detail."""
    body = "".join(
        f'<tr{" class=sub" if row[0].startswith(sub) else ""}><th scope="row">{text(row[0].strip())}</th>'
        + "".join(f"<td>{text(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    heads = "".join(f'<th scope="col">{text(cell)}</th>' for cell in head)
    return f'<div class="card scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
    """Key figures: name, figure, what it is made of."""
    figures = "".join(
        f'<div class="card tile"><small>{text(name)}</small><b>{text(figure)}</b><small>{text(made_of)}</small></div>'
        for name, figure, made_of in entries
    )
    return f'<div class="tiles">{figures}</div>'


def facts(mapping: Mapping[str, Any]) -> str:
    """Names and values as a list in a card; nested mappings are flattened, what is empty is left out."""
    pairs = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in _flat(mapping))
    return f'<dl class="card">{pairs}</dl>'


def section(title: str, content: str, *names: str) -> str:
    """Content under a heading in capitals, `names` standing for its `{}` as they are; nothing without content."""
    named = (f'<span class="name">{text(name)}</span>' for name in names)
    return f"<h2>{text(title).format(*named)}</h2>{content}" if content else ""


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            if value:
                yield prefix + name, ", ".join(str(item) for item in value)
        elif value not in (None, ""):
            yield prefix + name, str(value)


Json = Mapping[str, Any]

_SIGN_CLASSES: Final = {"✓": "pass", "✗": "fail", "?": "inconclusive"}


def _percentile_chart(title: str, prefix: str) -> LineChart:
    names = (("p50", 1), ("p95", 2), ("p99", 3))
    return LineChart(title, "ms", tuple(Line(f"{prefix}_{name}_ms", name, colour) for name, colour in names), True)


CHARTS: Final = (
    _percentile_chart("Append latency", "append"),
    _percentile_chart("Agent latency", "agent"),
    LineChart(
        "Messages",
        "per second",
        (Line("sent", "sent", 1), Line("appended", "appended", 4), Line("agent_replies", "agent replies", 2)),
    ),
    LineChart("Connections", "joined sockets", (Line("connections", "joined", 1),)),
    _percentile_chart("Join latency", "join"),
    LineChart(
        "Failures",
        "per second",
        (
            Line("failures", "failures", 3),
            Line("disconnects", "disconnects", 2),
            Line("backpressure", "backpressure", 1),
        ),
    ),
    LineChart(
        "Generator: lateness, loop lag",
        "ms",
        (Line("lateness_p99_ms", "lateness p99", 3), Line("loop_lag_p99_ms", "loop lag p99", 2)),
        percentiles=True,
    ),
    LineChart("Generator: CPU", "% of a core, busiest worker", (Line("cpu_percent", "CPU", 4),)),
)

SERVER_CHARTS: Final = (
    LineChart("Memory of the server", "MiB", (Line("memory_mib", "memory", 1),)),
    LineChart("Sessions at that time", "joined", (Line("sessions", "joined", 4),)),
)


def render_html(summary: Json, timeline_rows: Sequence[SeriesRow]) -> str:
    """The page; `summary` as in summary.json, rows as timeseries.merged gives them."""
    title = " · ".join(title_parts(summary)[:3])
    content = "".join(
        (
            _header(summary),
            _capacity(summary.get("capacity")),
            section("Thresholds", _thresholds(summary)),
            tiles(_key_figures(summary)),
            section("Over time", _charts(summary, timeline_rows)),
            section("Latency in ms", _table(*latency_rows(summary))),
            section("Distribution of latency", _distributions(summary)),
            section(BOOKS.capitalize(), _books(summary)),
            _pair(
                section("Rates", _table(*rate_rows(summary))) + section("Counts", _table(*count_rows(summary))),
                section("What went wrong", _troubles(summary)),
            ),
            section("Messages with something wrong", _findings(summary)),
            "".join(
                section("Server, as {} tells", _server(entry), entry["source"]) for entry in summary.get("server", ())
            ),
            section("Generator", _workers(summary)),
            section("What ran where", _circumstances(summary)),
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(summary['verdict']['kind'].upper())} · {text(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{content}{_footer()}</main><script>{SCRIPT}</script></body></html>\n"
    )


def _header(summary: Json) -> str:
    verdict = summary["verdict"]
    name, *rest = title_parts(summary)
    started = summary["run"]["started_at"]
    subtitle = " · ".join([*rest, f"started {started}"] if started else rest)
    reasons = [("✗", reason) for reason in verdict["failures"]] + [("?", reason) for reason in verdict["doubts"]]
    items = "".join(f'<li><b class="{_SIGN_CLASSES[sign]}">{sign}</b>{text(reason)}</li>' for sign, reason in reasons)
    return (
        f'<header><div><h1>{text(name)}</h1><p>{text(subtitle)}</p></div><div class="badge {verdict["kind"]}">'
        f"{text(verdict['kind'].upper())}</div></header>" + (f'<ul class="card reasons">{items}</ul>' if items else "")
    )


def _capacity(capacity: Json | None) -> str:
    """What a search found and each of its steps; nothing for a run that was none."""
    if capacity is None:
        return ""
    told = "".join(f"<p>{text(line)}</p>" for line in capacity_lines(capacity))
    return section(f"The most {capacity['unit']} that keep the thresholds", told + _table(*capacity_rows(capacity)))


def _thresholds(summary: Json) -> str:
    rows = ""
    for entry in summary["thresholds"]:
        sign = formatting.mark(entry)
        measured = formatting.measured(entry["measured"], entry["unit"])
        told = f"{formatting.count(entry['samples'])} samples" if entry["samples"] else ""
        told = entry["problem"] if formatting.is_undecided(entry) else told
        rows += (
            f'<li><span class="sign {_SIGN_CLASSES[sign]}">{sign}</span>'
            f'<span class="subject">{text(entry["subject"])}</span>'
            f'<span class="condition">{text(entry["condition"])}</span>'
            f'<span class="measured {_SIGN_CLASSES[sign]}">{text(measured)}</span>'
            f'<span class="told">{text(told)}</span></li>'
        )
    return f'<ul class="card rules">{rows}</ul>' if rows else "<p>None was given, so nothing was judged.</p>"


def _key_figures(summary: Json) -> Iterable[tuple[str, str, str]]:
    metrics, books = summary["metrics"], summary["accounting"][MAIN]["all"]
    rate_s = metrics.get("messages_sent", {}).get(MAIN, {}).get("all", {}).get("per_s")
    yield "messages sent", formatting.count(books["sent"]), formatting.per_s(rate_s)
    for name, shown in (
        ("append_latency_ms", "append p95"),
        ("agent_latency_ms", "agent p95"),
        ("ws_join_ms", "join p95"),
    ):
        entry = metrics.get(name, {}).get(MAIN, {}).get("all")
        if entry:
            yield shown, f"{formatting.ms(entry['p95'])} ms", f"median {formatting.ms(entry['med'])} ms"
    for name, shown in (("message_success_rate", "appended"), ("agent_reply_rate", "answered")):
        entry = metrics.get(name, {}).get(MAIN, {}).get("all")
        if entry:
            made_of = f"{formatting.count(entry['passes'])} of {formatting.count(entry['total'])}"
            yield shown, formatting.percent(entry["rate"]), made_of
    if "active_connections" in metrics:
        yield "joined sockets", formatting.count(metrics["active_connections"]["peak"]), "at most"


def _charts(summary: Json, rows: Sequence[SeriesRow]) -> str:
    warm_up_s = float(summary["plan"].get("warm_up_s") or 0)
    rows = rows[:-1] or rows  # the last second is only part of one: it would look like a collapse
    drawn = [chart.render(rows, warm_up_s) for chart in CHARTS if chart.has_data(rows)]
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def _distributions(summary: Json) -> str:
    drawn = []
    for name, buckets in summary["distributions"].items():
        entry = summary["metrics"][name][MAIN]["all"]
        marks = [(mark, entry[mark]) for mark in ("med", "p95", "p99") if entry[mark] is not None]
        drawn.append(distribution_chart(name, buckets, marks))
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def _books(summary: Json) -> str:
    """The fate of every message, and what only a lost worker could tell."""
    told = "".join(f'<p class="inconclusive">{text(line)}</p>' for line in loss_lines(summary))
    return _table(*accounting_rows(summary)) + told


def _troubles(summary: Json) -> str:
    rows: list[tuple[str, str, str]] = []
    for name, main_count, warm_up_count, labels in troubles_of(summary):
        rows.append((name, formatting.count(main_count), formatting.count(warm_up_count)))
        rows += [(f"  {label}", formatting.count(n), "") for label, n in labels.items()]
    if not rows:
        return '<p class="pass">Nothing that is counted.</p>'
    return table(("", "after warm-up", "in warm-up"), rows)


def _findings(summary: Json) -> str:
    """The single messages that were found wrong, as far as they are kept; nothing where nothing was."""
    findings = summary.get("findings") or {"total": 0, "shown": []}
    named = ("kind", "run_id", "session_id", "seq", "client_ref", "detail")
    rows = [["?" if found[name] is None else str(found[name]) for name in named] for found in findings["shown"]]
    hidden = findings["total"] - len(rows)
    more = f"<p>… and {formatting.count(hidden)} more</p>" if hidden > 0 else ""
    return _table(("", "run", "session", "seq", "client_ref", ""), rows) + more


def _server(entry: Json) -> str:
    """A source's figures, memory per session, and the memory over the run's time."""
    rows = server_seconds(entry)
    drawn = "".join(chart.render(rows, 0.0) for chart in SERVER_CHARTS) if len(rows) > 1 else ""
    told = "".join(f"<p>{text(line)}</p>" for line in server_lines(entry))
    return _table(*server_rows(entry)) + told + (f'<div class="charts">{drawn}</div>' if drawn else "")


def _workers(summary: Json) -> str:
    rows = generator_rows(summary)
    workers = [worker_row(worker) for worker in summary["workers"]]
    return "<br>".join(part for part in (_table(latency_rows(summary)[0], rows), _table(WORKER_HEAD, workers)) if part)


def _circumstances(summary: Json) -> str:
    parts = {"Plan": "plan", "Options": "options", "Machine": "host", "Versions": "versions"}
    return _pair(*(f"<h2>{title}</h2>{facts(summary[key])}" for title, key in parts.items() if summary[key]))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return table(head, rows) if rows else ""


def _pair(*contents: str) -> str:
    return '<div class="pair">' + "".join(f"<div>{content}</div>" for content in contents if content) + "</div>"


def _footer() -> str:
    return (
        "<footer>Latency counts from the moment a message was due, so waiting for a slow server or a slow generator is"
        " in it. Shaded: warm-up, measured and not judged. – means not measured or too few samples.</footer>"
    )
