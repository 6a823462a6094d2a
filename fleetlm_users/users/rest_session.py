"""One session of one user over REST alone: appends and reads; each append is accounted for like any message."""

import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

from fleetlm_users.client import Created, RestCallFailed, SentMessage
from fleetlm_users.measure.audit.read_back import (
    CHANGED,
    DOUBLED,
    MISSING,
    Accepted,
    ReadBack,
    are_kept,
    doubles,
    judge_read,
)
from fleetlm_users.protocol.stored_messages import StoredMessages
from fleetlm_users.swarm.run import Run
from fleetlm_users.units import US_PER_S
from fleetlm_users.users.session_steps import observer_of, timed
from fleetlm_users.users.shared_client import SharedClient

WHOLE: Final = 1_000_000
"""A limit above any session. Only such a read is complete: a smaller one mixes memory and database (late wire
record).
"""


class RestSession:
    """One session: `open` it, `append` to it and `read` it, `close` it.

    Attributes:
        observer: The fate of its messages.
        accepted: The accepted messages, in order of acceptance.
        unchecked: The accepted messages that no read has been checked for yet.
        began_s, accepted_s, closed_s: When it began to open, last had a message accepted, and was closed; 0 before.
        cut_short: Whether the end of the run cut it short.
    """

    def __init__(
        self, run: Run, client: SharedClient, scenario: str, participant_id: str, payloads: Iterator[tuple[str, str]]
    ) -> None:
        self.observer, payloads = observer_of(run, client, scenario, participant_id, payloads, follows_agent=False)
        self.accepted: list[Accepted] = []
        self.unchecked: list[Accepted] = []
        self.began_s = self.created_s = self.closed_s = self.accepted_s = 0.0
        self.cut_short = False
        self._seqs: dict[str, int] = {}
        self._own_seqs: set[int] = set()
        self._run = run
        self._client = client
        self._scenario = scenario
        self._participant_id = participant_id
        self._payloads = payloads

    def __repr__(self) -> str:
        return f"RestSession({self._scenario}, {self.session_id or 'not created'}, {len(self.accepted)} accepted)"

    @property
    def session_id(self) -> str:
        """The server's id of the session, empty until it is created."""
        return self.observer.session_id

    def open(self, metadata: dict[str, Any]) -> None:
        """Create the session. Raise RestFailed."""
        self._client.await_names()
        self.began_s = time.perf_counter()
        timed(self._run, self._client, self.observer, self._run.events.session_created, self._create, metadata)

    def append(self, due_s: float) -> bool:
        """Append the next message; return whether the server accepted it.

        A refusal (4xx) is counted as rejected, a 408 as unconfirmed, and no answer or a server error as lost.

        Args:
            due_s: When it was due, in `time.perf_counter()` seconds; its latency counts from then.
        """
        client_ref, text = next(self._payloads)
        phase = self._run.message_phase_at(due_s)
        message = SentMessage(client_ref, due_s, time.perf_counter(), phase)
        self.observer.sent(message)
        try:
            answer = self._client.append_message(
                self.session_id, self._participant_id, {"text": text, "client_ref": client_ref}
            )
        except RestCallFailed as problem:
            self._failed(message, problem)
            return False
        except BaseException:
            self.observer.left_in_flight(message)
            raise
        message.sent_s, message.seq = max(message.sent_s, answer.sent_s), answer.seq
        message.appended_s = answer.done_s
        self.accepted_s = answer.done_s
        accepted = Accepted(client_ref, text, answer.seq)
        self.accepted.append(accepted)
        self.unchecked.append(accepted)
        if answer.seq is not None:
            self._seqs[client_ref] = answer.seq
            self._own_seqs.add(answer.seq)
        self.observer.appended(message, answer.done_s)
        return True

    def read(self, due_s: float, trend: str, *, after_seq: int = 0) -> Sequence[Any] | None:
        """Read the messages above a seq to the end, and count the read; return them, or None after a failure.

        Args:
            due_s: When the read was due, in `time.perf_counter()` seconds.
            trend: The trend that records the time from then to the answer.
            after_seq: The seq above which to read.
        """
        phase = self._run.phase_at(due_s)
        self._count("rest_reads", phase)
        try:
            page = self._client.rest.read_messages(self.session_id, after_seq, WHOLE)
        except RestCallFailed as problem:
            self._client.warn_once(problem)
            self._count("rest_reads_failed", phase, label=problem.kind)
            return None
        self._run.ledger.trend(trend, self._scenario, phase).add(round((page.done_s - due_s) * US_PER_S))
        self._count("messages_read", phase, len(page.messages))
        return page.messages

    def check(self, expected: Sequence[Accepted], messages: Sequence[Any]) -> bool:
        """Check that a read holds these messages unchanged, and each message once; count and name the flaws.

        Return whether there are none.
        """
        phase = self.observer.phase_now()
        if (
            isinstance(messages, StoredMessages)
            and messages.is_distinct
            and are_kept(expected, messages.content_of)
            and messages.seqs_of(self._participant_id) <= self._own_seqs
        ):
            result = ReadBack(len(expected))
        else:
            result = judge_read(expected, messages, self._participant_id)
            self._find_doubles(messages, result, phase)
        self._count("replay_checked", phase, result.checked)
        for metric, kind, flawed in (
            ("replay_missing", MISSING, result.missing),
            ("replay_changed", CHANGED, result.changed),
        ):
            self._count(metric, phase, len(flawed))
            for message in flawed:
                self.observer.finding(kind, message.seq, message.client_ref, "accepted over REST")
        return result.is_flawless

    def forget_checked(self, remembered: int) -> None:
        """Drop what has been checked, so that a session of hours stays small.

        Args:
            remembered: How many seqs before the newest message a copy of one is still recognised.
        """
        oldest = max((one.seq or 0 for one in self.unchecked), default=0) - remembered
        self.accepted.clear()
        self.unchecked.clear()
        while self._seqs:
            client_ref, seq = next(iter(self._seqs.items()))
            if seq > oldest:
                return
            del self._seqs[client_ref]
            self._own_seqs.discard(seq)

    def delete(self) -> None:
        """Delete the session. Raise RestFailed."""
        self._client.rest.delete_session(self.session_id)

    def close(self) -> None:
        """End the session: nothing is open any more, as every call has been awaited."""
        self.observer.let_go()
        self.closed_s = time.perf_counter()

    def _find_doubles(self, messages: Sequence[Any], result: ReadBack, phase: str) -> None:
        """Count and name the messages stored under a second seq, each copy at the first read that shows it."""
        copies = dict.fromkeys(doubles(messages, self._participant_id, self._seqs))
        for client_ref, seq in copies:
            if seq in self._own_seqs or any(one.client_ref == client_ref for one in result.changed):
                continue
            result.doubled += 1
            self._count("replay_changed", phase)
            detail = f"stored a second time: it is seq {self._seqs[client_ref]} already"
            self.observer.finding(DOUBLED, seq, client_ref, detail)
        self._own_seqs.update(self._seqs.values(), (seq for _, seq in copies))

    def _create(self, metadata: dict[str, Any]) -> Created:
        """Create the session; its id is known before the fact is reported, for listeners that keep the ids."""
        created = self._client.create_session(self._participant_id, metadata)
        self.observer.session_id, self.created_s = created.session_id, created.done_s
        return created

    def _failed(self, message: SentMessage, problem: RestCallFailed) -> None:
        self._client.warn_once(problem)
        if problem.status == HTTPStatus.REQUEST_TIMEOUT:
            self.observer.unconfirmed(message, problem.kind)
        elif problem.status is not None and HTTPStatus(400) <= problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.observer.rejected(message, problem.kind, problem.done_s or time.perf_counter())
        else:
            self.observer.lost(message, problem.kind)

    def _count(self, metric: str, phase: str, n: int = 1, label: str = "") -> None:
        if n:
            self._run.ledger.count(metric, self._scenario, phase, n, label)
