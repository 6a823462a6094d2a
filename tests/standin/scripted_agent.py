"""An agent for tests: a raw HTTP server with scripted answers, which records its requests."""

import asyncio
import json

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def plain(body, status="200 OK", more=""):
    """A whole response."""
    body = body.encode()
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


def chunk(text):
    return f"{len(text.encode()):x}\r\n{text}\r\n".encode()


def line(text, kind="text", **more):
    """One JSON line of an answer."""
    return json.dumps({"kind": kind, "content": {"text": text}, **more}) + "\n"


class ScriptedAgent:
    """`answer(request, connection number) -> bytes` or an async generator of bytes; None closes the connection."""

    def __init__(self, answer):
        self._answer = answer
        self.requests = []
        self.connections = 0
        self.server = None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error):
        self.server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = dict(text.split(": ", 1) for text in lines)
                names = {name.lower(): value for name, value in headers.items()}
                body = await reader.readexactly(int(names.get("content-length", 0)))
                request = {"line": first, "headers": names, "body": json.loads(body or b"null")}
                self.requests.append(request)
                answer = self._answer(request)
                if answer is None:
                    break
                if isinstance(answer, bytes):
                    writer.write(answer)
                else:
                    async for part in answer:
                        if part is None:
                            return
                        writer.write(part)
                        await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
