"""What is wrong with single messages is named, bounded, counted in full, and merged over workers."""

from fleetlm_users.measure.catalogue import DEFAULT
from fleetlm_users.measure.findings import KEPT, Finding, Findings, merged
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.merge import Merge


def finding(n):
    return Finding("lost", "correctness", f"session-{n}", n, f"r1-1-1-{n}", "why")


def test_the_first_are_kept_and_all_are_counted():
    """A server that loses everything does not fill the memory."""
    findings = Findings()
    for n in range(KEPT + 7):
        findings.add(finding(n))
    assert findings.total == KEPT + 7
    assert findings.kept == tuple(finding(n) for n in range(KEPT))


def test_workers_findings_are_merged_within_the_bound():
    """The totals add up; the list stays short."""
    one, two = Findings(), Findings()
    for n in range(KEPT - 1):
        one.add(finding(n))
    two.add(finding(1000))
    two.add(finding(1001))
    both = merged([{"findings": one.to_wire()}, {}, {"findings": two.to_wire()}])
    assert both.total == KEPT + 1
    assert both.kept[-1] == finding(1000)
    assert len(both.kept) == KEPT


def test_findings_travel_with_the_snapshot():
    """Cumulative, like everything in it."""
    ledger = Ledger(DEFAULT, "e", "w")
    merge = Merge("e")
    ledger.finding(finding(1))
    merge.absorb("w", ledger.snapshot(1, False, 1.0))
    ledger.finding(finding(2))
    merge.absorb("w", ledger.snapshot(2, True, 2.0))
    assert merge.totals().findings.kept == (finding(1), finding(2))
