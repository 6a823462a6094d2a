"""FleetLM's REST calls as the load makes them: typed and time-stamped; every failure is a RestFailed."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urljoin

import msgspec
import orjson

from fleetlm_users.client.http.error_body import body_in_words, error_detail
from fleetlm_users.client.http.failure_advice import RequestedUrl, explained
from fleetlm_users.client.http.pool import Answer, HttpPool, NoAnswer
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.errors import RestFailed
from fleetlm_users.foreign_text import words
from fleetlm_users.protocol.stored_messages import stored_messages
from fleetlm_users.quoting import quote as quoted

DEFAULT_TIMEOUT_S = 30.0
DEFAULT_CONCURRENCY = 1024  # high, so that a burst of users does not queue for connections and call it server latency
NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})
_MESSAGES: Final = "/sessions/:id/messages"
MAX_ID_CHARACTERS = 200  # FleetLM's ids have 36 at most; ids are kept by the hundred thousand


class RestCallFailed(RestFailed):
    """A RestFailed with its time stamps; `sent_s` is None if nothing could be written."""

    def __init__(  # noqa: PLR0913  # it is RestFailed plus two stamps
        self,
        method: str,
        path: str,
        kind: str,
        status: int | None,
        detail: str,
        *,
        sent_s: float | None,
        done_s: float,
    ) -> None:
        super().__init__(method, path, kind, status, detail)
        self.sent_s = sent_s
        self.done_s = done_s


class Answered(msgspec.Struct, frozen=True):
    """An answer with the expected status; `body` is its JSON, None if it has none. Stamps are perf_counter."""

    sent_s: float
    done_s: float
    status: int
    body: Any


class Created(msgspec.Struct, frozen=True):
    """A session that was created."""

    session_id: str
    sent_s: float
    done_s: float
    body: dict[str, Any]


class Appended(NamedTuple):
    """A message that was accepted; `seq` is None if the protocol's answer does not state it."""

    sent_s: float
    done_s: float
    seq: int | None


class Listed(NamedTuple):
    """Stored messages, as the server sent them; StoredMessages if each has a seq and a content."""

    sent_s: float
    done_s: float
    messages: Sequence[Any]


class RestApi:
    """The REST API below one URL, such as `http://localhost:4000/api`; one per process, shared by all its users.

    Every call raises RestCallFailed (a RestFailed) within `timeout_s`; its `path` says :id for the id, so that
    statistics have one row per route; its `kind` is http_<status>, bad_body, or one of HttpPool's NoAnswer. `flag` is
    the option that sets the URL; errors name it if the URL must change. `traceparent` returns the trace context (W3C)
    of each call that is not given one.
    """

    def __init__(  # noqa: PLR0913  # what all calls share
        self,
        api_url: str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        concurrency: int = DEFAULT_CONCURRENCY,
        connector: Connector | None = None,
        flag: str = "--api-url",
        traceparent: Callable[[], str] | None = None,
    ) -> None:
        endpoint = parse_endpoint(api_url, "API URL", ("http", "https"), "http://localhost:4000/api")
        self.api_url = api_url
        self._prefix = endpoint.target.partition("?")[0].rstrip("/")
        self._flag = flag
        self._traceparent = traceparent
        self._pool = HttpPool(
            endpoint, timeout_s=timeout_s, concurrency=concurrency, connector=connector or Connector()
        )

    def create_session(self, body: Mapping[str, Any]) -> Created:
        """Create a session between a participant and an agent (POST /sessions).

        Args:
            body: The participant, the agent and the metadata, in the protocol's form (Profile.session_body).

        Returns:
            The session's id, the answer's body and its stamps in perf_counter seconds.

        Raises:
            RestCallFailed: No answer within `timeout_s`, a status other than 201, or a body without a session id.
        """
        answered = self.call("POST", "/sessions", body=dict(body), expected=(201,))
        session = answered.body.get("session") if isinstance(answered.body, dict) else None
        session_id = session.get("id") if isinstance(session, dict) else None
        if not isinstance(session_id, str) or not 0 < len(session_id) <= MAX_ID_CHARACTERS:
            unusable = f"session.id is not a text of 1 to {MAX_ID_CHARACTERS} characters but {quoted(session_id, 40)},"
            problem = "no session.id" if session_id is None else unusable
            raise self._bad_body("POST", "/sessions", answered, problem)
        return Created(session_id, answered.sent_s, answered.done_s, answered.body)

    def list_sessions(self, user_id: str) -> Answered:
        """Return the newest 50 sessions of a participant (GET /sessions?user_id=). Raise RestCallFailed."""
        return self.call("GET", f"/sessions?user_id={_part(user_id)}", route="/sessions")

    def append_message(self, session_id: str, body: Mapping[str, Any], traceparent: str = "") -> Appended:
        """Append a message (POST /sessions/:id/messages).

        Args:
            session_id: The session's id.
            body: Sender and message, in the protocol's form (Profile.append_body).
            traceparent: The message's trace context (W3C).

        Raises:
            RestCallFailed: No answer within `timeout_s`, a status other than 200, or a body without a message.
        """
        path = f"/sessions/{_part(session_id)}/messages"
        answered = self.call("POST", path, route=_MESSAGES, body=dict(body), traceparent=traceparent)
        message = answered.body.get("message") if isinstance(answered.body, dict) else None
        if not isinstance(message, dict):
            raise self._bad_body("POST", _MESSAGES, answered, "no message")
        seq = message.get("seq")
        return Appended(answered.sent_s, answered.done_s, seq if type(seq) is int else None)

    def list_messages(self, session_id: str, after_seq: int, limit: int) -> list[Any]:
        """Return at most `limit` stored messages above a seq, each still unchecked. Raise RestCallFailed."""
        return self._messages_in(self._page(session_id, after_seq, limit))

    def read_messages(self, session_id: str, after_seq: int, limit: int) -> Listed:
        """Return at most `limit` stored messages above a seq (GET /sessions/:id/messages). Raise RestCallFailed."""
        answer = self._page(session_id, after_seq, limit)
        messages = stored_messages(answer.body)
        return Listed(answer.sent_s, answer.done_s, self._messages_in(answer) if messages is None else messages)

    def delete_session(self, session_id: str) -> Answered:
        """Delete a session (DELETE /sessions/:id). Raise RestCallFailed.

        FleetLM archives the session, and answers 204 again if the call is repeated.
        """
        return self.call("DELETE", f"/sessions/{_part(session_id)}", route="/sessions/:id", expected=(204,))

    def call(  # noqa: PLR0913  # what one request is made of
        self,
        method: str,
        path: str,
        *,
        route: str | None = None,
        body: Any = None,
        expected: tuple[int, ...] = (200,),
        traceparent: str = "",
    ) -> Answered:
        """Make any call below the API URL.

        Args:
            method: The HTTP method.
            path: The path below the API URL, with its query, percent-encoded.
            route: The path in errors and statistics, with :id for an id; `path` if None.
            body: The JSON body; None sends no body.
            expected: The statuses that count as success.
            traceparent: The call's trace context (W3C); if empty, the API's own next one, if it has any.

        Returns:
            The status, the body's JSON (None if empty) and the stamps in perf_counter seconds.

        Raises:
            RestCallFailed: No answer within `timeout_s`, another status, or a body that is not JSON.
        """
        route = path if route is None else route
        return self._decoded(method, route, self._answer(method, path, route, body, expected, traceparent))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _page(self, session_id: str, after_seq: int, limit: int) -> Answer:
        path = f"/sessions/{_part(session_id)}/messages?after_seq={after_seq}&limit={limit}"
        return self._answer("GET", path, _MESSAGES, None, (200,), "")

    def _messages_in(self, answer: Answer) -> list[Any]:
        answered = self._decoded("GET", _MESSAGES, answer)
        messages = answered.body.get("messages") if isinstance(answered.body, dict) else None
        if not isinstance(messages, list):
            raise self._bad_body("GET", _MESSAGES, answered, "no list of messages")
        return messages

    def _answer(  # noqa: PLR0913, PLR0917  # what one request is made of
        self, method: str, path: str, route: str, body: Any, expected: tuple[int, ...], traceparent: str
    ) -> Answer:
        """Return the answer to a call with an expected status, its body unchanged."""
        encoded = None if body is None else orjson.dumps(body)
        try:
            answer = self._pool.exchange(method, self._prefix + path, encoded, self._fields(traceparent))
        except NoAnswer as none:
            raise self._failed(method, route, none.kind, None, none.detail, none) from none
        if answer.status not in expected:
            detail = self._explained(self._prefix + path, answer)
            raise self._failed(method, route, f"http_{answer.status}", answer.status, detail, answer)
        return answer

    def _fields(self, traceparent: str) -> Mapping[str, str]:
        """Return the header fields beyond those of every call."""
        if not traceparent and self._traceparent is not None:
            traceparent = self._traceparent()
        return {"traceparent": traceparent} if traceparent else NO_FIELDS

    def _explained(self, target: str, answer: Answer) -> str:
        """Return what to do about the answer, or else the server's own words."""
        requested = RequestedUrl(urljoin(self.api_url, target), self.api_url, self._flag)
        return explained(answer.status, answer.fields, requested, answer.problem or error_detail(answer.body))

    def _decoded(self, method: str, route: str, answer: Answer) -> Answered:
        if answer.problem:
            raise self._failed(method, route, "bad_body", answer.status, answer.problem, answer)
        try:
            body = orjson.loads(answer.body) if answer.body else None
        except ValueError as problem:
            detail = f"not JSON: {body_in_words(answer.body)}"
            raise self._failed(method, route, "bad_body", answer.status, detail, answer) from problem
        return Answered(answer.sent_s, answer.done_s, answer.status, body)

    def _bad_body(self, method: str, route: str, answered: Answered, problem: str) -> RestCallFailed:
        detail = f"{problem} in {words(answered.body)}"
        return self._failed(method, route, "bad_body", answered.status, detail, answered)

    def _failed(  # noqa: PLR0913, PLR0917  # the fields of the error
        self,
        method: str,
        route: str,
        kind: str,
        status: int | None,
        detail: str,
        stamps: Answer | Answered | NoAnswer,
    ) -> RestCallFailed:
        path = self._prefix + route
        return RestCallFailed(method, path, kind, status, detail, sent_s=stamps.sent_s, done_s=stamps.done_s)

    def __repr__(self) -> str:
        return f"<RestApi {self.api_url} {self._pool!r}>"


def _part(identifier: str) -> str:
    """Return an id as one part of a path or query."""
    if identifier.isascii() and identifier.isalnum():
        return identifier  # true for nearly all
    return quote(identifier, safe="")
