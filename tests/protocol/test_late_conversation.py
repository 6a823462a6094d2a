"""The late protocol: every sent message has one fate, whatever comes in which order; doubled pushes are expected."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.protocol.late_conversation import MAX_EARLY_REPLIES, MAX_PUSHED_ONCE, LateConversation
from fleetlm_users.protocol.message import MESSAGE, REPLY, decode
from fleetlm_users.protocol.observer import UpperBound
from tests.protocol.notes import Notes

ME, AGENT = "u1", "bench-echo-agent"
TIMEOUT_S = 30.0
FATES = ("appended", "resolved", "rejected", "unconfirmed", "lost", "in_flight")


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def talk(notes):
    return LateConversation(ME, AGENT, notes, reply_timeout_s=TIMEOUT_S)


def send(talk, n, at_s=0.0):
    message = talk.sending(f"c{n}", at_s, at_s, "main")
    talk.sent(message, str(n), at_s)
    return message


def own(n, seq):
    return {"seq": seq, "sender_id": ME, "content": {"client_ref": f"c{n}", "text": "x"}, "kind": "text"}


def answer(seq):
    """An answer to a webhook, as the server pushes it."""
    content, metadata = {"parts": [], "role": "assistant"}, {"termination": "finish"}
    return {"seq": seq, "sender_id": AGENT, "kind": "assistant", "content": content, "metadata": metadata}


def ok(talk, n, seq, at_s=1.0):
    talk.reply(str(n), "ok", {"seq": seq}, at_s)


def timed_out(talk, n, at_s=2.0):
    talk.reply(str(n), "error", {"error": "timeout"}, at_s)


def fates(notes):
    """Return how many messages have each fate, without those taken back."""
    found = {fate: notes.kinds[fate] for fate in FATES}
    found["unconfirmed"] -= notes.kinds["confirmed"]
    return {fate: n for fate, n in found.items() if n}


# the frames of the record "burst of 5 sends at once", their order kept, ids and times cut
BURST = """
["1","2","s","phx_reply",{"response":{"seq":1},"status":"ok"}]
["1",null,"s","message",{"content":{"client_ref":"c0"},"kind":"text","sender_id":"u1","seq":1}]
["1",null,"s","message",{"content":{"client_ref":"c0"},"kind":"text","sender_id":"u1","seq":1}]
["1","3","s","phx_reply",{"response":{"seq":2},"status":"ok"}]
["1","4","s","phx_reply",{"response":{"seq":4},"status":"ok"}]
["1","5","s","phx_reply",{"response":{"seq":5},"status":"ok"}]
["1","6","s","phx_reply",{"response":{"seq":7},"status":"ok"}]
["1",null,"s","stream_chunk",{"agent_id":"bench-echo-agent","chunk":{"id":"part_1","type":"text-start"}}]
["1",null,"s","stream_chunk",{"agent_id":"bench-echo-agent","chunk":{"delta":"ack","id":"part_1","type":"text-delta"}}]
["1",null,"s","stream_chunk",{"agent_id":"bench-echo-agent","chunk":{"id":"part_1","type":"text-end"}}]
["1",null,"s","stream_chunk",{"agent_id":"bench-echo-agent","chunk":{"type":"finish"}}]
["1",null,"s","message",{"content":{"client_ref":"c1"},"kind":"text","sender_id":"u1","seq":2}]
["1",null,"s","message",{"content":{"role":"assistant"},"kind":"assistant","sender_id":"bench-echo-agent","seq":3}]
["1",null,"s","message",{"content":{"client_ref":"c1"},"kind":"text","sender_id":"u1","seq":2}]
["1",null,"s","message",{"content":{"client_ref":"c2"},"kind":"text","sender_id":"u1","seq":4}]
["1",null,"s","message",{"content":{"client_ref":"c2"},"kind":"text","sender_id":"u1","seq":4}]
["1",null,"s","message",{"content":{"client_ref":"c3"},"kind":"text","sender_id":"u1","seq":5}]
["1",null,"s","message",{"content":{"client_ref":"c3"},"kind":"text","sender_id":"u1","seq":5}]
["1",null,"s","message",{"content":{"role":"assistant"},"kind":"assistant","sender_id":"bench-echo-agent","seq":6}]
["1",null,"s","message",{"content":{"client_ref":"c4"},"kind":"text","sender_id":"u1","seq":7}]
["1",null,"s","message",{"content":{"client_ref":"c4"},"kind":"text","sender_id":"u1","seq":7}]
["1",null,"s","message",{"content":{"role":"assistant"},"kind":"assistant","sender_id":"bench-echo-agent","seq":8}]
["1",null,"s","message",{"content":{"role":"assistant"},"kind":"assistant","sender_id":"bench-echo-agent","seq":9}]
["1",null,"s","message",{"content":{"role":"assistant"},"kind":"assistant","sender_id":"bench-echo-agent","seq":10}]
"""


def test_a_recorded_burst_is_understood_whole(talk, notes):
    """Replies first, an answer between the two pushes of its message, pushes out of order: all as it should be."""
    for n in range(5):
        message = talk.sending(f"c{n}", 0.0, 0.0, "main")
        talk.sent(message, str(n + 2), 0.0)
    for moment, line in enumerate(BURST.strip().splitlines(), start=1):
        frame = decode(line)
        if frame.event == REPLY:
            talk.reply(frame.ref, frame.payload["status"], frame.payload["response"], moment)
        elif frame.event == MESSAGE:
            talk.message(frame.payload, moment)
        else:
            talk.event(frame.event, frame.payload, moment)
    assert talk.settled
    talk.close(100.0)
    assert notes.kinds == {
        "acknowledged": 5, "received": 10, "repeated": 5, "appended": 5, "replied": 5,
        "stream_began": 1, "stream_went_on": 3, "stream_ended": 1,
    }  # fmt: skip
    assert [ref for ref, _ in notes.of("replied")] == ["c0", "c1", "c2", "c3", "c4"]


@given(st.data())
def test_any_order_of_what_comes_gives_each_message_its_fate_and_its_answer(data):
    """Reply, two pushes and an answer for each message, shuffled; an answer comes after what its message is known by.

    Replies and answers keep their order among themselves, as they do on the wire.
    """
    notes = Notes()
    talk = LateConversation(ME, AGENT, notes, reply_timeout_s=TIMEOUT_S)
    count = data.draw(st.integers(1, 5))
    for n in range(count):
        send(talk, n, at_s=n / 1000)
    todo = {("ack", n) for n in range(count)} | {("push", n, k) for n in range(count) for k in range(2)}
    acked, answered, known = 0, 0, set()
    seqs = {n: 2 * n + 1 for n in range(count)}
    while todo or answered < count:
        choices = [item for item in sorted(todo) if item[0] == "push" or item[1] == acked]
        if answered in known:
            choices.append(("answer", answered))
        item = data.draw(st.sampled_from(choices))
        if item[0] == "ack":
            ok(talk, item[1], seqs[item[1]])
            acked += 1
        elif item[0] == "push":
            talk.message(own(item[1], seqs[item[1]]), 1.0)
        else:
            talk.message(answer(seqs[answered] + 1), 2.0)
            answered += 1
        if item[0] != "answer":
            known.add(item[1])
            todo.discard(item)
    assert talk.settled
    talk.close(1000.0)
    assert notes.kinds == {"acknowledged": count, "appended": count, "replied": count} | {
        "received": 2 * count,
        "repeated": count,
    }
    assert sorted(ref for ref, _ in notes.of("replied")) == [f"c{n}" for n in range(count)]


def test_a_third_push_is_a_duplicate(talk, notes):
    """Two are FleetLM's own; the agent's come once."""
    send(talk, 1)
    for _ in range(3):
        talk.message(own(1, 1), 1.0)
    assert notes.kinds["duplicated"] == 1
    for _ in range(2):
        talk.message(answer(2), 2.0)
    assert notes.kinds["duplicated"] == 2


def test_pushes_out_of_order_are_no_anomaly_but_a_gap_is(talk, notes):
    """Their order is not promised; that each comes is."""
    for n, seq in ((1, 1), (2, 3), (3, 2), (4, 6)):
        send(talk, n)
        talk.message(own(n, seq), 1.0)
    talk.close(1.0)
    assert notes.kinds["out_of_order"] == 0
    assert notes.kinds["seq_gap"] == 2


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (lambda talk: talk.message(answer(2), 9.0), {"resolved": 1}),
        (lambda talk: talk.message(own(1, 1), 9.0), {"appended": 1}),
        (lambda talk: talk.expire(2.0 + TIMEOUT_S), {"unconfirmed": 1}),
        (lambda talk: talk.close(9.0), {"unconfirmed": 1}),
        (lambda talk: talk.down("closed"), {"unconfirmed": 1}),
    ],
    ids=["the agent answers", "its push comes", "nothing comes", "the run ends", "the socket goes"],
)
def test_a_timeout_leaves_the_outcome_open_until_something_tells(talk, notes, then, expected):
    """The record: the append happens all the same, its push never comes, the agent answers it."""
    message = send(talk, 1)
    timed_out(talk, 1)
    assert fates(notes) == {"unconfirmed": 1}
    assert talk.is_open(message)
    then(talk)
    talk.close(100.0)
    assert fates(notes) == expected
    assert talk.settled
    assert notes.kinds["seq_gap"] == 0


def test_an_open_outcome_is_answered_before_the_messages_after_it(talk, notes):
    """Matched by order: the agent is asked in the order of seq."""
    send(talk, 1, at_s=0.1)
    send(talk, 2, at_s=0.2)
    ok(talk, 2, 3)
    timed_out(talk, 1)
    talk.message(answer(2), 3.0)
    talk.message(answer(4), 4.0)
    talk.message(own(2, 3), 5.0)
    assert notes.of("replied") == [["c2", 4.0]]
    assert fates(notes) == {"resolved": 1, "appended": 1}


def test_an_answer_before_its_messages_push_counts_when_that_comes(talk, notes):
    """Its latency ends when it came, not when the push did."""
    send(talk, 1)
    ok(talk, 1, 1, at_s=1.0)
    talk.message(answer(2), 2.0)
    assert notes.of("replied") == []
    talk.message(own(1, 1), 3.0)
    assert [kind for kind, *_ in notes.facts if kind in ("appended", "replied")] == ["appended", "replied"]
    assert notes.of("replied") == [["c1", 2.0]]


@pytest.mark.parametrize(
    ("seen", "end", "expected"),
    [
        ((), "expire", {"lost": 1}),
        (("ack",), "expire", {"lost": 1, "not_pushed": 1}),
        (("ack", "answer"), "expire", {"resolved": 1, "not_pushed": 1}),
        ((), "down", {"lost": 1}),
        (("ack",), "down", {"resolved": 1}),
        ((), "close", {"in_flight": 1}),
        (("ack",), "close", {"resolved": 1, "not_pushed": 1}),
        (("ack", "answer"), "close", {"resolved": 1, "not_pushed": 1}),
        (("ack",), "close at once", {"resolved": 1}),
        (("ack",), "close without a confirmed leave", {"resolved": 1}),
    ],
)
def test_a_message_whose_push_never_comes(talk, notes, seen, end, expected):
    """What was acknowledged is appended. Its push is missing if the session went on, or was left, without it.

    Without a confirmed leave the push may still wait behind other sends.
    """
    send(talk, 1)
    if "ack" in seen:
        ok(talk, 1, 1)
    if "answer" in seen:
        talk.message(answer(2), 2.0)
    if end == "expire":
        talk.expire(TIMEOUT_S)
    elif end == "down":
        talk.down("closed")
    talk.close(2.5 if end == "close at once" else 5.0, has_left=end != "close without a confirmed leave")
    missing = notes.kinds["not_pushed"]
    assert {**fates(notes), **({"not_pushed": missing} if missing else {})} == expected
    assert talk.settled
    if seen == ("ack",) and end == "expire":
        assert notes.of("lost") == [["c1", "not_pushed"]]


@pytest.mark.parametrize(
    ("end", "then", "later"),
    [
        (lambda talk: talk.close(2.0), [["c1"]], [["c1"]]),
        (lambda talk: talk.expire(TIMEOUT_S), [["c1"]], [["c1"]]),
        (lambda talk: talk.expire(TIMEOUT_S - 1.0), [], [["c1"]]),
        (lambda talk: talk.down("closed"), [], []),
    ],
    ids=["close", "expire", "too soon", "down"],
)
def test_a_message_whose_send_was_never_replied_to(talk, notes, end, then, later):
    """It came back, so it is appended; the missing reply is reported once, unless a lost connection explains it."""
    for n in (1, 2, 3, 4):
        send(talk, n)
    for n in (1, 2):
        talk.message(own(n, n), 1.0)
    ok(talk, 2, 2)
    timed_out(talk, 3)
    end(talk)
    assert notes.of("unacknowledged") == then
    talk.close(TIMEOUT_S + 1.0)
    assert notes.of("unacknowledged") == later


@pytest.mark.parametrize(
    ("changes", "pushes", "duplicates"),
    [
        ({}, 2, 1),
        ({"metadata": {}}, 2, 0),
        ({"metadata": {}}, 3, 1),
        ({"metadata": None}, 2, 0),
        ({"kind": "text"}, 2, 0),
        ({"kind": "text"}, 3, 1),
    ],
)
def test_an_agent_that_writes_over_its_own_socket_is_pushed_twice(talk, notes, changes, pushes, duplicates):
    """Everybody is (wire record: "agent over its own socket"), whatever the kind; an answer to a webhook, which the
    server gives a `termination`, is pushed once.
    """
    send(talk, 1)
    talk.message(own(1, 1), 1.0)
    for _ in range(pushes):
        talk.message(answer(2) | changes, 2.0)
    assert notes.kinds["duplicated"] == duplicates
    assert notes.of("replied") == [["c1", 2.0]]


def test_a_message_that_is_refused_after_its_push_was_not_acknowledged(talk, notes):
    """The push says that it was appended, and the reply is no ok: acknowledged and not must add up to the appended."""
    send(talk, 1)
    talk.message(own(1, 1), 1.0)
    talk.reply("1", "error", {"error": "unavailable"}, 2.0)
    talk.close(TIMEOUT_S + 1.0)
    assert notes.of("unacknowledged") == [["c1"]]
    assert fates(notes) == {"appended": 1}


@pytest.mark.parametrize("sign", [lambda talk: talk.message(own(1, 1), 3.0), lambda talk: talk.message(answer(2), 3.0)])
def test_a_message_that_turns_out_to_be_appended_was_not_acknowledged(talk, notes, sign):
    """The reply said `timeout`, which its person sees as an error."""
    send(talk, 1)
    timed_out(talk, 1)
    assert notes.of("unacknowledged") == []
    sign(talk)
    talk.close(4.0)
    assert notes.of("unacknowledged") == [["c1"]]


def test_a_refusal_names_its_message(talk, notes):
    """The reply carries the send's ref; the server's word is the reason."""
    send(talk, 1)
    send(talk, 2)
    talk.reply("2", "error", {"error": "invalid_message_format", "details": "x"}, 1.0)
    assert notes.of("rejected") == [["c2", "invalid_message_format"]]
    talk.reply("1", "ok", {"seq": 1}, 1.0)
    talk.message(own(1, 1), 1.0)
    talk.message(answer(2), 1.0)
    assert talk.settled


def test_a_reply_may_come_while_the_write_still_goes_on(talk, notes):
    """Nothing is lost by it, and garbage does not fill the memory."""
    message = talk.sending("c1", 0.0, 0.0, "main")
    for n in range(2 * MAX_EARLY_REPLIES):
        talk.reply(str(n + 1), "ok", {"seq": 1}, 1.0)
    talk.sent(message, "1", 0.0)
    assert notes.of("acknowledged") == [["c1", 1.0]]
    assert message.seq == 1


@pytest.mark.parametrize("response", [None, {}, {"seq": "1"}, {"seq": True}, []])
def test_an_acknowledgement_of_no_known_shape_is_counted(talk, notes, response):
    """It acknowledges all the same."""
    send(talk, 1)
    talk.reply("1", "ok", response, 1.0)
    assert notes.kinds["malformed_reply"] == 1
    assert notes.kinds["acknowledged"] == 1


def test_messages_of_the_replay_may_still_be_pushed_twice(talk, notes):
    """Joined between an append and its pushes: neither push is new, neither is a duplicate."""
    talk.joined([own(1, 1), answer(2)])
    talk.message(own(1, 1), 1.0)
    talk.message(own(1, 1), 1.0)
    assert notes.kinds == {"received": 1, "repeated": 1}
    talk.message(own(1, 1), 1.0)
    assert notes.kinds["duplicated"] == 1


def test_what_is_remembered_of_pushes_is_bounded(talk):
    """Messages that come once, as those of REST, do not add up."""
    for seq in range(1, 2 * MAX_PUSHED_ONCE):
        talk.message({"seq": seq, "sender_id": "somebody", "content": {}}, 1.0)
    assert len(talk._pushed_once) == MAX_PUSHED_ONCE


def test_without_an_agent_nothing_waits_for_one(notes):
    """It holds after an acknowledgement and after an open outcome."""
    talk = LateConversation(ME, AGENT, notes, reply_timeout_s=TIMEOUT_S, agent_replies=None)
    send(talk, 1)
    timed_out(talk, 1)
    assert talk.settled
    talk.message(own(1, 1), 3.0)
    assert fates(notes) == {"appended": 1}


def test_an_unknown_event_and_a_malformed_chunk_are_counted(talk, notes):
    """Each counts under its own name."""
    talk.event("backpressure", {}, 1.0)
    talk.event("stream_chunk", {"chunk": 3}, 1.0)
    talk.event("stream_chunk", json.loads("[1]"), 1.0)
    assert notes.kinds == {"unknown_event": 1, "malformed_chunk": 2}


def test_the_agents_time_counts_from_the_last_sign_of_its_message(talk, notes):
    """Reply and first push came in one read with the second, whose arrival alone is known."""
    message = send(talk, 1)
    ok(talk, 1, 1, at_s=UpperBound(1.0))
    talk.message(own(1, 1), UpperBound(1.0))
    talk.message(own(1, 1), 1.5)
    assert type(message.appended_s) is float
    assert message.appended_s == 1.5
    talk.message(answer(2), 2.0)
    assert notes.of("replied") == [["c1", 2.0]]


def chunk(talk, kind, at_s):
    talk.event("stream_chunk", {"agent_id": AGENT, "chunk": {"type": kind, "id": "part_1"}}, at_s)


@pytest.mark.parametrize(("last", "reason"), [("text-delta", "broken_off"), ("finish", "not_pushed")])
def test_an_answer_that_never_came_leaves_the_next_one_to_its_own_message(talk, notes, last, reason):
    """Its message is unanswered as soon as the next answer begins."""
    for n in (1, 2):
        send(talk, n)
        ok(talk, n, n)
        talk.message(own(n, n), 1.0)
    chunk(talk, "text-start", 2.0)
    chunk(talk, last, 2.5)
    chunk(talk, "text-start", 3.0)
    chunk(talk, "finish", 4.0)
    talk.message(answer(3), 5.0)
    assert notes.of("unanswered") == [["c1", reason]]
    assert notes.of("replied") == [["c2", 5.0]]
    assert notes.of("stream_began") == [["c1", 2.0], ["c2", 3.0]]
    assert talk.settled


@pytest.mark.parametrize(("agent_replies", "incomplete"), [(1, 1), (None, 0), (0, 0)])
def test_an_answer_that_a_user_leaves_without_waiting_is_not_incomplete(notes, agent_replies, incomplete):
    """Only a user who waits for the agent can say that the whole answer never came."""
    talk = LateConversation(ME, AGENT, notes, reply_timeout_s=TIMEOUT_S, agent_replies=agent_replies)
    send(talk, 1)
    ok(talk, 1, 1)
    talk.message(own(1, 1), 1.0)
    chunk(talk, "text-start", 2.0)
    talk.close(3.0)
    assert notes.kinds["stream_ended"] == incomplete


def test_a_message_that_was_not_pushed_and_whose_answer_was_missed_is_lost(talk, notes):
    """Acknowledged, streamed to, and nothing pushed."""
    for n in (1, 2):
        send(talk, n)
        ok(talk, n, n)
        chunk(talk, "text-start", 2.0)
        chunk(talk, "finish", 2.5)
    talk.expire(TIMEOUT_S + 9)
    assert notes.of("lost") == [["c1", "not_pushed"], ["c2", "not_pushed"]]
    assert talk.settled


def test_an_acknowledged_message_that_is_never_pushed_is_a_gap(talk, notes):
    """Its answer shows that it was appended, but whoever watches the session never sees it."""
    for n, seq in ((1, 1), (2, 3)):
        send(talk, n)
        ok(talk, n, seq)
        talk.message(answer(seq + 1), 2.0)
    talk.message(own(2, 3), 3.0)
    talk.close(TIMEOUT_S + 9)
    assert fates(notes) == {"appended": 1, "resolved": 1}
    assert notes.kinds["seq_gap"] == 1


@pytest.mark.parametrize("replied", [1, 2])
@pytest.mark.parametrize("is_reply_first", [True, False])
def test_reply_and_push_of_a_message_say_the_same_seq(talk, notes, replied, is_reply_first):
    """Whichever comes first; which of the two is stored, only an audit can tell."""
    message = talk.sending("c1", 0.0, 0.0, "main", {"client_ref": "c1", "text": "x"})
    talk.sent(message, "1", 0.0)
    if is_reply_first:
        ok(talk, 1, replied)
    for _ in range(2):
        talk.message(own(1, 1), 1.0)
    if not is_reply_first:
        ok(talk, 1, replied)
    assert notes.kinds["seq_altered"] == (replied != 1)


@pytest.mark.parametrize("altered", [(), (0,), (1,), (0, 1)])
def test_both_pushes_of_a_message_are_compared_with_what_was_sent(talk, notes, altered):
    """A message is reported once, whichever of its pushes differs."""
    message = talk.sending("c1", 0.0, 0.0, "main", {"client_ref": "c1", "text": "x"})
    talk.sent(message, "1", 0.0)
    ok(talk, 1, 1)
    for place in range(2):
        push = own(1, 1)
        if place in altered:
            push["content"]["text"] = "y"
        talk.message(push, 1.0)
    assert notes.kinds["appended"] == 1
    assert notes.kinds["content_altered"] == bool(altered)


@pytest.mark.parametrize("ends", [lambda talk: talk.close(2.0), lambda talk: talk.down("eof")])
def test_a_reply_that_no_send_awaits_is_reported(talk, notes, ends):
    """A second reply to a send; more than are kept for sends in progress are reported at once."""
    send(talk, 1)
    for _ in range(2):
        ok(talk, 1, 1)
    for seq in (1, 1):
        talk.message(own(1, seq), 1.0)
    assert notes.kinds["unawaited_reply"] == 0  # it may be to a send whose write is not over
    for n in range(2, MAX_EARLY_REPLIES + 4):
        ok(talk, n, n)
    assert notes.kinds["unawaited_reply"] == 3
    ends(talk)
    assert notes.kinds["unawaited_reply"] == MAX_EARLY_REPLIES + 3
    assert fates(notes) == {"appended": 1}
