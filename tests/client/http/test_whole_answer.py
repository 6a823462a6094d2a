"""What the quick look takes, the parser would have taken as the same; everything else it leaves to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.http.response import Response
from fleetlm_users.client.http.whole_answer import whole_answer
from tests.client.http.test_response import LEGAL

USUAL = (
    b"HTTP/1.1 201 Created\r\ncache-control: max-age=0, private, must-revalidate\r\nContent-Length: 3\r\n"
    b"content-type: application/json; charset=utf-8\r\nserver: Cowboy\r\nx-request-id: F9\r\n\r\nabc"
)
DELETED = b"HTTP/1.1 204 No Content\r\ncache-control: max-age=0\r\nx-request-id: F9\r\n\r\n"


def same_as_the_parser(data: bytes, method: str = "GET") -> None:
    """Compare the two, where the quick look says anything."""
    taken = whole_answer(method, data)
    if taken is None:
        return
    response = Response(method)
    response.receive(data)
    assert response.is_complete
    assert response.can_be_followed()
    assert (response.status, response.body(), response.fields) == (taken[0], (taken[1], ""), {})


def test_the_usual_answers_are_taken():
    assert whole_answer("POST", USUAL) == (201, b"abc")
    assert whole_answer("DELETE", DELETED) == (204, b"")


@pytest.mark.parametrize("data", LEGAL.values(), ids=LEGAL)
def test_every_legal_form_is_read_alike(data):
    same_as_the_parser(data)


@pytest.mark.parametrize(
    "data",
    [
        USUAL + b"d",
        USUAL[:-1],
        USUAL.replace(b": 3", b": +3"),
        USUAL.replace(b": 3", b": 3, 3"),
        USUAL.replace(b": 3\r\n", b": 3\r\ncontent-length: 3\r\n"),
        USUAL.replace(b": 3\r\n", b": 3\r\nx-note: connection\r\n"),
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
    assert whole_answer("GET", data) is None
    assert whole_answer("HEAD", USUAL) is None


@given(st.data())
def test_a_changed_byte_never_makes_another_answer_of_it(data):
    """One that the parser refuses is not taken; one that it takes is the same."""
    original = data.draw(st.sampled_from([USUAL, DELETED]))
    at = data.draw(st.integers(0, len(original) - 1))
    same_as_the_parser(original[:at] + data.draw(st.binary(max_size=2)) + original[at + 1 :])
