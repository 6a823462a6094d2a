"""The two serialisers of Phoenix: vsn 2.0.0 (arrays, from `protocol`) and vsn 1.0.0 (objects).

Sources: phoenix `v1_json_serializer.ex`, `v2_json_serializer.ex`, `socket.ex` (version requirements `~> 1.0.0`, `~>
2.0.0`).
"""

import re
from typing import Any, Protocol

import orjson

from fleetlm_users.errors import FrameError
from fleetlm_users.protocol import message as serializer
from fleetlm_users.protocol.message import Message

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)\Z")
V1_KEYS = ("topic", "event", "payload", "ref")


class Codec(Protocol):
    """Text frames to messages and back."""

    def decode(self, frame: bytes) -> Message:
        """Return the message in `frame`. Raises FrameError."""

    def encode(self, message: Message) -> bytes:
        """Return the text of `message`."""

    def around(self, join_ref: Any, topic: str, event: str) -> tuple[bytes, bytes]:
        """Return the text around the payload of a push, so that one payload serves many sockets."""


class V2:
    """`[join_ref, ref, topic, event, payload]`."""

    decode = staticmethod(serializer.decode)
    encode = staticmethod(serializer.encode)

    @staticmethod
    def around(join_ref: Any, topic: str, event: str) -> tuple[bytes, bytes]:
        """Return the text around the payload of a push (ref null)."""
        return b"[%b,null,%b,%b," % (orjson.dumps(join_ref), orjson.dumps(topic), orjson.dumps(event)), b"]"


class V1:
    """`{"topic", "event", "payload", "ref"}`; a client may add `join_ref`, the server never does."""

    @staticmethod
    def decode(frame: bytes) -> Message:
        """Return the message in `frame`. Raises FrameError unless it is a JSON object with the four keys."""
        try:
            parts = orjson.loads(frame)
        except ValueError as problem:
            raise FrameError(str(problem), frame) from problem
        if type(parts) is not dict or not all(key in parts for key in V1_KEYS):
            raise FrameError("not an object with topic, event, payload and ref", frame)
        return Message(parts.get("join_ref"), parts["ref"], parts["topic"], parts["event"], parts["payload"])

    @staticmethod
    def encode(message: Message) -> bytes:
        """Return the text of `message`."""
        return orjson.dumps(
            {"event": message.event, "payload": message.payload, "ref": message.ref, "topic": message.topic}
        )

    @staticmethod
    def around(join_ref: Any, topic: str, event: str) -> tuple[bytes, bytes]:
        """Return the text around the payload of a push (ref null)."""
        del join_ref  # vsn 1.0.0 has none
        return b'{"event":%b,"payload":' % orjson.dumps(event), b',"ref":null,"topic":%b}' % orjson.dumps(topic)


def codec_for(vsn: str | None) -> Codec | None:
    """Return the codec for the `vsn` parameter (None: not given, which means 1.0.0), or None if it is not supported."""
    version = VERSION.match("1.0.0" if vsn is None else vsn)
    if version is None or version[2] != "0":
        return None
    codecs: dict[str, Codec] = {"1": V1(), "2": V2()}
    return codecs.get(version[1])
