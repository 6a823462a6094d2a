"""`--cleanup`: remember the sessions of a run in this process and delete those left when it has ended."""

import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import gevent

from fleetlm_users.client import RestApi
from fleetlm_users.errors import ClientError
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.swarm.run import CLEANUP_S, Run

logger = logging.getLogger(__name__)

MAX_SESSION_IDS: Final = 250_000
"""The most ids that one process remembers, 40 MB; further sessions are left to `fleetlm-bench cleanup`, and counted."""

CONCURRENCY: Final = 32
GIVE_UP_AFTER: Final = 3 * CONCURRENCY
"""Consecutive failures after which the server counts as gone."""

NOT_KEPT = "not_kept"
NOT_TRIED = "not_tried"


class SessionCleanup:
    """The sessions of one run in this process that still exist. `close` deletes them; it never raises ClientError."""

    def __init__(self, run: Run, rest: RestApi) -> None:
        self._run = run
        self._rest = rest
        self._scenarios: dict[str, str] = {}
        self._not_kept: Counter[str] = Counter()
        self._failed = 0
        self._failed_in_a_row = 0
        run.events.session_created.add_listener(self.on_created)
        run.events.session_deleted.add_listener(self.on_deleted)

    def __repr__(self) -> str:
        return f"<SessionCleanup {len(self._scenarios)} sessions>"

    def on_created(self, scenario: str, session_id: str, exception: Exception | None, **_: Any) -> None:
        """Remember a session to delete at the end."""
        if exception is not None:
            return
        if len(self._scenarios) < MAX_SESSION_IDS:
            self._scenarios[session_id] = scenario
        else:
            self._not_kept[scenario] += 1

    def on_deleted(self, session_id: str, exception: Exception | None, **_: Any) -> None:
        """Forget a session that its behaviour deleted itself."""
        if exception is None:
            self._scenarios.pop(session_id, None)

    def close(self) -> None:
        """Delete the remaining sessions within CLEANUP_S seconds; those that cannot be deleted are counted and
        logged.
        """
        self._run.events.session_created.remove_listener(self.on_created)
        self._run.events.session_deleted.remove_listener(self.on_deleted)
        remembered = len(self._scenarios)
        if not self._run.drain_cut_short:
            self._delete_all()
        self._give_up(Counter(self._scenarios.values()), NOT_TRIED)
        self._give_up(self._not_kept, NOT_KEPT)
        left = self._failed + len(self._scenarios) + self._not_kept.total()
        if left:
            logger.warning(
                "%s of %s sessions of this run are left on the server; `fleetlm-bench cleanup --run-id %s` deletes "
                "them",
                left,
                remembered + self._not_kept.total(),
                self._run.options.run_id,
            )

    def _delete_all(self) -> None:
        give_up_s = time.perf_counter() + CLEANUP_S
        deleters = [gevent.spawn(self._delete_some, give_up_s) for _ in range(min(CONCURRENCY, len(self._scenarios)))]
        self._run.wait_for(gevent.spawn(gevent.joinall, deleters), CLEANUP_S)
        gevent.killall(deleters)
        if self._run.drain_cut_short:
            logger.warning("The clean-up is cut short")

    def _delete_some(self, give_up_s: float) -> None:
        while self._scenarios and self._failed_in_a_row < GIVE_UP_AFTER and time.perf_counter() < give_up_s:
            session_id, scenario = self._scenarios.popitem()
            try:
                self._delete(session_id, scenario)
            except gevent.GreenletExit:
                self._scenarios[session_id] = scenario  # time was up before an answer came
                raise

    def _delete(self, session_id: str, scenario: str) -> None:
        started_s, problem = time.perf_counter(), None
        try:
            self._rest.delete_session(session_id)
            self._failed_in_a_row = 0
        except ClientError as failure:
            problem = failure
            self._failed += 1
            self._failed_in_a_row += 1
        self._run.events.session_deleted.fire(
            scenario=scenario,
            phase=MAIN,
            session_id=session_id,
            started_s=started_s,
            done_s=time.perf_counter(),
            exception=problem,
        )

    def _give_up(self, scenarios: Mapping[str, int], reason: str) -> None:
        for scenario, n in scenarios.items():
            self._run.ledger.count("cleanup_attempted", scenario, MAIN, n)
            self._run.ledger.count("cleanup_failed", scenario, MAIN, n, reason)
