"""One message as stored: the very bytes that were pushed, and the values read from them. Pure.

A plain tuple of numbers and bytes: an append creates nothing else, it is small, and Python's garbage collector does not
visit it, so a full store causes no pauses.
"""

from typing import Any

import orjson

from fleetlm_users.standin.chat.ids import SECONDS_CHARS, STAMP_CHARS, stored_id

StoredMessage = tuple[int, int, bytes]  # seq, length of the content's JSON, payload of the live push

OVERHEAD_BYTES = 200  # besides the payload: tuple, two ints, bytes header, list slot, malloc rounding
BEFORE_CONTENT = len(b'{"content":')
BEFORE_ID = len(b',"id":"')
BEFORE_STAMP = len(b'","inserted_at":"')


def make(  # noqa: PLR0913  # one name for each field of the message
    seq: int, *, id: bytes, stamp: bytes, sender: bytes, kind: bytes, content: bytes, metadata: bytes, session_id: bytes
) -> StoredMessage:
    """Return a message made from its parts; sender, kind, content and metadata are JSON text."""
    payload = (
        b'{"content":%b,"id":"%b","inserted_at":"%b","kind":%b,"metadata":%b,"sender_id":%b,"seq":%d,"session_id":"%b"}'
        % (content, id, stamp, kind, metadata, sender, seq, session_id)
    )
    return seq, len(content), payload


def seq_of(message: StoredMessage) -> int:
    """Return the message's number in its session."""
    return message[0]


def size_bytes(message: StoredMessage) -> int:
    """Return approximately how much memory the message takes."""
    return OVERHEAD_BYTES + len(message[2])


def stamp_of(message: StoredMessage) -> bytes:
    """Return when it was appended, with microseconds."""
    _, content_length, payload = message
    id_start = BEFORE_CONTENT + content_length + BEFORE_ID
    start = payload.index(b'"', id_start) + BEFORE_STAMP
    return payload[start : start + STAMP_CHARS]


def replay_json(message: StoredMessage, *, is_late: bool = False) -> bytes:
    """Return the message as a read shows it: in whole seconds, and in the early protocol under a different id."""
    _, content_length, payload = message
    id_start = BEFORE_CONTENT + content_length + BEFORE_ID
    id_end = payload.index(b'"', id_start)
    stamp_end = id_end + BEFORE_STAMP + SECONDS_CHARS
    pushed_id = payload[id_start:id_end]
    return b"%b%b%b%b" % (
        payload[:id_start],
        pushed_id if is_late else stored_id(pushed_id),
        payload[id_end:stamp_end],
        payload[stamp_end + STAMP_CHARS - SECONDS_CHARS :],
    )


def changed(message: StoredMessage) -> StoredMessage:
    """Return the message with another text in its content, or with a further key if it has no text."""
    seq, content_length, payload = message
    after_content = BEFORE_CONTENT + content_length
    content: dict[str, Any] = orjson.loads(payload[BEFORE_CONTENT:after_content])
    text = content.get("text")
    other = {"text": f"{text} (changed)"} if isinstance(text, str) else {"changed": True}
    new = orjson.dumps(content | other)
    return seq, len(new), payload[:BEFORE_CONTENT] + new + payload[after_content:]


def doubled(message: StoredMessage) -> bytes:
    """Return the payload under another id, as the late protocol's second push and its REST append show it."""
    _, content_length, payload = message
    id_start = BEFORE_CONTENT + content_length + BEFORE_ID
    id_end = payload.index(b'"', id_start)
    return b"%b%b%b" % (payload[:id_start], stored_id(payload[id_start:id_end]), payload[id_end:])


def appended_json(message: StoredMessage) -> bytes:
    """Return the message as the reply to a REST append shows it: as pushed, without `seq`."""
    seq, _, payload = message
    head, _, tail = payload.rpartition(b'"seq":%d,' % seq)
    return head + tail


def history_json(message: StoredMessage) -> bytes:
    """Return the message as a webhook gets it: without id and metadata."""
    _, content_length, payload = message
    fields: dict[str, Any] = orjson.loads(payload)
    document = {
        "content": orjson.Fragment(payload[BEFORE_CONTENT : BEFORE_CONTENT + content_length]),
        "inserted_at": fields["inserted_at"][:SECONDS_CHARS],
        "kind": fields["kind"],
        "sender_id": fields["sender_id"],
        "seq": fields["seq"],
    }
    return orjson.dumps(document)


def late_history_json(message: StoredMessage, recipient: bytes) -> bytes:
    """Return the message as a webhook of the late protocol gets it, `seq` twice; `recipient` is JSON text."""
    text = replay_json(message, is_late=True)
    kind_end = text.rindex(b',"sender_id":')
    return b'%b,"recipient_id":%b%b,"seq":%d}' % (text[:kind_end], recipient, text[kind_end:-1], seq_of(message))
