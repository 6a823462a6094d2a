"""The echo agent without HTTP: the same answer as the real echo agent's, appended immediately."""

from typing import Any

import orjson

from fleetlm_users.protocol.message import STREAM_CHUNK
from fleetlm_users.standin.agent.ui_messages import KIND, Assembler, echo_chunks
from fleetlm_users.standin.chat.elixir_inspect import inspect
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import StoredMessage, seq_of


class BuiltinAgent:
    """The echo agent: answers for every agent that is not disabled, registered or not."""

    pending = 0

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def asked(self, session: Session, message: StoredMessage, content: dict[str, Any]) -> None:
        """Append the echo of `content`."""
        agent = self._hub.agents.get(session.agent_id)
        if agent is not None and agent.status != "enabled":
            return
        if session.is_late:
            self._stream(session, content)
            return
        metadata = {"echoed_seq": seq_of(message), "session_id": session.id, "user_id": session.user_id}
        self._hub.append(session, session.agent_id, "text", echo(content), metadata)

    def _stream(self, session: Session, content: dict[str, Any]) -> None:
        """Push the pieces of an answer, then append the whole."""
        assembler = Assembler(self._hub.new_late_id)
        for chunk in echo_chunks(echo(content)["text"]):
            push_chunk(self._hub, session, chunk)
            whole = assembler.feed(chunk)
            if whole is not None:
                self._hub.append(session, session.agent_id, KIND, whole.content, whole.metadata)


def push_chunk(hub: Hub, session: Session, chunk: dict[str, Any]) -> None:
    """Push a piece of an agent's answer to all joined sockets."""
    payload = b'{"agent_id":%b,"chunk":%b}' % (session.agent_json, orjson.dumps(chunk))
    hub.push_event(session, STREAM_CHUNK, payload)


def echo(content: dict[str, Any]) -> dict[str, Any]:
    """Return `Echo: <text>` (without a text, Elixir's print of the content) and the `client_ref`, if there is one."""
    text = content.get("text")
    said = "Echo: " + (text if type(text) is str else inspect(content))
    return {"client_ref": content["client_ref"], "text": said} if "client_ref" in content else {"text": said}
