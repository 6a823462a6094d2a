"""A worker's end: at the request of its master or by a signal, its last numbers are sent once the users are gone."""

from types import SimpleNamespace

import gevent
import pytest
from locust.env import Environment
from locust.exception import RPCError

from fleetlm_users.measure.snapshot_check import decode_head
from fleetlm_users.swarm.cluster.messages import (
    DrainRequest,
    FinalReport,
    Introduction,
    LoadOrdered,
    ReportExtras,
    ResetRequest,
    RunDescription,
    RunRefused,
    SnapshotReply,
    SnapshotRequest,
    StepOrdered,
    WorkDone,
    WorkerRejected,
)
from fleetlm_users.swarm.cluster.worker import Worker
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.options.wire import to_wire
from fleetlm_users.workload.orders.load_clock import SpeedChange
from fleetlm_users.workload.orders.step_order import StepOrder
from tests.swarm.samples import benchmark, options
from tests.swarm.test_local_run import Stays


class Runner:
    """Locust's worker runner without a network."""

    client_id = "w"
    worker_index = 0

    def __init__(self):
        self.sent, self.listeners, self.is_connected = [], {}, True
        self.quits = self.resets = 0
        self.stats = SimpleNamespace(reset_all=self.on_reset)

    def on_reset(self):
        self.resets += 1

    def quit(self):
        self.quits += 1

    def register_message(self, name, listener, concurrent=False):
        self.listeners[name] = listener

    def send_message(self, name, data=None):
        if not self.is_connected:
            raise RPCError("broken")
        self.sent.append((name, data))

    def handle_message(self, msg):
        pass

    def finals(self):
        return [
            (data["epoch"], data["snapshot"] and decode_head(data["snapshot"]))
            for name, data in self.sent
            if name == FinalReport.kind
        ]

    def hears(self, name, **data):
        return gevent.spawn(self.listeners[name], msg=SimpleNamespace(data=data))


@pytest.fixture
def runner():
    return Runner()


@pytest.fixture
def worker(runner):
    described = {"epoch": "e", "options": to_wire(options()), "dispatched_to": [0], "elapsed_s": 0.0, "resets": 0}
    environment = Environment(parsed_options=SimpleNamespace(**{RunDescription.option: described}))
    return Worker(environment, runner, BenchmarkContext(environment, benchmark()), "family")


def test_it_says_which_family_it_is_of(worker, runner):
    """So that no other master takes it."""
    assert runner.sent[0][0] == Introduction.kind
    assert runner.sent[0][1]["family"] == "family"


def test_a_signal_sends_the_final_snapshot_once(worker, runner):
    """Without being asked; the second time there is nothing new."""
    worker.start()
    worker.judge()
    worker.judge()
    ((epoch, snapshot),) = runner.finals()
    assert epoch == "e"
    assert snapshot.final


def test_a_worker_without_a_run_has_nothing_to_send(worker, runner):
    """It is the time between connecting and its first users."""
    worker.stop()
    worker.cut_drain_short()
    worker.drain()
    worker.judge()
    assert runner.finals() == []


def test_a_master_that_cuts_the_drain_short_is_answered_at_once(worker, runner):
    """The master asks again, saying that it cannot wait; open messages count as in flight."""
    worker.start()
    stays = Stays(worker._local_run._context.run)
    first = runner.hears(DrainRequest.kind, epoch="e")
    gevent.idle()
    assert runner.finals() == []
    runner.hears(DrainRequest.kind, epoch="e", cut_short=True)
    first.get(timeout=60)
    assert stays.forced == 1
    assert runner.finals()[0][1].final


def test_cutting_another_runs_drain_short_changes_nothing(worker, runner):
    """It comes from before."""
    worker.start()
    runner.hears(DrainRequest.kind, epoch="old", cut_short=True).get(timeout=60)
    assert runner.finals() == [("old", None)]
    assert not worker._local_run._context.run.drain_cut_short


def test_a_master_that_is_gone_does_not_keep_the_worker_from_its_end(worker, runner, caplog):
    """There is nobody to tell."""
    worker.start()
    runner.is_connected = False
    worker.judge()
    assert "The final report cannot be sent to the master: broken" in caplog.text


def answers(runner, message_type):
    """The messages of that type that were sent, decoded."""
    return [message_type.from_wire(data) for name, data in runner.sent if name == message_type.kind]


def test_a_run_that_cannot_be_read_is_refused(worker, runner):
    """The description's name is used if there is one; the problem names the place of the mistake."""
    vars(worker._environment.parsed_options)[RunDescription.option]["dispatched_to"] = ["x"]
    worker.start()
    (refused,) = answers(runner, RunRefused)
    assert refused.epoch == "e"
    assert "dispatched_to[0] is 'x'" in refused.problem
    assert not worker._local_run.is_in("e")


def test_a_run_without_a_name_ends_the_worker(worker, runner):
    """There is no run that an answer could refer to."""
    vars(worker._environment.parsed_options)[RunDescription.option] = {"epoch": None}
    worker.start()
    gevent.idle()
    assert (answers(runner, RunRefused), runner.quits) == ([], 1)
    assert worker._environment.process_exit_code == 2


def test_a_snapshot_is_sent_for_the_run_that_is_on_and_no_other(worker, runner):
    """The master waits for an answer in both cases."""
    worker.start()
    runner.hears(SnapshotRequest.kind, epoch="e").get(timeout=60)
    runner.hears(SnapshotRequest.kind, epoch="old").get(timeout=60)
    current, old = answers(runner, SnapshotReply)
    assert decode_head(current.snapshot).epoch == "e"
    assert not decode_head(current.snapshot).final
    assert (old.epoch, old.snapshot) == ("old", None)


def test_what_a_search_orders_is_followed_in_its_run(worker, runner):
    """Other runs are not affected."""
    worker.start()
    runner.hears(StepOrdered.kind, epoch="e", held_from_s=20.0, held_to_s=32.0, share=0.25).get(timeout=60)
    runner.hears(StepOrdered.kind, epoch="old", held_from_s=0.0, held_to_s=0.0, share=0.0).get(timeout=60)
    assert worker._local_run._context.run.step_order == StepOrder(20.0, 32.0, 0.25)


def test_what_the_master_orders_is_followed_in_its_run(worker, runner):
    """Other speeds of the timetables, and the stages of a load shape; those of another run change nothing."""
    worker.start()
    run = worker._local_run._context.run
    assert (run.load_clock, run.phase_at(run.started_s + 105.0)) == (None, "main")
    runner.hears(LoadOrdered.kind, epoch="e", order=[[[3.0, 2.0]], [[0.0, "one"], [104.0, "two"]]]).get(timeout=60)
    runner.hears(LoadOrdered.kind, epoch="old", order=[[[1.0, 0.0]], []]).get(timeout=60)
    assert run.load_clock.changes == (SpeedChange(3.0, 2.0),)
    assert run.due_s(run.started_s + 5.0, run.started_s) == run.started_s + 4.0
    assert [run.phase_at(run.started_s + at_s) for at_s in (0.0, 103.9, 104.0)] == ["warm_up", "main:one", "main:two"]


def test_a_reset_begins_a_new_ledger_and_clears_locusts_table(worker, runner):
    """Locust itself clears the master's only."""
    worker.start()
    runner.hears(ResetRequest.kind, epoch="e", resets=1).get(timeout=60)
    assert worker._local_run._context.run.ledger.resets == 1
    assert runner.resets == 1


def test_every_report_carries_snapshot_headcount_and_clock(worker, runner):
    """Before the first run there is only the clock."""
    data = {"stats": []}
    worker.add_to_report(data)
    assert (ReportExtras.of(data).snapshot, ReportExtras.of(data).users) == (None, None)
    worker.start()
    worker.add_to_report(data)
    extras = ReportExtras.of(data)
    assert decode_head(extras.snapshot).epoch == "e"
    assert extras.users.epoch == "e"
    assert extras.wall_clock_s > 0


def test_a_worker_without_work_left_says_so(worker, runner, caplog):
    """A lost message does no harm: the next report repeats it."""
    worker.start()
    worker.on_idle()
    (done,) = answers(runner, WorkDone)
    assert done.users.epoch == "e"
    runner.is_connected = False
    worker.on_idle()
    assert "The report that all users have done their work cannot be sent: broken" in caplog.text


@pytest.mark.parametrize("ending", ["rejected", "master lost"])
def test_a_worker_that_is_rejected_or_has_no_master_quits(worker, runner, capsys, ending):
    """It prints the reason, and has an exit code of its own."""
    if ending == "rejected":
        runner.hears(WorkerRejected.kind, problem="other\x1b[2J code").get(timeout=60)
        assert "code" in capsys.readouterr().err
    else:
        worker.on_master_lost("its process ended")
    gevent.idle()
    assert runner.quits == 1
    assert worker._environment.process_exit_code == (2 if ending == "rejected" else 1)
