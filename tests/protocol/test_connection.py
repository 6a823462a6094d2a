"""ConnectionState by tables, and by properties over scripts of messages."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.protocol.connection import (
    HEARTBEAT_REF,
    HEARTBEAT_REPLY_FRAME,
    Awaited,
    ConnectionState,
    Meaning,
)
from fleetlm_users.protocol.message import Message

TOPIC = "session:s1"


def reply(join_ref: Any, ref: Any, topic: Any = TOPIC, status: Any = "ok", response: Any = None) -> Message:
    return Message(join_ref, ref, topic, "phx_reply", {"response": response or {}, "status": status})


def joined_state(topic: str = TOPIC, listener: Any = "listener") -> ConnectionState:
    """Return a state whose first ref was an accepted join."""
    state = ConnectionState()
    ref, _ = state.join(topic, {}, listener, "waiter")
    assert state.receive(reply(ref, ref, topic)).meaning is Meaning.REPLY
    return state


def test_refs_are_counted_strings_and_a_join_ref_is_its_ref():
    """Frames are the five-element array with refs "1", "2", …; a push carries the join_ref of its topic."""
    state = ConnectionState()
    join_ref, frame = state.join(TOPIC, {"last_seq": 3})
    assert (join_ref, orjson.loads(frame)) == ("1", ["1", "1", TOPIC, "phx_join", {"last_seq": 3}])
    state.receive(reply("1", "1"))
    ref, frame = state.push(TOPIC, "send", {"content": 1})
    assert (ref, orjson.loads(frame)) == ("2", ["1", "2", TOPIC, "send", {"content": 1}])
    assert orjson.loads(state.heartbeat()) == [None, HEARTBEAT_REF, "phoenix", "heartbeat", {}]
    ref, frame = state.call(TOPIC, "phx_leave", {})
    assert (ref, orjson.loads(frame)) == ("3", ["1", "3", TOPIC, "phx_leave", {}])
    ref, frame = state.push("elsewhere", "send", None)
    assert orjson.loads(frame)[0] is None


def test_a_payload_that_is_no_json_leaves_no_trace():
    """A frame that cannot be encoded uses up no ref, joins nothing and is not awaited."""
    state = ConnectionState()
    for make in (lambda: state.join(TOPIC, {1, 2}), lambda: state.call(TOPIC, "x", object())):
        with pytest.raises(TypeError):
            make()
    assert state.in_flight == 0
    assert state.join(TOPIC, {})[0] == "1"


def test_an_accepted_join_is_joined_and_hands_the_waiter_back():
    """The reply's subject is what was awaited, with the caller's own waiter; the topic is joined from then on."""
    state = ConnectionState()
    ref, _ = state.join(TOPIC, {}, "listener", "waiter")
    assert state.joined == {}
    assert state.in_flight == 1
    received = state.receive(reply(ref, ref))
    assert received.subject == Awaited(ref, TOPIC, "phx_join", "waiter")
    assert state.joined == {TOPIC: ref}
    assert state.is_joined(TOPIC)
    assert state.in_flight == 0


@pytest.mark.parametrize("join_ref", ["1", None])  # FleetLM replies with join_ref null for an unmatched topic
def test_a_refused_join_is_not_joined_and_may_be_tried_again(join_ref):
    """Status error ends the join; the same topic may be joined again."""
    state = ConnectionState()
    state.join(TOPIC, {})
    assert state.receive(reply(join_ref, "1", status="error")).meaning is Meaning.REPLY
    assert not state.is_joined(TOPIC)
    assert state.join(TOPIC, {})[0] == "2"


def test_joining_a_topic_twice_states_the_rule():
    """Both while joining and when joined; after the leave it is allowed."""
    state = ConnectionState()
    state.join(TOPIC, {})
    with pytest.raises(UsageError, match="at most once per socket"):
        state.join(TOPIC, {})
    state.receive(reply("1", "1"))
    with pytest.raises(UsageError, match="leave the topic first"):
        state.join(TOPIC, {})
    ref, _ = state.call(TOPIC, "phx_leave", {})
    state.receive(reply("1", ref))
    state.join(TOPIC, {})


JOINED_TABLE = [  # what a message means while TOPIC is joined with join_ref "1"
    (Message("1", None, TOPIC, "message", {}), Meaning.BROADCAST),
    (Message(None, None, TOPIC, "message", {}), Meaning.BROADCAST),  # Phoenix's fastlane sends no join_ref
    (Message("1", "1", TOPIC, "phx_error", {}), Meaning.CHANNEL_ERROR),
    (Message("1", "1", TOPIC, "phx_close", {}), Meaning.CHANNEL_CLOSE),
    (Message("0", "0", TOPIC, "phx_close", {}), Meaning.STALE_JOIN_REF),
    (Message("0", "0", TOPIC, "phx_error", {}), Meaning.STALE_JOIN_REF),
    (Message("0", None, TOPIC, "message", {}), Meaning.STALE_JOIN_REF),
    (Message(1, None, TOPIC, "message", {}), Meaning.STALE_JOIN_REF),
    (reply("0", "9"), Meaning.STALE_JOIN_REF),
    (reply("1", "9"), Meaning.UNAWAITED_REPLY),
    (reply(None, "9"), Meaning.UNAWAITED_REPLY),
    (reply("1", "9", "elsewhere"), Meaning.UNKNOWN_TOPIC),
    (Message("1", None, "elsewhere", "message", {}), Meaning.UNKNOWN_TOPIC),
    (Message("1", "1", "elsewhere", "phx_close", {}), Meaning.UNKNOWN_TOPIC),
    (reply(None, "9", "phoenix"), Meaning.UNKNOWN_TOPIC),  # a heartbeat reply that was not asked for
    (reply("1", 9), Meaning.MALFORMED),
    (reply("1", None), Meaning.MALFORMED),
    (reply("1", ["9"]), Meaning.MALFORMED),
    (reply("1", "9", status=1), Meaning.MALFORMED),
    (Message("1", "9", TOPIC, "phx_reply", {}), Meaning.MALFORMED),
    (Message("1", "9", TOPIC, "phx_reply", "ok"), Meaning.MALFORMED),
    (Message("1", None, 5, "message", {}), Meaning.MALFORMED),
    (Message("1", None, {"a": 1}, "message", {}), Meaning.MALFORMED),
    (Message("1", None, TOPIC, 5, {}), Meaning.MALFORMED),
    (Message("1", None, TOPIC, None, {}), Meaning.MALFORMED),
]


@pytest.mark.parametrize(("message", "meaning"), JOINED_TABLE)
def test_what_a_message_means_while_joined(message, meaning):
    """Each row of the table; where it concerns our channel, the listener comes with it."""
    received = joined_state().receive(message)
    assert received.meaning is meaning
    concerns_us = (Meaning.BROADCAST, Meaning.UNAWAITED_REPLY, Meaning.CHANNEL_ERROR, Meaning.CHANNEL_CLOSE)
    assert (received.subject.listener if meaning in concerns_us else received.subject) == (
        "listener" if meaning in concerns_us else None
    )


@pytest.mark.parametrize("event", ["phx_error", "phx_close"])
def test_a_channel_that_ends_is_no_longer_joined_and_its_calls_are_orphans(event):
    """Each awaited call on the topic is handed over once; other topics keep theirs."""
    state = joined_state()
    state.join("other", {}, None, "other waiter")
    ref, _ = state.call(TOPIC, "x", {}, "orphan")
    state.receive(Message("1", "1", TOPIC, event, {}))
    assert state.joined == {}
    assert state.orphans(TOPIC) == [Awaited(ref, TOPIC, "x", "orphan")]
    assert state.orphans(TOPIC) == []
    assert state.in_flight == 1
    assert state.receive(Message("1", None, TOPIC, "message", {})).meaning is Meaning.UNKNOWN_TOPIC


def test_a_leave_delivers_until_its_reply_and_expects_its_close():
    """phx_close after our own leave is the normal end, not a loss; a second one belongs to no topic of ours."""
    state = joined_state()
    ref, _ = state.call(TOPIC, "phx_leave", {})
    close = Message("1", "1", TOPIC, "phx_close", {})
    assert state.receive(Message("1", None, TOPIC, "message", {})).meaning is Meaning.BROADCAST
    assert state.receive(reply("1", ref)).subject.event == "phx_leave"
    assert not state.is_joined(TOPIC)
    assert state.receive(Message("1", None, TOPIC, "message", {})).meaning is Meaning.STALE_JOIN_REF
    assert state.receive(close).meaning is Meaning.LEFT
    assert state.receive(close).meaning is Meaning.UNKNOWN_TOPIC


def test_the_close_of_a_leave_may_come_after_a_new_join_or_before_its_reply():
    """Either order ends only the old join."""
    state = joined_state()
    ref, _ = state.call(TOPIC, "phx_leave", {})
    state.receive(reply("1", ref))
    join_ref, _ = state.join(TOPIC, {})
    assert state.receive(Message("1", "1", TOPIC, "phx_close", {})).meaning is Meaning.LEFT
    assert state.receive(reply(join_ref, join_ref)).meaning is Meaning.REPLY
    assert state.joined == {TOPIC: join_ref}
    ref, _ = state.call(TOPIC, "phx_leave", {})
    assert state.receive(Message(join_ref, join_ref, TOPIC, "phx_close", {})).meaning is Meaning.LEFT
    assert state.receive(reply(join_ref, ref)).meaning is Meaning.REPLY
    assert state.joined == {}


def test_a_refused_leave_leaves_the_topic_joined():
    """Status error to phx_leave changes nothing."""
    state = joined_state()
    ref, _ = state.call(TOPIC, "phx_leave", {})
    state.receive(reply("1", ref, status="error"))
    assert state.is_joined(TOPIC)


def test_a_forgotten_join_is_not_joined_and_its_late_reply_is_stale():
    """After a timeout nobody may find the topic joined by surprise; a new join stands on its own."""
    state = ConnectionState()
    ref, _ = state.join(TOPIC, {})
    state.forget(ref)
    assert state.receive(reply(ref, ref)).meaning is Meaning.STALE_JOIN_REF
    assert state.receive(Message(ref, None, TOPIC, "message", {})).meaning is Meaning.STALE_JOIN_REF
    new_ref, _ = state.join(TOPIC, {})
    assert state.receive(reply(ref, ref)).meaning is Meaning.STALE_JOIN_REF
    assert state.receive(reply(new_ref, new_ref)).meaning is Meaning.REPLY
    assert state.joined == {TOPIC: new_ref}


def test_a_forgotten_leave_counts_as_left_and_a_forgotten_call_becomes_unawaited():
    """A call that nobody waits for any longer is not in flight."""
    state = joined_state()
    ref, _ = state.call(TOPIC, "x", {})
    state.forget(ref)
    state.forget("never given")
    assert state.receive(reply("1", ref)).meaning is Meaning.UNAWAITED_REPLY
    ref, _ = state.call(TOPIC, "phx_leave", {})
    state.forget(ref)
    assert not state.is_joined(TOPIC)
    assert state.in_flight == 0


def test_a_heartbeat_is_unanswered_until_its_own_reply():
    """A reply with another ref is not its own, and a second one was not requested."""
    state = ConnectionState()
    assert not state.heartbeat_unanswered
    state.heartbeat()
    assert state.receive(reply(None, "1", "phoenix")).meaning is Meaning.UNKNOWN_TOPIC
    assert state.heartbeat_unanswered
    assert state.receive(reply(None, HEARTBEAT_REF, "phoenix")).meaning is Meaning.HEARTBEAT_REPLY
    assert not state.heartbeat_unanswered
    assert state.receive(reply(None, HEARTBEAT_REF, "phoenix")).meaning is Meaning.UNKNOWN_TOPIC


def test_a_reply_in_the_usual_bytes_is_the_same_as_a_decoded_one():
    """Both answer one heartbeat, once; the bytes are those of the wire record, with our ref."""
    state = ConnectionState()
    assert orjson.loads(HEARTBEAT_REPLY_FRAME) == list(reply(None, HEARTBEAT_REF, "phoenix"))
    assert HEARTBEAT_REPLY_FRAME == b'[null,"0","phoenix","phx_reply",{"response":{},"status":"ok"}]'
    assert not state.heartbeat_answered()
    state.heartbeat()
    assert state.heartbeat_answered()
    assert not state.heartbeat_unanswered
    assert not state.heartbeat_answered()


def test_a_reply_is_for_its_topic_too():
    """A ref that matches on another topic answers nothing."""
    state = joined_state()
    state.join("other", {})
    assert state.receive(reply(None, "2")).meaning is Meaning.UNAWAITED_REPLY
    assert state.in_flight == 1


def test_the_end_hands_over_everything_and_keeps_nothing():
    """It covers calls in flight and channels, joined or being joined, exactly once."""
    state = joined_state()
    state.join("other", {}, "other listener", "other waiter")
    lost, ended = state.end()
    assert [awaited.waiter for awaited in lost] == ["other waiter"]
    assert [(channel.listener, channel.joined) for channel in ended] == [("listener", True), ("other listener", False)]
    assert state.end() == ([], [])
    assert "in_flight=0 joined=0" in repr(state)


def test_repr_states_the_counters():
    """A person debugging sees refs, in flight and joined; a topic shows its join."""
    state = joined_state()
    state.receive(Message("1", None, TOPIC, "message", {}))
    state.call(TOPIC, "x", {})
    assert repr(state) == "<ConnectionState refs=2 in_flight=1 joined=1>"
    assert [repr(channel) for channel in state.end()[1]] == [f"<TopicState {TOPIC} join_ref=1 joined>"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["1", "2", TOPIC, "phoenix"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["status", "response"]), inner),
    max_leaves=4,
)
EVENTS = st.sampled_from(["phx_reply", "phx_error", "phx_close", "message"])
ANY_MESSAGE = st.builds(Message, JSON, JSON, JSON, JSON | EVENTS, JSON)
PLAUSIBLE = st.builds(
    Message,
    st.sampled_from([None, "1", "2", "3", "4"]),
    st.sampled_from(["1", "2", "3", "4"]),
    st.sampled_from([TOPIC, "other", "phoenix"]),
    EVENTS,
    st.sampled_from([{"status": "ok", "response": {}}, {"status": "error", "response": {}}, {}]),
)
ACTS = st.sampled_from(["join", "call", "leave", "heartbeat", "forget"])


@given(st.lists(ANY_MESSAGE | PLAUSIBLE | ACTS, max_size=30))
def test_no_message_ever_raises_and_nothing_is_answered_twice(script):
    """Whatever arrives, in any order, has a meaning; each awaited ref is returned at most once; nothing is left."""
    state = ConnectionState()
    handed: list[str] = []
    asked: list[str] = []
    for step in script:
        if isinstance(step, Message):
            received = state.receive(step)
            assert isinstance(received.meaning, Meaning)
            if received.meaning is Meaning.REPLY:
                handed.append(received.subject.ref)
            if received.meaning in (Meaning.CHANNEL_ERROR, Meaning.CHANNEL_CLOSE):
                handed += [awaited.ref for awaited in state.orphans(received.subject.topic)]
        else:
            asked += _act(state, step)
        assert set(state.joined) <= {TOPIC}
    handed += [awaited.ref for awaited in state.end()[0]]
    assert len(handed) == len(set(handed))
    assert set(handed) <= set(asked)
    assert state.in_flight == 0


def _act(state: ConnectionState, act: str) -> list[str]:
    if act == "join":
        try:
            return [state.join(TOPIC, {})[0]]
        except UsageError:
            return []
    if act == "call":
        return [state.call(TOPIC, "x", {})[0]]
    if act == "leave":
        return [state.call(TOPIC, "phx_leave", {})[0]]
    if act == "heartbeat":
        state.heartbeat()
    else:
        state.forget("2")
    return []
