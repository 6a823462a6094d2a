"""A page that is decoded in part tells the same as one that is decoded whole."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetlm_users.protocol.stored_messages import StoredMessages, stored_messages


def stored(seq: int, content: Any, **more: Any) -> dict[str, Any]:
    return {"content": content, "id": "01M8", "metadata": {}, "sender_id": "p", "seq": seq, **more}


PAGE = {
    "messages": [
        stored(51, {"text": "hello", "client_ref": "r-1"}),
        stored(52, {"parts": [{"text": 'Echo: "ü €"\n𝄞', "n": [1, -2.5e3, None, True]}]}, metadata={"a": {"b": []}}),
        stored(53, "a text", more={}),
    ]
}
BODY = orjson.dumps(PAGE)
ESCAPED = json.dumps(PAGE).encode()


def same_as_decoded_whole(body: bytes) -> None:
    """Compare the two, where the page is taken at all."""
    page = stored_messages(body)
    if page is None:
        return
    try:
        whole = orjson.loads(body)
    except ValueError:  # a number beyond a float alone is no reason to leave a page
        whole = json.loads(body)
        assert "inf" in repr(whole)
    assert list(page) == whole["messages"]
    assert len(page) == len(whole["messages"])
    by_seq = {message["seq"]: message["content"] for message in whole["messages"]}
    for seq, content in by_seq.items():
        assert page.content_of(seq) == content


def test_contents_are_found_by_seq_and_messages_by_place():
    page = stored_messages(BODY)
    assert isinstance(page, StoredMessages)
    assert page.content_of(51) == {"text": "hello", "client_ref": "r-1"}
    assert page.content_of(53) == "a text"
    assert page.content_of(50) is None
    assert (page.seqs_of("p"), page.seqs_of("q")) == ({51, 52, 53}, set())
    assert (len(page), page[-1]["seq"], [each["seq"] for each in page[:2]]) == (3, 53, [51, 52])
    same_as_decoded_whole(BODY)


def test_of_two_messages_with_one_seq_the_last_counts():
    page = stored_messages(orjson.dumps({"messages": [stored(5, "a"), stored(5, "b")]}))
    assert page is not None
    assert (page.content_of(5), len(page)) == ("b", 2)
    assert not page.is_distinct
    assert stored_messages(orjson.dumps({"messages": [stored(5, "a"), stored(6, "a")]})).is_distinct


def test_a_number_beyond_a_float_is_one_all_the_same():
    """JSON sets no limit on numbers (RFC 8259 §6); a digit more than Python reads is no reason to fail either."""
    odd = b'{"messages":[{"seq":1,"content":1e999,"x":%s},{"seq":2,"content":"b"}]}' % (b"9" * 5000)
    page = stored_messages(odd)
    assert page is not None
    assert page.content_of(1) == float("inf")
    assert [each["content"] for each in page] == [float("inf"), "b"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        BODY[:-1],
        BODY + b"x",
        b'{"messages":{}}',
        b'{"messages":[null]}',
        b'{"messages":[{"content":1}]}',
        b'{"messages":[{"seq":1}]}',
        b'{"messages":[{"seq":"1","content":1}]}',
        b'{"messages":[{"seq":true,"content":1}]}',
        b'{"messages":[{"seq":1.0,"content":1}]}',
        b'{"messages":[{"seq":1,"content":1,"x":"\xff"}]}',
        b'{"messages":[{"seq":1,"content":1,"x":"\\ud800"}]}',
        b'{"messages":[{"seq":1,"content":1,"x":"\\x"}]}',
        b'{"messages":[{"seq":1,"content":1,"x":NaN}]}',
        ESCAPED,
    ],
)
def test_anything_else_is_left_to_a_whole_decoding(body):
    assert stored_messages(body) is None


PIECES = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"0", b"-", b"1e5", b"NaN", b"null", b"tru", b"01", b"1.", b".5"),
    *(b"\0", b"\x1f", b"\n", b" ", b"\x0b", b"\xff", b"9" * 30, b"1E+", b'"seq":1,', b'"content":1,', b"\xef\xbb\xbf"),
    *(b'"messages":[],', b"\\", b"\\\\", b'\\"', b"\\n", b"\\u0041", b"\\ud800", b"\\x", b"\xc3\xa9", b"\xed\xa0\x80"),
]  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(BODY)), st.integers(0, 5), st.sampled_from(PIECES)), max_size=3))
def test_a_page_with_changed_bytes_is_never_taken_for_another(changes):
    """A page that full decoding refuses is not accepted; an accepted one is the same."""
    body = BODY
    for place, length, piece in changes:
        body = body[:place] + piece + body[place + length :]
    same_as_decoded_whole(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_content_is_the_same_as_decoded_whole(value):
    for text in (json.dumps, lambda page: json.dumps(page, ensure_ascii=False, separators=(",", ":"))):
        encoded = text({"messages": [stored(7, value), stored(8, "x", metadata=value)]})
        same_as_decoded_whole(encoded.encode("utf-8", "surrogatepass"))
