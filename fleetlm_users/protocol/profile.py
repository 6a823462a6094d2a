"""The differences between FleetLM's chat protocols, as one object per protocol. Pure.

Two protocols are supported, and can be told apart from outside:

- `early`: commit 13a5558 (2025-10-02);
- `late`: commits 390d98c to 0b7208e (2025-10-24 and 25), the last ones with sessions and agents.

Versions between them, from 2025-10-13 to 10-18, speak neither (docs/protocols.md).
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from fleetlm_users.protocol.conversation import Conversation
from fleetlm_users.protocol.late_conversation import LateConversation

UNSUITED: Final = "the server's protocol (--protocol)"
"""How an error describes a protocol that cannot do what a benchmark needs."""

ProtocolName = Literal["early", "late"]

HISTORY_LIMIT: Final = 10
"""How many messages a webhook sends to our own agent, as in FleetLM's own benchmark suites."""


class Profile(msgspec.Struct, frozen=True):
    """One protocol.

    Attributes:
        name: The name in options, reports and errors.
        user_parameter: The query parameter for the participant in the socket's URL.
        user_key, agent_key: The keys of the participant and the agent in the body that creates a session.
        agent_sender_key: The agent's key in the body that appends the agent's own message.
        conversation: The class that holds the state of a joined session; each join makes one.
        resumes: Whether a join may name the client's last seq and then replays only later messages.
        acknowledges: Whether a successful send gets a reply, apart from the broadcast of its message.
        lists_messages: Whether a session's messages can be read over REST.
        numbers_appends: Whether the answer to an append over REST states the message's seq.
        streams: Whether an agent's answer is pushed piece by piece before the whole.
        pushes_twice: Whether a message sent over a socket is pushed twice to every device.
        agent_joins: Whether the agent may join its sessions.
        agent_history: The part of an agent's record that selects the messages a webhook sends it.
        flush_period_s: Seconds after which an appended message is in the database.
    """

    name: ProtocolName
    user_parameter: str
    user_key: str
    agent_key: str
    agent_sender_key: str
    conversation: type[Conversation]
    resumes: bool
    acknowledges: bool
    lists_messages: bool
    numbers_appends: bool
    streams: bool
    pushes_twice: bool
    agent_joins: bool
    agent_history: Mapping[str, Any]
    flush_period_s: float

    def join_payload(self, last_seq: int = 0) -> dict[str, Any]:
        """Return the payload of a join; `last_seq` is the last message that the client has, 0 for none."""
        return {"last_seq": last_seq} if self.resumes and last_seq else {}

    def session_body(self, participant_id: str, agent_id: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of the request that creates a session."""
        return {self.user_key: participant_id, self.agent_key: agent_id, "metadata": dict(metadata)}

    def append_body(
        self, participant_id: str, content: Mapping[str, Any], metadata: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the body of the request that appends a participant's message; empty metadata is left out."""
        body = {self.user_key: participant_id, "kind": "text", "content": dict(content)}
        return body | {"metadata": dict(metadata)} if metadata else body

    def agent_append_body(self, agent_id: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of the request by which the agent appends a message, not as the answer to a webhook."""
        return {self.agent_sender_key: agent_id, "kind": "text", "content": dict(content)}


EARLY: Final = Profile(
    name="early",
    user_parameter="participant_id",
    user_key="sender_id",
    agent_key="recipient_id",
    agent_sender_key="sender_id",
    conversation=Conversation,
    resumes=False,
    acknowledges=False,
    lists_messages=False,
    numbers_appends=False,
    streams=False,
    pushes_twice=False,
    agent_joins=False,
    agent_history={"message_history_mode": "tail", "message_history_limit": HISTORY_LIMIT},
    flush_period_s=0.3,
)

LATE: Final = Profile(
    name="late",
    user_parameter="user_id",
    user_key="user_id",
    agent_key="agent_id",
    agent_sender_key="agent_id",
    conversation=LateConversation,
    resumes=True,
    acknowledges=True,
    lists_messages=True,
    numbers_appends=True,
    streams=True,
    pushes_twice=True,
    agent_joins=True,
    agent_history={"context": {"strategy": "last_n", "config": {"limit": HISTORY_LIMIT}}},
    flush_period_s=5.0,
)

PROFILES: Final[Mapping[str, Profile]] = {profile.name: profile for profile in (EARLY, LATE)}


def profile_of(name: str) -> Profile:
    """Return the profile of that name; the early one for `auto`, as the server has not been asked yet."""
    return PROFILES.get(name, EARLY)
