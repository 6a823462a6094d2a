"""The objects that all users of a process share in one run: names and addresses, the REST pool, the heartbeats, the
options.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from fleetlm_users.client import (
    Address,
    Appended,
    ChannelObserver,
    Connector,
    Created,
    Heartbeats,
    PhoenixSocket,
    Resolver,
    RestApi,
    SessionChannel,
    SocketOptions,
    host_of,
    profile_of,
    read_replay,
    sources_here,
)
from fleetlm_users.errors import ClientError, ConnectFailed, RestFailed
from fleetlm_users.swarm.run import Run
from fleetlm_users.units import US_PER_S
from fleetlm_users.users.audit.audit import Audit
from fleetlm_users.users.audit.making import audit_of
from fleetlm_users.users.session_cleanup import SessionCleanup
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.tracing import FIELD as TRACE_FIELD
from fleetlm_users.workload.options.tracing import traces_of

logger = logging.getLogger(__name__)
frames_logger = logging.getLogger("fleetlm.frames")

NO_METADATA: Final[dict[str, str]] = {}

WARNED_STATUSES = frozenset((301, 302, 303, 307, 308, 401, 403, 407))
"""Statuses that require a person's action, wherever they occur."""


class SharedClient:
    """Makes sockets and channels with a run's options; owns the REST pool and the one heartbeat greenlet.

    `worker_index` is where the process begins in the source addresses, so that processes begin with different ones.
    `resolver` knows the addresses of the run's hosts.
    """

    def __init__(
        self,
        options: Options,
        worker_index: int = 0,
        resolver: Resolver | None = None,
    ) -> None:
        self._options = options
        self.audit: Audit | None = None
        self._traces = traces = traces_of(options, worker_index)
        self.profile = profile_of(options.protocol)
        self.cleanup: SessionCleanup | None = None
        self._warned_about: set[tuple[str, int]] = set()
        self._hosts = {host_of(url) for url in (options.api_url, options.ws_url)}
        self._resolver = resolver or Resolver()
        self._heartbeats = Heartbeats(options.heartbeat_interval_s)
        self._socket_options = SocketOptions(
            connect_timeout_s=options.connect_timeout_s,
            heartbeat_s=options.heartbeat_interval_s,
            log_frames=_log_frame if options.debug else None,
            connector=self._connector(worker_index),
            user_parameter=self.profile.user_parameter,
        )
        self.rest = RestApi(
            options.api_url,
            timeout_s=options.connect_timeout_s,
            # takes source addresses in turn on its own: in step with the sockets, each would get only every other one
            connector=self._connector(worker_index),
            traceparent=None if traces is None else lambda: traces.next_call().header,
        )

    @property
    def pushes_in_order(self) -> bool:
        """Whether the server pushes a session's messages in the order of their seq."""
        return self.profile.conversation.IS_ORDERED

    def await_names(self) -> None:
        """Wait until the servers' names are looked up, so that no time of a session includes a look-up.

        A failed look-up is reported by the step that needs the name.
        """
        for host in self._hosts:
            try:
                self._resolver.addresses(host)
            except OSError:
                continue

    def warn_once(self, problem: ClientError) -> None:
        """Log what a person has to do about a failure, the first time it occurs."""
        status = problem.status if isinstance(problem, (RestFailed, ConnectFailed)) else None
        about = (type(problem).__name__, status or 0)
        if status in WARNED_STATUSES and about not in self._warned_about:
            self._warned_about.add(about)
            logger.warning("%s", problem)

    def create_session(self, participant_id: str, metadata: dict[str, Any]) -> Created:
        """Create a session of a participant with the run's agent. Raise RestFailed."""
        return self.rest.create_session(self.profile.session_body(participant_id, self._options.agent_id, metadata))

    def append_message(self, session_id: str, participant_id: str, content: dict[str, Any]) -> Appended:
        """Append a participant's message over REST. Raise RestFailed."""
        metadata = self.metadata_of(content["client_ref"])
        body = self.profile.append_body(participant_id, content, metadata)
        return self.rest.append_message(session_id, body, metadata.get(TRACE_FIELD, ""))

    def metadata_of(self, client_ref: str) -> Mapping[str, str]:
        """Return the metadata of a message: its trace context, in a run that is traced."""
        return NO_METADATA if self._traces is None else {TRACE_FIELD: self._traces.of_message(client_ref).header}

    def append_agent_message(self, session_id: str, content: dict[str, Any]) -> Appended:
        """Append a message of the run's agent over REST. Raise RestFailed."""
        return self.rest.append_message(session_id, self.profile.agent_append_body(self._options.agent_id, content))

    def replay(self, socket: PhoenixSocket, session_id: str, last_seq: int) -> list[Any]:
        """Join a session after a seq and leave it; return the replay. Raise ClientError."""
        return read_replay(socket, session_id, self._options.join_timeout_s, last_seq)

    def socket(self, participant_id: str, on_anomaly: Callable[[str], None]) -> PhoenixSocket:
        """Return an unconnected socket."""
        return PhoenixSocket(self._options.ws_url, participant_id, self._socket_options, self._heartbeats, on_anomaly)

    def channel(
        self, socket: PhoenixSocket, session_id: str, observer: ChannelObserver, *, follows_agent: bool = True
    ) -> SessionChannel:
        """Return the channel of one session on a connected socket, not yet joined."""
        return SessionChannel(
            socket,
            session_id,
            self._options.agent_id,
            observer,
            reply_timeout_s=self._options.reply_timeout_s,
            agent_replies=self._options.agent_replies if follows_agent else None,
            profile=self.profile,
        )

    def close(self) -> None:
        """Audit the run and delete its sessions, if requested; end the heartbeats, close the REST pool."""
        if self.audit is not None:
            self.audit.close()
        self._heartbeats.stop()
        if self.cleanup is not None:
            self.cleanup.close()
        self.rest.close()

    def _connector(self, worker_index: int) -> Connector:
        sources = sources_here(self._options.source_ips, worker_index)
        return Connector(insecure=self._options.insecure, sources=sources, resolver=self._resolver)


def shared_client_of(run: Run) -> SharedClient:
    """Return the run's one shared client, created on first use."""
    return run.resource(SharedClient, lambda: _make(run))


def _make(run: Run) -> SharedClient:
    client = SharedClient(run.options, run.numbering.slot.worker_index, resolver_of(run))
    client.audit = audit_of(
        run, client.profile, lambda participant_id: client.socket(participant_id, lambda _kind: None), client.rest
    )
    if run.options.cleanup:
        client.cleanup = SessionCleanup(run, client.rest)
    return client


def resolver_of(run: Run, look_up: Callable[[str], Iterable[Address]] | None = None) -> Resolver:
    """Return a resolver whose waits are the run's `name_lookup_ms`."""

    def on_wait(began_s: float, done_s: float) -> None:
        """Count a wait in the phase in which it ended: one that reaches into the judged time belongs there."""
        run.ledger.trend("name_lookup_ms", "", run.phase_at(done_s)).add(round((done_s - began_s) * US_PER_S))

    return Resolver(look_up, on_wait=on_wait)


def _log_frame(direction: str, frame: bytes | str) -> None:
    frames_logger.info("%s %s", direction, frame)
