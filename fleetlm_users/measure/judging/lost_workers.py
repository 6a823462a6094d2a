"""Workers that took part in a run but did not report to its end: which of their work is counted, and what is
unknown.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import structs

from fleetlm_users.measure.snapshot_store import WorkerState


class LostWorker(msgspec.Struct, frozen=True):
    """A worker whose final report never came: the reason, and when it was noticed, in seconds of the run."""

    worker: str
    why: str
    noticed_s: float


class Loss(msgspec.Struct, frozen=True):
    """The last report of a lost worker. It stays counted; what the worker did after it is unknown.

    `last_report_s` is None if there was none. In it, `open_messages` of the `sent` ones had no fate; `what` says what
    they are: messages or pushes. `likely_unreported` is an estimate: what it would have sent until its loss was
    noticed, at its rate until then.
    """

    worker: str
    why: str
    noticed_s: float
    last_report_s: float | None
    sent: int
    open_messages: int
    likely_unreported: int
    what: str = "messages"

    def text(self) -> str:
        """Return the whole finding as one line."""
        loss = f"worker {self.worker} was lost: {self.why}, noticed after {self.noticed_s:.1f} s of the run"
        if self.last_report_s is None:
            return f"{loss}; it never reported, so whatever it did is unknown"
        return (
            f"{loss}; its last report, of {self.last_report_s:.1f} s, is counted, and {self.open_messages:,} of the"
            f" {self.sent:,} {self.what} in it were open; what it did after that is unknown, at its rate about"
            f" {self.likely_unreported:,} {self.what}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the entry of summary.json."""
        rounded = {"noticed_s": round(self.noticed_s, 3)}
        if self.last_report_s is not None:
            rounded["last_report_s"] = round(self.last_report_s, 3)
        return structs.asdict(self) | rounded | {"text": self.text()}


def losses(lost: Iterable[LostWorker], workers: Iterable[WorkerState]) -> list[Loss]:
    """Return each lost worker with the contents of its last report."""
    known = {worker.worker: worker for worker in workers}
    return [_loss(worker, known.get(worker.worker)) for worker in lost]


def _loss(lost: LostWorker, state: WorkerState | None) -> Loss:
    if state is None:
        return Loss(lost.worker, lost.why, lost.noticed_s, None, 0, 0, 0)
    per_s = state.sent / state.elapsed_s if state.elapsed_s > 0 else 0.0
    unseen_s = max(0.0, lost.noticed_s - state.elapsed_s)
    return Loss(
        lost.worker,
        lost.why,
        lost.noticed_s,
        state.elapsed_s,
        state.sent,
        state.open_messages,
        round(per_s * unseen_s),
        state.what,
    )
