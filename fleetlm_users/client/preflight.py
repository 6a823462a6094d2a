"""Asks FleetLM and the agent, before any user starts, whether a run can work at all; creates the agent when missing.

It asks with the client that the load will use, not with requests: a proxy or a CA that only one of them heeds would
make the answer worthless, and it also works in a process that is not monkey-patched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import gevent

from fleetlm_users.client.http.advice import ADVISED
from fleetlm_users.client.http.fleetlm_api import RestApi
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.deadline import Deadline, Overdue
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.client.net.proxies import passed_by
from fleetlm_users.client.net.resolver import Resolver
from fleetlm_users.client.net.source_addresses import SourceAddresses
from fleetlm_users.client.phoenix.socket import socket_endpoint
from fleetlm_users.client.progress import Progress
from fleetlm_users.client.websocket.handshake import open_websocket
from fleetlm_users.client.websocket.transport import Transport
from fleetlm_users.errors import ConnectFailed, Disconnected, RestFailed
from fleetlm_users.foreign_text import printable, words

DEFAULT_TIMEOUT_S = 10.0
CLOSE_S = 1.0
"""For the answer to our close frame, which decides nothing."""
PARTICIPANT = "preflight"
HEALTH_PATH = "/health"
AGENT_NAME = "Bench Echo Agent"
WEBHOOK_PATH = "/webhook"
MAX_CLOSING_BYTES = 1024 * 1024

START_HINT = (
    "Start FleetLM (`mix phx.server` or `docker compose up` in its checkout) and the agent (`python echo_agent.py`), "
    "or set --api-url and --ws-url."
)
STANDIN_HINT = "Or run on the embedded server: --standin."


@dataclass(frozen=True, slots=True)
class Targets:
    """What a run is directed at."""

    api_url: str
    ws_url: str
    agent_url: str
    agent_id: str
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as a run needs it; a fatal one means that no user can work.

    `advised` says that `detail` tells what to do.
    """

    what: str
    url: str
    detail: str
    fatal: bool
    advised: bool = False

    def __str__(self) -> str:
        return f"{self.what} ({self.url}): {self.detail}"


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found."""

    targets: Targets
    problems: tuple[Problem, ...]
    agent_created: bool

    @property
    def fatal(self) -> bool:
        """True when the run cannot begin."""
        return any(problem.fatal for problem in self.problems)

    def text(self) -> str:
        """Two or three lines for a person; empty when there is nothing to say."""
        warnings = [f"warning: {problem}" for problem in self.problems if not problem.fatal]
        if self.fatal:
            failed = "; ".join(str(problem) for problem in self.problems if problem.fatal)
            hints = [f"{START_HINT} {STANDIN_HINT}"] if any(p.fatal and not p.advised for p in self.problems) else []
            return "\n".join([f"FleetLM cannot be tested: {failed}.", *hints, *warnings[:1]])
        created = [f"created agent {self.targets.agent_id} with webhook {self.targets.agent_url}{WEBHOOK_PATH}"]
        return "\n".join((created if self.agent_created else []) + warnings)


def check(
    targets: Targets,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    *,
    sources: SourceAddresses | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Preflight:
    """Asks everything side by side; each answer may take `timeout_s`, as in the run. `tell` hears what is waited for.

    `sources` are the local addresses to ask FleetLM from, as the run will. Raises UsageError for a URL that is none.
    """
    parse_endpoint(targets.agent_url, "agent URL", ("http", "https"), "http://localhost:4001")
    parse_endpoint(targets.ws_url, "WebSocket URL", ("ws", "wss"), "ws://localhost:4000/socket/websocket")
    warnings: dict[str, str] = {}
    resolver = Resolver(timeout_s=timeout_s)
    to_fleetlm, to_agent = (
        Connector(insecure=targets.insecure, sources=from_, resolver=resolver, warn=_noting(warnings, url))
        for from_, url in ((sources, targets.api_url), (None, targets.agent_url))
    )
    api = RestApi(targets.api_url, timeout_s=timeout_s, connector=to_fleetlm)
    agent = RestApi(targets.agent_url, timeout_s=timeout_s, connector=to_agent, flag="--agent-url")
    progress = Progress(timeout_s, tell)
    asked = [
        gevent.spawn(progress.asking, what, probe)
        for what, probe in (
            ("the REST API", lambda: _probe_api(api, targets, progress)),
            ("the WebSocket", lambda: _probe_socket(targets, timeout_s, to_fleetlm)),
            ("the agent", lambda: _probe_agent(agent, targets)),
        )
    ]
    try:
        with progress:
            gevent.joinall(asked, raise_error=True)
    finally:
        gevent.killall(asked)
        api.close()
        agent.close()
    found = [greenlet.value for greenlet in asked]
    problems = tuple(problem for findings in found for problem in findings.problems)
    noted = (*_proxies(targets), *(Problem("an address", url, text, fatal=False) for text, url in warnings.items()))
    return Preflight(targets, (*problems, *noted), any(findings.agent_created for findings in found))


def _noting(warnings: dict[str, str], url: str) -> Callable[[str], None]:
    def note(text: str) -> None:
        warnings.setdefault(text, url)

    return note


def _proxies(targets: Targets) -> list[Problem]:
    """Proxies of the environment, which the load passes by: not an obstacle, but nobody should wonder."""
    found = passed_by((targets.api_url, targets.ws_url))
    detail = (
        "this proxy is not used: the load goes straight to the server; to hide this line, name the host in NO_PROXY"
    )
    return [Problem(name, url, detail, fatal=False) for name, url in found.items()]


@dataclass(frozen=True, slots=True)
class _Findings:
    problems: tuple[Problem, ...] = ()
    agent_created: bool = False


def _probe_api(api: RestApi, targets: Targets, progress: Progress) -> _Findings:
    """FleetLM's REST API, and the agent as FleetLM knows it."""
    url = f"{targets.api_url.rstrip('/')}/agents"
    try:
        listed = api.call("GET", "/agents").body
    except RestFailed as failed:
        return _Findings((Problem("the REST API", url, _said(failed), fatal=True, advised=failed.status in ADVISED),))
    if not isinstance(listed, dict) or not isinstance(listed.get("agents"), list):
        detail = "it answers, but is no FleetLM: no list of agents in its answer"
        return _Findings((Problem("the REST API", url, detail, fatal=True),))
    agent_url = f"{url}/{quote(targets.agent_id, safe='')}"
    try:
        progress.renew("the REST API")
        shown = api.call("GET", f"/agents/{quote(targets.agent_id, safe='')}", expected=(200, 404))
        if shown.status == 404:
            progress.renew("the REST API")
            return _Findings(agent_created=_create_agent(api, targets))
    except RestFailed as failed:
        detail = f"it is missing or cannot be read, and not be created: {failed.method} said {_said(failed)}"
        return _Findings((Problem(f"agent {targets.agent_id}", agent_url, detail, fatal=True),))
    return _Findings(_unlike(shown.body, agent_url, targets))


def _create_agent(api: RestApi, targets: Targets) -> bool:
    """True when we created it; False when another master did at the same moment. Raises RestFailed."""
    agent = {
        "id": targets.agent_id,
        "name": AGENT_NAME,
        "origin_url": targets.agent_url,
        "webhook_path": WEBHOOK_PATH,
        "message_history_mode": "tail",
        "message_history_limit": 10,
        "timeout_ms": 30_000,
        "status": "enabled",
    }
    try:
        api.call("POST", "/agents", body={"agent": agent}, expected=(200, 201))
    except RestFailed as failed:
        if failed.status == 422 and "has already been taken" in failed.detail:
            return False
        raise
    return True


def _unlike(shown: Any, url: str, targets: Targets) -> tuple[Problem, ...]:
    """In what the agent that FleetLM knows differs from the one we would create."""
    agent = shown.get("agent") if isinstance(shown, dict) else None
    agent = agent if isinstance(agent, dict) else {}
    what, problems = f"agent {targets.agent_id}", []
    if agent.get("status") != "enabled":
        status = printable(repr(words(agent.get("status"))))
        detail = f"its status is {status}, so nobody will reply; enable it, or set another --agent-id"
        problems.append(Problem(what, url, detail, fatal=False))
    origin = printable(agent.get("origin_url"))
    if origin.rstrip("/") != targets.agent_url.rstrip("/"):
        detail = (
            f"FleetLM calls it at {origin}, not at {targets.agent_url}; "
            f"set --agent-url {origin}, or another --agent-id to have it created"
        )
        problems.append(Problem(what, url, detail, fatal=False))
    return tuple(problems)


def _probe_socket(targets: Targets, timeout_s: float, connector: Connector) -> _Findings:
    endpoint = socket_endpoint(targets.ws_url, PARTICIPANT)
    try:
        upgraded = open_websocket(endpoint, timeout_s, connector)
    except ConnectFailed as failed:
        is_advised = failed.status in ADVISED
        return _Findings((Problem("the WebSocket", targets.ws_url, failed.words, fatal=True, advised=is_advised),))
    transport = Transport(upgraded, MAX_CLOSING_BYTES, timeout_s)
    try:
        with Deadline(CLOSE_S):
            transport.send_close(1000, CLOSE_S)
            while True:
                transport.receive()
    except (Disconnected, Overdue):  # it opened: how it closes is no obstacle
        return _Findings()
    finally:
        transport.close()


def _probe_agent(agent: RestApi, targets: Targets) -> _Findings:
    try:
        agent.call("GET", HEALTH_PATH)
    except RestFailed as failed:
        url = targets.agent_url.rstrip("/") + HEALTH_PATH
        detail = f"{_said(failed)}; start it with `python echo_agent.py`, unless FleetLM reaches it where we cannot"
        return _Findings((Problem("the agent", url, detail, fatal=False),))
    return _Findings()


def _said(failed: RestFailed) -> str:
    answer = f"HTTP {failed.status}" if failed.status is not None else failed.kind
    return f"{answer}: {failed.detail}"
