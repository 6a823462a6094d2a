"""The life of a connection on the wire: idle close, garbage, bounds, and requests before the upgrade."""

import asyncio
import socket

import pytest

from tests.standin.raw_socket import BINARY, PING, PONG, RawSocket
from tests.standin.running import Standin


def test_silence_is_ended_and_any_frame_resets_it(standin_with):
    """CLOSE 1002; a client's PING and the server's own pushes keep a socket."""
    standin = standin_with("--builtin-agent", "--idle-timeout-s", "4")

    async def run():
        session = await asyncio.to_thread(standin.session)
        silent, pinging, pushed = [await RawSocket.open(standin) for _ in range(3)]
        await pushed.join(f"session:{session}")
        closing = asyncio.ensure_future(silent.closed())
        while not closing.done():
            pinging.frame(PING, b"p")
            assert await pinging.frame_in() == (PONG, b"p")
            await asyncio.to_thread(standin.append, session, "x", "stranger")
            await pushed.receive()
            await asyncio.wait([closing], timeout=0.2)
        await pinging.silence()
        await pushed.silence()
        await pinging.close()
        await pushed.close()
        return closing.result()

    assert asyncio.run(run()) == 1002


@pytest.mark.parametrize(
    ("opcode", "payload", "code"),
    [
        (1, b"{nope", 1011),
        (1, b"\xff\xfe", 1007),
        (BINARY, b"\x00", 1011),
        (1, b"x" * 2001, 1009),
        (3, b"", 1002),
        (1, b'["1","1",["list"],"phx_join",{}]', None),
        (1, b'[{"a":1},[2],"phoenix","heartbeat",{}]', None),
    ],
)
def test_odd_frames(small, opcode, payload, code):
    """The close code says what was wrong; odd but well-formed messages are answered."""

    async def run():
        client = await RawSocket.open(small)
        client.frame(opcode, payload)
        if code is None:
            await client.receive()
            await client.silence()
            await client.close()
            return None
        return await client.closed()

    assert asyncio.run(run()) == code


@pytest.fixture(scope="module")
def small():
    """A stand-in with small caps."""
    flags = "--max-frame-bytes 2000 --max-connections 3 --max-body-bytes 1000 --max-unsent-bytes 100000"
    shared = Standin(*flags.split(), "--builtin-agent", "--origin-host", "any")
    yield shared
    shared.stop()


def test_connections_are_bounded(small):
    """One too many is refused with 503, and gets a place when another leaves."""

    async def run():
        sockets = [await RawSocket.open(small) for _ in range(3)]
        with pytest.raises(AssertionError, match="503"):
            await RawSocket.open(small)
        sockets[0].frame(8, b"")
        assert await sockets[0].closed() == 1000
        while (await asyncio.to_thread(small.counters))["connections_now"] > 2:
            pass
        sockets[0] = await RawSocket.open(small)
        for client in sockets:
            await client.close()

    asyncio.run(run())


def test_a_body_too_long_is_refused(small):
    """413, whether its length is announced or not."""
    announced = small.call("POST", "/api/sessions", "x" * 1001, {"Content-Type": "application/json"})
    chunked = small.call("POST", "/api/sessions", (b"x" * 600 for _ in range(2)), {"Content-Type": "application/json"})
    assert (announced.status, chunked.status) == (413, 413)


def test_a_reader_that_never_reads_is_dropped(small):
    """Its unsent bytes are bounded; the others go on."""

    async def run():
        session = await asyncio.to_thread(small.session)
        stuck, well = [await RawSocket.open(small) for _ in range(2)]
        await stuck.join(f"session:{session}")
        stuck.writer.transport.pause_reading()
        while (await asyncio.to_thread(small.counters))["connections_now"] > 1:
            await asyncio.to_thread(
                small.call,
                "POST",
                f"/api/sessions/{session}/messages",
                "sender_id=stranger&content[t]=" + "x" * 900,
                {"Content-Type": "application/x-www-form-urlencoded"},
            )
            for _ in range(200):
                stuck.say(f"session:{session}", "x" * 1800)
        await well.silence()
        await well.close()
        await stuck.close()

    asyncio.run(run())


def test_rest_and_upgrade_share_a_connection_as_far_as_they_can(standin):
    """A refused upgrade may be followed by a REST request on the same connection; an upgrade after REST is refused."""
    upgrade = (
        "GET /socket/websocket?{} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    rest = "GET /api/agents HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(("127.0.0.1", standin.port), 60) as connection:
        statuses = []
        for request in (upgrade.format("vsn=2.0.0"), rest, upgrade.format("participant_id=u")):
            connection.sendall(request.encode())
            statuses.append(connection.recv(65536).split(b" ")[1])
    assert statuses == [b"403", b"200", b"400"]


@pytest.mark.parametrize(
    "first", [b"\x00\xff\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /socket/websocket?x\r\n\r\n"]
)
def test_what_is_no_http_is_answered_and_closed(standin, first):
    """Nothing hangs."""
    with socket.create_connection(("127.0.0.1", standin.port), 60) as connection:
        connection.sendall(first)
        assert connection.recv(65536).startswith(b"HTTP/")


def test_a_head_may_come_byte_by_byte(standin):
    """The upgrade is answered when it is whole, and frames sent with it are not lost."""

    async def run():
        reader, writer = await asyncio.open_connection("127.0.0.1", standin.port)
        head = (
            b"GET /socket/websocket?participant_id=u&vsn=2.0.0 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        for place in range(len(head) - 1):
            writer.write(head[place : place + 1])
            await writer.drain()
        client = RawSocket(reader, writer)
        writer.write(head[-1:])
        client.send([None, "silence", "phoenix", "heartbeat", {}])
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert (await client.receive())[1] == "silence"
        await client.close()

    asyncio.run(run())
