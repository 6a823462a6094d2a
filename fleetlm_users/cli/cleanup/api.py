"""FleetLM's lists and deletes for the cleanup, several at once; failures are counted by kind, never raised."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gevent.pool import Pool

from fleetlm_users.errors import RestFailed

GIVE_UP = 50
"""Consecutive failures after which FleetLM counts as down: waiting for thousands of timeouts helps nobody."""

NOT_TRIED = "not tried, after 50 failures in a row"


class Sessions(Protocol):
    """The REST calls needed here; `client.RestApi` has them."""

    def list_sessions(self, user_id: str) -> Any:
        """List a participant's sessions; `body` is the answer. Raises RestFailed."""

    def delete_session(self, session_id: str) -> Any:
        """Delete a session. Raises RestFailed."""


class Unreachable(Exception):
    """FleetLM never answered; the text is that of the last failure."""


class Sweep:
    """Lists and deletes sessions. `failures` counts failed requests by kind and route, `last` is the last one in
    full.
    """

    def __init__(self, api: Sessions, concurrency: int) -> None:
        self._api = api
        self._pool = Pool(concurrency)
        self._answered = False
        self._in_a_row = 0
        self.failures: Counter[str] = Counter()
        self.last = ""

    def ask(self, user_ids: Sequence[str]) -> list[Any | None]:
        """Return each participant's list, None if there was no answer. Raises Unreachable."""
        answers = list(self._pool.imap(lambda user_id: self._try(lambda: self._api.list_sessions(user_id)), user_ids))
        self._check_reachable()
        return [None if answer is None else answer.body for answer in answers]

    def delete(self, session_ids: Sequence[str], tell: Callable[[], None]) -> int:
        """Delete sessions and return the number deleted; call `tell` after each. Raises Unreachable."""
        deleted = 0
        for answer in self._pool.imap_unordered(
            lambda session_id: self._try(lambda: self._api.delete_session(session_id)), session_ids
        ):
            deleted += answer is not None
            tell()
            self._check_reachable()
        return deleted

    def _try(self, call: Callable[[], Any]) -> Any | None:
        if self._in_a_row >= GIVE_UP:
            self.failures[NOT_TRIED] += 1
            return None
        try:
            answer = call()
        except RestFailed as failed:
            self._in_a_row += 1
            self.failures[f"{failed.method} {failed.path}: {failed.kind}"] += 1
            self.last = str(failed)
            return None
        self._answered, self._in_a_row = True, 0
        return answer

    def _check_reachable(self) -> None:
        if not self._answered and self.failures:
            raise Unreachable(self.last)
