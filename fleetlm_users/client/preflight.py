"""The preflight: check with FleetLM and the agent, before any user starts, whether a run can work at all.

It uses the load's own client and not requests: a proxy or a CA that only one of the two respects would make the answer
worthless. So it also works in a process that is not monkey-patched, such as `fleetlm-bench doctor`.
"""

import enum
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import gevent
import msgspec

from fleetlm_users.client.http.failure_advice import ADVISED
from fleetlm_users.client.http.fleetlm_api import RestApi
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.client.net.proxies import unused_proxies
from fleetlm_users.client.net.resolver import Resolver
from fleetlm_users.client.net.source_addresses import SourceAddresses
from fleetlm_users.client.net.waits import Deadline, Overdue
from fleetlm_users.client.phoenix.socket_endpoint import socket_endpoint
from fleetlm_users.client.protocol_detection import AUTO, MID, chosen_profile, detect, is_of_mid_version
from fleetlm_users.client.waiting_notice import WaitingNotice
from fleetlm_users.client.websocket.handshake import open_websocket
from fleetlm_users.client.websocket.transport import Transport
from fleetlm_users.errors import ConnectFailed, Disconnected, RestFailed
from fleetlm_users.foreign_text import printable, words
from fleetlm_users.protocol.profile import PROFILES, Profile

DEFAULT_TIMEOUT_S = 10.0
CLOSE_S = 1.0
"""How long to wait for the answer to our close frame, which does not matter."""
API = "the REST API"
WEBSOCKET = "the WebSocket"
AGENT = "the agent"
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


class Targets(msgspec.Struct, frozen=True):
    """The targets of a run."""

    api_url: str
    ws_url: str
    agent_url: str
    agent_id: str
    insecure: bool = False
    protocol: str = AUTO


class ProblemCode(enum.Enum):
    """The kinds of problems. Programs act on the code; a problem's words are for people."""

    API_FAILED = enum.auto()  # no answer from the REST API, or an error
    API_NOT_FLEETLM = enum.auto()  # an answer, but not FleetLM's
    PROTOCOL = enum.auto()  # FleetLM, but an unsupported version, or not the requested one
    WEBSOCKET_FAILED = enum.auto()  # no WebSocket was established
    AGENT_UNHEALTHY = enum.auto()  # the agent itself gave no healthy answer
    AGENT_UNAVAILABLE = enum.auto()  # FleetLM neither shows the agent nor creates it
    AGENT_DISABLED = enum.auto()  # FleetLM does not call the agent
    AGENT_ELSEWHERE = enum.auto()  # FleetLM calls the agent at another URL
    PROXY_UNUSED = enum.auto()  # the environment names a proxy, which the load does not use
    ADDRESS_SILENT = enum.auto()  # one of several addresses does not answer


class Problem(msgspec.Struct, frozen=True):
    """An obstacle to a run; a fatal one means that no user can work.

    `kind` and `status` are those of the error (errors.py) if the REST API or the WebSocket failed, else empty and None.
    `hint` says what to do, if `detail` does not.
    """

    code: ProblemCode
    what: str
    url: str
    detail: str
    fatal: bool
    kind: str = ""
    status: int | None = None
    hint: str = ""

    @property
    def is_advised(self) -> bool:
        """True if `detail` says what to do: the answer's status implied it, or the server is another one."""
        return self.status in ADVISED or self.code is ProblemCode.PROTOCOL

    def __str__(self) -> str:
        return f"{self.what} ({self.url}): {self.detail}" + (f"; {self.hint}" if self.hint else "")


class PreflightResult(msgspec.Struct, frozen=True):
    """The findings of the preflight; `protocol` is the name of the profile to speak, empty if there is none."""

    targets: Targets
    problems: tuple[Problem, ...]
    agent_created: bool
    protocol: str = ""

    @property
    def fatal(self) -> bool:
        """True if the run cannot begin."""
        return any(problem.fatal for problem in self.problems)

    def text(self) -> str:
        """Return two or three lines for a person; empty if there is nothing to say."""
        warnings = [f"warning: {problem}" for problem in self.problems if not problem.fatal]
        if self.fatal:
            obstacles = [problem for problem in self.problems if problem.fatal]
            failed = "; ".join(map(str, obstacles))
            hints = [] if all(problem.is_advised for problem in obstacles) else [f"{START_HINT} {STANDIN_HINT}"]
            return "\n".join([f"FleetLM cannot be tested: {failed}.", *hints, *warnings[:1]])
        created = [f"created agent {self.targets.agent_id} with webhook {self.targets.agent_url}{WEBHOOK_PATH}"]
        return "\n".join((created if self.agent_created else []) + warnings)


def check(
    targets: Targets,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    *,
    sources: SourceAddresses | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> PreflightResult:
    """Ask the REST API, the WebSocket and the agent at the same time; create the agent in FleetLM if it is missing
    there.

    Args:
        targets: The targets of the run.
        timeout_s: The limit for each answer, in seconds; the same as in the run.
        sources: The local addresses to ask FleetLM from, as the run will; None leaves the choice to the system.
        tell: Called with a line about pending answers, once they take longer than a moment.

    Returns:
        Every problem found; a target's fault is a problem and is never raised.

    Raises:
        UsageError: A URL is not one of its kind.
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
    waiting = WaitingNotice(timeout_s, tell)
    probes = [
        gevent.spawn(waiting.asking, what, probe)
        for what, probe in (
            (API, lambda: _probe_api(api, targets, waiting)),
            (WEBSOCKET, lambda: _probe_websocket(targets, timeout_s, to_fleetlm)),
            (AGENT, lambda: _probe_agent(agent)),
        )
    ]
    try:
        with waiting:
            gevent.joinall(probes, raise_error=True)
    finally:
        gevent.killall(probes)
        api.close()
        agent.close()
    findings: list[_ProbeResult] = [greenlet.value for greenlet in probes]
    problems = [problem for each in findings for problem in each.problems]
    problems += _unused_proxies(targets)
    problems += (
        Problem(ProblemCode.ADDRESS_SILENT, "an address", url, text, fatal=False) for text, url in warnings.items()
    )
    protocol = "".join(each.protocol for each in findings)
    return PreflightResult(targets, tuple(problems), any(each.agent_created for each in findings), protocol)


def _noting(warnings: dict[str, str], url: str) -> Callable[[str], None]:
    def note(text: str) -> None:
        warnings.setdefault(text, url)

    return note


def _unused_proxies(targets: Targets) -> Iterator[Problem]:
    """Yield the proxies of the environment, which the load does not use: no obstacle, but it should not surprise
    either.
    """
    detail = (
        "this proxy is not used: the load goes straight to the server; to hide this line, name the host in NO_PROXY"
    )
    for name, url in unused_proxies((targets.api_url, targets.ws_url)).items():
        yield Problem(ProblemCode.PROXY_UNUSED, name, url, detail, fatal=False)


class _ProbeResult(msgspec.Struct, frozen=True):
    problems: tuple[Problem, ...] = ()
    agent_created: bool = False
    protocol: str = ""


def _probe_api(api: RestApi, targets: Targets, waiting: WaitingNotice) -> _ProbeResult:
    """Ask FleetLM's REST API, and what it knows about the agent."""
    url = f"{targets.api_url.rstrip('/')}/agents"
    try:
        listed = api.call("GET", "/agents").body
    except RestFailed as failed:
        return _ProbeResult((_obstacle(ProblemCode.API_FAILED, API, url, _answer_of(failed), failed),))
    if not isinstance(listed, dict) or not isinstance(listed.get("agents"), list):
        detail = "it answers, but is not FleetLM: no list of agents in its answer"
        return _ProbeResult((Problem(ProblemCode.API_NOT_FLEETLM, API, url, detail, fatal=True),))
    waiting.renew(API)
    detected = detect(api, targets.protocol)
    profile, obstacle = chosen_profile(targets.protocol, detected)
    if profile is None:
        return _ProbeResult((Problem(ProblemCode.PROTOCOL, API, targets.api_url, obstacle, fatal=True),))
    mid = _ProbeResult((Problem(ProblemCode.PROTOCOL, API, targets.api_url, MID, fatal=True),))
    if any(is_of_mid_version({"agent": each}, detected) for each in listed["agents"]):  # before an agent is created
        return mid
    agent_url = f"{url}/{quote(targets.agent_id, safe='')}"
    try:
        waiting.renew(API)
        answered = api.call("GET", f"/agents/{quote(targets.agent_id, safe='')}", expected=(200, 404))
        is_missing, body = answered.status == 404, answered.body
        if is_missing:
            waiting.renew(API)
            body = _create_agent(api, targets, profile)
    except RestFailed as failed:
        what = f"agent {targets.agent_id}"
        detail = f"it can be neither read nor created: {failed.method} failed with {_answer_of(failed)}"
        return _ProbeResult((Problem(ProblemCode.AGENT_UNAVAILABLE, what, agent_url, detail, fatal=True),))
    if is_of_mid_version(body, detected):
        return mid
    if is_missing:
        return _ProbeResult(agent_created=body is not None, protocol=profile.name)
    return _ProbeResult(tuple(_differences(body, agent_url, targets)), protocol=profile.name)


def _obstacle(code: ProblemCode, what: str, url: str, detail: str, failed: RestFailed | ConnectFailed) -> Problem:
    return Problem(code, what, url, detail, fatal=True, kind=failed.kind, status=failed.status)


def _create_agent(api: RestApi, targets: Targets, profile: Profile) -> Any:
    """Create the agent and return the answer's body; None if another master did so at that moment. Raise RestFailed."""
    agent = {
        "id": targets.agent_id,
        "name": AGENT_NAME,
        "origin_url": targets.agent_url,
        "webhook_path": WEBHOOK_PATH,
        **profile.agent_history,
        "timeout_ms": 30_000,
        "status": "enabled",
    }
    try:
        return api.call("POST", "/agents", body={"agent": agent}, expected=(200, 201)).body
    except RestFailed as failed:
        if failed.status == 422 and "has already been taken" in failed.detail:
            return None
        raise


def _differences(body: Any, url: str, targets: Targets) -> Iterator[Problem]:
    """Yield the differences between FleetLM's record of the agent and the one we would create."""
    agent = body.get("agent") if isinstance(body, dict) else None
    agent = agent if isinstance(agent, dict) else {}
    what = f"agent {targets.agent_id}"
    if agent.get("status") != "enabled":
        status = printable(repr(words(agent.get("status"))))
        detail = f"its status is {status}, so nobody will reply; enable it, or set another --agent-id"
        yield Problem(ProblemCode.AGENT_DISABLED, what, url, detail, fatal=False)
    origin = printable(agent.get("origin_url"))
    if origin.rstrip("/") != targets.agent_url.rstrip("/"):
        detail = (
            f"FleetLM calls it at {origin}, not at {targets.agent_url}; "
            f"set --agent-url {origin}, or another --agent-id to have it created"
        )
        yield Problem(ProblemCode.AGENT_ELSEWHERE, what, url, detail, fatal=False)


def _probe_websocket(targets: Targets, timeout_s: float, connector: Connector) -> _ProbeResult:
    # each protocol takes its own parameter and ignores the other's
    endpoint = socket_endpoint(targets.ws_url, PARTICIPANT, *(profile.user_parameter for profile in PROFILES.values()))
    try:
        upgraded = open_websocket(endpoint, timeout_s, connector)
    except ConnectFailed as failed:
        return _ProbeResult((_obstacle(ProblemCode.WEBSOCKET_FAILED, WEBSOCKET, targets.ws_url, failed.words, failed),))
    transport = Transport(upgraded, MAX_CLOSING_BYTES, timeout_s)
    try:
        with Deadline(CLOSE_S):
            transport.send_close(1000, CLOSE_S)
            while True:
                transport.receive()
    except (Disconnected, Overdue):  # it opened: how it closes does not matter
        return _ProbeResult()
    finally:
        transport.close()


def _probe_agent(agent: RestApi) -> _ProbeResult:
    try:
        agent.call("GET", HEALTH_PATH)
    except RestFailed as failed:
        url = agent.api_url.rstrip("/") + HEALTH_PATH
        problem = Problem(
            ProblemCode.AGENT_UNHEALTHY,
            AGENT,
            url,
            _answer_of(failed),
            fatal=False,
            hint="start it with `python echo_agent.py`, unless FleetLM reaches it where we cannot",
        )
        return _ProbeResult((problem,))
    return _ProbeResult()


def _answer_of(failed: RestFailed) -> str:
    answer = f"HTTP {failed.status}" if failed.status is not None else failed.kind
    return f"{answer}: {failed.detail}"
