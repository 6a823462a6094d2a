"""The cost of a break, from a session's rows: ages, open messages, seqs assigned twice, messages a client drops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.audit.comparison import Stored
from fleetlm_users.measure.audit.crash import break_outcome
from fleetlm_users.measure.audit.memory import ANSWER_TAG, MAX_OPEN, AuditMemory, own_tag


def session_of(*rows, breaks=(), left_open=()):
    """Rows are (seq, digest, second); a negative digest is an answer's."""
    session = AuditMemory(10**6, 0.0).begin("s", "durability", "p")
    for number, (seq, digest, at_s) in enumerate(rows, 1):
        session.add(seq, abs(digest), at_s, own_tag(number) if digest > 0 else ANSWER_TAG)
    for at_s in breaks:
        session.broke(at_s)
    for digest in left_open:
        session.left_open(digest)
    return session


def test_age_counts_back_from_the_break():
    """The oldest that is gone and the youngest that is stored say how many seconds of acknowledgements are lost."""
    session = session_of((1, 10, 1.0), (2, -11, 1.1), (3, 12, 2.0), (4, 13, 2.5), (3, 14, 4.0), breaks=[3.0])
    outcome = break_outcome(session, Stored({1: 10, 2: 11, 3: 14}))
    assert outcome.kept_ages_ms == [2000]
    assert outcome.lost_ages_ms == [1000, 500]
    assert outcome.counts["seqs_given_twice"] == 1
    assert outcome.counts["messages_below_resume"] == 1


def test_each_message_belongs_to_the_next_break():
    """A server may crash more than once."""
    session = session_of((1, 10, 1.0), (2, 11, 5.0), breaks=[2.0, 6.0])
    assert break_outcome(session, Stored({})).lost_ages_ms == [1000, 1000]


def test_an_answer_has_no_age_but_shows_a_seq_given_twice():
    """Answers are counted by the audit; ages are those of acknowledgements."""
    session = session_of((1, 10, 1.0), (2, -11, 1.0), (2, 12, 3.0), breaks=[2.0])
    outcome = break_outcome(session, Stored({1: 10, 2: 12}))
    assert outcome.lost_ages_ms == []
    assert outcome.counts["seqs_given_twice"] == outcome.counts["messages_below_resume"] == 1


def test_what_came_again_is_no_new_message():
    """The same content under the same seq is what the client already shows."""
    session = session_of((1, -10, 1.0), (2, -11, 1.0), (2, -11, 3.0), (3, -12, 3.0), breaks=[2.0])
    assert break_outcome(session, Stored({})).counts["messages_below_resume"] == 0


@pytest.mark.parametrize(
    ("stored", "fate"),
    [
        (Stored({7: 99}), "open_messages_stored"),
        (Stored({7: 98}), "open_messages_unstored"),
        (Stored({7: 98}, 5, None), "open_messages_unaudited"),  # a full replay, which reaches a part
    ],
)
def test_what_was_open_is_found_by_its_content(stored, fate):
    """Its seq never came; client_ref is a part of its content."""
    outcome = break_outcome(session_of((1, 1, 1.0), breaks=[2.0], left_open=[99]), stored)
    assert {name: n for name, n in outcome.counts.items() if name.startswith("open")} == {fate: 1}


def test_what_is_open_is_bounded():
    """A server that is gone for hours loses what nobody can remember."""
    session = session_of(breaks=[1.0], left_open=range(MAX_OPEN + 5))
    assert len(session.open_digests) == MAX_OPEN


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3)), max_size=30))
def test_a_session_without_a_break_costs_nothing(rows):
    """It holds whatever is stored of it."""
    outcome = break_outcome(session_of(*((seq, digest, float(n)) for n, (seq, digest) in enumerate(rows))), Stored({}))
    assert not outcome.counts
    assert not outcome.lost_ages_ms + outcome.kept_ages_ms


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_server_that_lost_nothing_is_accused_of_nothing(before, after):
    """Seqs go on where they were."""
    rows = [(seq, seq, 1.0 if seq <= before else 3.0) for seq in range(1, before + after + 1)]
    outcome = break_outcome(session_of(*rows, breaks=[2.0]), Stored({seq: seq for seq, *_ in rows}))
    assert outcome.lost_ages_ms == []
    assert outcome.kept_ages_ms == [1000] * before
    assert not +outcome.counts
