"""Users over REST on a played server: the accounting of posts and reads, what a read must hold, and failures."""

import pytest

from fleetlm_users.users.behaviours import rest_mix
from fleetlm_users.users.behaviours.cold_start import ColdStartUser
from fleetlm_users.users.behaviours.rest_mix import RestMixUser


def test_each_append_is_looked_for_in_the_read_that_follows(stage):
    """Sent is appended is checked; both have their times."""
    mix = stage(RestMixUser, users=2)
    mix.until(lambda: mix.count_of("replay_checked") >= 6)
    counts = mix.end()
    assert counts["messages_sent"] == counts["messages_appended"] == counts["replay_checked"] == counts["rest_reads"]
    assert mix.trend("append_latency_ms") == counts["messages_sent"]
    assert mix.trend("rest_read_ms") == counts["rest_reads"]
    assert "replay_missing" not in counts
    table = mix.environment.stats
    assert table.get("POST /api/sessions/:id/messages", "REST").num_requests == counts["messages_appended"]
    assert ("append", "WS") not in table.entries
    assert counts["sessions_completed"] == counts["sessions_started"] == 2


@pytest.mark.parametrize(
    ("failure", "counted"),
    [
        ("http_422", "messages_rejected:http_422"),
        ("http_408", "messages_unconfirmed:http_408"),
        ("http_503", "messages_lost:http_503"),
        ("timeout", "messages_lost:timeout"),
    ],
)
def test_a_failed_post_has_its_fate(stage, failure, counted):
    """Refused, open or failed; the user goes on after a pause."""
    mix = stage(RestMixUser)
    mix.server.rest_failures = [None, failure]
    mix.until(lambda: mix.count_of("messages_appended") >= 3)
    counts = mix.end()
    assert counts[counted] == 1
    assert counts["messages_sent"] == counts["messages_appended"] + 1
    assert counts["replay_checked"] == counts["messages_appended"]


@pytest.mark.parametrize(
    ("listed", "metric", "kind"),
    [
        (lambda messages: messages[:-1], "replay_missing", "unreplayed"),
        (lambda messages: ["no message", *messages[:-1]], "replay_missing", "unreplayed"),
        (lambda messages: [{**each, "content": {"text": "x"}} for each in messages], "replay_changed", "changed"),
        (lambda messages: [{**each, "seq": each["seq"] + 1} for each in messages], "replay_changed", "changed"),
        (lambda messages: [*messages, {**messages[-1], "seq": messages[-1]["seq"] + 900}], "replay_changed", "doubled"),
    ],
)
def test_what_a_read_lacks_is_counted_and_named(stage, listed, metric, kind):
    """Status 200 is not enough."""
    mix = stage(RestMixUser)
    mix.server.listed = listed
    mix.until(lambda: mix.count_of(metric) >= 2)
    counts = mix.end()
    assert counts[metric] == counts["replay_checked"]
    assert {found["kind"] for found in mix.found} == {kind}


def test_a_session_that_cannot_be_created_is_a_failure(stage):
    """It is tried again."""
    mix = stage(RestMixUser)
    mix.server.refuse_sessions = 1
    mix.until(lambda: mix.count_of("messages_appended"))
    counts = mix.end()
    assert counts["session_failures:http_503"] == 1
    assert counts["sessions_started"] == 2


def test_a_read_that_fails_is_made_up_for_by_the_next_one(stage):
    """It is counted, and the message is looked for all the same."""
    mix = stage(RestMixUser)
    mix.server.refuse_reads = 1
    mix.until(lambda: mix.count_of("replay_checked") >= 3)
    counts = mix.end()
    assert counts["rest_reads_failed:http_500"] == 1
    assert counts["replay_checked"] == counts["messages_appended"] == counts["rest_reads"]


def test_a_backlog_is_written_then_read_whole_while_writes_go_on(stage):
    """Reads use REST and joins of 100 messages each; every replay is complete."""
    cold = stage(ColdStartUser, users=2, backlog_size="230", replay_duration="300ms", active_write_interval="20")
    counts = cold.until_idle()
    assert counts["backlog_appends"] == 460
    assert counts["messages_appended"] == 460 + counts["active_appends"]
    assert cold.trend("replay_rest_ms") + cold.trend("replay_join_ms") == counts["replays"] > 0
    assert cold.trend("replay_join_ms") > 0
    assert counts["replay_checked"] >= 230 * counts["replays"]
    assert not {"replay_missing", "replay_changed", "backlogs_short", "replays_failed"} & counts.keys()


def test_a_backlog_that_took_too_long_is_short(stage):
    """A failed read is not a replay."""
    cold = stage(ColdStartUser, backlog_size="1000000", backlog_duration="50ms", replay_duration="100ms")
    cold.server.refuse_reads = 1
    counts = cold.until_idle()
    assert counts["backlogs_short"] == 1
    assert counts["replays_failed:rest"] == 1


def test_a_session_of_hours_stays_small(stage, monkeypatch):
    """A checked message is dropped, except for the newest seqs, by which a late copy is recognised."""
    monkeypatch.setattr(rest_mix, "READ_BACK", 3)
    monkeypatch.setattr(rest_mix, "REMEMBERED", 5)
    held = []

    class Watched(RestMixUser):
        def _read(self, session, due_s):
            held.append((len(session.accepted), len(session._seqs), len(session._own_seqs)))
            return super()._read(session, due_s)

    mix = stage(Watched)
    mix.until(lambda: mix.count_of("replay_checked") >= 20)
    counts = mix.end()
    assert "replay_changed" not in counts
    assert max(held) <= (1, 6, 6)
    assert len(held) >= 20
