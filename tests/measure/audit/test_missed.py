"""The messages a session missed while away, compared with a server that lists all of its messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.audit.missed import MAX_JUMP, Absences, Missed, MissingMessage, SeenSeqs


def message(seq, ref=""):
    return {"seq": seq, "content": {"client_ref": ref} if ref else {}}


def session_at(seq):
    """A session that saw all up to a seq and is away since."""
    session = Absences()
    for each in range(1, seq + 1):
        session.pushed(message(each))
    assert session.left() == Missed()
    return session


def write(session, ref, seq=None):
    session.writing(ref)
    session.appended(ref, seq)


def test_replay_brings_what_was_missed():
    """Only new messages count, however much of the session is replayed."""
    session = session_at(3)
    write(session, "a")
    session.replayed([message(n) for n in (1, 2, 3)] + [message(4, "a"), message(5)])
    session.pushed(message(6))
    assert session.settle() == Missed(replayed=2)


def test_a_push_brings_what_was_written_while_the_session_joined():
    """A message of its own after that was not missed."""
    session = session_at(3)
    write(session, "a", 4)
    session.replayed([])
    session.pushed(message(4, "a"))
    session.pushed(message(5))
    assert session.settle() == Missed(pushed=1)


@pytest.mark.parametrize(
    ("written", "replay", "pushes", "missing"),
    [
        ({"a": 4}, [], [], [MissingMessage(4, "a")]),  # its seq was told, and nothing else came
        ({"a": None}, [], [], [MissingMessage(None, "a")]),
        ({"a": None}, [], [5], [MissingMessage(4, "a")]),  # one gap, one message: it is the same
        ({"a": None}, [], [6], [MissingMessage(None, "a"), MissingMessage(None, "")]),
        ({}, [], [6], [MissingMessage(4, ""), MissingMessage(5, "")]),
        ({}, [5], [7], [MissingMessage(4, ""), MissingMessage(6, "")]),
        ({"a": None, "b": None}, [], [6], [MissingMessage(4, "a"), MissingMessage(5, "b")]),
        ({"a": 5}, [], [6], [MissingMessage(5, "a"), MissingMessage(4, "")]),
    ],
)
def test_what_nothing_brings_is_named(written, replay, pushes, missing):
    """Each is named once, by whatever is known of it."""
    session = session_at(3)
    for ref, seq in written.items():
        write(session, ref, seq)
    session.replayed([message(seq) for seq in replay])
    for seq in pushes:
        session.pushed(message(seq))
    missed = session.settle()
    assert sorted(missed.missing, key=str) == sorted(missing, key=str)
    assert missed.replayed == len(replay)


def test_a_replay_of_the_oldest_hundred_brings_nothing_to_a_longer_session():
    """It is the early protocol's replay: missed messages are not among the oldest."""
    session = session_at(120)
    write(session, "a")
    session.replayed([message(n) for n in range(1, 101)])
    session.pushed(message(122))
    assert session.settle() == Missed(missing=(MissingMessage(121, "a"),))
    assert session.last_seq == 122


def test_an_absence_without_an_end_tells_nothing():
    """A session that never came back has missed nothing that could have been brought."""
    session = session_at(3)
    write(session, "a", 4)
    assert session.settle() == Missed()
    assert session.settle() == Missed()


def test_a_message_that_was_not_accepted_is_not_missing():
    """Nobody promised it; one that is pushed all the same is a message like any other."""
    session = session_at(3)
    session.writing("a")
    session.replayed([])
    session.pushed(message(4, "a"))
    assert session.settle() == Missed()


@pytest.mark.parametrize("payload", [{}, {"seq": "4"}, {"seq": True}, {"seq": 0}, {"seq": -1}, {"seq": 10**15}])
def test_garbage_changes_nothing(payload):
    """It may come before or after the join, as a push or in a replay."""
    session = session_at(3)
    session.replayed([payload, None, 7])
    session.pushed(payload)
    assert session.settle() == Missed()
    assert session.last_seq == 3


def test_seen_seqs_are_bounded():
    """A jump that no session makes is ignored."""
    seen = SeenSeqs()
    assert seen.add(1)
    assert not seen.add(2 + MAX_JUMP)
    assert seen.add(3)
    assert (seen.reached, seen.highest) == (1, 3)
    seen.give_up_to(2)
    assert seen.reached == 3


@given(
    before=st.integers(0, 12),
    away=st.integers(0, 8),
    after=st.integers(0, 4),
    lost=st.sets(st.integers(1, 24)),
    written=st.sets(st.integers(1, 24)),
    tells_seq=st.booleans(),
    resumes=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_every_missed_message_is_brought_or_missing(  # noqa: PLR0917  # hypothesis passes them by name
    before, away, after, lost, written, tells_seq, resumes, order
):
    """A server numbers all messages; whatever it leaves out of a replay is found, and nothing else."""
    session = session_at(before)
    gone = set(range(before + 1, before + away + 1))
    refs = {seq: f"ref-{seq}" for seq in sorted(written & gone)}
    for seq, ref in refs.items():
        write(session, ref, seq if tells_seq else None)
    kept = gone - lost
    first = session.last_seq + 1 if resumes else 1
    session.replayed(
        [message(seq, refs.get(seq, "")) for seq in range(first, before + away + 1) if seq not in gone - kept]
    )
    live = list(range(before + away + 1, before + away + 1 + after))
    order.shuffle(live)
    for seq in live:
        session.pushed(message(seq))
    missed = session.settle()
    known = set(kept) | set(refs) if tells_seq else set(kept)
    reach = before + away if after else max(known, default=before)
    gaps = {seq for seq in gone - kept if seq <= reach}
    nameless = set() if tells_seq else {seq for seq in refs if seq in gone - kept}
    assert missed.replayed == len(kept)
    assert missed.pushed == 0
    assert len(missed.missing) == max(len(gaps), len(nameless))
    assert {each.seq for each in missed.missing} - {None} <= gaps
    assert session.last_seq == max(reach, before + away + after if after else reach)
