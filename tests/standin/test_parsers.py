"""Whatever bytes a client sends, the stand-in's parsers raise what they document and nothing else."""

import contextlib
import json
import random

import pytest

from fleetlm_users.errors import FrameError
from fleetlm_users.protocol.message import Message
from fleetlm_users.standin.agent.agents import cast_fields
from fleetlm_users.standin.phoenix.codecs import V1, V2
from fleetlm_users.standin.websocket.deflate import DeflateProblem, negotiate
from fleetlm_users.standin.websocket.frames import FrameProblem, FrameReader
from fleetlm_users.standin.websocket.handshake import judge, parse_head
from tests.mutations import ODD, cut, mutated
from tests.standin.websocket.test_frames import masked

OFFER = "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate"
HEAD = (
    b"GET /socket/websocket?participant_id=u%C3%A9&vsn=2.0.0&a[b][]=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: a2tra2tra2tra2tra2traw==\r\n"
    b"Sec-WebSocket-Version: 13\r\nOrigin: http://[::1]:80"
)


@pytest.mark.parametrize("value", ["\xb2", "9" * 5_000, "", "-9", "1e1", "\u0661\u0660"])
def test_a_window_is_one_of_a_few_numbers(value):
    """An offer with any other value is passed over (RFC 7692 §7.1.2)."""
    assert negotiate(f"permessage-deflate; server_max_window_bits={value}") is None


def test_offers_of_compression_are_taken_or_passed_over():
    """After one that is passed over, the next counts, or none."""
    for seed in range(1_000):
        found = negotiate(cut(OFFER, seed))
        if found is not None:
            with contextlib.suppress(DeflateProblem):
                found.decompress(random.Random(seed).randbytes(seed % 50), 10_000)


def test_heads_are_judged():
    """An upgrade, a refusal, or no head at all."""
    for seed in range(1_000):
        head = parse_head(cut(HEAD, seed))
        if head is not None:
            judge(head, "x")


def test_frames_are_messages_or_a_problem():
    """However they are damaged."""
    sound = masked(0x81, b"[1,2,3,4,5]") + masked(0x01, b"a") + masked(0x89, b"") + masked(0x80, b"x" * 300)
    for seed in range(1_000):
        data, reader = cut(sound, seed), FrameReader(1_000, deflate=bool(seed % 2))
        with contextlib.suppress(FrameProblem):
            for start in range(0, len(data), 1 + seed % 40):
                list(reader.feed(data[start : start + 1 + seed % 40]))


@pytest.mark.parametrize("codec", [V1(), V2()])
def test_texts_are_messages_or_a_frame_error(codec):
    """Not JSON, not the right parts, parts of any kind."""
    sound = {"join_ref": "1", "ref": "1", "topic": "session:s", "event": "phx_join", "payload": {"a": [1, None]}}
    for seed in range(1_000):
        parts = mutated(sound if isinstance(codec, V1) else list(sound.values()), seed)
        text = json.dumps(parts, default=repr).encode(errors="replace")
        with contextlib.suppress(FrameError):
            assert isinstance(codec.decode(cut(text, seed) if seed % 3 == 0 else text), Message)


def test_agents_are_cast_or_told_what_is_wrong():
    """A value of any kind in any field."""
    rng = random.Random(1)
    names = ("id", "name", "origin_url", "message_history_mode", "message_history_limit", "timeout_ms", "headers")
    for _ in range(1_000):
        found, errors = cast_fields({name: rng.choice((*ODD, "9" * 5_000)) for name in rng.sample(names, 3)})
        assert isinstance(found, dict)
        assert all(isinstance(words, list) for words in errors.values())
