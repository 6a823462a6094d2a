"""An answer that breaks HTTP is described in one sentence of ours, printable and bounded, whatever a server sends."""

from http.client import BadStatusLine, HTTPException, LineTooLong, UnknownProtocol

import pytest
import urllib3
from geventhttpclient.response import HTTPParseError
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.http.content_coding import Oversize
from fleetlm_users.client.http.protocol_errors import violation
from fleetlm_users.client.http.response import Response

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FIELD = "a header field holds a forbidden character"


def words_for(*received):
    """Return the description of an answer that arrives in these pieces."""
    response = Response("GET")
    for piece in received[:-1]:
        response.receive(piece)
    with pytest.raises(HTTPParseError) as caught:
        response.receive(received[-1])
    return violation(caught.value).removeprefix("the answer breaks HTTP/1.1: ")


@pytest.mark.parametrize(
    ("received", "words"),
    [
        (OK + b"X: a\x01b\r\n\r\n", FIELD),
        (OK + b"X: \x00\r\n\r\n", FIELD),
        (OK + b"X y: b\r\n\r\n", FIELD),
        (OK + b"X\r\n\r\n", FIELD),
        (OK + b": v\r\n\r\n", FIELD),
        (OK + b"X: a\rb\r\n\r\n", "a header line ends with a lone carriage return"),
        (OK + b"Content-Length: abc\r\n\r\n", "its Content-Length is not a length"),
        (OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", "its Content-Length is not a length"),
        (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "it has several lengths that contradict each other"),
        (
            OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "it has both a Content-Length and a Transfer-Encoding, or an unknown one",
        ),
        (CHUNKED + b"zz\r\n", "a chunk of its body has no valid size"),
        (CHUNKED + b"5\r\nabcdeXX", "a chunk of its body is longer than its size says"),
        (b"HTTP/1.1 20x OK\r\n\r\n", "its status is not a three-digit number"),
        (b"HTTP/9.9 200 OK\r\n\r\n", "its version is unknown"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "it does not begin with a status line"),
    ],
)
def test_what_llhttp_refuses_is_said_in_our_words(received, words):
    """They follow from the number of its error: llhttp's texts name parser states."""
    assert words_for(received) == words


def test_an_answer_that_ends_too_soon():
    """Within its body."""
    assert words_for(OK + b"Content-Length: 9\r\n\r\nab", b"") == "it ends too soon"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BadStatusLine("220 mail.example ESMTP"), "it does not begin with a status line"),
        (UnknownProtocol("HTTP/9.9"), "its version is unknown"),
        (LineTooLong("header line"), "a header line is longer than 64 KiB"),
        (urllib3.exceptions.InvalidHeader("lengths"), "it has several lengths that contradict each other"),
        (HTTPException("got more than 100 headers"), "got more than 100 headers"),
        (HTTPException("\x1b[31m" + "x" * 10_000), "\\x1b[31mxxx"),
        (HTTPParseError("Incomplete response."), "it ends too soon"),
        (HTTPParseError("no such number", 999), "its head or body is malformed"),
    ],
)
def test_the_errors_of_every_parser_have_words(error, words):
    """Known ones ours, unknown ones their own, printable and cut."""
    said = violation(error)
    assert said.startswith(f"the answer breaks HTTP/1.1: {words}")
    assert said.isprintable()
    assert len(said) < 300


@given(st.binary(max_size=200))
def test_nothing_that_a_server_sends_gets_through(received):
    """Any bytes after a status line."""
    response, said = Response("GET"), ""
    try:
        response.receive(OK + received + b"\r\n\r\n")
        response.receive(b"")
    except HTTPParseError as error:
        said = violation(error)
    except Oversize as error:
        said = str(error)
    assert not said or said.isprintable()
