"""Sessions in memory and their bounds."""

import pytest

from fleetlm_users.standin.chat.session_store import Caps, Store, StoreFull, run_id_of
from fleetlm_users.standin.counters import Counters


def store_with(**caps):
    return Store(Caps(**caps), Counters())


def create(store, number, user="u", metadata=None):
    return store.create(id=f"s{number}", user_id=user, agent_id="a", metadata=metadata or {}, now_s=float(number))


def keep(store, session, count, payload=b"x" * 300):
    for _ in range(count):
        session.seq += 1
        store.keep(session, (session.seq, 1, payload))


@pytest.mark.parametrize(
    ("metadata", "run_id"),
    [({"run_id": "r1"}, "r1"), ({"run_id": 5}, ""), ({}, ""), ("text", ""), (None, "")],
)
def test_run_id_of(metadata, run_id):
    """Only a string counts."""
    assert run_id_of(metadata) == run_id


def test_index_is_newest_first_by_second_and_at_most_50():
    """The list is of one user, or of all; ids decide within a second."""
    store = store_with()
    for number in range(60):
        create(store, number, user="ab"[number % 2])
    assert [session.id for session in store.index(None)] == [f"s{number}" for number in range(59, 9, -1)]
    assert [session.id for session in store.index("b")][:2] == ["s59", "s57"]
    assert store.index("nobody") == []
    same = [store.create(id=i, user_id="z", agent_id="a", metadata={}, now_s=99.5) for i in ("zb", "za")]
    assert store.index("z") == same[::-1]


def test_the_oldest_archived_goes_first_then_the_longest_unjoined():
    """A joined session is never evicted; with all joined the store is full."""
    store = store_with(max_sessions=3)
    first, second, third = (create(store, number) for number in range(3))
    store.archive(second, 5.0)
    create(store, 3)
    assert set(store.sessions) == {"s0", "s2", "s3"}
    first.listeners = [object()]
    store.touch(first)
    create(store, 4)
    assert list(store.sessions) == ["s3", "s0", "s4"]
    for session in store.sessions.values():
        session.listeners = [object()]
    with pytest.raises(StoreFull):
        create(store, 5)
    assert store.counters.sessions_evicted == 2
    assert third.id not in store.sessions
    assert [session.id for session in store.of_user("u")] == ["s0", "s3", "s4"]


def test_archive_counts_once():
    """A second DELETE changes nothing."""
    store = store_with()
    session = create(store, 1, metadata={"run_id": "r"})
    store.archive(session, 5.0)
    store.archive(session, 6.0)
    assert (session.status, session.updated_s, store.active_sessions()) == ("archived", 5.0, 0)
    assert store.counters.run("r").sessions_deleted == 1


def test_messages_per_session_are_bounded():
    """The oldest are forgotten in quarters; the rest is the tail."""
    store = store_with(max_messages_per_session=8)
    session = create(store, 1)
    keep(store, session, 100)
    assert 8 <= len(session.messages) <= 10
    assert session.messages[-1][0] == 100
    assert store.stored_bytes == sum(500 for _ in session.messages)


def test_all_messages_are_bounded():
    """The longest unjoined sessions lose their older half first."""
    store = store_with(max_stored_bytes=50_000)
    old, new = create(store, 1), create(store, 2)
    keep(store, old, 50)
    keep(store, new, 200)
    assert store.stored_bytes <= 50_000
    assert store.stored_bytes == 500 * (len(old.messages) + len(new.messages))
    assert new.messages[-1][0] == 200
    assert store.counters.messages_evicted == 250 - len(old.messages) - len(new.messages)


def test_reading_by_seq():
    """Newest, up to a number, after a number; gaps of lost replay do no harm."""
    store = store_with()
    session = create(store, 1)
    for seq in (1, 2, 4, 5, 7):
        store.keep(session, (seq, 1, b""))

    def seqs(messages):
        return [message[0] for message in messages]

    assert seqs(session.newest(2)) == [5, 7]
    assert seqs(session.newest(2, up_to_seq=4)) == [2, 4]
    assert seqs(session.newest(9, up_to_seq=3)) == [1, 2]
    assert seqs(session.after(2, 2)) == [4, 5]
    assert seqs(session.after(7, 2)) == []
    assert seqs(session.newest(0)) == []
