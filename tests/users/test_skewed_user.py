"""Users that share one timetable unevenly."""

from types import SimpleNamespace

import pytest

from fleetlm_users.users.behaviours.throughput import HotPathUser, ThroughputUser
from fleetlm_users.users.skewed_user import SkewedUser
from fleetlm_users.workload.skew.shares import WHOLE


def test_the_users_of_a_run_have_all_of_the_timetable(stage):
    """Each another part of it; the busiest tenth is counted apart."""
    lives = stage(ThroughputUser, users=12, skew="zipf:1.5", arrival_rate="120", runtime_ms="1000")
    counts = lives.until_idle()
    parts = [user.part for user in lives.users]
    assert sum(part.size for part in parts) == WHOLE
    assert sorted(user.main_phase for user in lives.users) == ["main:busiest"] * 2 + ["main:rest"] * 10
    sent = {count.phase: 0 for count in lives.local_run.snapshot().counts if count.metric == "messages_sent"}
    assert set(sent) == {"main:busiest", "main:rest"}
    # each sends for a second from its own join on: the ends of its time may cut its share a message long or short
    assert 0 < counts["messages_sent"] <= 120 + 2 * len(parts)


def test_users_of_an_even_load_have_no_part(stage):
    """Their messages count for the main phase as ever."""
    lives = stage(ThroughputUser, users=2, send_interval="50", runtime_ms="200")
    lives.until_idle()
    assert [(user.part, user.main_phase) for user in lives.users] == [(None, "main")] * 2


@pytest.mark.parametrize("kind", [HotPathUser, ThroughputUser])
def test_what_is_due_while_a_lost_session_is_replaced_is_counted(stage, kind):
    """Each message of a user's part since its first join is sent or counted, however often its session breaks."""
    lives = stage(kind, users=2, skew="zipf:1", send_interval="10", runtime_ms="1500")
    session = lives.until(lambda: next((s for s in lives.server.sessions.values() if len(s.messages) > 4), None))
    session.socket.lose("eof")
    counts = lives.until_idle()
    due = 0
    for user in lives.users:
        due += sum(1 for _ in user.skewed_dues(user.part, 0.01, user.since_s, user.until_s))
    assert counts["messages_not_sent:no_session"] > 0
    assert counts["messages_sent"] + counts["messages_not_sent"] == due


class PlayedUser(SkewedUser):
    """One of several kinds of users in a run."""

    scenario = "played"

    def __init__(self, vu, users):
        self.vu = vu
        self.environment = None
        plan = SimpleNamespace(users=users)
        self.current_run = SimpleNamespace(
            options=SimpleNamespace(plan=plan, seed=7, extra={"skew": "zipf:1"}), resource=lambda _kind, make: make()
        )


def test_a_user_of_several_kinds_is_counted_among_its_own(monkeypatch):
    """Its number follows the spawn order of all users; one beyond the plan shares a part with another."""
    order = ["PlayedUser", "Other", "Other", "PlayedUser", "Other", "PlayedUser"]
    context = SimpleNamespace(benchmark=SimpleNamespace(spawn_order=lambda _options: iter(order)))
    monkeypatch.setattr("fleetlm_users.users.skewed_user.context_of", lambda _environment: context)
    users = [PlayedUser(vu, {"played": 3, "other": 3}) for vu in (1, 4, 6)]
    assert len({id(user.part) for user in users}) == 3
    assert sum(user.part.size for user in users) == WHOLE
    assert PlayedUser(20_000_005, {"played": 3, "other": 3}).part in [user.part for user in users]
