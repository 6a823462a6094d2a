"""The summary as Markdown, for a CI job's page or a pull request's comment."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.report.capacity import capacity_rows
from fleetlm_users.measure.report.content.slow_messages import slow_message_rows, slow_title
from fleetlm_users.measure.report.content.statements import statements
from fleetlm_users.measure.report.content.storm import TITLE, storm_lines
from fleetlm_users.measure.report.content.visits import visits_lines, visits_rows
from fleetlm_users.measure.report.findings import finding_lines, storage_lines
from fleetlm_users.measure.report.rows import (
    accountings,
    backlog_rows,
    latency_rows,
    rate_rows,
    skew_rows,
    title_parts,
    troubles_of,
)
from fleetlm_users.measure.report.summary.types import Summary, ThresholdEntry

_SIGNS: Final = {"✓": "✅", "✗": "❌", "?": "❔", "–": "➖"}
_VERDICT_SIGNS: Final = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}


def render_markdown(summary: Summary) -> str:
    """Return GitHub-flavoured Markdown, ended by a newline: verdict and reasons, thresholds, then folded details."""
    verdict = summary["verdict"]
    name, *rest = title_parts(summary)
    lines = [f"## {_VERDICT_SIGNS[verdict['kind']]} {_cell(name)}: {verdict['kind']}", "", _cell(" · ".join(rest)), ""]
    lines += [*(_cell(statement.text) for statement in statements(summary)), ""]
    lines += [f"- {_SIGNS['✗']} {_cell(reason)}" for reason in verdict["failures"]]
    lines += [f"- {_SIGNS['?']} {_cell(reason)}" for reason in verdict["doubts"]]
    lines += [
        "",
        *_table(("", "threshold", "measured", "samples", "set by"), map(_threshold, summary["thresholds"]), left=2),
    ]
    if "capacity" in summary:
        lines += ["", _cell(summary["capacity"]["words"]), *_folded("Steps", *capacity_rows(summary["capacity"]))]
    if storm_lines(summary):
        lines += ["", f"**{TITLE}**", "", *(f"- {_cell(line)}" for line in storm_lines(summary))]
    lines += ["", *(f"- {_cell(line)}" for line in storage_lines(summary))]
    lines += [*(f"- {_cell(line)}" for line in visits_lines(summary))]
    lines += _folded("Sessions that arrived", *visits_rows(summary))
    lines += _folded("The busiest sessions, latency in ms", *skew_rows(summary))
    lines += _folded("Latency in ms", *latency_rows(summary))
    for title, rows in accountings(summary):
        lines += _folded(title.partition(":")[0].capitalize(), *rows)
    lines += _folded("Did the server keep up?", *backlog_rows(summary))
    lines += _folded("Rates", *rate_rows(summary))
    lines += _folded(
        "What went wrong", ("", "count", "by kind"), [_trouble(*trouble) for trouble in troubles_of(summary)]
    )
    lines += _folded(slow_title(summary).capitalize(), *slow_message_rows(summary))
    lines += _findings(summary)
    return "\n".join(lines).strip() + "\n"


def _findings(summary: Summary) -> list[str]:
    """Return the faulty messages, folded, one per line."""
    named = [f"- {_cell(line)}" for line in finding_lines(summary)]
    if not named:
        return []
    return ["", "<details><summary>Faulty messages</summary>", "", *named, "", "</details>"]


def _threshold(entry: ThresholdEntry) -> tuple[str, ...]:
    measured = formatting.outcome(entry)
    if entry["measured"] is None and entry["ok"]:
        measured += f": {entry['problem']}"
    measured += f" ({entry['note']})" if entry.get("note") else ""
    samples, origin = formatting.count(entry["samples"]), formatting.origin(entry)
    return _SIGNS[formatting.mark(entry)], entry["expression"], measured, samples, origin or formatting.NOTHING


def _trouble(name: str, main: int, warm_up: int, labels: Mapping[str, int]) -> tuple[str, ...]:
    kinds = ", ".join(f"{label} {formatting.count(n)}" for label, n in formatting.few_kinds(labels).items())
    return name, formatting.count(main) + (f" (+{formatting.count(warm_up)} in warm-up)" if warm_up else ""), kinds


def _folded(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    return ["", f"<details><summary>{title}</summary>", "", *_table(head, rows), "", "</details>"]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> list[str]:
    drawn = [_row(head), _row(["---"] * left + ["---:"] * (len(head) - left)), *map(_row, rows)]
    return drawn if len(drawn) > 2 else []


def _row(cells: Sequence[str]) -> str:
    first, *rest = cells
    indent = "&emsp;" if first.startswith("  ") else ""
    return "| " + " | ".join([indent + _cell(first), *map(_cell, rest)]) + " |"


def _cell(text: str) -> str:
    """Return the text with Markdown's special characters escaped."""
    for sign in "\\|`*_<>[]{}":
        text = text.replace(sign, f"\\{sign}")
    return text.strip().replace("\n", " ")
