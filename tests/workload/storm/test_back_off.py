"""When a client returns: the official client's tables, custom ones, and jitter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.storm.back_off import RECONNECT, REJOIN, BackOff, jitter_of, parse_back_off


def test_the_tables_are_those_of_phoenix_js():
    """socket.js has them, after the first failure, the second and so on."""
    waits_ms = [round(RECONNECT.wait_s(failures) * 1000) for failures in range(12)]
    assert waits_ms == [10, 50, 100, 150, 200, 250, 500, 1000, 2000, 5000, 5000, 5000]
    assert [REJOIN.wait_s(failures) for failures in range(6)] == [1, 2, 5, 10, 10, 10]


@pytest.mark.parametrize(
    ("text", "waits_s"),
    [
        ("phoenix", RECONNECT.waits_s),
        (" Phoenix ", RECONNECT.waits_s),
        ("10ms", (0.01,)),
        ("0,1s, 2m", (0.0, 1.0, 120.0)),
    ],
)
def test_a_table_is_a_list_of_durations(text, waits_s):
    """Or the word for the official client's."""
    assert parse_back_off(text, RECONNECT, "--reconnect-after").waits_s == waits_s


@pytest.mark.parametrize("text", ["", ",", "1s,", "soon", "-1s", "2h", "1s,0", "0", ",".join(["1s"] * 51), "1s;2s"])
def test_what_is_no_table_is_refused(text):
    """The error names the setting."""
    with pytest.raises(UsageError, match="--reconnect-after"):
        parse_back_off(text, RECONNECT, "--reconnect-after")


@given(st.lists(st.integers(1, 3_600_000), min_size=1, max_size=50), st.integers(0, 200))
def test_a_table_reads_back_and_repeats_its_last_wait(waits_ms, failures):
    """The notation is the option's."""
    table = BackOff(tuple(ms / 1000 for ms in waits_ms))
    assert parse_back_off(str(table), RECONNECT, "x") == table
    assert table.wait_s(failures) == table.waits_s[min(failures, len(waits_ms) - 1)]


@given(st.integers(0, 2**53), st.integers(1, 10**7), st.lists(st.integers(0, 20), max_size=20))
def test_jitter_stays_below_the_table_and_is_the_users_own(seed, user, failures):
    """The same seed and user draw the same, whatever the layout."""
    one, other = jitter_of(seed, user), jitter_of(seed, user)
    waits_s = [RECONNECT.wait_s(n, one) for n in failures]
    assert waits_s == [RECONNECT.wait_s(n, other) for n in failures]
    assert all(0 <= wait_s <= RECONNECT.wait_s(n) for wait_s, n in zip(waits_s, failures, strict=True))
