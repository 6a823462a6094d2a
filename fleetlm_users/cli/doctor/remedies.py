"""Remedies for the doctor's findings, by the kind and status of an error. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from fleetlm_users.client import Problem, ProblemCode
from fleetlm_users.client.http.failure_advice import REDIRECTS
from fleetlm_users.errors import ClientError, ConnectFailed, JoinRefused

START: Final = "Start FleetLM (`mix phx.server`, or `docker compose up` in its checkout), or set {url} or -H."

# By the causes that _causes yields for an error; the most specific one decides.
_ANSWERED: Final = {
    "redirect": "A front end answers that accepts TLS only, or has moved: set the address that it names.",
    "401": "FleetLM asks for no login: a proxy in front of it does.",
    "403": "For a WebSocket that is often its path, which must be /socket/websocket, or an Origin header.",
}
_API: Final = {
    **_ANSWERED,
    "404": "Does the URL end in /api? Set --api-url (API_URL) or -H.",
    "tls": "For a self-signed certificate: --insecure, or its CA in SSL_CERT_FILE. For plain HTTP: an http:// URL.",
    "dns": "The name is not known: check the spelling of --api-url (API_URL) or -H.",
    "503": "FleetLM, or the proxy before it, says that it cannot serve now: see its log.",
    "5xx": "FleetLM answers with an error of its own: see its log, and whether its database is up and migrated.",
    "timeout": "A wrong address, a firewall, or a server that hangs: check --api-url (API_URL) or -H.",
}
_WEBSOCKET: Final = {
    **_ANSWERED,
    "404": "Nothing serves WebSockets at this path: FleetLM's is /socket/websocket. Set --ws-url (WS_URL) or -H.",
    "tls": "For a self-signed certificate: --insecure, or its CA in SSL_CERT_FILE. Without TLS: a ws:// URL.",
    "timeout": "A wrong address, a firewall, or a server that hangs: check --ws-url (WS_URL) or -H.",
    "upgrade": ("This is not a WebSocket server, or a proxy does not pass upgrades on: set --ws-url (WS_URL) or -H."),
    "dns": "The name is not known: check the spelling of --ws-url (WS_URL) or -H.",
}
_JOIN: Final = {
    "not found": "REST created the session, and the WebSocket does not find it: do both URLs lead to one FleetLM?",
    "unauthorized": "Only a session's own participant may join: does a proxy change the participant_id in the URL?",
}

ANOTHER_SERVER: Final = "Another server listens there: set --api-url (API_URL) or -H; FleetLM's API ends in /api."
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
    "The message was sent but never pushed back, and without that no append can be measured. See FleetLM's log; is it "
    "overloaded, or is a proxy holding frames back?"
)
CREATE: Final = "FleetLM did not create a session: see its log, and whether its database is up and migrated."
JOIN: Final = "FleetLM did not let the session be joined: see its log."
LEAVE: Final = "The session could not be left and deleted; `fleetlm-bench cleanup --run-id {run_id}` tries again."


def of_problem(problem: Problem) -> str:
    """Return what to do about a problem of the preflight; empty if its own words say so."""
    if problem.code is ProblemCode.API_FAILED:
        return of_api(problem.kind, problem.status)
    if problem.code is ProblemCode.WEBSOCKET_FAILED:
        return _of_websocket(problem.kind, problem.status)
    if problem.code is ProblemCode.API_NOT_FLEETLM:
        return ANOTHER_SERVER
    return AGENT_HEALTH if problem.code is ProblemCode.AGENT_UNHEALTHY else ""


def of_api(kind: str, status: int | None) -> str:
    """Return what to do if the REST API failed with an error of that kind and status."""
    return _first(_API, _causes(kind, status), START.format(url="--api-url (API_URL)"))


def of_connect(failed: ConnectFailed) -> str:
    """Return what to do if the WebSocket did not open."""
    return _of_websocket(failed.kind, failed.status)


def of_join(failed: ClientError) -> str:
    """Return what to do if the join failed."""
    return _JOIN.get(failed.reason, JOIN) if isinstance(failed, JoinRefused) else JOIN


def _of_websocket(kind: str, status: int | None) -> str:
    return _first(_WEBSOCKET, _causes(kind, status), START.format(url="--ws-url (WS_URL)"))


def _causes(kind: str, status: int | None) -> Iterator[str]:
    """Yield the causes by which an error may be known, the most specific first."""
    if status is not None:
        yield str(status)
        if status in REDIRECTS:
            yield "redirect"
        if status >= 500:
            yield "5xx"
    yield kind.partition("_")[0]  # upgrade_502 counts as upgrade too


def _first(remedies: Mapping[str, str], causes: Iterator[str], otherwise: str) -> str:
    return next((remedies[cause] for cause in causes if cause in remedies), otherwise)
