"""The behaviours of the benchmarks, each on a played server: what they send, when they are done, what they notice."""

from types import SimpleNamespace

import gevent
import pytest

from fleetlm_users.errors import Disconnected, UsageError
from fleetlm_users.users import (
    ConcurrentUser,
    CorrectnessUser,
    HotPathUser,
    LifecycleUser,
    ThroughputUser,
    virtual_user,
)
from fleetlm_users.users.behaviours.capacity import CapacityUser
from fleetlm_users.users.behaviours.pipeline import PipelineUser
from fleetlm_users.workload.plan import make_plan
from fleetlm_users.workload.presets.preset import Preset


def test_a_life_is_so_many_questions_each_awaited(stage):
    """The next one is due when the answer to the last one came."""
    lives = stage(LifecycleUser, users=3, iterations="4", messages_per_session="2")
    counts = lives.until_idle()
    assert counts["sessions_completed"] == 12
    assert counts["messages_sent"] == counts["agent_replies_matched"] == 24
    assert lives.trend("lifecycle_total_ms") == 12
    assert [len(session.messages) for session in lives.server.sessions.values()] == [4] * 12


def test_a_broken_life_has_no_total(stage):
    """A visit cut in half is not a fast visit."""
    lives = stage(LifecycleUser, users=1, iterations="2", reply_timeout="50ms")
    lives.server.answers = False
    counts = lives.until_idle()
    assert counts["session_failures"] == 2
    assert lives.trend("lifecycle_total_ms") == 0


def test_held_sessions_are_left_after_their_time_and_begun_again(stage):
    """100 ms here; the pings of 30 s never come."""
    held = stage(ConcurrentUser, users=2, keep_alive_ms="10000", time_scale="0.01")
    held.until(lambda: held.count_of("sessions_completed") >= 4)
    counts = held.end()
    assert counts["sessions_completed"] >= 4
    assert "messages_sent" not in counts


def test_a_held_session_that_is_lost_is_noticed_at_once(stage):
    """The user does not wait for the next ping."""
    held = stage(ConcurrentUser, users=1, keep_alive_ms="0")
    session = held.until(lambda: next(iter(held.server.sessions.values()), None))
    handler = held.until(lambda: session.handler)
    handler.on_down(Disconnected("closed_1012"), 0.0)
    held.until(lambda: held.count_of("session_failures", "closed_1012"))
    assert held.end()["disconnects:closed_1012"] == 1


def test_a_steady_user_sends_for_its_runtime_in_one_session(stage):
    """19 messages 50 ms apart in one second, on a busy machine too: the first after one interval, none at the end."""
    steady = stage(ThroughputUser, users=2, send_interval="50", runtime_ms="1000")
    counts = steady.until_idle()
    assert 38 <= counts["messages_sent"] <= 40
    assert counts["sessions_started"] == counts["sessions_completed"] == 2


def test_shares_of_a_rate_add_up_and_what_had_no_session_is_counted(stage, monkeypatch):
    """Sent and not sent together are the rate times the time."""
    monkeypatch.setattr(virtual_user, "RETRY_PAUSE_S", 1.0)
    arrivals = stage(ThroughputUser, users=3, arrival_rate="120", runtime_ms="2000")
    session = arrivals.until(lambda: next(iter(arrivals.server.sessions.values()), None))
    arrivals.until(lambda: len(session.messages) > 10)
    session.handler.on_down(Disconnected("eof"), 0.0)
    counts = arrivals.until_idle()
    not_sent = counts["messages_not_sent:no_session"]
    assert not_sent > 20  # a second of pause after a failure, at 40 a second
    assert abs(counts["messages_sent"] + not_sent - 240) <= 3


def delivered_later(stage):
    """Makes a server keep each message until the event loop's next turn; returns how many it keeps, now and at most."""
    delayed = SimpleNamespace(now=0, most=0)

    def tell(messages):
        delayed.now += 1
        delayed.most = max(delayed.most, delayed.now)
        gevent.spawn(deliver, messages)
        return []

    def deliver(messages):
        delayed.now -= 1
        for message in messages:
            stage.server.push(next(iter(stage.server.sessions.values())), message)

    stage.server.tell = tell
    return delayed


def test_a_closed_loop_goes_as_fast_as_fates_come(stage):
    """It never has more than its depth in flight."""
    loop = stage(ThroughputUser, users=1, pipeline_depth="3", runtime_ms="0")
    delayed = delivered_later(loop)
    loop.until(lambda: len(loop.server.sent_at) >= 9)
    counts = loop.end()
    assert delayed.most == 3
    assert counts["messages_sent"] >= 9
    assert counts["messages_appended"] == counts["messages_sent"]


def test_a_closed_loop_ends_with_the_runtime(stage):
    """Messages in flight by then still get their fate."""
    loop = stage(ThroughputUser, users=1, pipeline_depth="3", runtime_ms="50")
    delayed = delivered_later(loop)
    counts = loop.until_idle()
    assert delayed.most == 3
    assert counts["messages_appended"] == counts["messages_sent"] >= 3
    assert counts["sessions_started"] == counts["sessions_completed"] == 1


def test_the_hot_path_leaves_the_agent_alone(stage):
    """Its answers are received and neither awaited, matched nor missed."""
    hot = stage(HotPathUser, users=1, send_interval="20", runtime_ms="200")
    counts = hot.until_idle()
    assert counts["agent_replies"] == counts["messages_appended"] >= 8
    followed = {"agent_replies_due", "agent_replies_matched", "agent_replies_unmatched", "messages_unanswered"}
    assert not followed & counts.keys()


def test_an_open_and_a_closed_load_contradict_each_other(stage):
    """The error names both."""
    loads = stage(ThroughputUser, users=1, arrival_rate="5", pipeline_depth="2", runtime_ms="1")
    with pytest.raises(UsageError, match=r"--arrival-rate .* --pipeline-depth"):
        ThroughputUser.check_options(loads.options)


def test_a_runtime_within_the_warm_up_is_refused(stage):
    """Nothing would be judged."""
    loads = stage(HotPathUser, users=1, runtime_ms="100", send_interval="10")
    plan = make_plan(Preset("played", "p", {"hot_path": 1}, 60.0, warm_up_s=5.0))
    with pytest.raises(UsageError, match="warm-up of 5s"):
        HotPathUser.check_options(with_plan(loads.options, plan))


def with_plan(options, plan):
    return type(options)(**{**vars(options), "plan": plan})


def test_a_correct_server_is_found_correct(stage):
    """Live and replayed."""
    rounds = stage(CorrectnessUser, users=2, iterations="2", messages="5")
    counts = rounds.until_idle()
    assert counts["messages_checked"] == counts["messages_correct"] == 20
    assert counts["replay_checked"] == 40
    assert all(session.joins == 2 for session in rounds.server.sessions.values())
    assert rounds.found == []


def test_no_more_than_the_depth_is_in_flight_in_a_round(stage):
    """--pipeline-depth 1: one after the other, by their own broadcasts."""
    rounds = stage(CorrectnessUser, users=1, iterations="1", messages="4", pipeline_depth="1")
    counts = rounds.until_idle()
    assert counts["messages_correct"] == 4


def lose_third(messages):
    return [message for message in messages if message["seq"] != 3]


def double_third(messages):
    return [copy for message in messages for copy in [message] * (1 + (message["seq"] == 3))]


@pytest.mark.parametrize(
    ("role", "wrong", "kind"),
    [
        ("tell", lose_third, "lost"),
        ("tell", double_third, "doubled"),
        ("replayed", lose_third, "unreplayed"),
        ("replayed", lambda messages: [{**m, "content": {}} if m["seq"] == 3 else m for m in messages], "changed"),
    ],
)
def test_the_faulty_message_is_named(stage, role, wrong, kind):
    """The name has session, seq and client_ref."""
    rounds = stage(CorrectnessUser, users=1, iterations="1", messages="4", reply_timeout="100ms")
    setattr(rounds.server, role, wrong)
    counts = rounds.until_idle()
    assert [(found["kind"], found["session_id"], found["seq"]) for found in rounds.found] == [(kind, "s1", 3)]
    assert rounds.found[0]["client_ref"].startswith("r1-")
    assert counts["messages_checked"] - counts["messages_correct"] == 1
    assert counts[f"message_flaws:{kind}"] == 1


def test_a_round_that_breaks_is_judged_all_the_same(stage):
    """Messages lost with the connection count as lost; the journey has failed, too."""
    rounds = stage(CorrectnessUser, users=1, iterations="1", messages="3")

    def cut(messages):
        session = rounds.server.sessions["s1"]
        if session.handler is not None and len(session.messages) >= 6:
            session.handler.on_down(Disconnected("eof"), 0.0)
            session.handler = None
        return []

    rounds.server.tell = cut
    counts = rounds.until_idle()
    assert counts["session_failures:eof"] == 1
    assert counts["messages_checked"] == 3
    assert counts.get("messages_correct", 0) == 0


def test_a_step_of_a_search_is_climbed_evenly(stage, monkeypatch):
    """Locust adds the whole number of users of the rate at once; each takes its own share of that second."""
    search = stage(CapacityUser, users=2, join_rate="4.5", ramp_up="100ms")
    planned = [user.begins_s() - search.run.started_s for user in search.users]
    assert planned == pytest.approx([0.0, 0.05])
    with monkeypatch.context() as patched:
        patched.setattr("fleetlm_users.users.behaviours.capacity.time", SimpleNamespace(perf_counter=lambda: 100.0))
        added = [CapacityUser(search.environment).begins_s() - 100.0 for _ in range(4)]
    assert sorted(added) == pytest.approx([0.0, 1 / 4.5, 2 / 4.5, 3 / 4.5])


def test_a_pipeline_never_has_more_than_its_depth_in_flight(stage):
    """If sends get no reply, the own broadcast frees the slot."""
    pipeline = stage(PipelineUser, users=1, pipeline_depth="2", steady_duration="1m", ramp_down_duration="0s")
    delayed = delivered_later(pipeline)
    pipeline.until(lambda: pipeline.count_of("messages_appended") > 2)
    counts = pipeline.end()
    assert delayed.most == 2
    assert counts["messages_sent"] == counts["messages_appended"] > 2


def test_a_pipeline_ends_on_the_ramp_down(stage):
    """Three users, the first one leaves first; nothing is left in flight."""
    ample = {"reply_timeout": "60s", "drain_timeout": "60s"}
    durations = {"steady_duration": "1s", "ramp_down_duration": "600ms"}
    pipeline = stage(PipelineUser, users=3, pipeline_depth="2", **durations, **ample)
    counts = pipeline.until_idle()
    assert counts["messages_sent"] == counts["messages_appended"] > 3 * 2
    assert counts["sessions_started"] == counts["sessions_completed"] == 3
    ends = [user._until_s() - pipeline.run.started_s for user in pipeline.users]
    assert ends == pytest.approx([1.2, 1.4, 1.6])
