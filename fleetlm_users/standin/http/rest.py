"""FleetLM's REST routes: a request in, a reply out, no sockets.

Source: FleetLM router.ex and its controllers, as the wire record shows them.
"""

from collections.abc import Callable
from typing import Final

from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.http.replies import HTML, HttpReply, Request, rendered, renders_json, takes_json
from fleetlm_users.standin.http.rest_sessions import AgentRoutes, SessionRoutes

HOME: Final = (
    b"<!DOCTYPE html><title>FleetLM stand-in</title><p>The stand-in of the FleetLM load tests. See /standin/counters."
)


Handler = Callable[..., HttpReply]


class Rest:
    """Finds the handler of a request."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        agents, sessions = AgentRoutes(hub), SessionRoutes(hub)
        self._routes: dict[tuple[str, tuple[str, ...]], Handler] = {
            ("GET", ("agents",)): agents.index,
            ("POST", ("agents",)): agents.create,
            ("GET", ("agents", ":id")): agents.show,
            ("PUT", ("agents", ":id")): agents.update,
            ("PATCH", ("agents", ":id")): agents.update,
            ("DELETE", ("agents", ":id")): agents.delete,
            ("GET", ("sessions",)): sessions.index,
            ("POST", ("sessions",)): sessions.create,
            ("GET", ("sessions", ":id")): sessions.show,
            ("DELETE", ("sessions", ":id")): sessions.delete,
            ("GET", ("sessions", ":id", "messages")): sessions.messages,
            ("POST", ("sessions", ":id", "messages")): sessions.append,
            ("POST", ("sessions", ":id", "read")): sessions.read,
        }

    def answer(self, request: Request) -> HttpReply:
        """Return the reply to `request`; every path and method has one."""
        as_json = renders_json(request.accept)
        if self._hub.faults.faults.unavailable:
            return rendered(503, as_json=as_json)
        parts = [part for part in request.path.split("/") if part]
        if not parts and request.method == "GET":
            return HttpReply(200, HOME, HTML)
        if not parts or parts[0] != "api":
            return rendered(404, as_json=as_json)
        pattern = tuple(":id" if place == 1 else part for place, part in enumerate(parts[1:]))
        handler = self._routes.get((request.method, pattern))
        if handler is None:
            return rendered(404, as_json=as_json)
        if not takes_json(request.accept):
            return rendered(406, as_json=as_json)
        return handler(*parts[2:3], request.params)
