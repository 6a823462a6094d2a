"""Session channels on the wire, beyond the recorded scenes: replay, REST appends, agents, big messages, `send`
payloads.
"""

import asyncio
import zlib

import pytest

from fleetlm_users.standin.phoenix.session_channel import parse_send
from tests.standin.raw_socket import RawSocket


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"content": {"kind": "k", "content": {"a": 1}, "metadata": {"m": 1}}}, ("k", {"a": 1}, {"m": 1})),
        ({"content": {"content": {"a": 1}}}, ("text", {"a": 1}, {})),
        ({"content": {"kind": "k", "content": {}}}, ("text", {}, {})),
        ({"content": {"kind": 5, "content": {}, "metadata": {"m": 1}}}, ("text", {}, {})),
        ({"content": {"kind": "k", "content": {}, "metadata": None}}, ("text", {}, {})),
        ({"content": {"kind": "k", "content": "str", "metadata": {}}}, None),
        ({"content": "x"}, None),
        ({}, None),
        (None, None),
        ([1], None),
    ],
)
def test_parse_send(payload, expected):
    """Content must be a map; a bad kind or bad metadata falls back to the default."""
    assert parse_send(payload) == expected


def with_socket(standin, scene, user="u1", **more):
    """Runs `scene(socket, session id, topic)` on a new session of `user`."""

    async def run():
        session = await asyncio.to_thread(standin.session, user)
        socket = await RawSocket.open(standin, user, **more)
        try:
            return await scene(socket, session, f"session:{session}")
        finally:
            await socket.close()

    return asyncio.run(run())


def test_replay_is_the_newest_100(standin, standin_with):
    """The newest by default; under --quirks the oldest, as FleetLM."""

    async def scene(socket, session, topic):
        for number in range(60):
            await asyncio.to_thread(server.append, session, str(number))
        while len(await asyncio.to_thread(server.messages, session)) < 100:  # FleetLM's flush loses some of them
            await asyncio.to_thread(server.append, session, "more")
        reply = await socket.join(topic)
        return [message["seq"] for message in reply["response"]["messages"]]

    server = standin
    assert with_socket(standin, scene) == list(range(21, 121))  # each of the 60 was echoed
    server = standin_with("--builtin-agent", "--quirks")
    seqs = with_socket(server, scene)
    assert (len(seqs), seqs[0], seqs == sorted(seqs)) == (100, seqs[0], True)
    assert seqs[0] < 21


def test_rest_append_and_delete_while_joined(standin):
    """A REST append is pushed too; DELETE sends no frame, and the session goes on."""

    async def scene(socket, session, topic):
        await socket.join(topic)
        appended = await asyncio.to_thread(standin.append, session, "via REST")
        own, echo = await socket.take(2)
        assert own[4] == {**appended, "seq": 1}
        assert (echo[4]["content"], echo[4]["seq"]) == ({"text": "Echo: via REST"}, 2)
        assert (await asyncio.to_thread(standin.call, "DELETE", f"/api/sessions/{session}")).status == 204
        await socket.silence()
        socket.say(topic, "after DELETE")
        assert [message[4]["seq"] for message in await socket.take(2)] == [3, 4]

    with_socket(standin, scene)


def test_a_message_of_200_kb(standin):
    """Comes back whole."""

    async def scene(socket, session, topic):
        del session
        await socket.join(topic)
        socket.say(topic, "x" * 200_000)
        return [len(message[4]["content"]["text"]) for message in await socket.take(2)]

    assert with_socket(standin, scene) == [200_000, 200_006]


def test_seq_has_no_gaps_when_sends_are_pipelined(standin):
    """200 sends written at once: every push comes, in order, once."""

    async def scene(socket, session, topic):
        del session
        await socket.join(topic)
        for number in range(200):
            socket.say(topic, str(number), client_ref=str(number))
        messages = [message[4] for message in await socket.take(400)]
        assert [message["seq"] for message in messages] == list(range(1, 401))
        own = [message["content"]["client_ref"] for message in messages if message["sender_id"] == "u1"]
        assert own == [str(number) for number in range(200)]
        await socket.silence()

    with_socket(standin, scene)


def test_a_disabled_builtin_agent_is_silent(standin):
    """Only the user's own push comes."""

    async def scene(socket, session, topic):
        del session
        await asyncio.to_thread(standin.agent, "off", "http://127.0.0.1:1", status="disabled")
        quiet = await asyncio.to_thread(standin.session, "u1", "off")
        await socket.join(f"session:{quiet}")
        socket.say(f"session:{quiet}", "anybody?")
        assert (await socket.receive())[4]["seq"] == 1
        await socket.silence()

    with_socket(standin, scene)


def test_content_nested_too_deep_ends_only_this_socket(standin):
    """Content that cannot be encoded again takes no seq; the socket closes as after a crashed process."""

    async def scene(socket, session, topic):
        await socket.join(topic)
        deep = '{"a":' * 300 + "1" + "}" * 300
        socket.send(f'["1","2","{topic}","send",{{"content":{{"content":{deep}}}}}]')
        assert await socket.closed() == 1011
        other = await RawSocket.open(standin)
        await other.join(topic)
        other.say(topic, "still here")
        assert (await other.receive())[4]["seq"] == 1
        await other.close()

    with_socket(standin, scene)


def test_compressed_frames(standin):
    """permessage-deflate as negotiated: compressed both ways, with the window kept between messages."""

    async def scene(socket, session, topic):
        del session
        packer, unpacker = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        seen = []
        for ref, event in (("1", "phx_join"), ("2", "phx_leave")):
            text = f'["1","{ref}","{topic}","{event}",{{}}]'.encode()
            packed = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
            socket.frame(1, packed[:-4], first=0xC0)
            first, length = await socket.reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await socket.reader.readexactly(2), "big")
            data = unpacker.decompress(await socket.reader.readexactly(length) + b"\0\0\xff\xff")
            seen.append((first, b'"status":"ok"' in data))
        return seen

    more = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    assert with_socket(standin, scene, more=more) == [(0xC1, True), (0xC1, True)]
