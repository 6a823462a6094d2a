"""A worker that did not report to the end: its last report counts, and the messages it left open are named."""

from fleetlm_users.measure.judging.lost_workers import LostWorker, losses
from fleetlm_users.measure.judging.verdict import RunFacts, decide
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import ALL, MAIN
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.rows import accountings, loss_lines
from fleetlm_users.measure.report.summary.document import summary
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.snapshot_store import SnapshotStore

KILLED = LostWorker("b", "its process ended", 8.0)


def snapshot(worker, *, final, sent=120, appended=117, elapsed_s=6.0):
    ledger = Ledger(DEFAULT, "run", worker)
    ledger.count("messages_sent", "burst", MAIN, sent)
    ledger.count("messages_appended", "burst", MAIN, appended)
    return ledger.snapshot(1, final, elapsed_s)


def merged(*, killed_reported=True):
    merge = SnapshotStore("run")
    merge.absorb("a", snapshot("a", final=True, sent=50, appended=50, elapsed_s=10.0))
    if killed_reported:
        merge.absorb("b", snapshot("b", final=False))
    return merge


def told(merge):
    facts = RunFacts(False, 2, 1, workers_lost=(KILLED,), workers=merge.workers)
    verdict = decide((), merge.totals(), facts)
    return summary(verdict, merge.totals(), {}, {}, {}, {}, merge.workers, lost=(KILLED,))


def test_the_last_report_of_a_lost_worker_stays_counted_and_its_open_messages_are_unknown():
    """The accounting add up with them, because they are shown as what they are."""
    accounting = merged().totals().accounting(phase=ALL)
    assert (accounting.sent, accounting.appended, accounting.unknown, accounting.unexplained) == (170, 167, 3, 0)
    assert accounting.adds_up


def test_what_a_worker_leaves_open_that_reported_to_its_end_is_a_defect():
    """No lost worker excuses it."""
    merge = merged()
    merge.absorb("c", snapshot("c", final=True, sent=5, appended=4))
    accounting = merge.totals().accounting(phase=ALL)
    assert (accounting.unknown, accounting.unexplained, accounting.adds_up) == (4, 1, False)
    facts = RunFacts(False, 3, 2, workers_lost=(KILLED,), workers=merge.workers)
    doubts = decide((), merge.totals(), facts).doubts
    assert any("the messages do not add up: 175 sent, 1 unaccounted for" in doubt for doubt in doubts)


def test_a_loss_tells_what_is_counted_and_what_is_not():
    """It includes an estimate of what was never reported: 20 messages a second, for two seconds."""
    (loss,) = losses([KILLED], merged().workers)
    assert (loss.last_report_s, loss.sent, loss.open_messages, loss.likely_unreported) == (6.0, 120, 3, 40)
    for part in ("worker b was lost: its process ended", "after 8.0 s", "of 6.0 s, is counted", "3 of the 120", "40"):
        assert part in loss.text()


def test_a_worker_lost_before_its_first_report_leaves_everything_unknown():
    """There is nothing to count."""
    (loss,) = losses([KILLED], merged(killed_reported=False).workers)
    assert loss.last_report_s is None
    assert "it never reported" in loss.text()
    assert loss.to_json()["last_report_s"] is None


def test_summary_console_and_page_name_the_loss():
    """Beside the accounting, and again among the reasons of the verdict, which is inconclusive."""
    found = told(merged())
    assert found["workers_lost"][0] | {"text": ""} == {
        "worker": "b", "why": "its process ended", "noticed_s": 8.0, "last_report_s": 6.0, "sent": 120,
        "open_messages": 3, "likely_unreported": 40, "what": "messages", "text": "",
    }  # fmt: skip
    assert found["verdict"]["kind"] == "inconclusive"
    assert sum("worker b was lost" in doubt for doubt in found["verdict"]["doubts"]) == 1
    assert not any("final report" in doubt for doubt in found["verdict"]["doubts"])
    (line,) = loss_lines(found)
    assert line.startswith("unknown: worker b was lost")
    assert " ".join(render(found, 100).split()).count("worker b was lost: its process ended") == 2
    assert render_html(found, []).count("worker b was lost: its process ended") == 2
    assert accountings(found)[0][1][1][0][-2:] == ("3", "✓")
