"""The summary of a run as text for a terminal: thresholds first, the verdict with all its reasons last."""

from collections.abc import Iterable
from typing import Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.report import rows as tables
from fleetlm_users.measure.report.capacity import capacity_lines, capacity_rows
from fleetlm_users.measure.report.content.slow_messages import slow_messages_section
from fleetlm_users.measure.report.content.statements import statements_section
from fleetlm_users.measure.report.content.storm import storm_section
from fleetlm_users.measure.report.content.visits import visits_lines, visits_rows
from fleetlm_users.measure.report.findings import audit_section, findings_section
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.report.terminal_style import Style, Table
from fleetlm_users.measure.server.figures import server_lines, server_rows, title_of

_MARK_LOOKS: Final = {"✓": "green", "✗": "red", "?": "yellow", "–": "dim"}
_BESIDE_EXPRESSION: Final = 46
"""The width beside a threshold: its sign, its measured value, and a note of the usual length."""

VERDICT_LOOKS: Final = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
MAX_WORKERS_SHOWN: Final = 12


def render(summary: Summary, width: int = 100, colour: bool = False) -> str:
    """Return the report, ended by a newline."""
    style = Style(max(width, 60), colour)
    what_happened = (
        _thresholds,
        storm_section,
        _visits,
        stages_section,
        _skew,
        _latencies,
        _rates,
        _messages,
        _backlogs,
        _counts,
        _troubles,
        audit_section,
        findings_section,
        slow_messages_section,
    )
    sections = (
        *(_title, _capacity, *what_happened, _server, _generator),
        statements_section,
        _verdict,
    )
    return style.finish([line for section in sections for line in section(summary, style)])


def _title(summary: Summary, style: Style) -> list[str]:
    benchmark, *rest = tables.title_parts(summary)
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
    widest = min(max(len(entry["expression"]) for entry in entries), style.width - _BESIDE_EXPRESSION)
    for entry in entries:
        sign = formatting.mark(entry)
        look = _MARK_LOOKS[sign]
        measured = formatting.outcome(entry)
        first, _, more = formatting.note(entry).partition("; ")
        first = ", ".join(filter(None, (first, formatting.origin(entry))))
        if 4 + 2 + max(widest, len(entry["expression"])) + 2 + max(12, len(measured)) + 2 + len(first) > style.width:
            first, more = "", "; ".join(filter(None, (first, more)))
        yield (
            f"    {style.paint(sign, look)} {entry['expression']:<{widest}}  {style.paint(f'{measured:>12}', look)}"
            + style.paint(f"  {first}" if first else "", "dim")
        )
        if more:
            yield from (style.paint(line, "dim") for line in style.wrapped(more, "        ", "        "))


def _visits(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = visits_rows(summary)
    if rows:
        yield from style.heading("sessions that arrived: due = begun + dropped")
        yield from Table(head, rows).lines(style)
        for line in visits_lines(summary):
            yield from style.wrapped(line, "    ", "      ")


def stages_section(summary: Summary, style: Style) -> Iterable[str]:
    """Yield the section about the stages of a run; empty for a run without stages."""
    head, rows = tables.stage_rows(summary)
    if rows:
        yield from style.heading("stages, latency in ms")
        dropped_first = ("from", "agent p95", "event p95", "append med", "push med")
        yield from Table(head, rows, tuple(name for name in dropped_first if name in head)).lines(style)


def _skew(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = tables.skew_rows(summary)
    if rows:
        yield from style.heading("the busiest sessions, latency in ms")
        yield from Table(head, rows, ("adds up", "appended", "agent p95", "p99", "sent")).lines(style)


def _latencies(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = tables.latency_rows(summary)
    if rows:
        yield from style.heading("latency in ms")
        yield from Table(head, rows, ("min", "p99.9", "p90", "avg")).lines(style)


def _rates(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = tables.rate_rows(summary)
    if rows:
        yield from style.heading("rates")
        yield from Table(head, rows).lines(style)


def _messages(summary: Summary, style: Style) -> Iterable[str]:
    for title, rows in tables.accountings(summary):
        yield from style.heading(title)
        yield from Table(*rows).lines(style)
    for line in tables.loss_lines(summary):
        yield from style.wrapped(line, "    ", "      ")


def _backlogs(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = tables.backlog_rows(summary)
    if rows:
        yield from style.heading("did the server keep up?")
        yield from Table(head, rows, ("95 % interval", "arrived per s")).lines(style)


def _counts(summary: Summary, style: Style) -> Iterable[str]:
    head, rows = tables.count_rows(summary)
    if rows:
        yield from style.heading("counts")
        yield from Table(head, rows).lines(style)


def _troubles(summary: Summary, style: Style) -> Iterable[str]:
    yield from style.heading("what went wrong")
    troubles = tables.troubles_of(summary)
    if not troubles:
        yield "    " + style.paint("nothing was counted", "green")
    for name, main_count, warm_up_count, labels in troubles:
        line = f"    {name:<26}{formatting.count(main_count):>9}"
        line += f"  (+{formatting.count(warm_up_count)} in warm-up)" if warm_up_count else ""
        yield style.paint(line, "yellow") if main_count else line
        widest = max([24, *map(len, labels)])
        for label, n in labels.items():
            yield f"      {label:<{widest}}{formatting.count(n):>9}"


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
    rows = tables.generator_rows(summary)
    if rows:
        yield from Table(("in ms", "count", *tables.STATISTICS), tuple(rows), ("min", "p99.9", "p90", "avg")).lines(
            style
        )
    workers = summary["workers"]
    if workers:
        table = Table(
            tables.WORKER_HEAD,
            tuple(tables.worker_row(worker) for worker in workers[:MAX_WORKERS_SHOWN]),
            ("reports", "CPU now"),
        )
        yield from table.lines(style)
    if len(workers) > MAX_WORKERS_SHOWN:
        yield f"    … and {len(workers) - MAX_WORKERS_SHOWN} more workers, see summary.json"


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
    for line in tables.left_undone(summary):
        first, *rest = style.wrapped(line, "    ! ", "      ")
        yield first.replace("!", style.paint("!", "bold", "red"), 1)
        yield from rest
    yield ""
