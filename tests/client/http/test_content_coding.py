"""Compressed bodies that nobody requested: read within a bound, or described."""

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.http.content_coding import NotDecoded, Oversize, decoded

LIMIT = 10_000


def bare_deflate(data):
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


CODERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}


@given(st.binary(max_size=2000), st.lists(st.sampled_from(sorted(CODERS)), max_size=3))
def test_what_was_encoded_is_decoded(data, codings):
    """The codings are undone in reverse order."""
    body = data
    for coding in codings:
        body = CODERS[coding](body)
    assert decoded(body, codings, LIMIT) == data


def test_deflate_without_its_frame_and_gzip_in_several_members():
    """Some servers send the former, and RFC 1952 allows the latter."""
    assert decoded(bare_deflate(b"hello"), ["deflate"], LIMIT) == b"hello"
    assert decoded(gzip.compress(b"hel") + gzip.compress(b"lo"), ["gzip"], LIMIT) == b"hello"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_is_stopped_at_the_bound(coding):
    """A gigabyte of zeros in a megabyte."""
    bomb = CODERS[coding](b"\0" * 20_000_000)
    with pytest.raises(Oversize):
        decoded(bomb, [coding], LIMIT)
    assert len(decoded(CODERS[coding](b"\0" * LIMIT), [coding], LIMIT)) == LIMIT


@pytest.mark.parametrize(
    ("body", "codings", "said"),
    [
        (b"x", ["br"], "'br'"),
        (b"x", ["\x1b[31m" * 9], "which was not asked for"),
        (b"not gzip", ["gzip"], "not the gzip that it says it is"),
        (gzip.compress(b"hello", mtime=0)[:-4], ["gzip"], "not the gzip"),
        (b"x", ["gzip"] * 5, "encoded 5 times"),
    ],
)
def test_what_cannot_be_read_is_named(body, codings, said):
    """Without the server's control characters."""
    with pytest.raises(NotDecoded, match=said) as caught:
        decoded(body, codings, LIMIT)
    assert str(caught.value).isprintable()


@given(st.binary(max_size=300), st.sampled_from(sorted(CODERS)))
def test_no_bytes_raise_anything_else(body, coding):
    """It holds for any bytes a server sends."""
    with contextlib.suppress(NotDecoded, Oversize):
        assert len(decoded(body, [coding], LIMIT)) <= LIMIT
