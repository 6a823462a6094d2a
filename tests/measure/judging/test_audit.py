"""The result of an audit, in words and as doubts: an audit never hides that it covered only a tenth."""

import pytest

from fleetlm_users.measure.judging.audit import AuditedKind, AuditResult, audit_doubts, result_of
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.totals import Totals

NONE = AuditedKind(0, 0, 0, {})


def kind(audited, unstored=0, changed=0, **unaudited):
    return AuditedKind(audited, unstored, changed, unaudited)


def result(messages, answers=NONE, way="replay"):
    return AuditResult(way, messages, answers)


@pytest.mark.parametrize(
    ("audit", "words"),
    [
        (
            result(kind(8120, beyond_replay=1680)),
            "audited by replay: 8,120 of 9,800 acknowledged messages (82 %);"
            " 1,680 beyond the 100 messages that a join replays",
        ),
        (
            result(kind(10), kind(9, http_500=1), way="rest"),
            "audited over REST: 10 of 10 acknowledged messages (100 %)."
            " 9 of 10 pushed answers (90 %); 1 because of http_500",
        ),
        (
            result(kind(1, memory_bound=999), way="database"),
            "audited in the database: 1 of 1,000 acknowledged messages (less than 1 %); 999 beyond --audit-messages",
        ),
        (result(kind(9_999, cut_short=1)), "audited by replay: 9,999 of 10,000 acknowledged messages (99 %);"
         " 1 when the audit was cut short"),
    ],
)  # fmt: skip
def test_it_says_how_much_it_saw(audit, words):
    """It also says what was not covered, and why; 100 % is only said of all."""
    assert audit.words() == words


@pytest.mark.parametrize(
    ("audit", "found"),
    [
        (result(kind(10), kind(10)), "all that was audited is stored unchanged"),
        (result(kind(0, eof=3)), "nothing could be audited"),
        (
            result(kind(10, 1, 2), kind(10, 3, 4)),
            "1 message is not stored, 2 messages are stored with different content,"
            " 3 answers are not stored, 4 answers are stored with different content",
        ),
    ],
)
def test_it_says_what_it_found(audit, found):
    """It takes one line."""
    assert audit.findings() == found
    assert audit.is_flawed == ("not stored" in found)


@pytest.mark.parametrize(
    ("unconfirmed", "said"),
    [
        (NONE, ""),
        (kind(1), "of 1 whose outcome the server left open, 1 is stored; none counts as lost"),
        (kind(12, 2), "of 12 whose outcome the server left open, 10 are stored, 2 are not; none counts as lost"),
        (kind(3, 1, eof=4), "of 7 whose outcome the server left open, 2 are stored, 1 is not,"
         " not looked for: 4 because of eof; none counts as lost"),
    ],
)  # fmt: skip
def test_it_says_what_became_of_open_outcomes(unconfirmed, said):
    """They are not losses: nobody was told that they were appended."""
    audit = AuditResult("rest", kind(10), NONE, unconfirmed)
    assert audit.open_outcomes() == said
    assert not audit.is_flawed


@pytest.mark.parametrize(
    ("audit", "share", "doubts"),
    [
        (result(kind(50, beyond_replay=50)), 0.5, []),
        (result(kind(49, beyond_replay=51)), 0.5, ["less than --audit-share 0.5 requires"]),
        (result(kind(10, beyond_replay=90)), 0.1, []),
        (result(kind(0, memory_bound=90)), 0.0, []),
        (result(kind(990, eof=10)), 0.5, []),
        (result(kind(9_999, maybe_hidden=1)), 0.5, ["1 missing below a full page, so lost or not flushed yet"]),
        (result(kind(980, eof=20)), 0.5, ["could not check 20 of 1,000 acknowledged messages: 20 because of eof"]),
        (result(kind(980), kind(980, cut_short=20)), 0.5, ["could not check 20 of 1,000 pushed answers"]),
        (result(kind(0)), 0.5, []),
        (result(kind(100, 5)), 0.5, []),
    ],
)
def test_too_little_is_a_doubt(audit, share, doubts):
    """The share is below the required one, or more than one in a hundred failed; findings are left to thresholds."""
    given = list(audit_doubts(audit, share, judged_by_thresholds=True))
    assert len(given) == len(doubts)
    assert all(part in doubt for part, doubt in zip(doubts, given, strict=True))


def test_a_search_that_lost_messages_is_doubted():
    """Its thresholds judge its steps, so nothing else would say so."""
    (doubt,) = audit_doubts(result(kind(100, 5)), 0.5, judged_by_thresholds=False)
    assert doubt == "the audit found that 5 messages are not stored"


def test_all_workers_and_phases_count():
    """Messages that a lost worker knew are known to be missing."""
    parts = []
    for worker in ("a", "b"):
        ledger = Ledger(DEFAULT, "e", worker)
        ledger.count("messages_appended", "burst", WARM_UP, 5)
        ledger.count("messages_appended", "burst", MAIN, 5)
        ledger.count("messages_audited", "burst", MAIN, 6)
        ledger.count("messages_unstored", "burst", MAIN, 1)
        ledger.count("messages_unaudited", "burst", MAIN, 3, "beyond_replay")
        parts.append(ledger.snapshot(1, True, 1.0))
    found = result_of(Totals(DEFAULT, parts), "replay").messages
    assert found == kind(12, 2, 0, beyond_replay=6, unreported=2)
    assert found.all == 20


def test_a_reply_without_a_seq_is_the_servers_fault():
    """No worker was lost: such a message is known, and cannot be looked for."""
    ledger = Ledger(DEFAULT, "e", "a")
    ledger.count("messages_lost", "burst", MAIN, 3, "not_pushed")
    ledger.count("messages_unaudited", "burst", MAIN, 3, "no_seq")
    found = result_of(Totals(DEFAULT, [ledger.snapshot(1, True, 1.0)]), "rest")
    assert found.messages.causes() == "3 acknowledged by a reply without `seq`, and never pushed"


def test_the_late_protocols_books_agree():
    """Messages with a push, an ok reply without one, or an open outcome must be audited; no others are missing."""
    ledger = Ledger(DEFAULT, "e", "a")
    for metric, n, label in (
        ("messages_appended", 10, ""),
        ("messages_unconfirmed", 3, "timeout"),
        ("messages_lost", 2, "not_pushed"),
        ("messages_lost", 4, "timeout"),
        ("messages_audited", 11, ""),  # one of those appended was of open outcome, and the agent answered it
        ("unconfirmed_stored", 3, ""),
        ("unconfirmed_unstored", 1, ""),
    ):
        ledger.count(metric, "burst", MAIN, n, label)
    found = result_of(Totals(DEFAULT, [ledger.snapshot(1, True, 1.0)]), "rest")
    assert found.messages == kind(11)
    assert found.unconfirmed == kind(4, 1)
