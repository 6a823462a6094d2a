"""Presence: after any sequence of a server's changes, the state is the server's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.protocol.presence import DIFF, MAX_WAITING_DIFFS, STATE, Presence


def entry(*refs, **more):
    """An entry with a meta for each ref."""
    return {"metas": [{"phx_ref": ref} for ref in refs], **more}


def refs_of(state):
    """The refs of each key, whatever their order."""
    return {key: {meta["phx_ref"] for meta in value["metas"]} for key, value in state.items()}


def diff(joins=(), leaves=()):
    """A presence_diff."""
    return {"joins": dict(joins), "leaves": dict(leaves)}


TABLE = [
    ("a first connection", {}, diff([("ann", entry("1"))]), {"ann": {"1"}}),
    ("a second device", {"ann": entry("1")}, diff([("ann", entry("2"))]), {"ann": {"1", "2"}}),
    ("the same once more", {"ann": entry("1")}, diff([("ann", entry("1"))]), {"ann": {"1"}}),
    ("one device less", {"ann": entry("1", "2")}, diff((), [("ann", entry("1"))]), {"ann": {"2"}}),
    ("the last one", {"ann": entry("1")}, diff((), [("ann", entry("1"))]), {}),
    ("an update", {"ann": entry("1")}, diff([("ann", entry("2"))], [("ann", entry("1"))]), {"ann": {"2"}}),
    ("somebody unknown", {"ann": entry("1")}, diff((), [("bob", entry("9"))]), {"ann": {"1"}}),
]


@pytest.mark.parametrize(("before", "change", "after"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_change_is_applied(before, change, after):
    """The result is that of presence.js."""
    presence = Presence()
    assert presence.take(STATE, before)
    assert presence.take(DIFF, change)
    assert refs_of(presence.state) == after
    assert len(presence) == len(after)
    assert all(key in presence and presence.metas(key) for key in after)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["join", "leave"]), st.sampled_from("abc"), st.integers(0, 3)), max_size=30
)


@given(CHANGES, st.integers(0, 30), st.integers(0, 30))
def test_the_state_is_the_servers(changes, joined_after, state_after):
    """Wherever the join falls into the changes, and however late its state is sent."""
    server, presence = {}, Presence()
    state_after = max(joined_after, state_after)
    for number, (what, key, ref) in enumerate(changes):
        if number == state_after:
            presence.take(STATE, {name: entry(*refs) for name, refs in server.items()})
        refs = server.setdefault(key, set())
        if what == "join":
            refs.add(str(ref))
        else:
            refs.discard(str(ref))
        if not refs:
            del server[key]
        if number >= joined_after:
            one = [(key, entry(str(ref)))]
            presence.take(DIFF, diff(one) if what == "join" else diff((), one))
    if not presence.is_synced:
        presence.take(STATE, {name: entry(*refs) for name, refs in server.items()})
    assert {key: refs for key, refs in refs_of(presence.state).items() if refs} == expected(server, changes)


def expected(server, _changes):
    """The server's own state."""
    return {key: set(refs) for key, refs in server.items()}


def test_a_new_join_waits_for_its_state():
    """Changes before it belong to the state that is on its way."""
    presence = Presence()
    presence.take(STATE, {"ann": entry("1")})
    presence.begin()
    presence.take(DIFF, diff([("bob", entry("2"))]))
    assert refs_of(presence.state) == {"ann": {"1"}}
    presence.take(STATE, {"cid": entry("3")})
    assert refs_of(presence.state) == {"cid": {"3"}, "bob": {"2"}}


def test_the_newest_message_says_what_else_a_key_carries():
    """An example is a name from the database, merged in by the server's fetch callback."""
    presence = Presence()
    presence.take(STATE, {"ann": entry("1", user="old")})
    presence.take(DIFF, diff([("ann", entry("2", user="new"))]))
    assert presence.state["ann"]["user"] == "new"


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        (STATE, None),
        (STATE, {"ann": {}}),
        (STATE, {"ann": {"metas": [{"phx_ref": 1}]}}),
        (DIFF, {"joins": {}}),
        (DIFF, []),
        ("other", {}),
    ],
)
def test_what_is_no_presence_is_refused(event, payload):
    """Nothing changes, and it is counted."""
    presence = Presence()
    presence.take(STATE, {"ann": entry("1")})
    assert not presence.take(event, payload)
    assert presence.refused == 1
    assert refs_of(presence.state) == {"ann": {"1"}}


def test_changes_without_a_state_fill_no_memory():
    """A server that never sends a state is refused after some changes."""
    presence = Presence()
    taken = [presence.take(DIFF, diff()) for _ in range(MAX_WAITING_DIFFS + 2)]
    assert taken.count(True) == MAX_WAITING_DIFFS
    assert presence.refused == 2
