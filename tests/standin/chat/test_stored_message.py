"""One message as stored: it comes out as it went in, whatever its content."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.chat import stored_message

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CONTENT = st.dictionaries(TEXT, TEXT | st.integers(-(2**53), 2**53) | st.lists(TEXT, max_size=3), max_size=4)
ID = "01M850HD4XBCZXDHWJ0HCZFBP1"
STAMP = "2026-11-23T20:11:12.413308"


def made(seq, sender, kind, content, metadata):
    return stored_message.make(
        seq,
        id=ID.encode(),
        stamp=STAMP.encode(),
        sender=orjson.dumps(sender),
        kind=orjson.dumps(kind),
        content=orjson.dumps(content),
        metadata=orjson.dumps(metadata),
        session_id=b"01M850HCSCBYS8BDYYV994SHEV",
    )


@given(st.integers(1, 10**9), TEXT, TEXT, CONTENT, CONTENT)
def test_every_view(seq, sender, kind, content, metadata):
    """Push, replay, REST reply and history show the same message in their own ways."""
    message = made(seq, sender, kind, content, metadata)
    push = orjson.loads(message[2])
    assert push == {
        "content": content,
        "id": ID,
        "inserted_at": STAMP,
        "kind": kind,
        "metadata": metadata,
        "sender_id": sender,
        "seq": seq,
        "session_id": "01M850HCSCBYS8BDYYV994SHEV",
    }
    replay = orjson.loads(stored_message.replay_json(message))
    assert replay["id"] != ID
    assert replay == {**push, "id": replay["id"], "inserted_at": STAMP[:19]}
    appended = orjson.loads(stored_message.appended_json(message))
    assert {**appended, "seq": seq} == push
    shown = ("content", "kind", "sender_id", "seq")
    assert orjson.loads(stored_message.history_json(message)) == {name: push[name] for name in shown} | {
        "inserted_at": STAMP[:19]
    }
    assert (stored_message.seq_of(message), stored_message.stamp_of(message)) == (seq, STAMP.encode())
    assert stored_message.size_bytes(message) > len(message[2])
