"""The search that the options describe."""

import re

import pytest
from msgspec.structs import replace

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.capacity_search import SearchPlan
from fleetlm_users.workload.options.capacity import (
    CAPACITY_OPTIONS,
    SearchSettings,
    message_interval_s,
    search_settings,
)
from fleetlm_users.workload.options.resolution import resolve
from fleetlm_users.workload.presets.presets import load_presets


def options(num_users=None, **raw):
    return resolve(
        raw,
        load_presets(None),
        "capacity",
        ("capacity",),
        host=None,
        num_users=num_users,
        run_time_s=None,
        spawn_rate=None,
        new_run_id=lambda: "r1",
        new_seed=lambda: 7,
        extra_specs=CAPACITY_OPTIONS,
    )


def test_the_defaults_make_a_search():
    """It searches for sessions, by doubling."""
    found = search_settings(options())
    assert (found.plan.first, found.plan.factor, found.plan.most, found.plan.precision) == (10, 2, 5000, 0.05)
    assert (found.hold_s, found.settle_s, found.join_rate, found.unit, found.per_user) == (30, 5, 50, "sessions", 1)
    assert "searching for the most sessions: 10 users first" in str(found)
    assert (found.recover_s, found.confirm_s, found.plan.confirms) == (120, 60, True)
    assert found.patience_s > 2 * 30


def test_messages_are_made_by_users():
    """The default is ten a second each."""
    found = search_settings(options(search="messages", num_users=3))
    assert (found.unit, found.per_user, found.plan.first) == ("messages/s", 10, 3)
    assert search_settings(options(search="messages", message_interval="50ms")).per_user == 20


def test_sessions_write_now_and_then():
    """The default is every 5 s."""
    assert message_interval_s(options()) == 5
    assert message_interval_s(options(message_interval="1s")) == 1


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"most": "5"}, "--most 100"),
        ({"step_factor": "1"}, "a number above 1"),
        ({"step_factor": "0.5"}, "a number above 1"),
        ({"search": "users"}, "sessions, messages"),
        ({"hold": "0"}, "HOLD"),
        ({"precision": "0"}, "PRECISION"),
        ({"abort_on_fail": True}, "looks for the load that fails"),
    ],
)
def test_a_search_that_leads_nowhere_is_refused(raw, said):
    """The error says what would be right."""
    with pytest.raises(UsageError, match=said):
        search_settings(options(**raw))


def test_how_long_a_load_is_confirmed():
    """Twice as long as a step is held, unless asked otherwise; 0 leaves it out, and that is said."""
    assert search_settings(options(hold="10s")).confirm_s == 20
    found = search_settings(options(hold="10s", confirm="5m"))
    assert (found.held_s(False), found.held_s(True)) == (10, 300)
    assert "the kept load confirmed for 5m" in str(found)
    without = search_settings(options(confirm="0"))
    assert not without.plan.confirms
    assert "the kept load not confirmed (--confirm 0)" in str(without)


def test_how_long_a_search_may_take_is_said():
    """It is in seconds or minutes, and longer if more is requested."""
    low_s, high_s = search_settings(options()).estimate_s()
    assert 60 < low_s < high_s
    assert "takes 2 to " in str(search_settings(options(most="10")))
    assert search_settings(options(hold="60s")).estimate_s() > (low_s, high_s)
    short = search_settings(options(num_users=1, most="1", hold="1s", settle="0s"))
    assert re.search(r"takes \d+s to \d+s, and longer if the server is slow to recover", str(short))


def test_settings_of_somebody_else_need_not_say_how_long_a_load_is_confirmed():
    """Twice as long as a step is held, unless the plan does not confirm."""
    plan = SearchPlan(first=10, factor=2.0, most=100, precision=0.05)
    given = {"hold_s": 7.0, "settle_s": 1.0, "join_rate": 50.0, "unit": "sessions", "per_user": 1.0}
    assert SearchSettings(plan, **given).held_s(True) == 14
    assert SearchSettings(replace(plan, confirms=False), **given).confirm_s == 0
