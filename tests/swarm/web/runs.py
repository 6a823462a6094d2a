"""A coordinator whose run is written by the test, for the pages to read."""

from types import SimpleNamespace

from msgspec.structs import replace

from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.coordinator.run_view import RunView
from tests.swarm.samples import options


class Coordinator:
    """Shows `shown` to the pages, and counts how often they ask for new figures."""

    def __init__(self):
        self.shown = None
        self.refreshes = 0

    def refresh(self):
        """Count one more request."""
        self.refreshes += 1

    def view(self):
        """Return the run that the test put there."""
        return self.shown

    def run(self, epoch="e", **changed):
        """Begin a run, or change its visible state."""
        if self.shown is None or epoch != self.shown.merge.epoch:
            self.shown = RunView(
                merge=SnapshotStore(epoch),
                options=options(),
                thresholds=parse_thresholds(["append_latency_ms: p(95)<500"]),
                started_at="2026-01-01T00:00:00+00:00",
                elapsed_s=12.34,
                judged_s=2.0,
                planned_s=60.0,
                users=5,
                planned_users=10,
                is_ending=False,
                result=None,
            )
        self.shown = replace(self.shown, **changed)

    def end(self, folder=None):
        """End the run with a verdict."""
        verdict = SimpleNamespace(kind="pass", judgements=())
        summary = {"verdict": {"kind": "pass", "exit_code": 0, "failures": [], "doubts": []}}
        self.run(self.shown.merge.epoch, result=SimpleNamespace(verdict=verdict, summary=summary, folder=folder))
