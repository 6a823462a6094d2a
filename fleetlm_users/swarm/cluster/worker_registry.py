"""The master's view of its workers in one run: merges their snapshots, ends the run on all, says who is missing.

Who is waited for when all workers are asked for their last report: each for a time counted from the asking.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from gevent.event import Event
from locust.runners import STATE_MISSING, MasterRunner

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.snapshot import Snapshot
from fleetlm_users.measure.snapshot_check import decode_head
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.timeline.worker_timeline import ROWS_TO_THANK_FOR
from fleetlm_users.swarm.cluster.clock_skew import ClockSkew
from fleetlm_users.swarm.cluster.liveness import WorkerLiveness
from fleetlm_users.swarm.cluster.messages import DRAIN, FINAL, LOOK, LOOKED, REPORT, RESET, TAKEN
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.run import FORCE_S, LEAVING_S

CUT_S = 3.0
"""A worker is heard every second: one that is silent for longer is cut off, and may not have heard the question."""

ASK_AGAIN_S = 5.0
"""A question or an answer may be lost with a connection; asking again costs one more report."""


class FinalReportWait:
    """The workers that `missing` names, each asked at once, again from time to time, and when it is heard again.

    An answer is waited for `bound_s` from the first asking; one that is cut off (`silent_s`) until it is missing no
    more, because it was given up, and from its return for `bound_s` again. Nobody is waited for beyond `overall_s`:
    a worker that is lost and back again and again must not prolong the end for ever.
    """

    def __init__(
        self,
        missing: Callable[[], set[str]],
        silent_s: Callable[[str], float],
        ask: Callable[[str], None],
        *,
        bound_s: float,
        overall_s: float = math.inf,
    ) -> None:
        self._missing = missing
        self._silent_s = silent_s
        self._ask = ask
        self._bound_s = bound_s
        self._overall_s = overall_s
        self._end_s = math.inf
        self._cut: set[str] = set()
        self._deadline_s: dict[str, float] = {}
        self._asked_s: dict[str, float] = {}

    def is_awaited(self, now_s: float) -> bool:
        """Asks whom it is time to ask; True while anybody is waited for. To be called again and again."""
        if self._end_s == math.inf:
            self._end_s = now_s + self._overall_s
        awaited = [name for name in self._missing() if self._is_awaited(name, now_s)]
        return bool(awaited) and now_s < self._end_s

    def hurry(self, now_s: float, wait_s: float) -> None:
        """From now on nobody is waited for longer than `wait_s`; all who are missing are asked again at once."""
        self._end_s = min(self._end_s, now_s + wait_s)
        self._asked_s.clear()

    def _is_awaited(self, name: str, now_s: float) -> bool:
        is_cut = self._silent_s(name) >= CUT_S
        is_back = name in self._cut and not is_cut
        (self._cut.add if is_cut else self._cut.discard)(name)
        if is_back or name not in self._deadline_s:
            self._deadline_s[name] = now_s + self._bound_s
        if is_back or now_s - self._asked_s.get(name, -ASK_AGAIN_S) >= ASK_AGAIN_S:
            self._asked_s[name] = now_s
            self._ask(name)
        return is_cut or now_s < self._deadline_s[name]


logger = logging.getLogger(__name__)

TRAVEL_S = 5.0
"""Beside the drain itself: for the encoding and the travel of the final snapshots."""

LOOK_S = 5.0
"""How long to wait for the workers' answers to a look; a busy one takes a while to encode its numbers."""

HURRY_S = FORCE_S + TRAVEL_S
"""How long to wait for final snapshots once a person is in a hurry: users are then ended by force."""

POLL_S = 0.25
"""How often the waiting master looks whether a worker it waits for is still there."""


NO_FINAL = "its final report never came"


class WorkerRegistry:
    """The workers of the runs of one master."""

    def __init__(self, runner: MasterRunner, liveness: WorkerLiveness, refused: RefusedMessages) -> None:
        self._runner = runner
        self._refused = refused
        self._liveness = liveness
        self._merge: SnapshotStore | None = None
        self._elapsed_s: Callable[[], float] = lambda: 0.0
        self._losses: dict[str, LostWorker] = {}
        self._closed = False
        self._hurried = False
        self._clocks = ClockSkew()
        self._final: set[str] = set()
        self._unreadable: set[str] = set()
        self._seen: set[str] = set()
        self._looked: set[str] = set()
        self._news = Event()
        runner.register_message(FINAL, self.on_final)
        runner.register_message(LOOKED, self.on_looked)

    def begin(self, merge: SnapshotStore, elapsed_s: Callable[[], float]) -> None:
        """From now on snapshots of this run are merged; `elapsed_s` tells its clock."""
        self._merge = merge
        self._elapsed_s = elapsed_s
        self._final = set()
        self._unreadable = set()
        self._losses = {}
        self._closed = False
        self._hurried = False
        self._seen = set(self._present())

    def reset(self, merge: SnapshotStore) -> None:
        """The statistics were reset: workers count anew, and only what they count from then on is merged."""
        self._merge = merge
        for client_id in self._present():
            self._runner.send_message(RESET, {"epoch": merge.epoch, "resets": merge.resets}, client_id)

    @property
    def lost(self) -> list[LostWorker]:
        """Workers that took part and whose final snapshot never came."""
        return [self._losses.get(name) or self._loss(name, NO_FINAL) for name in sorted(self._seen - self._final)]

    @property
    def is_deserted(self) -> bool:
        """Whether no worker is left that could do anything."""
        return not self._present()

    def note_lost(self, client_id: str, why: str) -> bool:
        """A worker is gone; False if this run does not miss it."""
        if client_id not in self._seen - self._final:
            return False
        self._losses[client_id] = self._loss(client_id, why)
        self._news.set()
        return True

    def note_found(self, client_id: str) -> bool:
        """A worker that was gone is back; False if this run did not miss it."""
        return self._losses.pop(client_id, None) is not None

    @property
    def expected(self) -> int:
        """Workers that took part in the run."""
        return len(self._seen)

    @property
    def final(self) -> int:
        """Workers whose final snapshot came."""
        return len(self._final & self._seen)

    def on_connect(self, client_id: str) -> None:
        """A worker connected; while a run is on it takes part from now."""
        if not self._closed:
            self._seen.add(client_id)

    def on_report(self, client_id: str, data: Mapping[str, Any]) -> None:
        """One of Locust's reports, with our snapshot in it."""
        self._clocks.correct(client_id, data)  # this listener is registered before Locust's own
        snapshot, merge = data.get(REPORT), self._merge
        if merge is None or snapshot is None:
            return
        merged, _ = self._absorb(merge, client_id, "stats", snapshot)
        if merged is not None:
            self._seen.add(client_id)
            self._thank(client_id, len(merged.rows))

    def on_final(self, msg: Any, **_: Any) -> None:
        """A worker's answer to the drain, or its farewell."""
        if self._merge is None or msg.data["epoch"] != self._merge.epoch:
            return
        snapshot, problem = msg.data["snapshot"], ""
        if snapshot is not None:
            self._seen.add(msg.node_id)
            problem = self._absorb(self._merge, msg.node_id, FINAL, snapshot)[1]
        if problem:
            self._unreadable.add(msg.node_id)
            self._losses[msg.node_id] = self._loss(msg.node_id, f"its final report could not be read: {problem}")
        elif snapshot is None or decode_head(snapshot).resets == self._merge.resets:
            self._final.add(msg.node_id)
        self._news.set()

    def on_looked(self, msg: Any, **_: Any) -> None:
        """A worker's answer to a look."""
        if self._merge is not None and msg.data["epoch"] == self._merge.epoch:
            if msg.data["snapshot"] is not None:
                self._absorb(self._merge, msg.node_id, LOOKED, msg.data["snapshot"])
            self._looked.add(msg.node_id)
            self._news.set()

    def look(self, epoch: str) -> None:
        """Has every worker send its numbers of this moment; returns when all have, or their time is up."""
        self._looked = set()
        for client_id in self._present():
            self._runner.send_message(LOOK, {"epoch": epoch}, client_id)
        deadline_s = time.monotonic() + LOOK_S
        while self._present() - self._looked and time.monotonic() < deadline_s:
            self._news.clear()
            self._news.wait(POLL_S)

    def drain(self, epoch: str, drain_s: float) -> None:
        """Ends the run on all workers; returns when all have sent their final snapshot, or their time is up."""
        self._closed = True
        bound_s = drain_s + LEAVING_S + FORCE_S + TRAVEL_S
        wait = FinalReportWait(
            lambda: (self._present() & self._seen) - self._final - self._unreadable,
            self._liveness.silent_s,
            lambda client_id: self._ask(client_id, epoch),
            bound_s=bound_s,
            overall_s=2 * bound_s + self._liveness.patience_s,  # once cut off, and all its time before and after
        )
        is_told = False
        while wait.is_awaited(time.monotonic()):
            self._news.clear()
            if self._hurried and not is_told:
                is_told = True
                wait.hurry(time.monotonic(), HURRY_S)
            else:
                self._news.wait(POLL_S)
        if self.lost:
            logger.warning("No final report from %s of %s workers", len(self.lost), self.expected)

    def hurry(self) -> None:
        """Has the workers cut their drain short, now or as soon as they are asked; then waits for HURRY_S at most."""
        self._hurried = True
        self._news.set()

    def _ask(self, client_id: str, epoch: str) -> None:
        self._runner.send_message(DRAIN, {"epoch": epoch, "hurry": self._hurried}, client_id)

    def _thank(self, client_id: str, rows: int) -> None:
        """Tells a worker which rows it need not keep. If that is lost, its next report has more, and it is told so."""
        merge = self._merge
        if merge is not None and rows >= ROWS_TO_THANK_FOR:
            told = {"epoch": merge.epoch, "resets": merge.resets, "before": merge.taken_to(client_id)}
            self._runner.send_message(TAKEN, told, client_id)

    def _absorb(self, merge: SnapshotStore, client_id: str, kind: str, encoded: bytes) -> tuple[Snapshot | None, str]:
        """Merge a worker's snapshot; return it, or None and why it could not be read, which is refused by name."""
        try:
            return merge.absorb_encoded(client_id, encoded, self._elapsed_s()), ""
        except ShapeError as problem:
            self._refused.add(client_id, kind, f"in its report {problem}")
            return None, str(problem)

    def _loss(self, client_id: str, why: str) -> LostWorker:
        return LostWorker(client_id, why, self._elapsed_s())

    def _present(self) -> set[str]:
        return {client.id for client in self._runner.clients.all if client.state != STATE_MISSING}
