"""Several devices of one session: each message reaches every listener, or is named with those that missed it."""

import pytest

from fleetlm_users.client import WriterDevice
from fleetlm_users.protocol.profile import EARLY, LATE
from fleetlm_users.users.behaviours.fan_out import FanOutUser

CROWD = {"writers": "2", "listeners": "3", "send_interval": "20"}


def begin(stage, **raw):
    return stage(FanOutUser, **{**CROWD, **raw})


def until_whole(crowd, messages=8):
    """Wait until this many messages have reached everybody; end the run and return its counts."""
    crowd.until(lambda: crowd.count_of("fan_outs_whole") >= messages)
    counts = crowd.end()
    check_books(crowd, counts)
    return counts


def check_books(crowd, counts):
    fates = sum(counts.get(f"fan_outs_{fate}", 0) for fate in ("whole", "missed", "open"))
    deliveries = [counts.get(f"deliveries_{fate}", 0) for fate in ("seen", "missed", "open")]
    assert counts.get("deliveries_expected", 0) == sum(deliveries)
    assert fates == sum(len(session.messages) for session in crowd.server.sessions.values())


def test_every_listener_has_every_message_and_answer_once(stage):
    """The writers take even turns; all devices are left in the end."""
    crowd = begin(stage, agent_listeners="1")
    counts = until_whole(crowd)
    (session,) = crowd.server.sessions.values()
    assert counts["fan_outs_whole"] == len(session.messages)
    assert counts["deliveries_seen"] == counts["deliveries_expected"] == 4 * len(session.messages)
    first, second = session.writers[:2]
    assert first is not second
    assert session.writers == [(first, second)[turn % 2] for turn in range(len(session.writers))]
    assert session.devices == []
    assert session.devices_left == 1 + 4
    assert crowd.trend("fan_out_spread_ms") == len(session.messages)
    sent = counts["messages_sent"]
    assert [crowd.trend(f"fan_out_{what}_ms") for what in ("first", "median", "last")] == [sent] * 3
    assert crowd.found == []


def test_who_misses_a_message_is_named(stage):
    """After the reply timeout; the others have it."""
    crowd = begin(stage, reply_timeout="100ms")
    crowd.server.delivered = lambda place, message: [] if (place, message["seq"]) == (1, 3) else [message]
    crowd.until(lambda: crowd.count_of("deliveries_missed", "timeout"))
    counts = crowd.end()
    check_books(crowd, counts)
    assert counts["deliveries_missed:timeout"] == counts["fan_outs_missed"] == 1
    assert [(found["kind"], found["seq"]) for found in crowd.found] == [("missed_by_listeners", 3)]
    assert "missed by 1 of 3 listeners, number 2" in crowd.found[0]["detail"]


def test_a_message_that_nobody_is_pushed_is_missed_by_all(stage):
    """It has no first listener, so no time; a finding names the first dozen only."""
    crowd = begin(stage, listeners="14", writers="1", reply_timeout="100ms")
    crowd.server.delivered = lambda place, message: [] if message["seq"] == 3 else [message]
    crowd.until(lambda: crowd.count_of("deliveries_missed", "timeout"))
    counts = crowd.end()
    check_books(crowd, counts)
    assert counts["deliveries_missed:timeout"] == 14
    assert crowd.found[0]["detail"].endswith("12 and 2 more")
    assert crowd.trend("fan_out_first_ms") == counts["messages_sent"] - 1


def test_a_second_push_is_known_of_a_message_and_a_fault_of_an_answer(stage):
    """The late protocol pushes messages sent over a socket twice, as recorded."""
    crowd = begin(stage)
    crowd.server.delivered = lambda place, message: [message] * (1 + (message["seq"] in {3, 4} and place == 2))
    counts = until_whole(crowd)
    assert counts["deliveries_repeated"] == 1
    assert counts["deliveries_duplicated:listener 3"] == counts["deliveries_duplicated"] == 1
    assert [(found["kind"], found["seq"]) for found in crowd.found] == [("delivered_twice", 4)]


def test_a_message_that_comes_after_a_later_one_is_named(stage):
    """It is named for the one listener that got it late."""
    crowd = begin(stage)
    held = []

    def swapped(place, message):
        if place == 0 and message["seq"] == 3:
            held.append(message)
            return []
        late = [held.pop()] if place == 0 and held else []
        return [message, *late]

    crowd.server.delivered = swapped
    counts = until_whole(crowd)
    assert counts["deliveries_out_of_order:listener 1"] == counts["deliveries_out_of_order"] == 1
    assert [(found["kind"], found["seq"]) for found in crowd.found] == [("delivered_out_of_order", 3)]


def test_a_push_that_nobody_awaits_is_counted(stage):
    """The push may be of a message that no device wrote, or of nothing at all."""
    crowd = begin(stage)
    strange = {"seq": 77, "sender_id": "somebody", "content": {}}
    crowd.server.delivered = lambda place, message: [message, strange, {}] if message["seq"] == 1 else [message]
    counts = until_whole(crowd)
    assert counts["deliveries_unexpected:unknown"] == counts["deliveries_unexpected:malformed"] == 3


def test_a_refused_message_is_expected_nowhere(stage):
    """Whichever device wrote it: here the second one."""
    crowd = begin(stage)
    crowd.server.refused_refs = [None, "full"]
    counts = until_whole(crowd)
    assert counts["messages_rejected:full"] == 1
    assert counts["messages_sent"] == counts["messages_appended"] + 1
    assert counts["deliveries_seen"] == counts["deliveries_expected"]


@pytest.mark.parametrize("kind", ["listener", "writer"])
def test_a_device_that_is_lost_ends_the_session(stage, kind):
    """The listener has missed whatever it lacks by then; a session with all its devices follows."""
    crowd = begin(stage)
    lost = []

    def lose(session):
        name = {"listener": "ListenerDevice", "writer": "WriterDevice"}[kind]
        if not lost:
            lost.extend(device for device in session.devices if type(device).__name__ == name)
            lost[0].socket.lose("eof")

    crowd.server.on_appended = lose
    if kind == "listener":
        crowd.server.delivered = lambda place, message: [message] if place or lost else []
    crowd.until(lambda: crowd.count_of("session_failures", "eof"))
    counts = crowd.end()
    check_books(crowd, counts)
    (session,) = crowd.server.sessions.values()
    assert counts["disconnects:eof"] == 1
    assert session.devices == []
    assert session.devices_left == 3  # all but the lost one
    assert counts.get("deliveries_missed:eof", 0) >= (kind == "listener")


@pytest.mark.parametrize("conversation", [EARLY, LATE])
def test_what_is_open_when_a_device_is_lost_is_lost_with_it(stage, conversation):
    """As with the first device: the run goes on, so it is not in flight."""
    crowd = begin(stage)
    crowd.server.conversation = conversation
    crowd.server.tell = lambda messages: []
    session = crowd.until(lambda: next((s for s in crowd.server.sessions.values() if s.devices and s.messages), None))
    device = next(device for device in session.devices if isinstance(device, WriterDevice))
    device.socket.lose("eof")
    crowd.until(lambda: crowd.count_of("session_failures", "eof"))
    lost = crowd.count_of("messages_lost", "eof")
    counts = crowd.end()
    assert lost == counts["messages_lost:eof"] > 0
    fates = ("messages_appended", "messages_lost", "messages_in_flight")
    assert counts["messages_sent"] == sum(counts.get(fate, 0) for fate in fates)


def test_a_device_that_cannot_join_breaks_the_session_before_anything_is_sent(stage):
    """Those that have joined are left again."""
    crowd = begin(stage)
    crowd.server.refuse_devices = 1
    crowd.until(lambda: crowd.count_of("session_failures", "join_refused"))
    counts = crowd.end()
    assert counts["session_failures:join_refused"] == 1
    assert "messages_sent" not in counts
    assert all(not session.devices and session.handler is None for session in crowd.server.sessions.values())


def test_a_device_that_cannot_leave_is_counted(stage):
    """It is closed all the same."""
    crowd = begin(stage)
    crowd.until(lambda: crowd.count_of("fan_outs_whole") >= 2)
    crowd.server.refuse_leaves = 1
    counts = crowd.end()
    assert counts["client_anomalies:leave_push_refused"] == 1


def test_the_busiest_sessions_of_a_skew_are_counted_apart(stage):
    """Messages of all sessions are parts of one timetable."""
    crowd = stage(FanOutUser, users=3, **CROWD, skew="zipf:1")
    crowd.until(lambda: sum(len(session.messages) for session in crowd.server.sessions.values()) >= 12)
    counts = crowd.end()
    check_books(crowd, counts)
    phases = {entry.phase for entry in crowd.local_run.snapshot().counts if entry.metric == "messages_sent"}
    assert "main:busiest" in phases
    assert phases <= {"main:busiest", "main:rest"}


def test_what_a_session_needs(stage):
    """Its sockets, and of the protocol that the agent may join, if it is to listen."""
    plain, with_agent = begin(stage).options, begin(stage, agent_listeners="2").options
    assert (FanOutUser.sockets_of(plain), FanOutUser.sockets_of(with_agent)) == (5, 7)
    assert "agent_joins" not in FanOutUser.needed(plain)
    assert "agent_joins" in FanOutUser.needed(with_agent)
    assert "end of the run" in FanOutUser.stays(plain)
