"""Faults of single messages are named, bounded, counted in full, and merged over workers."""

from msgspec import structs

from fleetlm_users.measure.findings import MAX_FINDINGS, Finding, Findings, merged
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.report.findings import finding_line
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.snapshot_store import SnapshotStore


def finding(n):
    return Finding("lost", "correctness", f"session-{n}", n, f"r1-1-1-{n}", "why")


def test_the_first_are_kept_and_all_are_counted():
    """A server that loses everything does not fill the memory."""
    findings = Findings()
    for n in range(MAX_FINDINGS + 7):
        findings.add(finding(n))
    assert findings.total == MAX_FINDINGS + 7
    assert findings.first == tuple(finding(n) for n in range(MAX_FINDINGS))


def test_workers_findings_are_merged_within_the_bound():
    """The totals add up; the list stays short."""
    one, two = Findings(), Findings()
    for n in range(MAX_FINDINGS - 1):
        one.add(finding(n))
    two.add(finding(1000))
    two.add(finding(1001))
    both = merged([one, Findings(), two])
    assert both.total == MAX_FINDINGS + 1
    assert both.first[-1] == finding(1000)
    assert len(both.first) == MAX_FINDINGS


def test_findings_travel_with_the_snapshot():
    """Cumulative, like everything in it."""
    ledger = Ledger(DEFAULT, "e", "w")
    merge = SnapshotStore("e")
    ledger.finding(finding(1))
    merge.absorb("w", ledger.snapshot(1, False, 1.0))
    ledger.finding(finding(2))
    merge.absorb("w", ledger.snapshot(2, True, 2.0))
    assert merge.totals().findings.first == (finding(1), finding(2))


def test_reports_name_the_messages_that_are_kept_and_count_the_rest(summary_of):
    """Console and page give run, session, seq and client_ref."""

    def write(ledger):
        for n in range(MAX_FINDINGS + 2):
            ledger.finding(finding(n))
        ledger.finding(Finding("rejected", "correctness", "session-x", None, "", ""))

    told, _ = summary_of(write)
    text = " ".join(render(told, 200).split())
    assert "lost: run r1, session session-1, seq 1, client_ref r1-1-1-1 (why)" in text
    assert "… and 3 more" in text
    page = render_html(told, [])
    assert "Faulty messages" in page
    assert "session-49" in page
    assert "session-50" not in page
    assert "and 3 more" in page


def test_nothing_found_has_no_section(summary_of, healthy):
    """An empty list would look like a fault."""
    told, _ = summary_of(healthy)
    assert "something wrong" not in render(told, 100)
    assert "something wrong" not in render_html(told, [])


def test_what_is_not_known_is_a_question_mark():
    """A message that never got a number."""
    line = finding_line({"run_id": "r1"} | structs.asdict(Finding("lost", "c", "s", None, "", "")))
    assert line == "lost: run r1, session s, seq ?"
