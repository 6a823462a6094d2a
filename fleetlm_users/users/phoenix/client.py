"""The objects that all PhoenixUsers of a process share in one run: names and addresses, the heartbeats, the socket's
options.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping

from msgspec import structs

from fleetlm_users.client import (
    Connector,
    Heartbeats,
    PhoenixSocket,
    SocketOptions,
    header_lines,
    host_of,
    sources_here,
)
from fleetlm_users.errors import ConnectFailed
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.shared_client import WARNED_STATUSES, resolver_of
from fleetlm_users.workload.urls import socket_url

logger = logging.getLogger(__name__)
frames_logger = logging.getLogger("fleetlm.frames")


class PhoenixClient:
    """Makes sockets with a run's options; owns the one heartbeat timer. It does not include FleetLM's REST API."""

    def __init__(self, run: Run) -> None:
        options = run.options
        self._ws_url = options.ws_url
        self._resolver = resolver_of(run)
        self._heartbeats = Heartbeats(options.heartbeat_interval_s)
        self._warned_about: set[int] = set()
        self._places: set[tuple[str, int]] = set()
        sources = sources_here(options.source_ips, run.numbering.slot.worker_index)
        self._options = SocketOptions(
            connect_timeout_s=options.connect_timeout_s,
            heartbeat_s=options.heartbeat_interval_s,
            log_frames=_log_frame if options.debug else None,
            connector=Connector(insecure=options.insecure, sources=sources, resolver=self._resolver),
            user_parameter="",
        )

    def await_name(self) -> None:
        """Wait until the server's name is looked up, so that no connect includes the look-up; a failure shows on
        connect.
        """
        with contextlib.suppress(OSError):
            self._resolver.addresses(host_of(self._ws_url))

    def socket(
        self,
        name: str,
        path: str,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        on_anomaly: Callable[[str], None],
    ) -> PhoenixSocket:
        """Return a socket that is not connected yet; `name` is the user's, for logs. Raise UsageError."""
        options = structs.replace(self._options, headers=header_lines(headers)) if headers else self._options
        url = socket_url(self._ws_url, path, parameters)
        return PhoenixSocket(url, name, options, self._heartbeats, on_anomaly)

    def warn_once(self, problem: Exception) -> None:
        """Log what a person has to do about a refused upgrade, the first time it occurs."""
        if isinstance(problem, ConnectFailed) and problem.status in WARNED_STATUSES - self._warned_about:
            self._warned_about.add(problem.status)
            logger.warning("%s", problem)

    def tell_once(self, what: str, error: Exception) -> None:
        """Log an exception of the user's own code, with its traceback, once for each place in the code."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = ("", 0) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        if place not in self._places:
            self._places.add(place)
            logger.error("%s raised %s; it is counted, and logged once", what, type(error).__name__, exc_info=error)

    def close(self) -> None:
        """End the heartbeats."""
        self._heartbeats.stop()


def phoenix_client_of(run: Run) -> PhoenixClient:
    """Return the run's one client for PhoenixUsers, created on first use."""
    return run.resource(PhoenixClient, lambda: PhoenixClient(run))


def _log_frame(direction: str, frame: bytes | str) -> None:
    frames_logger.info("%s %s", direction, frame)
