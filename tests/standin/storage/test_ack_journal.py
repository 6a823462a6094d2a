"""The journal of acknowledged messages, from which a new process learns what the last one lost."""

import pytest

from fleetlm_users.standin.storage.ack_journal import AckJournal
from fleetlm_users.standin.storage.loss_record import CRASH, FLUSH, Acknowledged, LossRecord
from fleetlm_users.standin.storage.storage_options import StorageUnusable


def message(seq, session_id="s"):
    return Acknowledged(session_id, seq, "2026-11-23T20:11:12.413308", "u")


def balanced(path, stored):
    """The record of a process that starts with this journal, and its journal."""
    record, journal = LossRecord(), AckJournal(path)
    journal.balance({("s", seq) for seq in stored}, record)
    return record, journal


def named(record):
    return [(entry["seq"], entry["cause"]) for entry in record.as_json()["lost"]]


def test_what_is_acknowledged_and_not_stored_was_lost_by_the_crash(tmp_path):
    """Unless it was known to be lost already."""
    record, journal = balanced(tmp_path / "journal", [])
    for seq in (1, 2, 3, 4):
        journal.acknowledge(message(seq))
    journal.lose(FLUSH, message(2))
    journal.change(message(1))
    journal.close()
    record, _ = balanced(tmp_path / "journal", [1, 3])
    assert named(record) == [(2, FLUSH), (4, CRASH)]
    assert (record.crashes, record.as_json()["changed"][0]["seq"]) == (1, 1)


def test_a_further_crash_finds_only_its_own_losses(tmp_path):
    """A seq that was lost, given out again and stored was lost once; one that was lost twice, twice."""
    _, journal = balanced(tmp_path / "journal", [])
    for seq in (1, 2, 3):
        journal.acknowledge(message(seq))
    journal.close()
    _, journal = balanced(tmp_path / "journal", [1])
    for seq in (2, 3):
        journal.acknowledge(message(seq))
    journal.close()
    record, journal = balanced(tmp_path / "journal", [1, 2])
    journal.close()
    assert named(record) == [(2, CRASH), (3, CRASH), (3, CRASH)]
    assert record.again == 2
    assert named(balanced(tmp_path / "journal", [1, 2])[0]) == named(record)


def test_a_line_that_the_kill_cut_off_was_not_acknowledged(tmp_path):
    """The next line begins in its place."""
    path = tmp_path / "journal"
    _, journal = balanced(path, [])
    journal.acknowledge(message(1))
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    record, journal = balanced(path, [])
    journal.close()
    assert named(record) == [(1, CRASH)]
    assert named(balanced(path, [])[0]) == [(1, CRASH)]


def test_another_file_is_refused(tmp_path):
    """The error names the first line that is not a journal entry."""
    path = tmp_path / "notes"
    path.write_text("dear diary\n", encoding="utf-8")
    with pytest.raises(StorageUnusable, match=r"line 1 of .*notes is not a journal entry"):
        balanced(path, [])
