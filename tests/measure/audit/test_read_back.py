"""How a read compares with the messages that it must hold: kept, missing or changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.audit.read_back import Accepted, Coverage, are_kept, coverage, doubles, judge_read

ONE = Accepted("r-1", "hello", 5)


def stored(seq=5, ref="r-1", text="hello", sender="p"):
    return {"seq": seq, "sender_id": sender, "content": {"text": text, "client_ref": ref}}


@pytest.mark.parametrize(
    ("messages", "missing", "changed"),
    [
        ([stored()], 0, 0),
        ([stored(4, "r-0"), stored(), stored(6, "agent")], 0, 0),
        ([stored(), stored()], 0, 1),  # shown twice
        ([stored(), stored(4, "r-0"), stored(4, "r-0")], 0, 0),
        ([], 1, 0),
        ([stored(4, "r-0")], 1, 0),
        ([stored(text="hullo")], 0, 1),
        ([stored(ref="r-9")], 0, 1),
        ([stored(seq=6)], 0, 1),
        ([{"seq": 5}], 0, 1),
        (["no message", None, {"seq": "5"}, {"seq": True, "content": {}}], 1, 0),
        ([{"seq": 5, "content": {**stored()["content"], "more": 1}}], 0, 1),
    ],
)
def test_a_message_is_kept_missing_or_changed(messages, missing, changed):
    """It is decided by seq and by content."""
    result = judge_read([ONE], messages, "p")
    assert (result.checked, len(result.missing), len(result.changed)) == (1, missing, changed)


def test_a_copy_under_a_second_seq_is_found():
    """By the seq that the server said, else by the first one shown; not that of an agent, which repeats the ref."""
    shown = [stored(), stored(6), stored(7, sender="agent"), stored(8, "r-2"), stored(9, "r-2"), "garbage", {"seq": 9}]
    seqs = {"r-1": 6}
    assert list(doubles(shown, "p", seqs)) == [("r-1", 5), ("r-2", 9)]
    assert seqs == {"r-1": 6, "r-2": 8}


SEQS, REFS, TEXTS = st.integers(1, 3), st.sampled_from(["r-1", "r-2"]), st.sampled_from(["hello", "hullo"])


@given(
    st.lists(st.builds(Accepted, REFS, TEXTS, SEQS | st.none()), max_size=3),
    st.lists(st.builds(stored, SEQS, REFS, TEXTS, st.sampled_from(["p", "agent"])), max_size=4),
)
def test_what_is_kept_at_a_glance_has_no_flaw(expected, messages):
    """The quick look by seq alone never says yes where the whole one names a message; by seq, it says yes as often."""
    by_seq = {message["seq"]: message for message in messages}
    result = judge_read(expected, list(by_seq.values()), "p")
    contents = {seq: message["content"] for seq, message in by_seq.items()}
    is_flawless = not (result.missing or result.changed)
    assert are_kept(expected, contents.get) == (is_flawless and all(one.seq is not None for one in expected))


@pytest.mark.parametrize(
    ("messages", "missing", "changed"),
    [
        ([stored(9)], 0, 0),
        ([stored(9, text="hullo")], 0, 1),
        ([stored(9, "r-2")], 1, 0),
        ([stored(10, text="Echo: hello", sender="agent")], 1, 0),
    ],
)
def test_without_a_seq_the_reference_tells(messages, missing, changed):
    """It is for appends whose answer did not state the seq."""
    result = judge_read([Accepted("r-1", "hello", None)], messages, "p")
    assert (len(result.missing), len(result.changed)) == (missing, changed)


@pytest.mark.parametrize(
    ("accepted", "replayed", "expected"),
    [
        (5, range(5), Coverage(0, 5)),
        (5, range(2), Coverage(0, 5)),  # not full, so all should be there
        (0, (), Coverage(0, 0)),
        (50, range(10), Coverage(0, 10)),  # the oldest ones
        (50, [*range(4), *range(6, 12)], Coverage(0, 12)),  # two of them lost
        (50, range(2, 12), Coverage(0, 12, may_begin_early=True)),
        (50, range(30, 40), Coverage(30, 40)),  # the first of memory
        (50, range(40, 50), Coverage(40, 50)),  # the newest ones
        (50, range(70, 80), Coverage(0, 0)),  # all of them accepted since
        (50, ["no message"] * 10, Coverage(0, 0)),
        (50, [*range(9), "agent"], Coverage(0, 9)),
    ],
)
def test_what_a_single_replay_must_hold(accepted, replayed, expected):
    """All of a session, or those between the first and the last that a full replay holds."""
    sent = [Accepted(f"r-{number}", "hello", None) for number in range(accepted)]
    other = {"agent": stored(99, "r-49", sender="agent")}
    messages = [stored(each, f"r-{each}") if isinstance(each, int) else other.get(each, each) for each in replayed]
    assert coverage(sent, messages, 10, "p") == expected
