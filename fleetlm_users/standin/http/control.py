"""The stand-in's own routes, which FleetLM does not have.

They are `/health`, `/metrics`, `/standin/counters`, `/standin/faults`, `/standin/messages`, and for the storage
`/standin/storage`, `/standin/flush` and `/standin/crash`.

`/metrics` in Prometheus' text format: the stand-in's own memory and counts, under FleetLM's names.
"""

from collections.abc import Callable
from typing import Any, Final

import psutil

from fleetlm_users.errors import UsageError
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.chat.stored_message import replay_json
from fleetlm_users.standin.faults.faults import Faults, as_json, changed
from fleetlm_users.standin.http.replies import HttpReply, Request, error, json_reply

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def own_metrics(hub: Hub) -> HttpReply:
    """Return memory (not under the BEAM's name, as this is none), open sockets, stored sessions and joins so far."""
    lines = (
        "# TYPE process_resident_memory_bytes gauge",
        f"process_resident_memory_bytes {psutil.Process().memory_info().rss}",
        "# TYPE fleetlm_websocket_connections gauge",
        f"fleetlm_websocket_connections {hub.counters.connections_now}",
        "# TYPE fleetlm_chat_conversations_active_count gauge",
        f'fleetlm_chat_conversations_active_count{{scope="global"}} {len(hub.store.sessions)}',
        "# TYPE fleetlm_prom_ex_phoenix_channel_joined_total counter",
        "fleetlm_prom_ex_phoenix_channel_joined_total"
        f'{{result="ok",transport="websocket"}} {sum(run.joins_ok for run in hub.counters.runs.values())}',
    )
    return HttpReply(200, ("\n".join(lines) + "\n").encode(), CONTENT_TYPE)


MAX_DOWN_MS: Final = 3_600_000
READ_ONLY: Final = ("/health", "/metrics")
PREFIX: Final = "/standin/"


def is_own(path: str) -> bool:
    """Return whether a path is the stand-in's own and not FleetLM's."""
    return path in READ_ONLY or path.startswith(PREFIX)


class Control:
    """Answers the stand-in's own routes; `set_faults` puts new faults in force, `crash` takes the server down for some
    seconds.
    """

    def __init__(self, hub: Hub, set_faults: Callable[[Faults], None], crash: Callable[[float], None]) -> None:
        self._hub = hub
        self._crash = crash
        self._set_faults = set_faults

    async def answer(self, request: Request) -> HttpReply | None:
        """Return the reply, or None if the path is FleetLM's."""
        match request.method, request.path:
            case "GET", "/health":
                return json_reply(200, {"status": "ok", "server": "fleetlm-standin"})
            case "GET", "/metrics":
                return own_metrics(self._hub)
            case "GET", "/standin/counters":
                return json_reply(200, self._counters())
            case "GET", "/standin/faults":
                return json_reply(200, as_json(self._hub.faults.faults))
            case "POST", "/standin/faults":
                return self._change(request.params)
            case "GET", "/standin/messages":
                return self._messages(request.params)
            case "GET", "/standin/storage":
                return json_reply(200, self._hub.storage.as_json())
            case "POST", "/standin/flush":
                await self._hub.storage.flush()
                return json_reply(200, self._hub.storage.as_json())
            case "POST", "/standin/crash":
                return self._crashed(request.params)
        return error(404, "no such route of the stand-in") if request.path.startswith(PREFIX) else None

    def _counters(self) -> dict[str, Any]:
        store = self._hub.store
        responder = self._hub.responder
        levels = {
            "sessions_kept": len(store.sessions),
            "stored_bytes": store.stored_bytes,
            "webhooks_pending": 0 if responder is None else responder.pending,
        }
        return self._hub.counters.snapshot() | levels

    def _change(self, params: dict[str, Any]) -> HttpReply:
        try:
            faults = changed(self._hub.faults.faults, params)
        except UsageError as problem:
            return error(400, str(problem))
        self._set_faults(faults)
        return json_reply(200, as_json(faults))

    def _crashed(self, params: dict[str, Any]) -> HttpReply:
        """Crash; return what the storage has lost so far."""
        down_ms = params.get("down_ms", 0)
        if type(down_ms) not in (int, float) or not 0 <= down_ms <= MAX_DOWN_MS:
            problem = UsageError("down_ms", down_ms, f"a number from 0 to {MAX_DOWN_MS}", "500")
            return error(400, str(problem))
        self._crash(down_ms / 1000)
        return json_reply(200, self._hub.storage.as_json())

    def _messages(self, params: dict[str, Any]) -> HttpReply:
        """Return all stored messages of `session_id`, whatever the quirks."""
        session = self._hub.store.sessions.get(str(params.get("session_id")))
        if session is None:
            return error(
                404,
                "Session not found; accepted is a session_id, for example 01M850DM7D2B8JSWB2VCTXY5GK",
            )
        texts = b",".join(replay_json(message) for message in session.messages)
        return HttpReply(200, b'{"seq":%d,"messages":[%b]}' % (session.seq, texts))
