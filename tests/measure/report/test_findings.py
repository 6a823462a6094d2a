"""The lines that name messages and say what the audit saw: the same in every report."""

from fleetlm_users.measure.report.findings import (
    audit_lines,
    audit_section,
    finding_line,
    finding_lines,
    findings_section,
    storage_lines,
)
from fleetlm_users.measure.report.terminal_style import Style

FINDING = {
    "run_id": "r1",
    "kind": "unstored",
    "scenario": "burst",
    "session_id": "s1",
    "seq": 7,
    "client_ref": "r1-1-1-4",
    "detail": "acknowledged 2.000 s into the run",
}
STYLE = Style(200, False)


def test_a_line_holds_all_that_identifies_a_message():
    """Unknown parts are left out, and a missing seq is a question mark."""
    line = "unstored: run r1, session s1, seq 7, client_ref r1-1-1-4 (acknowledged 2.000 s into the run)"
    assert finding_line(FINDING) == line
    assert finding_line({**FINDING, "seq": None, "client_ref": "", "detail": ""}) == (
        "unstored: run r1, session s1, seq ?"
    )


def test_what_is_not_named_is_counted():
    """The list is bounded."""
    lines = finding_lines({"findings": {"total": 1_202, "shown": [FINDING, FINDING]}})
    assert lines == [finding_line(FINDING)] * 2 + ["… and 1,200 more"]
    assert finding_lines({"findings": {"total": 1, "shown": [FINDING]}}) == [finding_line(FINDING)]
    assert finding_lines({}) == []


def test_sections_are_there_when_there_is_something_to_say():
    """A run that was not audited says so, if anything was acknowledged in it."""
    nothing, some, one = ({"accounting": {"all": {"all": {"appended": n}}}} for n in (0, 1_200, 1))
    audited = nothing | {
        "audit": {"words": "audited by replay: all", "result": "stored"},
        "findings": {"total": 0, "shown": []},
    }
    assert audit_lines(audited) == ["audited by replay: all", "stored"]
    assert [line.strip() for line in audit_section(audited, STYLE)][-2:] == audit_lines(audited)
    assert list(findings_section(audited, STYLE)) == list(audit_section(nothing, STYLE)) == []
    assert storage_lines(some) == [
        "not audited: the run does not show whether the 1,200 acknowledged messages are stored (--audit)"
    ]
    assert "the acknowledged message is stored" in storage_lines(one)[0]
    named = list(findings_section({"findings": {"total": 1, "shown": [FINDING]}}, STYLE))
    assert named[-1].strip() == finding_line(FINDING)
