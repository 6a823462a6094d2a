"""What to do about what the doctor found. Pure: words of an error to words for a person."""

from typing import Final

START: Final = "Start FleetLM (`mix phx.server`, or `docker compose up` in its checkout), or set {url} or -H."

# the first whose words are in the detail is told
_ANSWERED: Final = (
    ("and is not followed", "What answers is a front end that has TLS only, or has moved: set what it says."),
    ("a login is asked for", "FleetLM asks for none: a proxy before it does."),
    (
        "let this machine in",
        "For a WebSocket that is often its path, which must be /socket/websocket, or an Origin header.",
    ),
)
_API: Final = (
    *_ANSWERED,
    ("no list of agents", "Another server listens there: set --api-url (API_URL) or -H; FleetLM's API ends in /api."),
    ("404", "Does the URL end in /api? Set --api-url (API_URL) or -H."),
    ("tls", "For a self-signed certificate: --insecure, or its CA in SSL_CERT_FILE. For plain HTTP: an http:// URL."),
    ("dns", "The name is not known: check the spelling of --api-url (API_URL) or -H."),
    ("503", "FleetLM, or the proxy before it, says that it cannot serve now: see its log."),
    ("HTTP 5", "FleetLM answers with an error of its own: see its log, and whether its database is up and migrated."),
    ("timeout", "A wrong address, a firewall, or a server that hangs: check --api-url (API_URL) or -H."),
)
_SOCKET: Final = (
    *_ANSWERED,
    ("404", "Nothing serves WebSockets at this path: FleetLM's is /socket/websocket. Set --ws-url (WS_URL) or -H."),
    ("tls", "For a self-signed certificate: --insecure, or its CA in SSL_CERT_FILE. Without TLS: a ws:// URL."),
    ("timeout", "A wrong address, a firewall, or a server that hangs: check --ws-url (WS_URL) or -H."),
    (
        "upgrade",
        "What answers is no WebSocket server, or a proxy does not pass upgrades on: set --ws-url (WS_URL) or -H.",
    ),
    ("dns", "The name is not known: check the spelling of --ws-url (WS_URL) or -H."),
)
_JOIN: Final = (
    ("not found", "REST created the session, and the WebSocket does not find it: do both URLs lead to one FleetLM?"),
    ("unauthorized", "Only a session's own participant may join: does a proxy change the participant_id in the URL?"),
)  # fmt: skip

AGENT_HEALTH: Final = (
    "Start the agent: `python echo_agent.py`. If FleetLM reaches it where this machine cannot, the checks below decide."
)
AGENT_REPLY: Final = (
    "FleetLM appended the message, but no answer of the agent came. Is the agent running? Can FleetLM, from where it "
    "runs, reach {url}/webhook (in a container, localhost is the container: use host.docker.internal, or the service's "
    "name)? Does its answer end each line with a newline? FleetLM's log names the failed webhook. A FleetLM still "
    "working off an earlier load answers late: wait, or raise --timeout."
)
OWN_MESSAGE: Final = (
    "The message was sent and never pushed back: without that no append can be measured. See FleetLM's log; is it "
    "overloaded, or is a proxy holding frames back?"
)
CREATE: Final = "FleetLM did not create a session: see its log, and whether its database is up and migrated."
JOIN: Final = "FleetLM did not let the session be joined: see its log."
LEAVE: Final = "The session was to be left and deleted; `fleetlm-bench cleanup --run-id {run_id}` tries again."


def of_api(detail: str) -> str:
    """Return what to do when the REST API failed with these words."""
    return _first(_API, detail, START.format(url="--api-url (API_URL)"))


def of_socket(detail: str) -> str:
    """Return what to do when the WebSocket failed with these words."""
    return _first(_SOCKET, detail, START.format(url="--ws-url (WS_URL)"))


def of_join(detail: str) -> str:
    """Return what to do when the join failed with these words."""
    return _first(_JOIN, detail, JOIN)


def _first(remedies: tuple[tuple[str, str], ...], detail: str, otherwise: str) -> str:
    return next((remedy for words, remedy in remedies if words in detail), otherwise)
