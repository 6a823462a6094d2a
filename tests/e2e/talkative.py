"""A FleetLM that refuses every message, each time in words of its own; in a thread of the test."""

import asyncio
import itertools
import json
import threading

from aiohttp import WSMsgType, web


class Talkative:
    """`say(number)` gives the words of each refusal; `refused` counts them. A context manager."""

    def __init__(self, say):
        self._say = say
        self.refused = 0
        self._sessions = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.url = ""

    def __enter__(self):
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(60)
        self.api_url, self.ws_url = f"{self.url}/api", f"{self.url.replace('http', 'ws', 1)}/socket/websocket"
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    async def _start(self):
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/api/agents", self._agents)
        app.router.add_get("/api/agents/{id}", self._agent)
        app.router.add_post("/api/sessions", self._create)
        app.router.add_get("/socket/websocket", self._socket)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"

    async def _health(self, _):
        return web.json_response({})

    async def _agents(self, _):
        return web.json_response({"agents": []})

    async def _create(self, _):
        return web.json_response({"session": {"id": f"s{next(self._sessions)}"}}, status=201)

    async def _agent(self, request):
        agent = {"id": request.match_info["id"], "status": "enabled", "origin_url": self.url}
        return web.json_response({"agent": agent})

    async def _socket(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            join_ref, ref, topic, event, _ = json.loads(frame.data)
            status, response = "ok", {"messages": []}
            if event == "send":
                self.refused += 1
                status, response = "error", {"error": self._say(self.refused)}
            await socket.send_str(
                json.dumps([join_ref, ref, topic, "phx_reply", {"status": status, "response": response}])
            )
        return socket
