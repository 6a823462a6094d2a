"""Every sent message ends in exactly one fate, whatever the server does, and agent replies are matched in order."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.protocol.conversation import MAX_GAP, MAX_PRESUMED, Conversation
from fleetlm_users.protocol.late_conversation import LateConversation
from tests.protocol.notes import Notes

ME, AGENT = "bench-r1-1", "bench-echo-agent"
TIMEOUT_S = 30.0


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def talk(notes):
    return Conversation(ME, AGENT, notes, reply_timeout_s=TIMEOUT_S)


def send(talk, n, at_s=0.0):
    message = talk.sending(f"c{n}", at_s, at_s, "main")
    talk.sent(message, str(n), at_s)
    return message


def own(n, seq):
    return {"seq": seq, "sender_id": ME, "content": {"client_ref": f"c{n}", "text": "x"}}


def agent(seq):
    return {"seq": seq, "sender_id": AGENT, "content": {"text": "Echo", "client_ref": "c1"}}


def test_own_broadcast_appends_and_the_agent_answers(talk, notes):
    """The plain case: sent, own broadcast, agent broadcast; then all is settled."""
    send(talk, 1, at_s=1.0)
    talk.message(own(1, 1), 1.002)
    assert not talk.settled
    talk.message(agent(2), 1.005)
    assert talk.settled
    assert notes.facts[1] == ("appended", "c1")
    assert notes.facts[3] == ("replied", "c1", 1.005)


def test_agent_replies_are_matched_first_in_first_out(talk, notes):
    """An echoed client_ref is ignored: beyond ten messages, FleetLM's history makes it the wrong one."""
    for n in (1, 2, 3):
        send(talk, n)
        talk.message(own(n, n), 1.0)
    for seq in (4, 5, 6):
        talk.message(agent(seq), 2.0)
    assert [fact[1] for fact in notes.facts if fact[0] == "replied"] == ["c1", "c2", "c3"]


def test_two_replies_per_message_count_once(notes):
    """With --agent-replies 2 the first of each pair is the answer, and the second settles it."""
    talk = Conversation(ME, AGENT, notes, reply_timeout_s=TIMEOUT_S, agent_replies=2)
    for n in (1, 2):
        send(talk, n)
        talk.message(own(n, n), 1.0)
    for seq in (3, 4, 5):
        talk.message(agent(seq), 2.0)
        assert not talk.settled
    talk.message(agent(6), 2.0)
    assert talk.settled
    assert [fact[1] for fact in notes.facts if fact[0] == "replied"] == ["c1", "c2"]


def test_an_agent_reply_nobody_waits_for_is_reported(talk, notes):
    """More replies than appends are counted, not matched."""
    talk.message(agent(1), 1.0)
    assert notes.kinds["agent_unmatched"] == 1


def test_a_reply_after_the_timeout_does_not_answer(talk, notes):
    """The message that waited too long is unanswered; the late reply belongs to nobody."""
    send(talk, 1)
    talk.message(own(1, 1), 1.0)
    talk.message(agent(2), 1.0 + TIMEOUT_S + 0.1)
    assert notes.kinds["unanswered"] == 1
    assert notes.kinds["agent_unmatched"] == 1


def test_an_error_reply_rejects_its_own_message(talk, notes):
    """The reply's ref finds the message, whichever is older."""
    send(talk, 1)
    send(talk, 2)
    talk.reply("2", "error", {"error": "invalid_message_format"}, 1.0)
    assert ("rejected", "c2", "invalid_message_format") in notes.facts
    assert talk.in_flight == 1


def test_an_error_reply_that_overtakes_the_write_still_rejects(talk, notes):
    """The answer can be read by another greenlet before the writer has noted its ref."""
    message = talk.sending("c1", 0.0, 0.0, "main")
    talk.reply("1", "error", {"reason": "unmatched topic"}, 1.0)
    talk.sent(message, "1", 0.0)
    assert ("rejected", "c1", "unmatched topic") in notes.facts
    assert talk.settled


def test_backpressure_rejects_the_oldest_in_flight(talk, notes):
    """The push names no message."""
    send(talk, 1)
    send(talk, 2)
    talk.backpressure({"reason": "session_draining", "retry_after_ms": 1000}, 1.0)
    assert ("backpressure", "session_draining") in notes.facts
    assert ("rejected", "c1", "backpressure: session_draining") in notes.facts


def test_a_wrong_presumption_moves_to_the_next_message(talk, notes):
    """When the presumed message is appended after all, the count of rejections stays what the server said."""
    send(talk, 1)
    send(talk, 2)
    talk.backpressure({"reason": "session_draining"}, 1.0)
    talk.message(own(1, 1), 1.1)
    assert notes.kinds["rejected"] - notes.kinds["unrejected"] == 1
    assert notes.facts[-1] == ("appended", "c1")
    assert talk.in_flight == 0


@pytest.mark.parametrize("word", ["reason", "error"])
def test_the_servers_reasons_are_bounded_kinds(talk, notes, word):
    """Ids, numbers, times, control characters and the length of a reason do not affect the kind."""
    for number, pid in enumerate(("0.123.0", "0.9.77"), 1):
        send(talk, number)
        talk.reply(str(number), "error", {word: f"no #PID<{pid}>, retry after {number * 137} ms\x1b[2J"}, 1.0)
        talk.backpressure({word: "f0" * 10_000}, 1.0)
    assert {fact[2] for fact in notes.facts if fact[0] == "rejected"} == {r"no #PID<…>, retry after TIME\x1b[NJ"}
    assert {fact[1] for fact in notes.facts if fact[0] == "backpressure"} == {"ID…"}


def test_what_a_server_presumes_and_skips_is_bounded(talk, notes):
    """Memory does not grow with unnamed refusals or with gaps in seq; each is counted."""
    for number in range(1, MAX_PRESUMED * 2):
        send(talk, number)
        talk.backpressure({"reason": "busy"}, 1.0)
    assert notes.kinds["rejected"] == MAX_PRESUMED * 2 - 1
    assert len(talk._presumed) == MAX_PRESUMED
    for step in range(1, 20):
        talk.message({"seq": step * (MAX_GAP // 2), "sender_id": "stranger"}, 1.0)
    assert len(talk._missing) <= MAX_GAP
    assert notes.kinds["seq_jump"] > 0


def test_backpressure_with_nothing_in_flight_is_only_counted(talk, notes):
    """There is no message to reject."""
    talk.backpressure("nonsense", 1.0)
    assert notes.facts == [("backpressure", "unknown")]


@pytest.mark.parametrize(
    ("seqs", "expected"),
    [
        ((1, 2, 3), {}),
        ((1, 3), {"seq_gap": 1}),
        ((1, 3, 2), {"out_of_order": 1}),
        ((1, 1), {"duplicated": 1}),
        ((2, 4, 1), {"out_of_order": 1, "seq_gap": 1}),
        ((1, MAX_GAP * 3), {"seq_jump": 1}),
    ],
)
def test_seq_shows_gaps_duplicates_and_reordering(talk, notes, seqs, expected):
    """seq counts a session's messages from 1 without gaps."""
    for seq in seqs:
        talk.message({"seq": seq, "sender_id": "stranger"}, 1.0)
    talk.close(2.0)
    seen = {kind: n for kind, n in notes.kinds.items() if kind in ("seq_gap", "out_of_order", "duplicated", "seq_jump")}
    assert seen == expected
    assert all(noticed_s == 1.0 for kind, *facts in notes.facts if kind == "seq_gap" for noticed_s in facts)


def test_what_the_replay_held_is_no_duplicate_when_pushed_too(talk, notes):
    """A join subscribes before it reads the replay, so the newest message can come both ways."""
    talk.joined([own(1, 1), agent(2)])
    talk.message(agent(2), 1.0)
    talk.message(agent(3), 1.0)
    assert notes.kinds["duplicated"] == 0
    talk.message(agent(2), 1.0)
    assert notes.kinds["duplicated"] == 1


def test_a_full_replay_does_not_tell_the_newest_seq(talk, notes):
    """FleetLM replays the oldest 100 messages: the first push after that sets the count."""
    talk.joined([{"seq": n} for n in range(1, 101)])
    talk.message({"seq": 250, "sender_id": "stranger"}, 1.0)
    talk.close(2.0)
    assert notes.kinds["seq_gap"] == 0


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"seq": "1"}, {"seq": True}, {"seq": 1.5}])
def test_malformed_messages_are_reported_and_ignored(talk, notes, payload):
    """Garbage inside a valid frame changes nothing."""
    talk.message(payload, 1.0)
    assert notes.facts == [("malformed_message",)]


@pytest.mark.parametrize(
    "content", [None, "x", {}, {"client_ref": 5}, {"client_ref": "never sent"}, {"client_ref": []}]
)
def test_an_own_broadcast_of_no_known_message_is_reported(talk, notes, content):
    """For example a REST append by the same participant."""
    talk.message({"seq": 1, "sender_id": ME, "content": content}, 1.0)
    assert notes.kinds["unknown_client_ref"] == 1


def test_close_tells_lost_from_in_flight_by_age(talk, notes):
    """Older than the reply timeout is lost; younger was merely cut off."""
    send(talk, 1, at_s=0.0)
    send(talk, 2, at_s=20.0)
    talk.close(TIMEOUT_S)
    assert ("lost", "c1", "timeout") in notes.facts
    assert ("in_flight", "c2") in notes.facts


def test_a_lost_channel_loses_what_was_on_its_way(talk, notes):
    """Its fate can no longer be known; an appended message stays appended but unanswered."""
    send(talk, 1)
    send(talk, 2)
    talk.message(own(1, 1), 1.0)
    talk.down("closed_1012")
    assert ("lost", "c2", "closed_1012") in notes.facts
    assert ("unanswered", "c1", "closed_1012") in notes.facts
    assert talk.settled


def test_a_message_that_could_not_be_written_was_never_sent(talk, notes):
    """It has no fate, because it does not count as sent."""
    talk.unsent(talk.sending("c1", 0.0, 0.0, "main"))
    talk.close(100.0)
    assert notes.facts == []


def test_patience_ends_with_the_youngest_wait(talk):
    """The messages still open decide how long a session waits before it leaves."""
    assert talk.patience_ends_s() == 0.0
    send(talk, 1, at_s=5.0)
    send(talk, 2, at_s=7.0)
    assert talk.patience_ends_s() == 7.0 + TIMEOUT_S
    talk.message(own(2, 1), 8.0)
    assert talk.patience_ends_s() == 8.0 + TIMEOUT_S


steps = st.one_of(
    st.just(("send",)),
    st.tuples(st.just("own"), st.integers(1, 12), st.integers(1, 40)),
    st.tuples(st.just("agent"), st.integers(1, 40)),
    st.tuples(st.just("error"), st.integers(1, 12)),
    st.just(("backpressure",)),
    st.tuples(st.just("garbage"), st.none() | st.text() | st.dictionaries(st.text(), st.integers())),
)


@given(st.lists(steps, max_size=60), st.booleans(), st.floats(0, 100))
def test_the_accounting_adds_up_whatever_the_server_does(script, dies, end_s):
    """sent = appended + rejected + lost + in flight, and each appended message is answered or unanswered, once."""
    notes = Notes()
    talk = Conversation(ME, AGENT, notes, reply_timeout_s=TIMEOUT_S)
    sent = 0
    for k, step in enumerate(script):
        now_s = k * 0.5
        match step:
            case ("send",):
                sent += 1
                send(talk, sent, now_s)
            case ("own", n, seq):
                talk.message(own(n, seq), now_s)
            case ("agent", seq):
                talk.message(agent(seq), now_s)
            case ("error", n):
                talk.reply(str(n), "error", {"reason": "no"}, now_s)
            case ("backpressure",):
                talk.backpressure({"reason": "busy"}, now_s)
            case ("garbage", payload):
                talk.message(payload, now_s)
    if dies:
        talk.down("eof")
    talk.close(end_s)
    kinds = notes.kinds
    assert sent == kinds["appended"] + kinds["rejected"] - kinds["unrejected"] + kinds["lost"] + kinds["in_flight"]
    assert kinds["appended"] == kinds["replied"] + kinds["unanswered"]
    assert talk.settled


SAID = {"text": "x", "client_ref": "c1"}


@pytest.mark.parametrize(
    ("push", "kinds"),
    [
        ({}, []),
        ({"content": {**SAID, "text": "y"}}, ["content_altered"]),
        ({"content": {"client_ref": "c1"}}, ["content_altered"]),
        ({"content": {**SAID, "more": 1}}, ["content_altered"]),
        ({"session_id": "s2"}, ["session_altered"]),
        ({"session_id": None}, ["session_altered"]),
        ({"content": {**SAID, "text": ""}, "session_id": "s2"}, ["content_altered"]),
    ],
)
def test_a_push_of_an_own_message_is_compared_with_what_was_sent(notes, push, kinds):
    """It appends the message all the same; the first difference is reported."""
    talk = Conversation(ME, AGENT, notes, reply_timeout_s=TIMEOUT_S, session_id="s1")
    message = talk.sending("c1", 0.0, 0.0, "main", SAID)
    talk.sent(message, "1", 0.0)
    talk.message({**own(1, 1), "session_id": "s1", **push}, 1.0)
    assert notes.kinds["appended"] == 1
    assert [fact[0] for fact in notes.facts if fact[0].endswith("_altered")] == kinds
    assert message.content is None  # not kept while the agent is awaited


def test_what_is_no_message_in_a_replay_is_reported(talk, notes):
    """The messages beside it count."""
    talk.joined([None, 1, "x", {}, {"seq": "2"}, {"seq": True}, own(1, 1)])
    assert notes.kinds["malformed_message"] == 6
    talk.message(own(1, 1), 1.0)
    assert notes.kinds["duplicated"] == 0


def pushed(ref, seq):
    return {"seq": seq, "sender_id": ME, "content": {"client_ref": ref}}


@pytest.mark.parametrize("kind", [Conversation, LateConversation])
@pytest.mark.parametrize(
    ("before", "ref", "expected"),
    [
        ("", "r-1-1", "appended_again"),
        ("", "r-2-1", "unknown_client_ref"),  # of no message of this session
        ("", "r-1", "unknown_client_ref"),
        ("", "", "unknown_client_ref"),
        ("given up", "r-1-1", "unknown_client_ref"),  # it may be the one that was given up, late
        ("joined again", "r-1-1", "unknown_client_ref"),  # or one that was sent before that
    ],
)
def test_a_message_that_is_appended_a_second_time_is_known(notes, kind, before, ref, expected):
    """A server that stores a message twice gives it two numbers."""
    talk = kind(ME, AGENT, notes, reply_timeout_s=TIMEOUT_S, agent_replies=None)
    talk.joined([], again=before == "joined again")
    for number in (1, 2, 3):
        message = talk.sending(f"r-1-{number}", 0.0, 0.0, "main")
        talk.sent(message, str(number), 0.0)
    for number in (1, 2):
        talk.message(pushed(f"r-1-{number}", number), 1.0)
    if before == "given up":
        talk.expire(TIMEOUT_S)
        assert notes.kinds["lost"] == 1
    counted = notes.kinds.copy()
    talk.message(pushed(ref, 3), TIMEOUT_S + 1.0)
    assert (notes.kinds - counted) - Counter(received=1) == Counter([expected])
    talk.message(pushed("r-1-3", 4), TIMEOUT_S + 2.0)
    assert notes.kinds["appended"] == (2 if before == "given up" else 3)
