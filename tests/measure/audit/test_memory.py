"""The memory of acknowledged messages: all of them, in 32 bytes each; beyond the bound, fewer whole sessions."""

import gc
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.audit import memory as memory_module
from fleetlm_users.measure.audit.memory import ANSWER_TAG, MAX_NUMBER, AuditMemory, Remembered, own_tag

STARTED_S = 1000.0
U32 = st.integers(0, 2**32 - 1)
ROWS = st.lists(st.tuples(U32, st.integers(0, 2**64 - 1), st.integers(0, 10**6), st.integers(-1, MAX_NUMBER)))


@given(ROWS)
def test_it_gives_back_what_it_took(rows):
    """They come in order of acknowledgement; a number of -1 stands for an answer."""
    memory = AuditMemory(10**9, STARTED_S)
    session = memory.begin("s", "burst", "p")
    for seq, digest, at_ms, number in rows:
        tag = ANSWER_TAG if number < 0 else own_tag(number)
        session.add(seq, digest, STARTED_S + (at_ms + 0.5) / 1000, tag)
    session.close()
    expected = [Remembered(seq, digest, at_ms, max(number, 0), number < 0) for seq, digest, at_ms, number in rows]
    assert list(session.messages()) == expected
    assert len(memory) == len(session) == len(rows)


@pytest.mark.parametrize("per_session", [50, 2_000])
@pytest.mark.parametrize("is_over", [False, True], ids=["open", "over"])
def test_a_message_takes_at_most_32_bytes(per_session, is_over):
    """All bytes that Python takes for 20,000 messages, sessions and buffers among them."""
    sessions = 20_000 // per_session
    gc.collect()
    tracemalloc.start()
    try:
        memory = AuditMemory(10**6, STARTED_S)
        for number in range(sessions):
            session = memory.begin(f"01M850HCSCBYS8BDYYV9{number:06}", "burst", "bench-r1128-0040-3c9e-1")
            session.ref_prefix = "r1128-0040-3c9e-1-1"
            for seq in range(1, per_session + 1):
                session.add(seq, 2**63 + seq, STARTED_S + seq, own_tag(seq))
            if is_over:
                session.close()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken / len(memory) <= 32


def test_beyond_the_bound_whole_sessions_go():
    """Remaining sessions are whole; dropped ones, and what still arrives for them, are counted by kind."""
    memory = AuditMemory(1_000, STARTED_S)
    for number in range(100):
        session = memory.begin(f"session-{number}", "burst", "p")
        for seq in range(1, 31):
            session.add(seq, seq, STARTED_S, own_tag(seq) if seq % 2 else ANSWER_TAG)
    kept = memory.sessions
    assert {len(session) for session in kept} == {30}
    assert 970 <= len(memory) == 30 * len(kept) <= 1_000
    dropped = 100 - len(kept)
    assert memory.not_remembered == {"burst": [15 * dropped, 15 * dropped, 0]}


def test_what_stays_is_a_sample_of_the_whole_run():
    """Early and late sessions are kept alike: neither end of a run escapes the audit."""
    memory = AuditMemory(2_000, STARTED_S)
    for number in range(10_000):
        memory.begin(f"session-{number}", "burst", "p").add(1, 1, STARTED_S, own_tag(1))
    kept = [int(session.session_id.partition("-")[2]) for session in memory.sessions]
    quarters = [sum(low <= number < high for number in kept) for low, high in pairwise(range(0, 10_001, 2_500))]
    assert sum(quarters) == 2_000
    assert all(400 <= quarter <= 600 for quarter in quarters), quarters


def test_one_session_larger_than_the_bound_is_dropped_whole():
    """No part of it is remembered, and all of it is counted."""
    memory = AuditMemory(10, STARTED_S)
    session = memory.begin("s", "burst", "p")
    for seq in range(1, 21):
        session.add(seq, seq, STARTED_S, own_tag(seq))
    assert len(memory) == len(session) == 0
    assert memory.not_remembered == {"burst": [20, 0, 0]}


def test_the_number_of_sessions_is_bounded_too(monkeypatch):
    """A run of ever new sessions holds no more than that, and counts the messages of all others."""
    monkeypatch.setattr(memory_module, "MAX_SESSIONS", 100)
    memory = AuditMemory(10**6, STARTED_S)
    for number in range(1_000):
        memory.begin(f"session-{number}", "churn", "p").add(1, 1, STARTED_S, own_tag(1))
    assert len(memory.sessions) == len(memory) == 100
    assert memory.not_remembered == {"churn": [900, 0, 0]}


def test_what_came_before_a_moment_can_be_left_out():
    """The statistics were reset then."""
    session = AuditMemory(10, STARTED_S).begin("s", "burst", "p")
    for seq in (1, 2, 3):
        session.add(seq, 1, STARTED_S + seq, own_tag(seq))
    assert [message.seq for message in session.messages(2_000)] == [2, 3]


@pytest.mark.parametrize("seq", [-1, 2**32, 10**30])
def test_a_seq_that_does_not_fit_is_counted(seq):
    """A server may say anything; it happens in the event loop, where nothing may be raised."""
    memory = AuditMemory(10, STARTED_S)
    session = memory.begin("s", "burst", "p")
    session.add(seq, 1, STARTED_S, ANSWER_TAG)
    assert len(session) == 0
    assert memory.not_remembered == {"burst": [0, 1, 0]}


def test_it_names_messages():
    """The name comes from the prefix that a session's references share."""
    session = AuditMemory(10, STARTED_S).begin("s", "burst", "p")
    session.ref_prefix = "run-3-1"
    assert session.client_ref(17) == "run-3-1-17"
    assert session.client_ref(0) == ""
    assert "0 messages" in repr(session)
