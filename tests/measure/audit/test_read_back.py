"""What a read says of the messages that it must hold: kept, missing or changed."""

import pytest

from fleetlm_users.measure.audit.read_back import Accepted, judge_read

ONE = Accepted("r-1", "hello", 5)


def stored(seq=5, ref="r-1", text="hello"):
    return {"seq": seq, "content": {"text": text, "client_ref": ref}}


@pytest.mark.parametrize(
    ("messages", "missing", "changed"),
    [
        ([stored()], 0, 0),
        ([stored(4, "r-0"), stored(), stored(6, "agent")], 0, 0),
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
    """By seq, and by what it holds."""
    result = judge_read([ONE], messages)
    assert (result.checked, len(result.missing), len(result.changed)) == (1, missing, changed)


@pytest.mark.parametrize(
    ("messages", "missing", "changed"),
    [([stored(9)], 0, 0), ([stored(9, text="hullo")], 0, 1), ([stored(9, "r-2")], 1, 0)],
)
def test_without_a_seq_the_reference_tells(messages, missing, changed):
    """Where the answer to the append did not say the seq."""
    result = judge_read([Accepted("r-1", "hello", None)], messages)
    assert (len(result.missing), len(result.changed)) == (missing, changed)
