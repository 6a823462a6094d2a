"""One connection of a PhoenixUser, from the connect to the close; topics are joined on it."""

import time
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from fleetlm_users.client import PhoenixSocket, copy_of
from fleetlm_users.errors import ClientError, Disconnected, RunEnded
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.phoenix.channel import Channel, Waiting
from fleetlm_users.users.phoenix.client import PhoenixClient
from fleetlm_users.users.phoenix.recording import Recording


class Holding(Waiting, Protocol):
    """The user, as its connection sees it."""

    def wait_while_up(self, socket: PhoenixSocket, moment_s: float, *, since_s: float) -> float | None:
        """Wait until a moment counted from `since_s`; return when it came, or None if an end came first."""


class PhoenixConnection:
    """A connected Phoenix socket: `join` topics on it, `hold` it open, send `at` moments.

    `connected_s` is when the upgrade was accepted, in perf_counter seconds; `channels` are the topics joined so far.
    """

    def __init__(
        self, run: Run, client: PhoenixClient, recording: Recording, user: Holding, socket: PhoenixSocket
    ) -> None:
        self.channels: dict[str, Channel] = {}
        self.cut_short = False
        self.began_s = time.perf_counter()
        self._run = run
        self._client = client
        self._recording = recording
        self._user = user
        self._socket = socket
        self._is_open = False

    def __repr__(self) -> str:
        return f"PhoenixConnection({self._socket!r})"

    @property
    def down(self) -> Disconnected | None:
        """Why the socket is gone; None while it is connected."""
        down = self._socket.down
        return None if down is None else copy_of(down)

    @property
    def connected_s(self) -> float:
        """When the upgrade was accepted; 0 before."""
        return self._socket.connected_s or 0.0

    def open(self) -> None:
        """Open the connection. Raise ConnectFailed."""
        phase = self._run.phase_at(self.began_s)
        try:
            self._socket.connect()
        except ClientError as problem:
            self._recording.connected(phase, self.began_s, time.perf_counter(), problem)
            self._client.warn_once(problem)
            raise
        self._recording.connected(phase, self._socket.connect_started_s or 0.0, self.connected_s, None)
        self._is_open = True

    def join(self, topic: str, payload: Any = None) -> Channel:
        """Join a topic; `payload` is sent with the join, {} if omitted.

        Raises:
            JoinRefused: The server answered with an error.
            ReplyTimeout: No reply came within the join timeout.
            Disconnected: The socket is gone.
            RunEnded: The run ends, so nothing new begins.
            UsageError: The topic is joined already.
        """
        known = self.channels.get(topic)
        if known is not None and known.down is not None:
            known.rejoin(payload)
            return known
        channel = Channel(self._socket, topic, self._run, self._recording, self._user)
        channel.join({} if payload is None else payload)
        self.channels[topic] = channel
        return channel

    def hold(self, pause_s: float) -> None:
        """Pause with the connection open; the next push is due when the pause is over.

        Raises:
            Disconnected: The socket was lost; raised as soon as it is.
            RunEnded: The run's end came first.
        """
        now_s = time.perf_counter()
        over_s = self._user.wait_while_up(self._socket, now_s + pause_s, since_s=now_s)
        if over_s is None:
            raise self.down or RunEnded("the pause was over")
        for channel in self.channels.values():
            channel.ready_s = max(channel.ready_s, over_s)

    def at(self, dues: Iterable[float]) -> Iterator[float]:
        """Yield each due moment when it comes, for an open loop: pass it to `push` or `ask` as `due_s`.

        Args:
            dues: Ascending moments in perf_counter seconds, as `fixed`, `uniform` and `poisson` make them.

        Yields:
            The moments, until the dues or the run are over.

        Raises:
            Disconnected: The socket was lost.
        """
        for planned_s in dues:
            due_s = self._user.wait_while_up(self._socket, planned_s, since_s=self.connected_s)
            if due_s is None:
                if self.down is not None:
                    raise self.down
                return
            for channel in self.channels.values():
                channel.expire()
            yield due_s

    def settle(self) -> None:
        """Wait until every push and expected event has its fate; at the end of a run, at most for the drain."""
        while self.down is None:
            until_s = max((channel.open_until_s for channel in self.channels.values()), default=0.0)
            if time.perf_counter() >= min(until_s, self._run.patience_until_s()):
                return
            self._user.wait_while(lambda: self.down is None and self._has_open(), until_s)
            if not self._has_open():
                return

    def close(self) -> None:
        """Settle everything open, leave the topics, close the socket. Never raises ClientError."""
        try:
            for channel in self.channels.values():
                channel.end_waits()
                if not self._run.is_closed:
                    channel.leave()
        finally:
            down = self._socket.down
            self._socket.close()
            for channel in self.channels.values():
                channel.finish()
            if self._is_open:
                self._is_open = False
                self._recording.closed(down.kind if down is not None else "")

    def _has_open(self) -> bool:
        return any(channel.open_until_s for channel in self.channels.values())
