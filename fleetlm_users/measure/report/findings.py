"""The summary's entries on single messages and on the audit, as lines of text for every report."""

from collections.abc import Iterable

from fleetlm_users.measure import formatting
from fleetlm_users.measure.report.summary.related_types import FindingEntry, FindingsEntry
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.measure.report.terminal_style import Style


def audit_lines(summary: Summary) -> list[str]:
    """Return the audit's coverage and findings, line by line, then the cost of a crash; empty without either."""
    audit, crash = summary.get("audit"), summary.get("crash")
    lines = [] if audit is None else [audit["words"], audit["result"]]
    if audit is not None and "open_outcomes" in audit:
        lines.append(audit["open_outcomes"])
    return lines if crash is None else [*lines, *crash["lines"]]


def storage_lines(summary: Summary) -> list[str]:
    """Return the lines of the audit; without one, a line that says what the run does not show."""
    lines = audit_lines(summary)
    appended = summary["accounting"]["all"]["all"]["appended"]
    if summary.get("audit") is None and appended:
        what = (
            "the acknowledged message is"
            if appended == 1
            else f"the {formatting.count(appended)} acknowledged messages are"
        )
        lines.insert(0, f"not audited: the run does not show whether {what} stored (--audit)")
    return lines


def finding_line(finding: FindingEntry) -> str:
    """Return one faulty message, its fault, and everything that identifies it."""
    seq = "?" if finding["seq"] is None else finding["seq"]
    named = f"{finding['kind']}: run {finding['run_id']}, session {finding['session_id']}, seq {seq}"
    ref = f", client_ref {finding['client_ref']}" if finding["client_ref"] else ""
    return named + ref + (f" ({finding['detail']})" if finding["detail"] else "")


def finding_lines(summary: Summary) -> list[str]:
    """Return a line for each named message, and one for the number of others."""
    findings: FindingsEntry = summary.get("findings") or {"total": 0, "shown": []}
    lines = [finding_line(finding) for finding in findings["shown"]]
    more = findings["total"] - len(lines)
    return [*lines, f"… and {formatting.count(more)} more"] if more > 0 else lines


def audit_section(summary: Summary, style: Style) -> Iterable[str]:
    """Yield the audit's section of the terminal's report."""
    lines = storage_lines(summary)
    if lines:
        yield from style.heading("audit of acknowledged messages")
    for line in lines:
        yield from style.wrapped(line, "    ", "      ")


def findings_section(summary: Summary, style: Style) -> Iterable[str]:
    """Yield the section of the terminal's report that names messages."""
    lines = finding_lines(summary)
    if lines:
        yield from style.heading("faulty messages")
    for line in lines:
        yield from style.wrapped(line, "    ", "      ")
