"""The answers of FleetLM's REST routes in the late protocol, where they differ from the early one.

Source: FleetLM session_controller.ex and agent_controller.ex at 0b7208e, as the late wire record shows them.
"""

from typing import Any, Final

from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import doubled, replay_json
from fleetlm_users.standin.http.replies import HttpReply, error, json_reply, rendered
from fleetlm_users.standin.http.rest import NO_SESSION, Params, SessionRoutes

REQUIRED: Final = "user_id and agent_id are required"
LIST_LIMIT: Final = 50


class LateSessionRoutes(SessionRoutes):
    """`/api/sessions` of the late protocol."""

    _module = "Fleetlm"
    _is_late = True

    def index(self, params: Params) -> HttpReply:
        """GET /api/sessions: the newest 50, of one user with `user_id`; 500 if that is not text."""
        return super().index(params) if isinstance(params.get("user_id", ""), str) else rendered(500)

    def create(self, params: Params) -> HttpReply:
        """POST /api/sessions: 201; nothing is checked about the agent."""
        if "user_id" not in params or "agent_id" not in params:
            return error(422, REQUIRED)
        return self._create(params["user_id"], params["agent_id"], params.get("metadata", {}))

    def messages(self, session_id: str, params: Params) -> HttpReply:
        """GET /api/sessions/:id/messages: those after `after_seq`, at most `limit`, ascending."""
        session = self._session(session_id)
        if session is None:
            return error(404, NO_SESSION)
        page = self._hub.page(session, _number(params, "after_seq", 0), _number(params, "limit", LIST_LIMIT))
        texts = b",".join(replay_json(message, is_late=True) for message in page)
        return HttpReply(200, b'{"messages":[%b]}' % texts)

    def append(self, session_id: str, params: Params) -> HttpReply:
        """POST /api/sessions/:id/messages: 200 and the message, under an id that is stored nowhere."""
        problem = append_problem(params)
        if problem is not None:
            return error(422, problem)
        session = self._session(session_id)
        if session is None:
            return error(404, NO_SESSION)
        sender_id = params.get("user_id") or params["agent_id"]
        kind, metadata = params.get("kind", "text"), params.get("metadata", {})
        message = self._hub.append(session, sender_id, kind, params["content"], metadata)
        return HttpReply(200, b'{"message":%b}' % doubled(message))

    def read(self, session_id: str, params: Params) -> HttpReply:
        """POST /api/sessions/:id/read: the session; the cursor shows nowhere."""
        session = self._session(session_id)
        if session is None:
            return error(404, NO_SESSION)
        if params.get("user_id") is None:
            return error(422, '%ArgumentError{message: "user_id is required"}')
        return json_reply(200, {"session": self._resource(session)})

    def _resource(self, session: Session) -> dict[str, Any]:
        early = super()._resource(session)
        names = ("agent_id", "id", "inserted_at", "metadata", "status", "updated_at", "user_id")
        return {name: early[name] for name in names}


class EitherSessionRoutes(SessionRoutes):
    """`/api/sessions` of a server that speaks both protocols: a session belongs to the protocol that created it."""

    def __init__(self, early: SessionRoutes, late: LateSessionRoutes) -> None:
        super().__init__(early._hub)  # the routes of one hub
        self._early = early
        self._late = late

    def create(self, params: Params) -> HttpReply:
        """Create a session of the protocol whose keys are given; with keys of neither, refuse as the late one does."""
        is_early = "sender_id" in params or "initiator_id" in params
        return (self._early if is_early else self._late).create(params)

    def show(self, session_id: str, params: Params) -> HttpReply:
        """Show a session as its protocol does."""
        return self._of(session_id).show(session_id, params)

    def messages(self, session_id: str, params: Params) -> HttpReply:
        """List the messages as the session's protocol does."""
        return self._of(session_id).messages(session_id, params)

    def append(self, session_id: str, params: Params) -> HttpReply:
        """Append as the session's protocol does."""
        return self._of(session_id).append(session_id, params)

    def read(self, session_id: str, params: Params) -> HttpReply:
        """Move the cursor as the session's protocol does."""
        return self._of(session_id).read(session_id, params)

    def _of(self, session_id: str) -> SessionRoutes:
        session = self._session(session_id)
        return self._late if session is not None and session.is_late else self._early


def append_problem(params: Params) -> str | None:  # FleetLM's checks, one after the other
    """Return the error in a message to be appended, in FleetLM's words."""
    user_id, agent_id = params.get("user_id"), params.get("agent_id")
    if user_id and agent_id:
        return "Provide either user_id or agent_id when sending a message, not both"
    if "sender_id" in params:
        return "sender_id is deprecated; use user_id or agent_id to identify the sender"
    if not isinstance(user_id or agent_id, str):
        return "user_id or agent_id is required"
    kind = params.get("kind", "text")
    if not isinstance(kind, str) or not kind:
        return "kind must be a non-empty string"
    if "content" not in params:
        return "content is required"
    if not isinstance(params["content"], dict):
        return "content must be a map"
    return None if isinstance(params.get("metadata", {}), dict) else "metadata must be a map"


def _number(params: Params, name: str, default: int) -> int:
    """Return a whole number above 0 from a parameter, else the default."""
    try:
        value = int(params.get(name, default))
    except (TypeError, ValueError):
        return default
    return value if value > 0 else default
