"""Answers of every legal form give the same status and body, however their bytes are cut."""

import contextlib
import gzip

import pytest
from geventhttpclient.response import HTTPParseError
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.http.content_coding import Oversize
from fleetlm_users.client.http.response import Response
from fleetlm_users.client.http.response_head import MAX_HEAD_BYTES

ZIPPED = gzip.compress(b"abc")
OK = b"HTTP/1.1 200 OK\r\n"
LEGAL = {
    "by length": OK + b"Content-Length: 3\r\n\r\nabc",
    "no reason phrase": b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc",
    "empty reason phrase": b"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nabc",
    "reason phrase in Latin-1": b"HTTP/1.1 200 Gut gemacht, S\xf6hnchen\r\nContent-Length: 3\r\n\r\nabc",
    "folded field": OK + b"X-Note: one\r\n two\r\n\tthree\r\nContent-Length: 3\r\n\r\nabc",
    "folded length": OK + b"Content-Length:\r\n 3\r\n\r\nabc",
    "length twice": OK + b"Content-Length: 3\r\nServer: x\r\ncontent-length: 3\r\n\r\nabc",
    "length as a list": OK + b"Content-Length: 3, 3\r\n\r\nabc",
    "repeated fields": OK + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nVary: x\r\nVary: y\r\nContent-Length: 3\r\n\r\nabc",
    "lines without carriage return": b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
    "100 before it": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\nabc",
    "103 and 102 before it": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nLocation: y\r\n\r\nHTTP/1.1 102 P\r\n\r\n"
    + OK
    + b"Content-Length: 3\r\n\r\nabc",
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
    "chunks with extensions": OK + b'Transfer-Encoding: Chunked\r\n\r\n3;a=b;c="d"\r\nabc\r\n0;z\r\n\r\n',
    "chunks with trailers": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nLocation: /x\r\n\r\n",
    "gzip": OK + b"Content-Encoding: GZIP\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED,
    "gzip in transfer": OK
    + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(ZIPPED), ZIPPED),
    "identity": OK + b"Content-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
    "close": OK + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc",
    "a token before close": OK + b"Connection: x, close\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "an empty line before it": b"\r\n" + OK + b"Content-Length: 3\r\n\r\nabc",
}  # fmt: skip
KEPT_OPEN = [name for name in LEGAL if "close" not in name and "HTTP/1.0" not in name]


def received(data, sizes=(), method="GET"):
    """A response that got the bytes in pieces of these sizes, and the rest in one."""
    response, start = Response(method), 0
    for size in sizes:
        if data[start : start + size]:
            response.receive(data[start : start + size])
        start += size
    if data[start:]:
        response.receive(data[start:])
    return response


@pytest.mark.parametrize("name", LEGAL)
@pytest.mark.parametrize("is_dribbled", [False, True])
def test_every_legal_form_is_read(name, is_dribbled):
    """It is read alike in one piece and byte by byte."""
    data = LEGAL[name]
    response = received(data, [1] * len(data) if is_dribbled else ())
    assert (response.is_complete, response.status, response.body()) == (True, 200, (b"abc", ""))
    assert "location" not in response.fields  # of an interim answer or a trailer
    assert response.can_be_followed() is (name in KEPT_OPEN)


@given(st.sampled_from(sorted(LEGAL)), st.lists(st.integers(1, 40), max_size=12))
def test_where_the_bytes_are_cut_does_not_matter(name, sizes):
    """TCP cuts anywhere."""
    assert received(LEGAL[name], sizes).body() == (b"abc", "")


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n", 304, b""),
        (OK + b"Content-Length: 0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 101, b""),
    ],
)
def test_answers_without_a_body_end_with_their_head(data, status, body):
    """It holds whatever length their head states."""
    response = received(data)
    assert (response.is_complete, response.status, response.raw_body()) == (True, status, body)


def test_a_body_without_length_ends_with_the_stream():
    """Nothing can follow it on the connection."""
    response = received(OK + b"\r\nabc")
    assert not response.is_complete
    response.receive(b"")
    assert (response.is_complete, response.body(), response.can_be_followed()) == (True, (b"abc", ""), False)


@pytest.mark.parametrize("behind", [b"garbage", b"HTTP/1.1 408 Timeout\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nxx"])
def test_what_comes_behind_the_answer_does_not_change_it(behind):
    """Nobody asked for it, and the connection is not used again."""
    response = received(OK + b"Content-Length: 3\r\n\r\nabc" + behind)
    assert (response.status, response.body(), response.fields) == (200, (b"abc", ""), {})
    assert not response.can_be_followed()


@pytest.mark.parametrize(
    ("data", "location"),
    [
        (b"Location: https://a/\r\n", "https://a/"),
        (b"LOCATION:\r\n https://a/\r\n", "https://a/"),
        (b"location: /x\r\nLocation: /y\r\n", "/x, /y"),
        (b"", None),
    ],
)
def test_the_fields_that_say_what_to_do_are_kept(data, location):
    """Their names are in lower case."""
    head = b"HTTP/1.1 301 Moved\r\nServer: x\r\n" + data + b"Content-Length: 0\r\n\r\n"
    for sizes in ((), [1] * len(head)):
        assert received(head, sizes).fields.get("location") == location


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 20\r\n\r\n", OK + b"Content-Length: 1, 2\r\n\r\nx", b"HTTP/2 200\r\n\r\n"],
)
def test_what_is_no_answer_is_refused_at_once(data):
    """Without waiting for more."""
    with pytest.raises(HTTPParseError):
        received(data)


def test_heads_and_bodies_have_a_bound():
    """An endless field, and a body that is a bomb."""
    with pytest.raises(Oversize, match="head"):
        received(OK + b"X: " + b"x" * MAX_HEAD_BYTES)
    bomb = gzip.compress(b"\0" * 20_000_000)
    response = received(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)
    with pytest.raises(Oversize, match="body"):
        response.body()


@given(st.binary(max_size=200), st.lists(st.integers(1, 30), max_size=8), st.booleans())
def test_no_bytes_raise_anything_else(data, sizes, has_head):
    """It holds for any bytes a server sends."""
    with contextlib.suppress(HTTPParseError, Oversize):
        response = received((OK + b"Content-Length: 3\r\n" if has_head else b"") + data, sizes)
        response.receive(b"")
        response.body()
