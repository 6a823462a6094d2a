"""FleetLM's REST routes: a request in, a reply out, no sockets.

Source: FleetLM router.ex, session_controller.ex and agent_controller.ex, as the wire record shows them.
"""

import zlib
from collections.abc import Callable
from typing import Any, Final

import orjson

from fleetlm_users.standin.agent.agent_context import ContextCrash, with_context
from fleetlm_users.standin.agent.agents import Agent, AgentInvalid, Errors
from fleetlm_users.standin.chat.elixir_inspect import inspect
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.chat.ids import NaiveStamps
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.session_store import StoreFull
from fleetlm_users.standin.chat.stored_message import appended_json, replay_json
from fleetlm_users.standin.http.replies import (
    HTML,
    HttpReply,
    Request,
    error,
    json_reply,
    rendered,
    renders_json,
    takes_json,
)

HOME: Final = (
    b"<!DOCTYPE html><title>FleetLM stand-in</title><p>The stand-in of the FleetLM load tests. See /standin/counters."
)
NO_SESSION: Final = "Session not found"
NO_AGENT: Final = "Agent not found"
SHARDS: Final = 64
LIST_LIMIT: Final = 100
PAIRS: Final = (("sender_id", "recipient_id"), ("initiator_id", "peer_id"))  # the present and the former path
Params = dict[str, Any]
Handler = Callable[..., HttpReply]


class Rest:
    """Finds the handler of a request; `sessions` are the routes of a protocol other than the early one."""

    def __init__(self, hub: Hub, sessions: "SessionRoutes | None" = None) -> None:
        self._hub = hub
        agents, sessions = AgentRoutes(hub), sessions or SessionRoutes(hub)
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
        is_late = self._hub.protocol == "late"
        as_json = is_late or renders_json(request.accept)
        if self._hub.faults.faults.unavailable:
            return rendered(503, as_json=as_json)
        parts = [part for part in request.path.split("/") if part]
        if request.method == "OPTIONS" and is_late:
            return HttpReply(204, None, None)
        if not parts and request.method == "GET" and not is_late:
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


class SessionRoutes:
    """`/api/sessions`: one method per route; each returns the whole reply."""

    _module = "FleetLM"
    _is_late = False

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._stamps = NaiveStamps()

    def index(self, params: Params) -> HttpReply:
        """GET /api/sessions: the newest 50, of one user with `user_id`."""
        user_id = params.get("user_id")
        sessions = self._hub.store.index(user_id if isinstance(user_id, str) else None)
        return json_reply(200, {"sessions": [self._resource(session) for session in sessions]})

    def create(self, params: Params) -> HttpReply:
        """POST /api/sessions: 201; nothing is checked about the agent."""
        names = next((pair for pair in PAIRS if all(name in params for name in pair)), None)
        if names is None:
            return rendered(400)
        user_id, agent_id = (params[name] for name in names)
        return self._create(user_id, agent_id, params.get("metadata", {}))

    def _create(self, user_id: Any, agent_id: Any, metadata: Any) -> HttpReply:
        problem = changeset_problem(user_id, agent_id, metadata, self._module)
        if problem is not None:
            return error(422, problem)
        limit = self._hub.faults.faults.session_limit
        if metadata is None:  # PostgreSQL's not-null constraint
            return rendered(500)
        if limit and self._hub.store.active_sessions() >= limit:
            return rendered(503)
        try:
            session = self._hub.create_session(user_id, agent_id, metadata, is_late=self._is_late)
        except StoreFull:
            return rendered(503)
        return json_reply(201, {"session": self._resource(session)})

    def show(self, session_id: str, params: Params) -> HttpReply:
        """GET /api/sessions/:id."""
        del params
        session = self._session(session_id)
        return error(404, NO_SESSION) if session is None else json_reply(200, {"session": self._resource(session)})

    def delete(self, session_id: str, params: Params) -> HttpReply:
        """DELETE /api/sessions/:id: 204 every time; the session keeps working."""
        del params
        session = self._session(session_id)
        if session is None:
            return error(404, NO_SESSION)
        self._hub.archive(session)
        return HttpReply(204, None, None)

    def messages(self, session_id: str, params: Params) -> HttpReply:
        """GET /api/sessions/:id/messages: the newest, or those after `after_seq`; under quirks 500, as with FleetLM."""
        session = self._session(session_id)
        if session is None:
            return error(404, NO_SESSION)
        if self._hub.quirks:
            return rendered(500)
        limit = _number(params.get("limit"), LIST_LIMIT)
        after_seq = params.get("after_seq")
        messages = session.newest(limit) if after_seq is None else session.after(_number(after_seq, 0), limit)
        texts = b",".join(replay_json(message) for message in messages)
        return HttpReply(200, b'{"messages":[%b]}' % texts)

    def append(self, session_id: str, params: Params) -> HttpReply:
        """POST /api/sessions/:id/messages: 200 and the message without its seq; any sender is accepted."""
        if "sender_id" not in params or "content" not in params:
            return rendered(400)
        sender_id, content = params["sender_id"], params["content"]
        kind, metadata = params.get("kind", "text"), params.get("metadata", {})
        if not (isinstance(sender_id, str) and isinstance(kind, str)):
            return rendered(500)
        if not (isinstance(content, dict) and isinstance(metadata, dict)):
            return rendered(500)
        session = self._session(session_id)
        if session is None:
            return error(422, "{:session_not_found, :not_found}")
        message = self._hub.append(session, sender_id, kind, content, metadata)
        return HttpReply(200, b'{"message":%b}' % appended_json(message))

    def read(self, session_id: str, params: Params) -> HttpReply:
        """POST /api/sessions/:id/read: the session; the cursor shows nowhere."""
        session = self._session(session_id)
        if session is None:
            return error(404, NO_SESSION)
        if params.get("participant_id") is None:
            return error(422, '%ArgumentError{message: "participant_id is required"}')
        return json_reply(200, {"session": self._resource(session)})

    def _session(self, session_id: str) -> Session | None:
        return self._hub.store.sessions.get(session_id)

    def _resource(self, session: Session) -> dict[str, Any]:
        return {
            "agent_id": session.agent_id,
            "id": session.id,
            "initiator_id": session.user_id,
            "inserted_at": self._stamps.seconds(session.inserted_s),
            "metadata": session.metadata,
            "peer_id": session.agent_id,
            "recipient_id": session.agent_id,
            "sender_id": session.user_id,
            "status": session.status,
            "updated_at": self._stamps.seconds(session.updated_s),
            "user_id": session.user_id,
        }


def changeset_problem(user_id: Any, agent_id: Any, metadata: Any, module: str) -> str | None:
    """Return the text of `inspect` for the invalid changeset of a session, or None if it is valid.

    `module` is the name of FleetLM's own modules.
    """
    given = {"agent_id": agent_id, "metadata": metadata, "user_id": user_id}
    changes: dict[str, str] = {}
    cast: list[str] = []
    required: list[str] = []
    for name, value in given.items():
        wanted = "map" if name == "metadata" else "string"
        if value is None or (wanted == "string" and isinstance(value, str) and not value.strip()):
            if wanted == "string":
                required.append(f'{name}: {{"can\'t be blank", [validation: :required]}}')
        elif not isinstance(value, dict if wanted == "map" else str):
            cast.append(f'{name}: {{"is invalid", [type: :{wanted}, validation: :cast]}}')
        elif value != {}:
            changes[name] = inspect(value)
    if not cast and not required:
        return None
    changes["shard_key"] = str(zlib.crc32(orjson.dumps([user_id, agent_id])) % SHARDS)
    listed = ", ".join(f"{name}: {text}" for name, text in sorted(changes.items()))
    return (
        f"#Ecto.Changeset<action: :insert, changes: %{{{listed}}}, errors: [{', '.join(required + cast)}], "
        f"data: #{module}.Storage.Model.Session<>, valid?: false, ...>"
    )


def _number(value: Any, default: int) -> int:
    """Return a whole number of 0 or more from a parameter, else `default`."""
    try:
        return max(0, int(value))
    except (TypeError, ValueError):
        return default


class AgentRoutes:
    """`/api/agents`: one method per route; each returns the whole reply."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._agents = hub.agents

    def index(self, params: Params) -> HttpReply:
        """GET /api/agents: all, or those of a known `status`."""
        return json_reply(
            200, {"agents": [self._json(agent) for agent in self._agents.index(params.get("status"), self._order)]}
        )

    def create(self, params: Params) -> HttpReply:
        """POST /api/agents: 201, 400 without an agent, 422 with the fields' errors."""
        given = params.get("agent")
        if not isinstance(given, dict):
            return rendered(500 if isinstance(given, str) and self._hub.protocol == "late" else 400)
        try:
            fields, errors = self._fields(given)
            return self._reply(201, self._agents.create(fields, self._hub.stamp(), errors))
        except AgentInvalid as invalid:
            return json_reply(422, {"errors": invalid.errors})
        except ContextCrash:
            return rendered(500)

    def show(self, agent_id: str, params: Params) -> HttpReply:
        """GET /api/agents/:id."""
        del params
        agent = self._agents.get(agent_id)
        return error(404, NO_AGENT) if agent is None else self._reply(200, agent)

    def update(self, agent_id: str, params: Params) -> HttpReply:
        """PUT and PATCH /api/agents/:id: both change only what is given."""
        given = params.get("agent")
        if not isinstance(given, dict):
            return rendered(400)
        agent = self._agents.get(agent_id)
        if agent is None:
            return error(404, NO_AGENT)
        try:
            fields, errors = self._fields({"id": agent_id, **given} if self._renames else {**given, "id": agent_id})
            return self._reply(200, self._agents.update(agent, fields, self._hub.stamp(), errors))
        except AgentInvalid as invalid:
            return json_reply(422, {"errors": invalid.errors})
        except ContextCrash:
            return rendered(500)

    def delete(self, agent_id: str, params: Params) -> HttpReply:
        """DELETE /api/agents/:id: soft, repeatable."""
        del params
        agent = self._agents.get(agent_id)
        if agent is None:
            return error(404, NO_AGENT)
        agent = self._agents.disable(agent, self._hub.stamp())
        return json_reply(200, {"agent": self._json(agent), "message": "Agent disabled"})

    @property
    def _order(self) -> str:
        """Return the field by which a list of agents is ordered."""
        return "id" if self._hub.protocol == "early" else "name"

    @property
    def _renames(self) -> bool:
        """Return whether an update may change an agent's id."""
        return self._hub.protocol != "early"

    def _fields(self, given: Params) -> tuple[Params, Errors]:
        return (given, {}) if self._hub.protocol == "early" else with_context(given)

    def _json(self, agent: Agent) -> dict[str, Any]:
        return agent.as_json(self._hub.protocol)

    def _reply(self, status: int, agent: Agent) -> HttpReply:
        return json_reply(status, {"agent": self._json(agent)})
