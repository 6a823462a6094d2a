"""The effects on each send and each message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.standin.faults.faults import HELP, TYPES, Faults, FaultState, PushFate, as_json, changed, value_of


def test_every_fault_is_explained():
    """One line each."""
    assert HELP.keys() == TYPES.keys()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("broadcast_delay_ms", 50, 50.0), ("no_agent", True, True), ("lose_every", 0, 0), ("stall_at_s", 0.5, 0.5)],
)
def test_good_values(name, value, expected):
    """Whole numbers are accepted for the others, too."""
    assert value_of(name, value) == expected
    assert type(value_of(name, value)) is TYPES[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nope", 1),
        ("lose_every", 1.5),
        ("lose_every", True),
        ("lose_every", None),
        ("no_agent", "yes"),
        ("stall_ms", -1),
        ("stall_ms", float("inf")),
        ("stall_ms", float("nan")),
    ],
)
def test_bad_values(name, value):
    """The error names the fault, the value and the accepted form."""
    with pytest.raises(UsageError) as caught:
        value_of(name, value)
    assert (name in str(caught.value), "expected" in str(caught.value)) == (True, True)


def test_changed_changes_all_or_nothing():
    """The others keep their values."""
    faults = changed(Faults(lose_every=2), {"no_agent": True})
    assert (faults.lose_every, faults.no_agent) == (2, True)
    assert as_json(faults)["lose_every"] == 2
    with pytest.raises(UsageError):
        changed(faults, {"no_agent": False, "nope": 1})


@pytest.mark.parametrize(
    ("faults", "quiet"),
    [
        (Faults(), True),
        (Faults(no_agent=True, unavailable=True, refuse_joins=True, stall_ms=5, session_limit=1), True),
        (Faults(webhook_service_ms=1), True),
        (Faults(broadcast_delay_ms=1), False),
        (Faults(lose_every=1), False),
        (Faults(backpressure_every=1), False),
        (Faults(lose_replay_every=1), False),
        (Faults(change_every=1), False),
        (Faults(append_rate_limit=1), False),
    ],
)
def test_quiet(faults, quiet):
    """Only faults that affect sends, storage or pushes take the slow path."""
    assert FaultState(faults).quiet is quiet


def test_sends():
    """A disconnect beats a rejection beats backpressure."""
    state = FaultState(Faults(disconnect_every=6, reject_every=3, backpressure_every=2))
    found = [state.on_send() for _ in range(6)]
    assert found == [None, "backpressure", "reject", "backpressure", None, "disconnect"]
    state.set(state.faults)
    assert state.on_send() is None  # counting starts again


@given(st.integers(1, 20), st.integers(1, 200))
def test_each_nth_is_exact(every, count):
    """Exactly count // every."""
    state = FaultState(Faults(lose_every=every, lose_replay_every=every))
    assert [state.on_message().copies for _ in range(count)].count(0) == count // every
    assert [state.stores() for _ in range(count)].count(False) == count // every
    state.set(Faults(append_twice_every=every))
    assert [state.repeats() for _ in range(count)].count(True) == count // every


def test_fates():
    """A lost message is lost, whatever else would apply."""
    state = FaultState(Faults(lose_every=4, double_every=2, reorder_every=3, garbage_every=2))
    fates = [state.on_message() for _ in range(4)]
    assert fates == [PushFate(), PushFate(2, False, True), PushFate(1, True, False), PushFate(0)]
    assert FaultState(Faults(no_broadcast=True)).on_message() == PushFate(0)
