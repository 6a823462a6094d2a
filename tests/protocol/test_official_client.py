"""Binary frames and presence, case by case as in the official JavaScript client (npm `phoenix`)."""

import json
import random
import struct

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.protocol.binary_frames import decode_binary, encode_binary_push
from fleetlm_users.protocol.presence import DIFF, STATE, Presence
from tests.javascript import require_packages, run_script

NAMES = ["", "1", "room:lobby", "Zimmer:käse/ß", "部屋:一", "room:🙂 with spaces", "a" * 255, "é" * 127, 'quo"te\\:\n']
TOO_LONG = ["a" * 256, "é" * 128, "🙂" * 64]
PAYLOADS = [b"", b"\x00", b"\xff\xfe\x00binary", bytes(range(256)) * 9]


@pytest.fixture(scope="module", autouse=True)
def node_modules():
    """tests/js/node_modules, installed once."""
    require_packages()


def asked(what, cases):
    """Return the official client's results for the cases."""
    return run_script("oracle.mjs", given=json.dumps([[what, case] for case in cases]))


def names_of(rng, count):
    return [rng.choice(NAMES) for _ in range(count)]


def test_pushes_are_the_bytes_of_the_official_client():
    """Names may be empty; the cases include empty payloads and multi-byte topics."""
    rng = random.Random(1)
    pushes = [(*names_of(rng, 4), payload) for payload in PAYLOADS for _ in range(40)]
    theirs = asked("encode", [[*names, payload.hex()] for *names, payload in pushes])
    assert [encode_binary_push(*push).hex() for push in pushes] == theirs


def test_what_the_official_client_cannot_encode_is_refused():
    """255 bytes of UTF-8 are the most, of each name; the sentence says which one."""
    pushes = []
    for place in range(4):
        for long in TOO_LONG:
            names = ["1", "2", "room:a", "event"]
            names[place] = long
            pushes.append((*names, b"x"))
    theirs = asked("encode", [[*names, payload.hex()] for *names, payload in pushes])
    for push, answer in zip(pushes, theirs, strict=True):
        assert "must be less than or equal to 255 bytes" in answer["error"]
        with pytest.raises(UsageError, match="at most 255 bytes of UTF-8"):
            encode_binary_push(*push)


def frame_of(kind, names, payload):
    """A frame as Phoenix.Socket.V2.JSONSerializer writes it."""
    encoded = [name.encode() for name in names]
    return struct.pack(f"<B{len(encoded)}B", kind, *map(len, encoded)) + b"".join(encoded) + payload


def test_frames_of_a_server_mean_what_they_mean_to_the_official_client():
    """The cases are pushes, replies and broadcasts; the client has an empty ref where ours is None."""
    rng = random.Random(2)
    kinds = [(0, 3), (1, 4), (2, 2)]
    frames = [frame_of(kind, names_of(rng, n), payload) for kind, n in kinds for payload in PAYLOADS for _ in range(25)]
    theirs = asked("decode", [frame.hex() for frame in frames])
    for frame, (join_ref, ref, topic, event, payload) in zip(frames, theirs, strict=True):
        ours = decode_binary(frame)
        assert (ours.join_ref, ours.ref) == (join_ref or None, ref or None)
        assert (ours.topic, ours.event) == (topic, event)
        assert shown(ours.payload) == payload


def shown(payload):
    """Bytes as the official client's answer has them."""
    if isinstance(payload, dict):
        return {**payload, "response": {"hex": payload["response"].hex()}}
    return {"hex": payload.hex()}


def entry_of(rng):
    """Return an entry with some metas, and sometimes something besides them."""
    metas = [{"phx_ref": str(ref), "n": rng.randrange(3)} for ref in rng.sample(range(6), rng.randrange(1, 4))]
    return {"metas": metas, **({"user": rng.randrange(9)} if rng.random() < 0.5 else {})}


def entries_of(rng):
    return {key: entry_of(rng) for key in rng.sample(["ann", "bob", "__proto__x", "ünï"], rng.randrange(4))}


def steps_of(rng):
    """Joins, states and diffs in any order; diffs may come before the state, and name what is not there.

    No join while diffs wait for the state of another: the official client applies them to the state of the new one.
    """
    steps, is_synced, is_waiting = [["join", None]], False, False
    for _ in range(rng.randrange(1, 25)):
        kind = rng.choice([*([] if is_waiting else ["join"]), STATE, DIFF, DIFF, DIFF])
        is_synced = kind == STATE or (is_synced and kind != "join")
        is_waiting = kind == DIFF and not is_synced
        payload = {"join": None, STATE: entries_of(rng), DIFF: {"joins": entries_of(rng), "leaves": entries_of(rng)}}
        steps.append([kind, payload[kind]])
    return steps


def states_of(steps):
    """The state after each step, as ours has it."""
    presence, states = Presence(), []
    for event, payload in steps:
        if event == "join":
            presence.begin()
        else:
            assert presence.take(event, payload)
        states.append(json.loads(json.dumps(presence.state)))
    return states


def test_presence_is_that_of_the_official_client():
    """After every step of any sequence, the keys, the metas in their order, and everything else are the same."""
    rng = random.Random(3)
    sequences = [steps_of(rng) for _ in range(200)]
    theirs = asked("presence", sequences)
    assert [states_of(steps) for steps in sequences] == theirs
