"""Local and remote workers behind one protocol; which of them a process has is decided once."""

from types import SimpleNamespace

import pytest

from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.cluster.messages import (
    DrainRequest,
    LoadOrdered,
    ResetRequest,
    RunDescription,
    SnapshotRequest,
    StepOrdered,
    WorkDone,
)
from fleetlm_users.swarm.coordinator.coordinator import workers_of
from fleetlm_users.swarm.coordinator.run_clock import RunClock
from fleetlm_users.swarm.coordinator.workers.local_workers import LOCAL, LocalWorkers
from fleetlm_users.swarm.coordinator.workers.remote_workers import RemoteWorkers
from fleetlm_users.swarm.run import Headcount, HeadcountReport
from fleetlm_users.workload.orders.load_clock import LoadOrder, SpeedChange
from fleetlm_users.workload.orders.step_order import StepOrder
from tests.swarm.coordinator.scenes import process
from tests.swarm.runners import MasterRunner, TypedMasterRunner, snapshot
from tests.swarm.samples import options


class Run:
    """A run that writes down what workers report to it."""

    def __init__(self, **raw):
        self.options, self.snapshots, self.now_s = options(**raw), SnapshotStore("e"), 100.0
        self.clock = RunClock(60.0, 0.0, lambda: self.now_s)
        self.heard = []
        self.load_order = LoadOrder((SpeedChange(1.0, 2.0),))

    def on_headcount(self, process, counts):
        self.heard.append((process, counts))

    def on_worker_lost(self, client_id, why, *, is_last):
        self.heard.append((client_id, why, is_last))

    def on_worker_refused(self, client_id, problem):
        self.heard.append((client_id, problem))


class Cluster:
    """A master with workers."""

    def __init__(self, **states):
        self.said = []
        self.runner = MasterRunner(**states)
        self.environment, context = process(self.runner)
        self.workers = RemoteWorkers(self.environment, self.runner, context, self.said.append, "")

    @property
    def described(self):
        """The run as spawn messages carry it."""
        return vars(self.environment.parsed_options)[RunDescription.option]


def test_a_process_without_a_master_runner_is_its_own_worker():
    """The one decision."""
    environment, context = process()
    assert isinstance(workers_of(environment, context, print), LocalWorkers)


def test_a_master_has_remote_workers():
    """Told by the class of Locust's runner."""
    environment, context = process(TypedMasterRunner())
    assert isinstance(workers_of(environment, context, print), RemoteWorkers)


def test_the_clock_that_late_workers_get_is_kept_by_the_second():
    """Whether or not anything is shown of the run; it stands once the end has begun."""
    cluster, run = Cluster(a="running"), Run()
    cluster.workers.begin(run)
    assert (cluster.described["epoch"], cluster.described["elapsed_s"]) == ("e", 0.0)
    run.now_s += 7.0
    cluster.workers.tick()
    assert cluster.described["elapsed_s"] == 7.0
    run.clock.stop()
    run.now_s += 7.0
    cluster.workers.tick()
    assert cluster.described["elapsed_s"] == 7.0


def test_a_worker_that_connects_during_a_run_joins_it():
    """It gets the present clock; one that connects before the run or during the drain does not join."""
    cluster, run = Cluster(), Run()
    cluster.workers.on_connect("early")
    cluster.workers.begin(run)
    run.now_s += 3.0
    cluster.workers.on_connect("late")
    assert cluster.described["elapsed_s"] == 3.0
    run.clock.stop()
    cluster.workers.on_connect("too late")
    assert cluster.said == ["Worker late joins the run, 3 s after it began"]


def test_the_verbs_of_a_run_reach_all_remote_workers():
    """Look, reset, drain; the final reports are merged."""
    cluster, run = Cluster(), Run()
    for name in ("a", "b"):
        cluster.runner.add(name, answers=True)
    cluster.workers.begin(run)
    cluster.workers.look()
    assert run.snapshots.totals().count("messages_sent") == 10
    cluster.workers.order(StepOrder(3.0, 5.0, 0.5))
    cluster.workers.order_load()
    cluster.workers.reset()
    cluster.workers.drain()
    names = [name for name, _ in cluster.runner.sent]
    kinds = (SnapshotRequest, StepOrdered, LoadOrdered, ResetRequest, DrainRequest)
    assert [names.count(kind.kind) for kind in kinds] == [2, 2, 2, 2, 2]
    assert (cluster.workers.expected, cluster.workers.final, cluster.workers.lost) == (2, 2, [])


def test_headcounts_come_with_reports_and_by_themselves():
    """One of them may be lost; after the run nobody takes them."""
    cluster, run = Cluster(a="running"), Run()
    counts = {"epoch": "e", "headcount": [1, 0, 1]}
    cluster.workers.begin(run)
    cluster.workers.on_work_done(SimpleNamespace(node_id="a", data={"users": counts}))
    cluster.workers.on_report("a", {"errors": {}, "fleetlm_headcount": counts, "fleetlm": snapshot("a", 1)})
    cluster.workers.release()
    cluster.workers.on_work_done(SimpleNamespace(node_id="a", data={"users": counts}))
    assert run.heard == [("a", HeadcountReport("e", Headcount(1, 0, 1)))] * 2
    assert WorkDone.kind in cluster.runner.listeners


@pytest.mark.parametrize(("epoch", "heard"), [("e", [("a", "no files")]), ("old", [])])
def test_a_refusal_counts_for_the_run_it_is_about(epoch, heard):
    """One of an earlier run comes too late."""
    cluster, run = Cluster(a="running"), Run()
    cluster.workers.begin(run)
    cluster.workers.on_refused(SimpleNamespace(node_id="a", data={"epoch": epoch, "problem": "no files"}))
    assert run.heard == heard


def test_workers_that_have_gone_are_those_that_are_missing_or_unknown():
    """They are workers that once reported, or that Locust still lists."""
    cluster = Cluster(a="running", b="missing")
    assert cluster.workers.gone(["a", "c"]) == {"b", "c"}


def test_this_process_merges_its_own_numbers():
    """It does so whenever they are requested; a drained run's are final."""
    environment, context = process()
    workers, run = LocalWorkers(context), Run()
    workers.absorb()  # before the first run
    workers.begin(run)
    context.run.tallies("burst")
    context.run.ledger.count("messages_sent", "burst", "main", 3)
    workers.look()
    assert run.snapshots.totals().count("messages_sent") == 3
    run.snapshots = SnapshotStore("e", resets=1)
    workers.reset()
    workers.absorb()
    assert run.snapshots.totals().count("messages_sent") == 0
    workers.drain()
    assert context.run.is_draining
    assert [state.worker for state in run.snapshots.workers] == [LOCAL]
    workers._on_idle()
    workers.release()
    workers._on_idle()
    assert [process for process, _ in run.heard] == [LOCAL]
    assert environment.runner.ended == []
