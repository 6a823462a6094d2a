"""What all users of a process share for one run: the REST pool, the heartbeats, the socket's options."""

import logging
from collections.abc import Callable

from fleetlm_users.client import (
    ChannelObserver,
    Heartbeats,
    PhoenixSocket,
    RestApi,
    SessionChannel,
    SocketOptions,
    sources_here,
)
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.cleaner import Cleaner
from fleetlm_users.workload.options import Options

logger = logging.getLogger("fleetlm.frames")


class Kit:
    """Makes sockets and channels with a run's options; owns the REST pool and the one heartbeat greenlet.

    `worker_index` is where the process begins in the source addresses, so that not all begin with the same.
    """

    def __init__(self, options: Options, worker_index: int = 0) -> None:
        self._options = options
        self.cleaner: Cleaner | None = None
        self._heartbeats = Heartbeats(options.heartbeat_interval_s)
        self._socket_options = SocketOptions(
            connect_timeout_s=options.connect_timeout_s,
            heartbeat_s=options.heartbeat_interval_s,
            insecure=options.insecure,
            log_frames=_log_frame if options.debug else None,
            sources=sources_here(options.source_ips, worker_index),
        )
        self.rest = RestApi(
            options.api_url,
            timeout_s=options.reply_timeout_s,
            insecure=options.insecure,
            # turns of their own: in step with the sockets each would get only every other address
            sources=sources_here(options.source_ips, worker_index),
        )

    def socket(self, participant_id: str, on_anomaly: Callable[[str], None]) -> PhoenixSocket:
        """A socket that is not connected yet."""
        return PhoenixSocket(self._options.ws_url, participant_id, self._socket_options, self._heartbeats, on_anomaly)

    def channel(
        self, socket: PhoenixSocket, session_id: str, observer: ChannelObserver, *, follows_agent: bool = True
    ) -> SessionChannel:
        """The channel of one session on a connected socket, not joined yet."""
        return SessionChannel(
            socket,
            session_id,
            self._options.agent_id,
            observer,
            reply_timeout_s=self._options.reply_timeout_s,
            agent_replies=self._options.agent_replies if follows_agent else None,
        )

    def close(self) -> None:
        """Deletes the run's sessions where that was asked for; ends the heartbeat greenlet and the REST pool."""
        self._heartbeats.stop()
        if self.cleaner is not None:
            self.cleaner.close()
        self.rest.close()


def kit_of(run: Run) -> Kit:
    """The run's one kit, made at its first use."""
    return run.resource(Kit, lambda: _made(run))


def _made(run: Run) -> Kit:
    kit = Kit(run.options, run.numbering.seat.worker_index)
    if run.options.cleanup:
        kit.cleaner = Cleaner(run, kit.rest)
    return kit


def _log_frame(direction: str, frame: bytes | str) -> None:
    logger.info("%s %s", direction, frame)
