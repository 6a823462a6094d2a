"""One session with one message, from POST to DELETE, like that of a benchmark's user: each step is a result."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fleetlm_users.cli.doctor import remedies
from fleetlm_users.cli.doctor.check_result import CheckResult
from fleetlm_users.client import (
    PROFILES,
    Connector,
    Heartbeats,
    PhoenixSocket,
    Resolver,
    RestApi,
    SentMessage,
    SessionChannel,
    SocketOptions,
    SourceAddresses,
    Targets,
)
from fleetlm_users.errors import ClientError, ConnectFailed, Disconnected, RestFailed
from fleetlm_users.protocol.observer import UpperBound
from fleetlm_users.units import MS_PER_S
from fleetlm_users.workload.payload import session_prefix

TEXT = "fleetlm-bench doctor"
SCENARIO = "doctor"
STEPS = ("session", "WebSocket", "join", "own message back", "agent's reply", "leave and delete")


class MessageOutcome:
    """The ChannelObserver of the one message: its fate."""

    def __init__(self) -> None:
        self.message: SentMessage | None = None
        self.replied_s: float | None = None
        self.problem = ""
        self.unanswered_for = ""

    def received(self, payload: dict[str, Any], done_s: float) -> None:
        """Ignore a broadcast: `appended` follows for our own."""

    def repeated(self, payload: dict[str, Any], done_s: float) -> None:
        """Ignore what is already known."""

    def acknowledged(self, message: SentMessage, done_s: float) -> None:
        """Ignore the reply to the send: `appended` follows."""

    def unacknowledged(self, message: SentMessage) -> None:
        """Ignore that the reply is missing: the message came back."""

    def appended(self, message: SentMessage, done_s: float) -> None:
        """Note that the message came back."""
        self.message, self.problem = message, ""

    def rejected(self, message: SentMessage, reason: str, done_s: float) -> None:
        """Note that the server refused the message."""
        self.problem = f"FleetLM refused it: {reason}"

    def unrejected(self, message: SentMessage, reason: str) -> None:
        """Ignore that a presumed refusal was wrong: `appended` follows."""

    def confirmed(self, message: SentMessage, reason: str) -> None:
        """Ignore that the outcome is known after all: it follows."""

    def lost(self, message: SentMessage, reason: str) -> None:
        """Note that nothing came back."""
        self.problem = f"nothing came back: {reason}"

    def left_in_flight(self, message: SentMessage) -> None:
        """Note that the end came before the message's time was up."""
        self.problem = "nothing came back in time"

    def replied(self, message: SentMessage, done_s: float) -> None:
        """Note that the agent answered."""
        self.replied_s = done_s

    def unanswered(self, message: SentMessage, reason: str) -> None:
        """Note that the agent did not answer."""
        self.unanswered_for = reason

    def stream_began(self, message: SentMessage | None, done_s: float) -> None:
        """Ignore the pieces of the answer: the whole follows."""

    def stream_went_on(self, message: SentMessage | None, gap_s: float | None) -> None:
        """Ignore the pieces of the answer: the whole follows."""

    def stream_ended(self, message: SentMessage | None, chunks: int, length_s: float | None, *, is_whole: bool) -> None:
        """Ignore the end of the pieces."""

    def backpressure(self, reason: str) -> None:
        """Ignore the push: `rejected` follows for the message that it answers."""

    def anomaly(self, kind: str) -> None:
        """Ignore things that should not be on the wire: they do not prevent a run, which counts them."""

    def skipped(self, noticed_s: float) -> None:
        """Ignore a gap, for the same reason."""

    def disconnected(self, down: Disconnected) -> None:
        """Ignore that the channel is gone: the message's own outcome follows."""

    def resolved(self, message: SentMessage) -> None:
        """Note that the message was appended although it never came back."""
        self.message, self.problem = message, ""

    def unconfirmed(self, message: SentMessage, reason: str) -> None:
        """Note that the server could not say whether it appended the message."""
        self.problem = f"FleetLM could not say whether it appended it: {reason}"


@dataclass(frozen=True)
class Trial:
    """A trial session in the protocol that the targets name, which must not be auto.

    `timeout_s` bounds each step, `sources` are the local addresses to connect from.
    """

    targets: Targets
    participant_id: str
    run_id: str
    timeout_s: float
    sources: SourceAddresses | None = None

    def run(self) -> Iterator[CheckResult]:
        """Yield one result per step; after a failure the rest is skipped, but anything created is deleted."""
        targets = self.targets
        connector = Connector(
            insecure=targets.insecure,
            sources=self.sources,
            resolver=Resolver(timeout_s=self.timeout_s),
            warn=lambda _: None,  # preflight has reported it
        )
        api = RestApi(targets.api_url, timeout_s=self.timeout_s, connector=connector)
        heartbeats = Heartbeats()
        options = SocketOptions(
            connect_timeout_s=self.timeout_s,
            send_timeout_s=self.timeout_s,
            connector=connector,
            user_parameter=PROFILES[targets.protocol].user_parameter,
        )
        socket = PhoenixSocket(targets.ws_url, self.participant_id, options, heartbeats, lambda _kind: None)
        try:
            yield from self._steps(api, socket)
        finally:
            socket.close()
            heartbeats.stop()
            api.close()

    def _steps(self, api: RestApi, socket: PhoenixSocket) -> Iterator[CheckResult]:
        profile = PROFILES[self.targets.protocol]
        metadata = {"bench": True, "run_id": self.run_id, "scenario": SCENARIO, "vu": 1}
        try:
            created = api.create_session(profile.session_body(self.participant_id, self.targets.agent_id, metadata))
        except RestFailed as failed:
            yield CheckResult("bad", STEPS[0], str(failed), remedies.CREATE)
            yield from _skipped(1)
            return
        took_ms = (created.done_s - created.sent_s) * MS_PER_S
        yield CheckResult("ok", STEPS[0], f"{created.session_id} created in {took_ms:.1f} ms")
        outcome = MessageOutcome()
        channel = SessionChannel(
            socket,
            created.session_id,
            self.targets.agent_id,
            outcome,
            reply_timeout_s=self.timeout_s,
            profile=profile,
        )
        yield from self._talk(socket, channel, outcome)
        yield self._end(api, channel, created.session_id, is_joined=channel.topic in socket.joined)

    def _talk(self, socket: PhoenixSocket, channel: SessionChannel, outcome: MessageOutcome) -> Iterator[CheckResult]:
        try:
            socket.connect()
        except ConnectFailed as failed:
            yield CheckResult("bad", STEPS[1], str(failed), remedies.of_connect(failed))
            yield from _skipped(2, 5)
            return
        connected_s = (socket.connected_s or 0.0) - (socket.connect_started_s or 0.0)
        yield CheckResult("ok", STEPS[1], f"connected in {connected_s * MS_PER_S:.1f} ms as {self.participant_id}")
        try:
            joined = channel.join(self.timeout_s)
        except ClientError as failed:
            yield CheckResult("bad", STEPS[2], str(failed), remedies.of_join(failed))
            yield from _skipped(3, 5)
            return
        yield CheckResult("ok", STEPS[2], f"joined in {(joined.done_s - joined.sent_s) * MS_PER_S:.1f} ms")
        yield from self._send(channel, outcome)

    def _send(self, channel: SessionChannel, outcome: MessageOutcome) -> Iterator[CheckResult]:
        try:
            channel.send(TEXT, f"{session_prefix(self.run_id, 1, 1)}-1", 0.0, "main")
            channel.settle(lambda: math.inf)
        except ClientError as failed:
            outcome.problem = str(failed)
        channel.finish()
        if outcome.message is None:
            detail = outcome.problem or "nothing came back"
            yield CheckResult("bad", STEPS[3], f"{detail} (waited {self.timeout_s:g} s at most)", remedies.OWN_MESSAGE)
            yield from _skipped(4, 5)
            return
        appended_ms = (outcome.message.appended_s - outcome.message.sent_s) * MS_PER_S
        yield CheckResult("ok", STEPS[3], f"after {appended_ms:.1f} ms")
        if outcome.replied_s is None:
            why = "" if outcome.unanswered_for in ("", "timeout") else f" ({outcome.unanswered_for})"
            remedy = remedies.AGENT_REPLY.format(url=self.targets.agent_url)
            yield CheckResult("bad", STEPS[4], f"none within {self.timeout_s:g} s{why}", remedy)
            return
        if type(outcome.message.appended_s) is UpperBound:  # it is unknown how long it took from there
            yield CheckResult("ok", STEPS[4], "read together with the message, through the webhook")
            return
        replied_ms = (outcome.replied_s - outcome.message.appended_s) * MS_PER_S
        yield CheckResult("ok", STEPS[4], f"{replied_ms:.1f} ms later, through the webhook")

    def _end(self, api: RestApi, channel: SessionChannel, session_id: str, *, is_joined: bool) -> CheckResult:
        """Leave and delete; each is tried even if the other failed."""
        problems = []
        steps: list[Callable[[], object]] = [lambda: api.delete_session(session_id)]
        if is_joined:
            steps.insert(0, lambda: channel.leave(self.timeout_s))
        for step in steps:
            try:
                step()
            except ClientError as failed:
                problems.append(str(failed))
        if problems:
            return CheckResult("bad", STEPS[5], "; ".join(problems), remedies.LEAVE.format(run_id=self.run_id))
        return CheckResult("ok", STEPS[5], "left and deleted" if is_joined else "deleted")


def _skipped(first: int, end: int = len(STEPS)) -> Iterator[CheckResult]:
    for step in STEPS[first:end]:
        yield CheckResult("skipped", step, "not tried")
