"""Frames we make, and the parser that refuses what a server must not send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websocket import ABNF, WebSocketProtocolException

from fleetlm_users.client.websocket import frames
from fleetlm_users.client.websocket.frames import (
    FIN_TEXT,
    POOL_BYTES,
    Frames,
    MaskKeys,
    MessageTooLarge,
    close_code,
    close_frame,
    masked,
)
from tests.client.fakes import BINARY, CLOSE, PING, TEXT, Peer, frame

MAX_BYTES = 1000


class Bytes:
    """A socket to read from, with nothing behind it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def recv(self, _count: int) -> bytes:
        data, self.data = self.data, b""
        return data


def parser(data: bytes, written: list[bytes] | None = None) -> Frames:
    source = [data]

    def pull(count: int) -> bytes:
        piece, source[0] = source[0][:count], source[0][count:]
        if not piece:
            raise EOFError
        return piece

    return Frames(pull, (written if written is not None else []).append, lambda: None, MAX_BYTES)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_a_masked_text_frame_is_read_back_at_every_length_form(length):
    """The three forms of the length, masked as RFC 6455 wants it from a client."""
    text = bytes(byte % 251 for byte in range(length))
    assert Peer(Bytes(masked(FIN_TEXT, text))).read_frame() == (TEXT, text)


@given(st.binary(max_size=300))
def test_a_masked_text_frame_is_what_websocket_client_would_write(text):
    """Same bytes but for the random mask."""
    ours = masked(FIN_TEXT, text)
    mask = ours[-len(text) - 4 :][:4]
    theirs = ABNF.create_frame(text, ABNF.OPCODE_TEXT)
    theirs.get_mask_key = lambda _count: mask
    assert ours == theirs.format()


def test_two_frames_have_different_masks():
    """Fresh and random for each frame (RFC 6455 §5.3)."""
    assert len({masked(FIN_TEXT, b"")[2:] for _ in range(20)}) > 15


def test_a_close_frame_carries_its_code():
    """It has no reason."""
    assert Peer(Bytes(close_frame(4001))).read_frame() == (CLOSE, (4001).to_bytes(2, "big"))


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [(b"", 1005, ""), (b"\x03\xf4", 1012, ""), (b"\x0f\xa1bye", 4001, "bye"), (b"\x03\xe8\xff", 1000, "�")],
)
def test_what_a_close_frame_says(payload, code, reason):
    """Without a code it is 1005; a reason that is not UTF-8 is still shown."""
    assert close_code(payload) == (code, reason)


VIOLATIONS = [
    frame(b"hi", mask=b"abcd"),
    frame(b"hi", rsv=4),
    frame(b"hi", 3),
    frame(b"hi", 0),  # a continuation of nothing
    frame(b"hi", final=False) + frame(b"new"),
    frame(b"x", CLOSE),
    frame((1005).to_bytes(2, "big"), CLOSE),
    frame(b"", PING, final=False),
    frame(b"x" * 126, PING),
    frame(b"x" * 126, CLOSE),
]


@pytest.mark.parametrize("data", VIOLATIONS)
def test_what_a_server_must_not_send_is_a_violation(data):
    """Masks, reserved bits and opcodes, broken fragmentation, long or fragmented control frames, bad close frames."""
    with pytest.raises(WebSocketProtocolException):
        parser(data).recv_data_frame()


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_frame_over_the_limit_is_refused_before_its_payload(opcode):
    """Only the header has arrived: nothing of an oversized payload is read, let alone kept."""
    with pytest.raises(MessageTooLarge, match="1001 bytes"):
        parser(frame(b"x" * 1001, opcode)[:4]).recv_data_frame()
    assert parser(frame(b"x" * 1000, opcode)).recv_data_frame()[1].data == b"x" * 1000


def test_fragments_are_joined_and_bounded_together():
    """A control frame may come in between; the limit is for the message, however it is cut."""
    written: list[bytes] = []
    whole = frame(b"ab", final=False) + frame(b"p", PING) + frame(b"cd", 0, final=False) + frame(b"ef", 0)
    opcode, message = parser(whole, written).recv_data_frame()
    assert (opcode, message.data) == (TEXT, b"abcdef")
    assert [Peer(Bytes(data)).read_frame() for data in written] == [(10, b"p")]
    with pytest.raises(MessageTooLarge):
        parser(frame(b"x" * 600, final=False) + frame(b"x" * 600, 0)).recv_data_frame()


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_undocumented(data):
    """Garbage is a violation, an oversize frame, or waits for more."""
    frames = parser(data)
    try:
        while True:
            if frames.recv_data_frame()[0] == ABNF.OPCODE_CLOSE:
                return
    except (EOFError, MessageTooLarge, WebSocketProtocolException):
        pass


def test_masking_keys_are_the_kernels_random_bytes_each_used_once(monkeypatch):
    """RFC 6455 §5.3: the next key cannot be told from the last. A pool that is used up is made anew."""
    pools = []

    def urandom(count):
        pools.append(bytes((byte + len(pools)) % 256 for byte in range(count)))
        return pools[-1]

    monkeypatch.setattr(frames.os, "urandom", urandom)
    keys = MaskKeys()
    taken = b"".join(keys.take() for _ in range(POOL_BYTES // 4 + 1))
    assert (len(pools), taken) == (2, pools[0] + pools[1][:4])
    assert repr(keys) == f"MaskKeys({POOL_BYTES // 4 - 1} left)"
