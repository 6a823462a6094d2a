"""WebSocket frames: whatever way the bytes are cut, the same messages come out."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.websocket import frames
from fleetlm_users.standin.websocket.frames import FrameProblem, FrameReader

LIMIT = 100_000


def masked(first, payload, mask=b"\x01\x02\x03\x04", size=None):
    """A client's frame."""
    length = len(payload) if size is None else size
    if length < 126:
        head = bytes((first, 0x80 | length))
    elif length < 65536:
        head = bytes((first, 0xFE)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, 0xFF)) + length.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def read(reader, *chunks):
    return [(message.opcode, message.payload) for chunk in chunks for message in reader.feed(chunk)]


@given(
    st.lists(st.tuples(st.sampled_from([0x81, 0x82, 0x89, 0x8A]), st.binary(max_size=125)), max_size=6),
    st.binary(min_size=4, max_size=4),
    st.data(),
)
def test_any_cut_gives_the_same_messages(sent, mask, data):
    """Chunks of any size, frames back to back."""
    stream = b"".join(masked(first, payload, mask) for first, payload in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(FrameReader(LIMIT), *chunks) == [(first & 0x0F, payload) for first, payload in sent]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, LIMIT])
def test_lengths(length):
    """All three encodings of a length, with the header arriving byte by byte."""
    stream = masked(0x81, b"x" * length)
    assert read(FrameReader(LIMIT), *(stream[i : i + 1] for i in range(14)), stream[14:]) == [(1, b"x" * length)]


def test_fragments_with_a_ping_between():
    """A message in three frames; control frames may come between, empty fragments are nothing."""
    chunks = [masked(0x01, b"a"), masked(0x89, b"p"), masked(0x00, b""), masked(0x80, b"b"), masked(0x81, b"c")]
    assert read(FrameReader(LIMIT), *chunks) == [(9, b"p"), (1, b"ab"), (1, b"c")]


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (b"\x81\x01x", 1002),  # not masked
        (masked(0x81, b"", size=LIMIT + 1), 1009),
        (masked(0x01, b"x" * LIMIT) + masked(0x80, b"x"), 1009),
        (masked(0xC1, b"x"), 1002),  # RSV1 without the extension
        (masked(0xA1, b"x"), 1002),  # RSV2
        (masked(0x80, b"x"), 1002),  # continues nothing
        (masked(0x01, b"x") + masked(0x81, b"x"), 1002),  # begins inside another
        (masked(0x83, b"x"), 1002),  # unknown data opcode
        (masked(0x8B, b"x"), 1002),  # unknown control opcode
        (masked(0x09, b"x"), 1002),  # fragmented control frame
        (masked(0x89, b"x" * 126), 1002),  # long control frame
    ],
)
def test_violations(stream, code):
    """The close code that RFC 6455 asks for, after the messages before it."""
    reader = FrameReader(LIMIT)
    with pytest.raises(FrameProblem) as caught:
        read(reader, masked(0x81, b"before"), stream)
    assert caught.value.code == code


@given(st.binary(max_size=300))
def test_garbage_never_raises_anything_else(data):
    """Any bytes: messages, nothing yet, or a FrameProblem."""
    with contextlib.suppress(FrameProblem):
        read(FrameReader(1000, deflate=True), data, data)


def test_rsv1_is_reported_when_it_was_negotiated():
    """It is that of the first frame of a message."""
    reader = FrameReader(LIMIT, deflate=True)
    message = [*reader.feed(masked(0x41, b"a")), *reader.feed(masked(0x80, b"b"))]
    assert message == [(1, b"ab", True)]


@pytest.mark.parametrize(
    ("length", "expected"),
    [(5, b"\x81\x05"), (126, b"\x81\x7e\x00\x7e"), (65536, b"\x81\x7f" + (65536).to_bytes(8, "big"))],
)
def test_header(length, expected):
    """Unmasked, as a server's must be."""
    assert frames.header(length) == expected


def test_close_frame():
    """The code and no reason."""
    assert frames.close_frame(1012) == b"\x88\x02\x03\xf4"


@given(st.binary(max_size=200), st.binary(min_size=4, max_size=4))
def test_unmask(payload, mask):
    """Byte i is XORed with byte i mod 4 of the mask."""
    assert frames.unmask(mask, payload) == bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
