"""FleetLM's defects."""

from itertools import pairwise

import pytest

from fleetlm_users.standin.chat.ids import NaiveStamps
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import make, seq_of
from fleetlm_users.standin.counters import RunCounters
from fleetlm_users.standin.faults.quirks import FlushClock, entire, oldest

START_S = 1_700_000_000.1


def session_with(*moments_s):
    """A session with a message at each moment."""
    session = Session(id="s", user_id="u", agent_id="a", metadata={}, now_s=0.0, run=RunCounters())
    for seq, moment_s in enumerate(moments_s, 1):
        parts = {"sender": b'"u"', "kind": b'"text"', "content": b"{}", "metadata": b"{}", "session_id": b"s"}
        session.keep(make(seq, id=b"0" * 26, stamp=NaiveStamps().micros(moment_s), **parts), 1000)
    return session


@pytest.mark.parametrize(
    ("ages_s", "limit", "expected"),
    [
        ((9, 8, 7), 2, [1, 2]),  # all flushed: the oldest of the session
        ((9, 8, 0.01, 0), 2, [3, 4]),  # enough unflushed: the oldest of those
        ((9, 8, 0.01, 0), 3, [1, 2, 3]),  # not enough: of the session
        ((0.02, 0.01, 0), 1, [1]),
        ((), 5, []),
    ],
)
def test_oldest(ages_s, limit, expected):
    """They come from the unflushed log if it has that many, else from the session."""
    now_s = int(START_S / 0.3) * 0.3 + 0.1
    flushed = FlushClock().flushed_stamp(now_s)
    session = session_with(*(now_s - age_s for age_s in ages_s))
    assert [seq_of(message) for message in oldest(session, limit, flushed)] == expected


def test_entire_knows_only_what_is_flushed():
    """The newest may be missing."""
    now_s = int(START_S / 0.3) * 0.3 + 0.1
    session = session_with(now_s - 5, now_s)
    assert [seq_of(message) for message in entire(session, FlushClock().flushed_stamp(now_s))] == [1]


@pytest.mark.parametrize(("per_s", "least", "most"), [(10, 0.0, 0.02), (500, 0.03, 0.12), (1900, 0.2, 0.35)])
def test_losses_are_about_those_measured(per_s, least, most):
    """0.2 % at 10 messages/s, several percent at 500/s, 28 % at full speed."""
    clock = FlushClock()
    count = per_s * 60
    lost = sum(not clock.stores(START_S + number * 1.0037 / per_s) for number in range(count))
    assert least <= lost / count <= most


@pytest.mark.parametrize(("per_s", "least", "most"), [(200, 0.007, 0.013), (930, 0.03, 0.05), (2300, 0.08, 0.12)])
def test_losses_of_clients_in_step_with_the_flushes(per_s, least, most):
    """Messages of many sessions, each every 100 ms; measured at 100, 500 and 2,000 sent per second: 1, 2.4 and 12 %."""
    clock = FlushClock(0.3, 40e-6)
    senders = per_s // 10
    moments_s = [START_S + tenth / 10 + number / senders / 10 for tenth in range(600) for number in range(senders)]
    lost = sum(not clock.stores(moment_s) for moment_s in moments_s)
    assert least <= lost / len(moments_s) <= most


def test_flushes_without_spread_begin_on_whole_periods():
    """With spread, no two come close together."""
    exact, spread = FlushClock(5.0, spread=0.0), FlushClock(0.3)
    assert exact.next_s(1_700_000_001.0) == 1_700_000_005.0
    begins_s = [START_S]
    for _ in range(50):
        begins_s.append(spread.next_s(begins_s[-1] + 1e-6))
    gaps_s = [after - before for before, after in pairwise(begins_s[1:])]
    assert (min(gaps_s) > 0.19, max(gaps_s) < 0.41) == (True, True)
