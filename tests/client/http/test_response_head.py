"""Heads of answers: odd but legal forms read as the plain ones (RFC 9110, RFC 9112)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.http.response_head import end_of_head, fields_of, may_be_http, plain, tokens_of, usual_end

TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8)
VALUES = st.text("abc 123/;=\"'", max_size=12).map(str.strip)
SPACES = st.sampled_from(["", " ", "\t", "  \t "])
FOLDS = st.sampled_from([" ", "\r\n ", "\r\n\t", " \r\n  "])


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", {"a": "b"}),
        (b"HTTP/1.1 200 OK\r\nA: b\r\na: c\r\n\r\n", {"a": "b, c"}),
        (b"HTTP/1.1 200 OK\r\nA:\r\n b\r\n\tc\r\n\r\n", {"a": "b c"}),
        (b"HTTP/1.1 200 OK\nA: b\nC: d\n\n", {"a": "b", "c": "d"}),
        (b"HTTP/1.1 200 OK\r\nA:b:c\r\nno field\r\n\r\n", {"a": "b:c"}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCONTENT-LENGTH: 5\r\n\r\n", {"content-length": "5"}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", {"content-length": "5"}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", {"content-length": "5, 6"}),
    ],
)
def test_fields_by_name(head, fields):
    """Repeated fields form a list, folded ones a line, and a length repeated with the same value is one."""
    assert fields_of(head) == fields


@given(st.lists(st.tuples(TOKENS, SPACES, VALUES, SPACES), max_size=5), st.sampled_from([b"\r\n", b"\n"]))
def test_spaces_and_line_ends_do_not_matter(drawn, line_end):
    """However a field is written, it says the same."""
    lines = ["HTTP/1.1 200 OK", *(f"{name}:{before}{value}{after}" for name, before, value, after in drawn), "", ""]
    head = line_end.join(line.encode() for line in lines)
    expected = {}
    for name, _, value, _ in drawn:
        expected[name] = f"{expected[name]}, {value}" if name in expected else value
    if "content-length" not in expected:
        assert {name: value.replace("\t", " ") for name, value in fields_of(head).items()} == expected


@given(TOKENS, st.lists(st.sampled_from(["one", "two;x=1", "3"]), min_size=1, max_size=4), FOLDS)
def test_a_folded_field_is_one_line(name, words, fold):
    """RFC 9112 §5.2: what a user agent must do with it."""
    head = f"HTTP/1.1 200 OK\r\n{name}: {fold.join(words)}\r\n\r\n".encode()
    assert plain(head).count(b"\r\n") == 3
    assert fields_of(head)[name].split() == words


@given(st.binary(max_size=300))
def test_no_bytes_raise(data):
    """A plain head stays unchanged."""
    assert plain(plain(data)) == plain(data)
    fields_of(data)
    assert 0 <= end_of_head(data) <= len(data)


LINES = st.sampled_from(
    [
        *(b"A: b", b"Content-Length: 5", b"content-length: 5, 5", b"content-length: 7", b" folded", b"\tfolded"),
        *(b"Location: /x", b"Content-Encoding: gzip", b"TRANSFER-ENCODING: chunked", b"x: a\rb", b"x:", b"no field"),
    ]
)


@given(
    st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 404", b"HTTP/1.1 100 Continue", b"HTTP/1.0 200 OK", b"", b"SSH"]),
    st.lists(st.tuples(LINES, st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])), max_size=5),
    st.binary(max_size=8),
)
def test_a_head_that_needs_no_closer_look_would_not_have_changed(status_line, lines, body):
    """The cheap check never accepts a head that the full one would change."""
    received = status_line + b"\r\n" + b"".join(map(b"".join, lines)) + b"\r\n" + body
    end = usual_end(received)
    if end:
        head = received[:end]
        assert end == end_of_head(received)
        assert plain(head) == head
        assert not fields_of(head).keys() & {"location", "content-encoding", "transfer-encoding"}
        assert status_line in (b"HTTP/1.1 200 OK", b"HTTP/1.1 404")


def test_what_servers_send_needs_no_closer_look():
    """Phoenix's answers to requests that succeed."""
    head = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\ndate: Mon, 24 Nov 2025 20:11:12 GMT\r\nserver: Cowboy\r\n\r\n"
    assert usual_end(head + b"{}") == len(head)
    assert usual_end(head[:-1]) == 0


@given(st.binary(max_size=60), st.integers(0, 60))
def test_the_end_is_found_wherever_the_bytes_were_cut(before, cut):
    """Searching on from where the last search ended finds what one search over everything finds."""
    data = before + b"\r\n\r\nrest"
    cut = min(cut, len(data))
    found = end_of_head(data[:cut])
    assert (found or end_of_head(data, cut)) == end_of_head(data)


@pytest.mark.parametrize(
    ("data", "may_be"),
    [
        (b"", True),
        (b"HT", True),
        (b"\r\nHTTP/1.1 2", True),
        (b"SSH-2.0", False),
        (b"\x15\x03\x01", False),
        (b"H2", False),
    ],
)
def test_what_cannot_become_http_is_known_at_once(data, may_be):
    """Nobody waits for the end of a head that will never come."""
    assert may_be_http(data) is may_be


def test_lists_are_read_without_regard_to_case_and_empty_members():
    """RFC 9110 §5.6.1."""
    assert tokens_of("keep-alive,, Upgrade ,") == ["keep-alive", "upgrade"]
    assert tokens_of("") == []
