"""Frames survive a round trip, and nothing but FrameError comes out of the decoder."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import FrameError
from fleetlm_users.protocol.message import Message, decode, encode

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.tuples(json_values, json_values, st.text(), st.text(), json_values))
def test_a_message_survives_encode_and_decode(parts):
    """The decoded message equals the encoded one."""
    message = Message(*parts)
    assert decode(encode(message)) == message


@given(st.binary() | st.text())
def test_any_input_decodes_or_raises_frame_error(frame):
    """Garbage from the wire never raises anything but the documented error."""
    try:
        message = decode(frame)
    except FrameError:
        return
    assert isinstance(message, Message)


def test_a_sixth_element_is_ignored_as_phoenix_does():
    """The wire record shows a frame of six being accepted."""
    assert decode('[null,"1","phoenix","heartbeat",{},1]') == Message(None, "1", "phoenix", "heartbeat", {})


@pytest.mark.parametrize("frame", ["", "{nope", "[1,2]", '"x"', "{}", "null", json.dumps([1, 2, 3, 4])])
def test_what_is_not_a_frame_is_named(frame):
    """The error holds the frame and the problem."""
    with pytest.raises(FrameError, match="not a Phoenix v2 frame"):
        decode(frame)
