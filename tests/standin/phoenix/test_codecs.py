"""The two serialisers."""

import orjson
import pytest

from fleetlm_users.errors import FrameError
from fleetlm_users.protocol.message import Message
from fleetlm_users.standin.phoenix.codecs import V1, V2, codec_for


@pytest.mark.parametrize(
    ("vsn", "codec"),
    [
        ("2.0.0", V2),
        ("2.0.7", V2),
        ("1.0.0", V1),
        (None, V1),
        ("9.9.9", None),
        ("2.1.0", None),
        ("2", None),
        ("abc", None),
        ("", None),
        ("2.0.0\n", None),
    ],
)
def test_codec_for(vsn, codec):
    """`~> 2.0.0`, `~> 1.0.0`, and 1.0.0 when none is given."""
    found = codec_for(vsn)
    assert found is None if codec is None else isinstance(found, codec)


@pytest.mark.parametrize("codec", [V1(), V2()])
def test_around_makes_the_same_frame_as_encode(codec):
    """A push from one payload for many sockets."""
    message = Message("1", None, 'session:"x"', "message", {"a": 1})
    before, after = codec.around(message.join_ref, message.topic, message.event)
    assert orjson.loads(before + b'{"a":1}' + after) == orjson.loads(codec.encode(message))


@pytest.mark.parametrize("frame", [b"[]", b"{", b'"x"', b'{"topic":"a","event":"b","payload":{}}'])
def test_v1_refuses(frame):
    """Anything without the four keys."""
    with pytest.raises(FrameError):
        V1.decode(frame)


def test_v1_takes_a_join_ref():
    """When the client gives one."""
    frame = b'{"topic":"t","event":"e","payload":1,"ref":2,"join_ref":3}'
    assert V1.decode(frame) == Message(3, 2, "t", "e", 1)
