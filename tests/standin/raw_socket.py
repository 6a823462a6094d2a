"""A small WebSocket client of the tests' own, down to single frames; shares no code with the stand-in."""

import asyncio
import json
import os

HEAD = (
    "GET /socket/websocket?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
WAIT_S = 60


class RawSocket:
    """One connection: `send` whole messages or single frames, `receive` frames."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, standin, participant="u1", vsn="2.0.0", more="", parameter="participant_id"):
        """A socket whose upgrade was accepted."""
        reader, writer = await asyncio.open_connection("127.0.0.1", standin.port)
        query = f"{parameter}={participant}" + (f"&vsn={vsn}" if vsn else "")
        writer.write(HEAD.format(query=query, more=more).encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S)
        assert head.startswith(b"HTTP/1.1 101 "), head
        return cls(reader, writer)

    def frame(self, opcode, payload, first=0x80):
        """Send one frame; `first` holds FIN and the reserved bits."""
        mask = os.urandom(4)
        length = len(payload)
        if length < 126:
            size = bytes((0x80 | length,))
        elif length < 65536:
            size = b"\xfe" + length.to_bytes(2, "big")
        else:
            size = b"\xff" + length.to_bytes(8, "big")
        masked = bytes(byte ^ mask[place & 3] for place, byte in enumerate(payload))
        self.writer.write(bytes((first | opcode,)) + size + mask + masked)

    def send(self, message):
        """Send text, or anything else as JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.frame(TEXT, text.encode())

    async def frame_in(self, wait_s=WAIT_S):
        """The next frame as (opcode, payload); None when the connection ended."""
        try:
            first, second = await asyncio.wait_for(self.reader.readexactly(2), wait_s)
            length = second & 0x7F
            if length > 125:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            return first & 0x0F, await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def receive(self, wait_s=WAIT_S):
        """The next message, from a text frame."""
        frame = await self.frame_in(wait_s)
        assert frame is not None, "the connection ended"
        assert frame[0] == TEXT, frame
        return json.loads(frame[1])

    async def take(self, count):
        return [await self.receive() for _ in range(count)]

    async def join(self, topic, ref="1"):
        """The join's reply payload."""
        self.send([ref, ref, topic, "phx_join", {}])
        reply = await self.receive()
        assert reply[:4] == [ref, ref, topic, "phx_reply"], reply
        return reply[4]

    def say(self, topic, text, **more):
        """A `send` of `text`."""
        content = {"text": text, **more}
        self.send(["1", "9", topic, "send", {"content": {"kind": "text", "content": content, "metadata": {}}}])

    async def silence(self):
        """Nothing else is on its way: the next message is the reply to this heartbeat."""
        self.send([None, "silence", "phoenix", "heartbeat", {}])
        reply = await self.receive()
        assert reply[1] == "silence", reply

    async def closed(self):
        """The close code with which the server ends the connection, text frames before it ignored."""
        code = None
        while (frame := await self.frame_in()) is not None:
            if frame[0] == CLOSE:
                code = int.from_bytes(frame[1][:2], "big")
        await self.close()
        return code

    async def close(self):
        self.writer.close()
