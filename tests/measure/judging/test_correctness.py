"""A round in which all is well has no flaw; each single fault is named, charged to its message, and lowers the rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetlm_users.measure.judging.correctness import Round, judge_round

USER, AGENT = "bench-r1-7", "bench-echo-agent"


def own(seq, n):
    return {
        "seq": seq,
        "sender_id": USER,
        "kind": "text",
        "content": {"text": f"t{n}", "client_ref": f"m{n}"},
        "metadata": {},
    }


def answer(seq, n):
    content = {"text": f"Echo: t{n}", "client_ref": f"m{n}"}
    return {"seq": seq, "sender_id": AGENT, "kind": "text", "content": content, "metadata": {"echoed_seq": n}}


def healthy(messages=4, **changes):
    """All sent at once: own messages first, then the answers."""
    live = [own(n, n) for n in range(1, messages + 1)]
    live += [answer(messages + n, n) for n in range(1, messages + 1)]
    sent = {f"m{n}": f"t{n}" for n in range(1, messages + 1)}
    replay = [{**payload, "id": "another", "inserted_at": "in whole seconds"} for payload in live]
    return replace(Round(sent, {}, live, replay, USER, AGENT), **changes)


def flaws(judged):
    return [(flaw.kind, flaw.seq, flaw.client_ref) for flaw in judged.flaws]


def without(payloads, *seqs):
    return [payload for payload in payloads if payload["seq"] not in seqs]


@given(st.integers(1, 60))
def test_a_round_in_which_all_is_well_has_no_flaw(messages):
    """Stored copies differ in id and time, by design; a replay reaches as far as it reaches."""
    seen = healthy(messages)
    judged = judge_round(replace(seen, replay=seen.replay[-100:]))
    assert judged.flaws == []
    assert judged.checked == judged.correct == messages
    assert judged.replay_checked == min(100, 2 * messages)
    assert (judged.replay_missing, judged.replay_changed) == (0, 0)


def test_a_message_whose_broadcast_never_came_is_lost_and_found_in_the_replay():
    """Its number is known from the replay."""
    seen = healthy()
    judged = judge_round(replace(seen, live=without(seen.live, 2), fates={"m2": "lost"}))
    assert flaws(judged) == [("lost", 2, "m2")]
    assert judged.flaws[0].detail == "stored, but never pushed"
    assert (judged.checked, judged.correct, judged.replay_missing) == (4, 3, 0)


def test_a_lost_message_without_a_replay_is_the_gap():
    """One loss and one gap belong together."""
    seen = healthy()
    judged = judge_round(replace(seen, live=without(seen.live, 3), fates={"m3": "lost"}, replay=None))
    assert flaws(judged) == [("lost", 3, "m3")]


def test_a_message_that_was_never_appended_has_no_number():
    """Nothing is missing in the sequence."""
    seen = healthy(3)
    judged = judge_round(replace(seen, sent={**seen.sent, "m4": "t4"}, fates={"m4": "lost"}))
    assert flaws(judged) == [("lost", None, "m4")]


def test_a_lost_answer_is_charged_to_the_message_it_answers():
    """First in, first out: the third answer belongs to the third message."""
    seen = healthy()
    judged = judge_round(replace(seen, live=without(seen.live, 7)))
    assert flaws(judged) == [("lost", 7, "m3")]
    assert (judged.checked, judged.correct) == (4, 3)


def test_the_last_answer_lost_on_the_way_is_seen_in_the_replay():
    """No later seq shows the gap."""
    seen = healthy()
    judged = judge_round(replace(seen, live=seen.live[:-1]))
    assert flaws(judged) == [("lost", 8, "m4")]


def test_a_message_that_nobody_answered_is_named():
    """It is not the one that the sequence suggests, but the last: there is one answer fewer than messages."""
    seen = healthy()
    judged = judge_round(replace(seen, live=seen.live[:-1], replay=seen.replay[:-1]))
    assert flaws(judged) == [("unanswered", 4, "m4")]
    assert judged.correct == 3


@pytest.mark.parametrize(("position", "ref"), [(1, "m2"), (5, "m2")])
def test_a_doubled_push_is_named_whoever_sent_the_message(position, ref):
    """The second copy of a message of ours, and of an answer."""
    seen = healthy()
    live = [*seen.live[: position + 1], *seen.live[position:]]
    judged = judge_round(replace(seen, live=live))
    assert flaws(judged) == [("doubled", position + 1, ref)]
    assert judged.correct == 3


def test_a_message_appended_twice_is_doubled():
    """It has two numbers."""
    seen = healthy(2)
    again = [*seen.live, own(5, 1)]
    judged = judge_round(replace(seen, live=again, replay=again))
    assert ("doubled", 5, "m1") in flaws(judged)


def test_a_push_that_came_after_a_later_one_is_reordered():
    """It is the one that came late that is named."""
    seen = healthy()
    live = [*seen.live]
    live[1], live[2] = live[2], live[1]
    judged = judge_round(replace(seen, live=live))
    assert flaws(judged) == [("reordered", 2, "m2")]


def test_messages_appended_in_another_order_than_sent_are_reordered():
    """Though their numbers rise as they come."""
    seen = healthy(2)
    live = [own(1, 2), own(2, 1), *seen.live[2:]]
    judged = judge_round(replace(seen, live=live, replay=live))
    assert flaws(judged) == [("reordered", 2, "m1")]


def test_a_message_missing_from_the_replay_is_named():
    """Ours, and an answer."""
    seen = healthy()
    judged = judge_round(replace(seen, replay=without(seen.replay, 1, 6)))
    assert flaws(judged) == [("unreplayed", 1, "m1"), ("unreplayed", 6, "m2")]
    assert (judged.replay_checked, judged.replay_missing, judged.correct) == (8, 2, 2)


@pytest.mark.parametrize(("key", "value"), [("content", {"text": "other"}), ("sender_id", "x"), ("metadata", {"a": 1})])
def test_a_changed_replay_is_named_with_what_changed(key, value):
    """Content, sender and metadata must be the same; id and time need not."""
    seen = healthy()
    seen.replay[2][key] = value
    judged = judge_round(seen)
    assert [(flaw.kind, flaw.seq, flaw.client_ref) for flaw in judged.flaws] == [("changed", 3, "m3")]
    assert key in judged.flaws[0].detail
    assert judged.replay_changed == 1


def test_a_replay_out_of_order_or_doubled_is_changed():
    """Oldest first, each once."""
    seen = healthy(2)
    judged = judge_round(replace(seen, replay=[seen.replay[1], seen.replay[0], *seen.replay[2:]]))
    assert flaws(judged) == [("changed", 1, "m1")]
    judged = judge_round(replace(seen, replay=[*seen.replay, seen.replay[-1]]))
    assert flaws(judged) == [("changed", 4, "m2")]


def test_a_text_that_was_altered_on_the_way_is_named():
    """The broadcast must hold the sent text."""
    seen = healthy(2)
    for payloads in (seen.live, seen.replay):
        payloads[0]["content"] = {"text": "T1", "client_ref": "m1"}
    assert flaws(judge_round(seen)) == [("altered", 1, "m1")]


def test_rejected_messages_are_not_correct():
    """They never got a number."""
    seen = healthy(2)
    judged = judge_round(replace(seen, sent={**seen.sent, "m3": "t3"}, fates={"m3": "rejected"}))
    assert flaws(judged) == [("rejected", None, "m3")]
    assert (judged.checked, judged.correct) == (3, 2)


def test_what_the_end_of_the_run_cut_short_is_not_judged():
    """A message in flight, or appended and not answered yet, is neither good nor bad."""
    seen = healthy(4)
    live = without(seen.live, 8)
    sent = {**seen.sent, "m5": "t5"}
    judged = judge_round(replace(seen, sent=sent, fates={"m5": "in_flight"}, live=live, replay=None, cut=True))
    assert judged.flaws == []
    assert (judged.checked, judged.correct) == (3, 3)


def test_an_agent_that_does_not_answer_is_no_flaw_where_none_is_expected():
    """--agent-replies 0."""
    seen = healthy(3, agent_replies=0)
    judged = judge_round(replace(seen, live=seen.live[:3], replay=seen.replay[:3]))
    assert judged.flaws == []
    assert judged.correct == 3


def test_an_agent_that_answers_too_often_is_named():
    """One answer was expected to each."""
    seen = healthy(2)
    live = [*seen.live, answer(5, 9)]
    assert flaws(judge_round(replace(seen, live=live, replay=live))) == [("unasked", 5, "m2")]


def test_nothing_sent_is_nothing_judged():
    """A session that broke before the first message."""
    judged = judge_round(Round({}, {}, [], None, USER, AGENT))
    assert (judged.checked, judged.correct, judged.flaws) == (0, 0, [])


def test_a_wild_number_does_not_make_the_check_endless():
    """Garbage from the server stays garbage."""
    seen = healthy(2)
    judged = judge_round(replace(seen, live=[*seen.live, own(10**12, 7)], replay=None))
    assert ("unknown", 10**12, "m2") in flaws(judged)
