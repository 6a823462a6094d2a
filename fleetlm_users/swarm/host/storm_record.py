"""The cuts that a run planned, and what its seconds show about the time after them."""

from collections.abc import Sequence

from msgspec.structs import replace

from fleetlm_users.measure.judging.storm.latency_recovery import LatencyRecovery, latency_recovery
from fleetlm_users.measure.judging.storm.result import StormRecord
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.workload.options.storm import StormPlan


def planned_storm(plan: StormPlan, since_s: float, ended_s: float, processes: int) -> StormRecord:
    """Return the record of a storm, as far as its plan determines it.

    Args:
        plan: Which connections are cut when.
        since_s: The second of the run from which it counts: its start, or the last reset of its statistics.
        ended_s: The end of the run, or the present second.
        processes: How many processes generate the load.
    """
    cuts = [(cut.at_s, cut.sessions) for cut in plan.cuts.planned]
    counted = [cut for cut in cuts if cut[0] >= since_s]
    return StormRecord(
        "by a restart of the server" if plan.by_server else "cut by the client",
        plan.by_server,
        counted,
        ended_s,
        plan.away_messages,
        processes,
        forgotten=len(cuts) - len(counted),
    )


def storm_record(record: StormRecord, snapshots: SnapshotStore, begins_s: float) -> StormRecord:
    """Return the record of an ended storm, with the recovery of its latency.

    Args:
        record: The planned storm.
        snapshots: The numbers of all processes.
        begins_s: The start of the judged part, in seconds of the run.
    """
    return replace(record, recovery=_recovery(snapshots, record.cuts, begins_s, record.ended_s))


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
