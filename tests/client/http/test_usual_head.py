"""The quick check accepts only answers that the parser would have read alike, and leaves everything else to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.http.response import MAX_BODY_BYTES, Response
from fleetlm_users.client.http.usual_head import usual_head
from tests.client.http.test_response import LEGAL

USUAL = (
    b"HTTP/1.1 201 Created\r\ncache-control: max-age=0, private, must-revalidate\r\nContent-Length: 3\r\n"
    b"content-type: application/json; charset=utf-8\r\nserver: Cowboy\r\nx-request-id: F9\r\n\r\nabc"
)
FLEETLM = (
    b"HTTP/1.1 200 OK\r\ncache-control: max-age=0, private, must-revalidate\r\ncontent-length: 3\r\n"
    b"content-type: application/json; charset=utf-8\r\ndate: Sun, 05 Oct 2025 10:00:00 GMT\r\nvary: accept-encoding\r\n"
    b"access-control-allow-origin: *\r\naccess-control-expose-headers: location, connection\r\n"
    b"x-request-id: GGuKqCtmyH0pJ-8AAAJC\r\n\r\nabc"
)
KEPT_ALIVE = USUAL.replace(b"\r\n\r\n", b"\r\nConnection: Keep-Alive\r\n\r\n")
DELETED = b"HTTP/1.1 204 No Content\r\ncache-control: max-age=0\r\nx-request-id: F9\r\n\r\n"


def taken(method: str, data: bytes) -> tuple[int, bytes] | None:
    """Status and body, where the data are an answer with a usual head and nothing else."""
    found = usual_head(method, data)
    return (found[0], data[found[1] :]) if found is not None and found[2] == len(data) else None


def same_as_the_parser(data: bytes, method: str = "GET") -> None:
    """Compare the two, where the quick look says anything."""
    found = usual_head(method, data)
    if found is None:
        return
    status, start, end = found
    response = Response(method)
    response.receive(data[:end])
    assert response.is_complete == (len(data) >= end)
    if len(data) >= end:
        assert response.can_be_followed()
        assert (response.status, response.body(), response.fields) == (status, (data[start:end], ""), {})


def test_the_usual_answers_are_taken():
    assert taken("POST", USUAL) == taken("POST", KEPT_ALIVE) == (201, b"abc")
    assert taken("GET", FLEETLM) == (200, b"abc")
    assert taken("DELETE", DELETED) == (204, b"")
    same_as_the_parser(FLEETLM)
    same_as_the_parser(KEPT_ALIVE)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_of_a_body_that_has_not_all_come_it_says_the_end(missing):
    assert usual_head("GET", USUAL[:-missing]) == (201, len(USUAL) - 3, len(USUAL))


@pytest.mark.parametrize("data", LEGAL.values(), ids=LEGAL)
def test_every_legal_form_is_read_alike(data):
    same_as_the_parser(data)


@pytest.mark.parametrize(
    "data",
    [
        USUAL + b"d",
        USUAL[:-4],
        USUAL.replace(b": 3", b": +3"),
        USUAL.replace(b": 3", b": 3, 3"),
        USUAL.replace(b": 3\r\n", b": 3\r\ncontent-length: 3\r\n"),
        USUAL.replace(b": 3\r\n", b": 3\r\nConnection: keep-alive, close\r\n"),
        USUAL.replace(b": 3\r\n", b": 3\r\nProxy-Connection: close\r\n"),
        USUAL.replace(b": 3\r\n", b": 3\r\nLOCATION: /x\r\n"),
        USUAL.replace(b": 3\r\n", b": 3\r\ntransfer-Encoding: chunked\r\n"),
        USUAL.replace(b": 3\r\n", b": 3\r\ncontent-encoding: gzip\r\n"),
        USUAL.replace(b": 3\r\n", b": %d\r\n" % (MAX_BODY_BYTES + 1)),
        USUAL.replace(b"server: ", b"server : "),
        USUAL.replace(b"server: ", b"\0: "),
        USUAL.replace(b"Cowboy", b"Cow\x00boy"),
        USUAL.replace(b"201 Created", b"304 Not Modified"),
        USUAL.replace(b"201 Created", b"204 No Content"),
        USUAL.replace(b"HTTP/1.1", b"HTTP/1.0"),
        USUAL.replace(b"Content-Length: 3\r\n", b""),
        DELETED + b"x",
    ],
)
def test_anything_else_is_left_to_the_parser(data):
    assert taken("GET", data) is None
    assert usual_head("HEAD", USUAL) is None


@given(st.data())
def test_a_changed_byte_never_makes_another_answer_of_it(data):
    """One that the parser refuses is not taken; one that it takes is the same."""
    original = data.draw(st.sampled_from([USUAL, DELETED, FLEETLM, KEPT_ALIVE]))
    at = data.draw(st.integers(0, len(original) - 1))
    same_as_the_parser(original[:at] + data.draw(st.binary(max_size=2)) + original[at + 1 :])


FIELDS = [
    b"server: x", b"Vary: Accept-Encoding", b"Connection: keep-alive", b"connection: close", b"Content-Length: 3",
    b"content-length: 4", b"Transfer-Encoding: chunked", b"Content-Encoding: gzip", b"location: /y", b"upgrade: h2c",
    b"TRAILER: x", b"proxy-connection: close", b"x-connection: close", b"keep-alive: timeout=5",
    b"", b" folded", b"no colon",
]  # fmt: skip


@given(
    st.lists(st.sampled_from(FIELDS), max_size=6), st.sampled_from([b"200 OK", b"204 No Content", b"304 Not Modified"])
)
def test_no_fields_together_are_read_in_another_way(fields, status):
    same_as_the_parser(b"\r\n".join((b"HTTP/1.1 " + status, *fields, b"", b"abc")))
