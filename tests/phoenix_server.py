"""A small Phoenix application for tests: rooms, presence, binary echoes, crashes on demand. Shares nothing with ours.

Topics `room:*` know the events `new_msg` (broadcast to the room, replied to), `refuse`, `ignore` (no reply), `crash`
(phx_error), `shut` (phx_close), `bytes` (binary: replied to, pushed back and broadcast, all binary). Any other topic is
refused. `GET /counters` returns what it counted. A connect with `?token=bad` is refused with 403.

    python -m tests.phoenix_server [--vsn 1.0.0] --port 0
"""

import argparse
import asyncio
import itertools
import json
import os
import sys
import threading
from collections import Counter

from aiohttp import WSMsgType, web


class Application:
    """The state of the application: who is in which room."""

    def __init__(self, vsn):
        self.vsn = vsn
        self.counters = Counter()
        self.rooms = {}
        self.phx_refs = map("phx{}".format, itertools.count(1))

    async def counted(self, _request):
        return web.json_response(self.counters)

    async def socket(self, request):
        if request.query.get("vsn") != self.vsn or request.query.get("token") == "bad":
            return web.Response(status=403)
        self.counters["connects"] += 1
        self.counters[f"origin {request.headers.get('Origin', '')}"] += 1
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        member = Member(self, websocket)
        try:
            async for message in websocket:
                if message.type == WSMsgType.TEXT:
                    await member.text(message.data)
                elif message.type == WSMsgType.BINARY:
                    await member.binary(message.data)
        finally:
            for topic in list(member.topics):
                await member.part(topic)
        return websocket


class Member:
    """One connection."""

    def __init__(self, application, websocket):
        self.application = application
        self.websocket = websocket
        self.topics = {}

    async def send(self, *parts):
        if not self.websocket.closed:
            await self.websocket.send_str(json.dumps(parts))

    async def reply(self, join_ref, ref, topic, response, status="ok"):
        await self.send(join_ref, ref, topic, "phx_reply", {"status": status, "response": response})

    async def broadcast(self, topic, event, payload, *but):
        for member in [*self.application.rooms.get(topic, ())]:
            if member not in but:
                await member.send(None, None, topic, event, payload)

    async def text(self, data):
        if self.application.vsn == "1.0.0":
            return  # it would not even understand the array
        join_ref, ref, topic, event, payload = json.loads(data)
        if topic == "phoenix":
            await self.reply(None, ref, topic, {})
        elif event == "phx_join":
            await self.join(ref, topic, payload)
        elif topic not in self.topics:
            await self.reply(join_ref, ref, topic, {"reason": "unmatched topic"}, "error")
        elif event == "phx_leave":
            await self.part(topic)
            await self.reply(join_ref, ref, topic, {})
            await self.send(join_ref, ref, topic, "phx_close", {})
        else:
            await self.event(join_ref, ref, topic, event, payload)

    async def join(self, ref, topic, payload):
        if not topic.startswith("room:"):
            await self.reply(ref, ref, topic, {"reason": "unmatched topic"}, "error")
            return
        self.application.counters["joins"] += 1
        room = self.application.rooms.setdefault(topic, {})
        name = str(payload.get("name", "anybody"))
        meta = {"phx_ref": next(self.application.phx_refs), "via": payload.get("via", "test")}
        entry = {name: {"metas": [meta]}}
        self.topics[topic] = ref, entry
        room[self] = entry
        await self.reply(ref, ref, topic, {"welcome": name})
        state = {}
        for other in room.values():
            for key, value in other.items():
                state.setdefault(key, {"metas": []})["metas"].extend(value["metas"])
        await self.send(ref, None, topic, "presence_state", state)
        await self.broadcast(topic, "presence_diff", {"joins": entry, "leaves": {}}, self)

    async def part(self, topic):
        _, entry = self.topics.pop(topic)
        del self.application.rooms[topic][self]
        await self.broadcast(topic, "presence_diff", {"joins": {}, "leaves": entry})

    async def event(self, join_ref, ref, topic, event, payload):
        self.application.counters[f"event {event}"] += 1
        if event == "new_msg":
            await self.broadcast(topic, "new_msg", payload)
            await self.reply(join_ref, ref, topic, {"length": len(payload.get("body", ""))})
        elif event == "refuse":
            await self.reply(join_ref, ref, topic, {"reason": "not allowed"}, "error")
        elif event in ("crash", "shut"):
            await self.part(topic)
            await self.send(join_ref, join_ref, topic, "phx_error" if event == "crash" else "phx_close", {})

    async def binary(self, data):
        lengths = data[1:5]
        names, at = [], 5
        for length in lengths:
            names.append(data[at : at + length])
            at += length
        join_ref, ref, topic, event = names
        payload = data[at:]
        self.application.counters[f"binary {event.decode()}"] += 1
        self.application.counters["binary bytes"] += len(payload)
        ok, back, all_ = b"ok", b"bytes_back", b"bytes_all"
        head = bytes([1, len(join_ref), len(ref), len(topic), len(ok)])
        await self.websocket.send_bytes(head + join_ref + ref + topic + ok + payload[::-1])
        head = bytes([0, len(join_ref), len(topic), len(back)])
        await self.websocket.send_bytes(head + join_ref + topic + back + payload)
        for member in [*self.application.rooms[topic.decode()]]:
            await member.websocket.send_bytes(bytes([2, len(topic), len(all_)]) + topic + all_ + payload)


async def serve(port, vsn, path):
    """Serves until the process is ended."""
    application = Application(vsn)
    app = web.Application()
    app.router.add_get("/counters", application.counted)
    app.router.add_get(path, application.socket)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    number = site._server.sockets[0].getsockname()[1]
    print(f"ready on http://127.0.0.1:{number}", flush=True)
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--vsn", default="2.0.0")
    parser.add_argument("--path", default="/socket/websocket")
    parser.add_argument("--exit-with-parent", action="store_true")
    arguments = parser.parse_args()
    if arguments.exit_with_parent:
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    asyncio.run(serve(arguments.port, arguments.vsn, arguments.path))


if __name__ == "__main__":
    main()
