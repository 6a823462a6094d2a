"""Binary frames of serializer 2.0.0, against an independent reading of phoenix's `serializer.js` by `struct`."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import FrameError, UsageError
from fleetlm_users.protocol.binary_frames import decode_binary, encode_binary_push
from fleetlm_users.protocol.message import Message

NAMES = st.text(max_size=60).filter(lambda text: len(text.encode()) <= 255)
BYTES = st.binary(max_size=400)


def server_frame(kind, names, payload):
    """A frame as a server makes it."""
    encoded = [name.encode() for name in names]
    form = f"<B{len(encoded)}B" + "".join(f"{len(name)}s" for name in encoded) + f"{len(payload)}s"
    return struct.pack(form, kind, *map(len, encoded), *encoded, payload)


def pushed(frame):
    """The parts of a client's push, as a server reads them."""
    kind, *lengths = struct.unpack_from("<5B", frame)
    form = "".join(f"{length}s" for length in lengths)
    names = struct.unpack_from(f"<{form}", frame, 5)
    return kind, [name.decode() for name in names], frame[5 + sum(lengths) :]


@given(NAMES, NAMES, NAMES, NAMES, BYTES)
def test_a_server_reads_what_a_client_pushes(join_ref, ref, topic, event, payload):
    """The frame has kind 0, four lengths, four names, and the payload."""
    assert pushed(encode_binary_push(join_ref, ref, topic, event, payload)) == (
        0,
        [join_ref, ref, topic, event],
        payload,
    )


@given(NAMES, NAMES, NAMES, BYTES)
def test_a_servers_push_has_no_ref(join_ref, topic, event, payload):
    """It has three names, and no join_ref if that is empty."""
    frame = server_frame(0, (join_ref, topic, event), payload)
    assert decode_binary(frame) == Message(join_ref or None, None, topic, event, payload)


@given(NAMES, NAMES, NAMES, NAMES, BYTES)
def test_a_reply_has_its_status_and_bytes(join_ref, ref, topic, status, payload):
    """It means what a phx_reply in JSON means."""
    frame = server_frame(1, (join_ref, ref, topic, status), payload)
    reply = {"status": status, "response": payload}
    assert decode_binary(frame) == Message(join_ref or None, ref or None, topic, "phx_reply", reply)


@given(NAMES, NAMES, BYTES)
def test_a_broadcast_has_neither_ref(topic, event, payload):
    """Two names."""
    assert decode_binary(server_frame(2, (topic, event), payload)) == Message(None, None, topic, event, payload)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_message_or_a_frame_error(frame):
    """Nothing else reaches the reader."""
    try:
        message = decode_binary(frame)
    except FrameError:
        return
    assert isinstance(message.topic, str)


@pytest.mark.parametrize("frame", [b"", b"\x03", b"\x02\x01", b"\x02\x05\x01ab", b"\x02\x01\x00\xff"])
def test_cut_and_foreign_frames_are_refused(frame):
    """No bytes, no such kind, no lengths, too few names, names that are not UTF-8."""
    with pytest.raises(FrameError):
        decode_binary(frame)


@pytest.mark.parametrize("names", [("1", "2", "é" * 128, "e"), ("1", "2", "t", "e" * 256)])
def test_a_name_too_long_is_refused_in_words(names):
    """A length is one byte: what does not fit would be read as another message."""
    with pytest.raises(UsageError, match="at most 255 bytes of UTF-8"):
        encode_binary_push(*names, b"")
