"""The devices of one session besides its first: opened concurrently, written from, listened to, closed.

All of them live in the process of their user, so that every time is a difference on one monotonic clock.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Self

from gevent.pool import Pool

from fleetlm_users.client import Device, KnownFrames, ListenerDevice, WriterDevice, copy_of
from fleetlm_users.errors import ClientError, Disconnected
from fleetlm_users.protocol.fan_out import FanOut
from fleetlm_users.protocol.message import BACKPRESSURE
from fleetlm_users.protocol.observer import SentMessage
from fleetlm_users.swarm.run import Run
from fleetlm_users.users.crowd.recorder import FanOutRecorder
from fleetlm_users.users.session import LEAVE_TIMEOUT_S, UserSession
from fleetlm_users.users.session_steps import connect
from fleetlm_users.users.shared_client import SharedClient

logger = logging.getLogger(__name__)

AT_ONCE: Final = 16
"""How many devices of one session connect, or leave, at the same time."""


class Crowd:
    """Further writers and the listeners of a joined session; closed at the end of its `with` block.

    Args:
        run: The run whose options and clock count.
        client: The client that makes the sockets.
        scenario: The scenario under which to count.
        session: The joined session; its first device is the first writer.
        wake: Wakes the user if it is waiting for deliveries or for a moment.
    """

    def __init__(
        self, run: Run, client: SharedClient, scenario: str, session: UserSession, wake: Callable[[], None]
    ) -> None:
        self._run = run
        self._client = client
        self._session = session
        self._wake = wake
        self._scenario = scenario
        self._recorder = FanOutRecorder(
            run, scenario, session.observer, is_ordered=client.pushes_in_order, on_ended=self._on_ended
        )
        self._known = KnownFrames()
        self._fan_out: FanOut | None = None
        self._writers: list[Device] = []
        self._listeners: list[Device] = []
        self._pool = Pool(AT_ONCE)
        self._is_settling = False

    def __repr__(self) -> str:
        return f"Crowd({len(self._writers)} more writers, {len(self._listeners)} listeners, {self._fan_out!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Settle every delivery and close the devices: politely, unless the user is ended by force."""
        if self._fan_out is not None:
            self._fan_out.end(time.perf_counter())
        devices = [*self._writers, *self._listeners]
        is_polite = not self._run.is_closed and (kind is None or issubclass(kind, ClientError))
        try:
            if is_polite:
                self._pool.map(self._leave, devices)
        finally:
            self._pool.kill(block=False)
            for device in devices:
                self._let_go(device)
                device.socket.close(timeout_s=0.0)

    def open(self, participants: Sequence[str], writers: int, is_over: Callable[[], bool]) -> None:
        """Connect and join `writers` further devices of the session's user, and a listener for each participant.

        Args:
            participants: The participant that each listener connects as.
            writers: The number of writing devices besides the session's first.
            is_over: Returns whether no further device should be opened.

        Raises:
            ClientError: A device could not be opened.
        """
        session, options = self._session, self._run.options
        self._fan_out = fan_out = FanOut(
            session.participant_id,
            options.agent_id,
            len(participants),
            self._recorder,
            timeout_s=options.reply_timeout_s,
            pushed_twice=self._client.profile.pushes_twice,
        )
        observer = session.observer
        observer.on_withdrawn = lambda message, is_withdrawn: fan_out.withdrawn(message.client_ref, is_withdrawn)
        observer.on_answer = self._answered
        makers: list[Callable[[], None]] = [
            *(partial(self._open_writer, place) for place in range(writers)),
            *(partial(self._open_listener, place, whom, fan_out) for place, whom in enumerate(participants)),
        ]
        failures: list[ClientError] = []

        def make(maker: Callable[[], None]) -> None:
            if failures or is_over():
                return
            try:
                maker()
            except ClientError as problem:
                failures.append(problem.with_traceback(None))

        self._pool.map(make, makers)
        self._writers.sort(key=lambda device: device.place)
        if failures:
            raise failures[0]

    def send(self, due_s: float, writer: int) -> SentMessage:
        """Send the session's next message from a device; 0 is the first one. Raise Disconnected."""
        device = self._writers[writer - 1] if writer else None
        message = self._session.send(due_s, device if isinstance(device, WriterDevice) else None)
        if self._fan_out is not None:
            self._fan_out.expire(message.sent_s)
            self._fan_out.sent(message)
        return message

    def settle(self, sleep: Callable[[float], None]) -> None:
        """Wait until every listener has every message or has missed it, at most until the drain's end."""
        fan_out, self._is_settling = self._fan_out, True
        while fan_out is not None and not fan_out.is_settled and self._session.down is None:
            until_s = min(fan_out.next_expiry_s(), self._run.patience_until_s())
            if time.perf_counter() >= self._run.patience_until_s():
                return
            sleep(until_s)
            fan_out.expire(time.perf_counter())

    # Called by the devices

    def phase_at(self, moment_s: float) -> str:
        """Return the phase of an event first seen at that moment."""
        return self._run.phase_at(moment_s)

    def heard(self, done_s: float) -> None:
        """Count a message pushed to a further writer."""
        self._session.observer.heard(done_s)

    def chunk(self, done_s: float) -> None:
        """Count a piece of an answer pushed to a listener."""
        self._run.ledger.count("chunks_delivered", self._scenario, self._run.phase_at(done_s))

    def replied(self, ref: str, status: str, response: Any, done_s: float) -> None:
        """Pass on the reply to a further writer's message."""
        self._session.take_reply(ref, status, response, done_s)

    def refused(self, payload: Any, done_s: float) -> None:
        """Pass on that the server refused a further writer's message."""
        self._session.take_event(BACKPRESSURE, payload, done_s)

    def device_lost(self, device: Device, down: Disconnected) -> None:
        """Count a device that is gone; the session is broken off with it."""
        observer = self._session.observer
        observer.fire(self._run.events.disconnected, observer.phase_now(), kind=down.kind)
        if isinstance(device, ListenerDevice) and self._fan_out is not None:
            self._fan_out.lost(device.place, down.kind)
        self._session.break_off(copy_of(down))
        self._wake()

    def anomaly(self, kind: str) -> None:
        """Count an unexpected push."""
        self._session.observer.anomaly(kind)

    def _answered(self, payload: dict[str, Any], phase: str, done_s: float) -> None:
        """Expect an answer that the first device has seen at every listener."""
        seq = payload.get("seq")
        if self._fan_out is not None and type(seq) is int and seq > 0:
            self._fan_out.answer(seq, phase, done_s)

    def _open_writer(self, place: int) -> None:
        socket = self._client.socket(self._session.participant_id, self.anomaly)
        self._open(WriterDevice(socket, self._session.session_id, place, self), self._writers)

    def _open_listener(self, place: int, participant_id: str, fan_out: FanOut) -> None:
        socket = self._client.socket(participant_id, self.anomaly)
        device = ListenerDevice(socket, self._session.session_id, place, self, fan_out, self._known)
        self._open(device, self._listeners)

    def _open(self, device: Device, devices: list[Device]) -> None:
        """Connect and join a device; from the first step on, it is among those to be closed."""
        session, events, timeout_s = self._session, self._run.events, self._run.options.join_timeout_s
        devices.append(device)
        session.timed(events.connected, connect, device.socket)
        session.timed(events.joined, device.join, timeout_s)

    def _leave(self, device: Device) -> None:
        """Leave and close; a device lost meanwhile has been counted by `device_lost`."""
        if device.is_joined:
            try:
                device.leave(LEAVE_TIMEOUT_S)
            except Disconnected:
                logger.debug("%r was lost as it left", device)
            except ClientError as problem:
                self._session.observer.anomaly(f"leave_{problem.kind}")
        self._let_go(device)
        device.socket.close()

    def _let_go(self, device: Device) -> None:
        """Count out a device that is still in the session."""
        if device.is_joined:
            device.is_joined = False
            observer = self._session.observer
            observer.fire(self._run.events.left, observer.phase_now())

    def _on_ended(self) -> None:
        if self._is_settling and self._fan_out is not None and self._fan_out.is_settled:
            self._wake()
