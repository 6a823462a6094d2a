"""A session's replay: the earlier messages that a join returns, read without taking part in the session."""

from typing import Any, Final

from fleetlm_users.client.phoenix.socket import PhoenixSocket
from fleetlm_users.errors import ClientError, Disconnected
from fleetlm_users.protocol import message as names

LEAVE_TIMEOUT_S: Final = 5.0
"""A leave is answered immediately (wire record)."""


class _Silent:
    """The handler of a topic whose broadcasts are ignored."""

    def on_broadcast(self, event: str, payload: Any, done_s: float) -> None:
        """Ignore a server push."""

    def on_reply(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Ignore a reply."""

    def on_down(self, down: Disconnected, done_s: float) -> None:
        """Do nothing: the next join reports that the socket is gone."""


def read_replay(socket: PhoenixSocket, session_id: str, timeout_s: float, last_seq: int = 0) -> list[Any]:
    """Join a session, leave it again, and return what was replayed.

    Args:
        socket: A connected socket of a participant of the session.
        session_id: The session's id.
        timeout_s: The limit for the join's reply, in seconds.
        last_seq: The seq after which the replay begins, for a protocol that resumes; 0 for its beginning.

    Returns:
        The replayed messages, as the server sent them.

    Raises:
        ClientError: The session cannot be joined, or the reply holds no list of messages.
    """
    topic = names.SESSION_PREFIX + session_id
    joined = socket.join(topic, {"last_seq": last_seq} if last_seq else {}, _Silent(), timeout_s)
    messages = joined.response.get("messages") if isinstance(joined.response, dict) else None
    try:
        socket.leave(topic, LEAVE_TIMEOUT_S)
    except Disconnected:
        pass  # the next join reports it
    except ClientError:
        socket.close()
    if not isinstance(messages, list):
        raise Disconnected("no_replay", None, f"the reply to the join of {topic} holds no messages")
    return messages
