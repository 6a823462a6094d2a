"""PhoenixUser: a virtual user of any Phoenix application, over its channels."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Final

from gevent.exceptions import BlockingSwitchOutError
from locust.env import Environment

from fleetlm_users.client import PhoenixSocket
from fleetlm_users.errors import ClientError, RunEnded, UsageError
from fleetlm_users.measure.metrics.metric import Metric
from fleetlm_users.measure.metrics.phoenix import PHOENIX_METRICS
from fleetlm_users.users.phoenix.client import phoenix_client_of
from fleetlm_users.users.phoenix.connection import PhoenixConnection
from fleetlm_users.users.phoenix.recording import Recording
from fleetlm_users.users.virtual_user import VirtualUser
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.urls import WS_PATH, socket_url

FIRST_VU: Final = 1


class PhoenixUser(VirtualUser):
    """A virtual user of any Phoenix application. Subclasses set `scenario` and write `journey`.

    A journey opens a connection with `with self.connect() as socket:`, joins topics on it with `socket.join(topic)`,
    and pushes, asks and waits on the channels it gets. `count`, `record`, `option`, `rng`, `ending`, `vu` and
    `wait_until` are those of every behaviour. A user is one greenlet: do not share its channels with another.

    Class attributes:
        path: The path of the socket; it takes the place of /socket/websocket in the WebSocket URL.
        scenario, options, metrics, thresholds: As for FleetUser; `metrics` are in addition to those of all
            PhoenixUsers.
    """

    abstract = True
    path: ClassVar[str] = WS_PATH
    common_metrics: ClassVar[tuple[Metric, ...]] = PHOENIX_METRICS

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._recording = Recording(self.current_run, self.scenario, environment.events.request)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.scenario} {self.vu})"

    @classmethod
    def parameters(cls, vu: int) -> Mapping[str, str]:
        """Return the parameters of a user's connect, such as its token; the check before a run uses those of user 1."""
        del vu
        return {}

    @classmethod
    def headers(cls, vu: int) -> Mapping[str, str]:
        """Return the headers of a user's connect, such as Authorization or Origin; see `parameters`."""
        del vu
        return {}

    @classmethod
    def socket_of(cls, options: Options) -> tuple[str, Mapping[str, str]]:
        """Return the URL of the first user's socket and its headers. Raise UsageError."""
        return socket_url(options.ws_url, cls.path, cls.parameters(FIRST_VU)), cls.headers(FIRST_VU)

    @contextmanager
    def connect(
        self, parameters: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[PhoenixConnection]:
        """Connect for a `with` block; at its end, open pushes settle, topics are left, the socket is closed.

        Args:
            parameters: Replace the class's `parameters`.
            headers: Replace the class's `headers`.

        Yields:
            The connection.

        Raises:
            ClientError: The connection cannot be opened or is lost, or the block raises one; counted as a failed
                session.
        """
        if self.ending:
            raise RunEnded("a connection began")
        connection = self._connection(
            self.parameters(self.vu) if parameters is None else parameters,
            self.headers(self.vu) if headers is None else headers,
        )
        phase = self.current_run.phase_at(connection.began_s)
        self._recording.count("sessions_started", phase=phase)
        problem: ClientError | None = None
        try:
            connection.open()
            yield connection
            connection.settle()
            problem = connection.down
        except ClientError as failure:
            problem = failure.with_traceback(None)
            connection.settle()
        finally:
            connection.close()
        is_cut_short = isinstance(problem, RunEnded)
        self._recording.session_ended(phase, None if is_cut_short else problem, cut_short=is_cut_short)
        if problem is not None:
            try:
                raise problem
            finally:
                del problem  # its traceback holds this frame, so it would hold itself

    # -- used by channels and connections

    def wait_while(self, is_open: Callable[[], bool], until_s: float) -> bool:
        """Wait until something is no longer open; return False if the moment or the drain's end came first."""
        while is_open():
            limit_s = min(until_s, self.current_run.patience_until_s())
            if time.perf_counter() >= limit_s:
                return False
            self._sleeper.sleep(limit_s)
        return True

    def wait_while_up(self, socket: PhoenixSocket, moment_s: float, *, since_s: float) -> float | None:
        """Wait until a moment counted from `since_s`, never less; return when it came.

        A changed rate of the run moves it. Return None if the user's end or the socket's came first.
        """
        return self.await_due(moment_s, since_s, lambda: socket.down is not None)

    def failed(self, what: str, error: Exception) -> None:
        """Report an exception of the user's own code in the event loop, as Locust reports one of a journey."""
        if isinstance(error, BlockingSwitchOutError):
            accepted = "code that returns at once, because it runs in the event loop"
            example = "push or count there; ask, wait_for and hold in the journey"
            error = UsageError(what, "a call that waits", accepted, example).with_traceback(error.__traceback__)
        phoenix_client_of(self.current_run).tell_once(what, error)
        self.environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)

    def _connection(self, parameters: Mapping[str, str], headers: Mapping[str, str]) -> PhoenixConnection:
        client = phoenix_client_of(self.current_run)
        client.await_name()
        name = f"{self.scenario}-{self.vu}"
        socket = client.socket(name, self.path, parameters, headers, self._recording.anomaly)
        return PhoenixConnection(self.current_run, client, self._recording, self, socket)
