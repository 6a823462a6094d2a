"""The record of lost and changed messages: all are counted, the first are named."""

from fleetlm_users.standin.storage import loss_record
from fleetlm_users.standin.storage.loss_record import CAUSES, CRASH, FAULT, Acknowledged, LossRecord


def message(seq):
    return Acknowledged("s", seq, "2026-11-23T20:11:12.413308", "u")


def test_the_first_are_named_and_all_are_counted(monkeypatch):
    """The names are session, seq, sender and moment."""
    monkeypatch.setattr(loss_record, "MAX_NAMED", 2)
    record = LossRecord()
    for seq in range(1, 6):
        record.lose(FAULT, message(seq))
        record.change(message(seq + 10))
    shown = record.as_json()
    assert (shown["lost_total"], shown["changed_total"], len(shown["changed"])) == (5, 5, 2)
    assert [entry["seq"] for entry in shown["lost"]] == [1, 2]
    named = {"session_id": "s", "seq": 1, "inserted_at": "2026-11-23T20:11:12.413308", "sender_id": "u"}
    assert shown["lost"][0] == {**named, "cause": FAULT}


def test_what_is_lost_is_not_changed():
    """It was to be stored with another text, and never was."""
    record = LossRecord()
    record.change(message(1))
    record.lose(CRASH, message(1))
    assert (record.as_json()["changed_total"], record.as_json()["changed"]) == (0, [])


def test_a_seq_that_a_crash_lost_is_given_out_again_once():
    """Other losses leave their seq behind for good."""
    record = LossRecord()
    record.lose(FAULT, message(1))
    record.lose(CRASH, message(2))
    for _ in range(2):
        record.give_out("s", 1)
        record.give_out("s", 2)
    assert (record.as_json()["seqs_given_out_again"], record.has_crashed) == (1, False)


def test_every_cause_is_explained():
    """The explanations are for docs and readers of the code."""
    assert all(CAUSES.values())
