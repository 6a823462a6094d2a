"""What a run planned to cut, and what its seconds show of the time after."""

from collections.abc import Sequence

from fleetlm_users.measure.judging.storm.latency_recovery import LatencyRecovery, latency_recovery
from fleetlm_users.measure.judging.storm.result import StormRecord
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.workload.options.storm import StormPlan


def storm_record(
    plan: StormPlan, snapshots: SnapshotStore, begins_s: float, ended_s: float, processes: int
) -> StormRecord:
    """Return the record of a storm.

    Args:
        plan: Whose connections were to be cut when.
        snapshots: The numbers of all processes.
        begins_s: Where the judged part of the run began, in seconds of the run.
        ended_s: Where it ended.
        processes: How many processes made the load.
    """
    cuts = [(cut.at_s, cut.sessions) for cut in plan.cuts.planned]
    return StormRecord(
        "by a restart of the server" if plan.by_server else "cut by the client",
        plan.by_server,
        cuts,
        ended_s,
        plan.away_messages,
        processes,
        _recovery(snapshots, cuts, begins_s, ended_s),
    )


def _recovery(
    snapshots: SnapshotStore, cuts: Sequence[tuple[float, int]], begins_s: float, ended_s: float
) -> LatencyRecovery:
    happened = [at_s for at_s, _ in cuts if at_s < ended_s]
    if not happened:
        return LatencyRecovery()
    seconds = {
        stretch.second: stretch.whole().spreads.get("append", {})
        for stretch in snapshots.timeline.intervals(int(begins_s), int(ended_s) + 1)
    }
    return latency_recovery(seconds, begins_s, happened[0], happened[-1], ended_s)
