"""The workers of a master's run: merge their snapshots, drain the run on all of them, name the missing ones.

When all workers are asked for their final report, each is given a time counted from the request.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from gevent.event import Event
from locust.runners import STATE_MISSING, MasterRunner
from msgspec import structs

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.snapshot import Snapshot
from fleetlm_users.measure.snapshot_check import decode_head
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.timeline.worker_timeline import ROWS_TO_THANK_FOR
from fleetlm_users.swarm.cluster.clock_skew import ClockSkew
from fleetlm_users.swarm.cluster.liveness import WorkerLiveness
from fleetlm_users.swarm.cluster.messages import (
    ClusterMessage,
    DrainRequest,
    FinalReport,
    LoadOrdered,
    ReportExtras,
    ResetRequest,
    RowsReceived,
    SnapshotReply,
    SnapshotRequest,
    StepOrdered,
)
from fleetlm_users.swarm.cluster.refused_messages import RefusedMessages
from fleetlm_users.swarm.run import FORCE_S, LEAVING_S
from fleetlm_users.workload.orders.load_clock import LoadOrder
from fleetlm_users.workload.orders.step_order import StepOrder

CUT_S = 3.0
"""A worker sends something every second: one silent for longer is cut off, and may have missed the request."""

ASK_AGAIN_S = 5.0
"""A request or an answer may be lost with a connection; asking again costs one more report."""


class FinalReportWait:
    """A wait for the workers that `missing` names: each is asked at once, again from time to time, and when it returns.

    A worker has `bound_s` from the first request to answer. One that is cut off (`silent_s`) is awaited until it is
    given up, and has `bound_s` again from its return. Nobody is awaited beyond `overall_s`: a worker that is lost and
    returns repeatedly must not prolong the end forever.
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
        """Ask the workers that are due to be asked; return whether any is still awaited. Call it repeatedly."""
        if self._end_s == math.inf:
            self._end_s = now_s + self._overall_s
        awaited = [name for name in self._missing() if self._is_awaited(name, now_s)]
        return bool(awaited) and now_s < self._end_s

    def shorten(self, now_s: float, wait_s: float) -> None:
        """Wait at most `wait_s` from now on; ask all missing workers again immediately."""
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
"""The time for encoding and sending the final snapshots, on top of the drain itself."""

LOOK_S = 5.0
"""How long to wait for the workers' answers to a snapshot request; a busy worker takes a while to encode its
numbers.
"""

CUT_SHORT_WAIT_S = FORCE_S + TRAVEL_S
"""How long to wait for final snapshots once the drain is cut short: users are then ended by force."""

POLL_S = 0.25
"""How often the waiting master checks whether an awaited worker is still there."""


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
        self._drain_cut_short = False
        self._clocks = ClockSkew()
        self._final: set[str] = set()
        self._unreadable: set[str] = set()
        self._seen: set[str] = set()
        self._looked: set[str] = set()
        self._news = Event()
        runner.register_message(FinalReport.kind, self.on_final_report)
        runner.register_message(SnapshotReply.kind, self.on_snapshot)

    def begin(self, merge: SnapshotStore, elapsed_s: Callable[[], float]) -> None:
        """Begin a run: merge its snapshots; `elapsed_s` returns how long it has lasted."""
        self._merge = merge
        self._elapsed_s = elapsed_s
        self._final = set()
        self._unreadable = set()
        self._losses = {}
        self._closed = False
        self._drain_cut_short = False
        self._seen = set(self._present())

    def reset(self, merge: SnapshotStore) -> None:
        """Have the workers count from 0 after a reset, and merge only counts from then on."""
        self._merge = merge
        for client_id in self._present():
            self._send(ResetRequest(epoch=merge.epoch, resets=merge.resets), client_id)

    def order(self, epoch: str, order: StepOrder) -> None:
        """Tell the workers the current order of a capacity search."""
        ordered = StepOrdered(epoch=epoch, **structs.asdict(order))
        for client_id in self._present():
            self._send(ordered, client_id)

    def order_load(self, epoch: str, order: LoadOrder) -> None:
        """Tell the workers everything ordered in the run so far."""
        ordered = LoadOrdered(epoch=epoch, order=order)
        for client_id in self._present():
            self._send(ordered, client_id)

    @property
    def lost(self) -> list[LostWorker]:
        """Workers that took part and whose final snapshot never came."""
        return [self._losses.get(name) or self._loss(name, NO_FINAL) for name in sorted(self._seen - self._final)]

    @property
    def is_deserted(self) -> bool:
        """Whether no worker is left that could do anything."""
        return not self._present()

    def note_lost(self, client_id: str, why: str) -> bool:
        """Note that a worker is lost; return False if this run does not need it."""
        if client_id not in self._seen - self._final:
            return False
        self._losses[client_id] = self._loss(client_id, why)
        self._news.set()
        return True

    def note_found(self, client_id: str) -> bool:
        """Note that a lost worker is back; return False if this run did not need it."""
        return self._losses.pop(client_id, None) is not None

    @property
    def expected(self) -> int:
        """The workers that took part in the run."""
        return len(self._seen)

    @property
    def final(self) -> int:
        """The workers whose final snapshot has arrived."""
        return len(self._final & self._seen)

    def on_connect(self, client_id: str) -> None:
        """Let a newly connected worker take part in the current run."""
        if not self._closed:
            self._seen.add(client_id)

    def on_report(self, client_id: str, data: Mapping[str, Any]) -> None:
        """Merge the snapshot in one of Locust's reports."""
        self._clocks.correct(client_id, data)  # this listener is registered before Locust's own
        snapshot, merge = ReportExtras.of(data).snapshot, self._merge
        if merge is None or snapshot is None:
            return
        merged, _ = self._absorb(merge, client_id, "stats", snapshot)
        if merged is not None:
            self._seen.add(client_id)
            self._confirm_rows(client_id, len(merged.rows))

    def on_final_report(self, msg: Any, **_: Any) -> None:
        """Merge a final report: a worker's answer to a drain, or its last message."""
        report = FinalReport.from_wire(msg.data)
        if self._merge is None or report.epoch != self._merge.epoch:
            return
        snapshot, problem = report.snapshot, ""
        if snapshot is not None:
            self._seen.add(msg.node_id)
            problem = self._absorb(self._merge, msg.node_id, FinalReport.kind, snapshot)[1]
        if problem:
            self._unreadable.add(msg.node_id)
            self._losses[msg.node_id] = self._loss(msg.node_id, f"its final report could not be read: {problem}")
        elif snapshot is None or decode_head(snapshot).resets == self._merge.resets:
            self._final.add(msg.node_id)
        self._news.set()

    def on_snapshot(self, msg: Any, **_: Any) -> None:
        """Merge a worker's answer to a snapshot request."""
        reply = SnapshotReply.from_wire(msg.data)
        if self._merge is not None and reply.epoch == self._merge.epoch:
            if reply.snapshot is not None:
                self._absorb(self._merge, msg.node_id, SnapshotReply.kind, reply.snapshot)
            self._looked.add(msg.node_id)
            self._news.set()

    def look(self, epoch: str) -> None:
        """Have every worker send its snapshot of this moment; return when all have, or time is up."""
        self._looked = set()
        for client_id in self._present():
            self._send(SnapshotRequest(epoch=epoch), client_id)
        deadline_s = time.monotonic() + LOOK_S
        while self._present() - self._looked and time.monotonic() < deadline_s:
            self._news.clear()
            self._news.wait(POLL_S)

    def drain(self, epoch: str, drain_s: float) -> None:
        """Drain the run on all workers; return when all have sent their final report, or time is up."""
        self._closed = True
        bound_s = drain_s + LEAVING_S + FORCE_S + TRAVEL_S
        wait = FinalReportWait(
            lambda: (self._present() & self._seen) - self._final - self._unreadable,
            self._liveness.silent_s,
            lambda client_id: self._ask(client_id, epoch),
            bound_s=bound_s,
            overall_s=2 * bound_s + self._liveness.patience_s,  # its silence, and its time before and after
        )
        is_cut_short = False
        while wait.is_awaited(time.monotonic()):
            self._news.clear()
            if self._drain_cut_short and not is_cut_short:
                is_cut_short = True
                wait.shorten(time.monotonic(), CUT_SHORT_WAIT_S)
            else:
                self._news.wait(POLL_S)
        if self.lost:
            logger.warning("No final report from %s of %s workers", len(self.lost), self.expected)

    def cut_drain_short(self) -> None:
        """Cut the drain of the workers short, now or when it begins; then wait for CUT_SHORT_WAIT_S at most."""
        self._drain_cut_short = True
        self._news.set()

    def _ask(self, client_id: str, epoch: str) -> None:
        self._send(DrainRequest(epoch=epoch, cut_short=self._drain_cut_short), client_id)

    def _confirm_rows(self, client_id: str, rows: int) -> None:
        """Tell a worker which rows it need not keep. If that message is lost, a later one follows its next report."""
        merge = self._merge
        if merge is not None and rows >= ROWS_TO_THANK_FOR:
            before = merge.taken_to(client_id)
            self._send(RowsReceived(epoch=merge.epoch, resets=merge.resets, before=before), client_id)

    def _send(self, message: ClusterMessage, client_id: str) -> None:
        self._runner.send_message(message.kind, message.to_wire(), client_id)

    def _absorb(self, merge: SnapshotStore, client_id: str, kind: str, encoded: bytes) -> tuple[Snapshot | None, str]:
        """Merge a worker's snapshot; return it, or None and the reason why it could not be read; it is then refused by
        name.
        """
        try:
            return merge.absorb_encoded(client_id, encoded, self._elapsed_s()), ""
        except ShapeError as problem:
            self._refused.add(client_id, kind, f"in its report {problem}")
            return None, str(problem)

    def _loss(self, client_id: str, why: str) -> LostWorker:
        return LostWorker(client_id, why, self._elapsed_s())

    def _present(self) -> set[str]:
        return {client.id for client in self._runner.clients.all if client.state != STATE_MISSING}
