"""One run on its coordinator: its orders to its workers, its end, and its verdict."""

import gevent
import pytest

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.coordinator.active_run import ActiveRun
from fleetlm_users.swarm.run import Headcount, HeadcountReport
from fleetlm_users.swarm.run_end import Phase
from tests.swarm.coordinator.scenes import Console, UserControl, Workers, prepared, process


class Scene:
    """A run with everything around it."""

    def __init__(self, folder, **raw):
        self.environment, context = process()
        self.workers, self.console, self.refusals = Workers(), Console(), []
        self.prepared = prepared(folder, **raw)
        self.run = ActiveRun(
            self.environment,
            context,
            self.prepared,
            console=self.console,
            workers=self.workers,
            user_control=UserControl(),
            on_refused=lambda: self.refusals.append(True),
        )

    def ended(self):
        """Return how Locust was asked to end, after everything pending has run."""
        gevent.idle()
        return self.environment.runner.ended

    def absorb(self, seq=1):
        """A worker's numbers come in."""
        ledger = Ledger(DEFAULT, self.run.snapshots.epoch, "a")
        ledger.count("messages_sent", "burst", "main", 5)
        return self.run.snapshots.absorb("a", ledger.snapshot(seq, False, 1.0))


@pytest.fixture
def scene(tmp_path):
    made = []

    def make(**raw):
        made.append(Scene(tmp_path, **raw))
        return made[-1]

    yield make
    for scene in made:
        scene.run.end.judge()


def test_a_run_begins_on_its_workers_and_its_monitors_with_it(scene):
    """Its epoch is its own."""
    first, other = scene(), scene()
    assert first.workers.calls == ["begin"]
    assert first.workers.run is first.run
    assert first.prepared.server.calls == ["begin"]
    assert first.run.snapshots.epoch != other.run.snapshots.epoch
    assert first.run.is_on


def test_the_end_stops_drains_and_judges_in_this_order(scene):
    """The clock stands from the first step, the verdict is there after the last."""
    set_up = scene()
    run = set_up.run
    run.end.stop()
    assert not run.is_on
    assert set_up.prepared.server.calls == ["begin", "stop"]
    assert run.view().state == "ending"
    run.end.judge()
    assert set_up.workers.calls == ["begin", "drain", "report_refused"]
    assert run.end.phase is Phase.REPORTED
    assert run.view().state == "ended"
    assert run.result.verdict.kind == "inconclusive"
    assert set_up.environment.process_exit_code == run.result.exit_code == 4
    assert run.result.folder.is_dir()


def test_a_drain_cut_short_is_passed_to_the_workers_and_shown(scene):
    """It includes a signal that comes before the drain."""
    set_up = scene()
    set_up.run.end.stop()
    set_up.run.end.cut_drain_short()
    assert set_up.workers.calls == ["begin", "cut_drain_short"]
    assert "The drain is cut short" in set_up.console.said[-1]


def test_a_reset_forgets_what_was_measured_on_all_processes(scene):
    """The run keeps its epoch; reports from before are not merged any more."""
    set_up = scene()
    run = set_up.run
    assert set_up.absorb()
    epoch = run.snapshots.epoch
    run.reset()
    assert (run.snapshots.epoch, run.snapshots.resets) == (epoch, 1)
    assert run.totals().count("messages_sent") == 0
    assert "reset" in set_up.workers.calls


@pytest.mark.parametrize(
    ("raw", "is_last", "ending", "said"),
    [
        ({}, False, [], "The run goes on without it."),
        ({}, True, ["quit"], "The run stops."),
        ({"on_worker_lost": "stop"}, False, ["quit"], "The run stops."),
    ],
    ids=["one of several", "the last one", "one that must not be lost"],
)
def test_a_lost_worker_stops_the_run_only_if_it_must(scene, raw, is_last, ending, said):
    """A run that was stopped by it is doubtful."""
    set_up = scene(**raw)
    set_up.run.on_worker_lost("a", "its process ended", is_last=is_last)
    assert set_up.console.said[-1] == f"Worker a is lost: its process ended. {said}"
    assert set_up.ended() == ending
    set_up.run.end.judge()
    doubt = "the run was stopped before its time: worker a was lost"
    assert (doubt in set_up.run.result.verdict.doubts) == bool(ending)


def test_a_worker_that_is_lost_during_the_drain_is_not_waited_for(scene):
    """The run ends already."""
    set_up = scene(on_worker_lost="stop")
    set_up.run.end.stop()
    set_up.run.on_worker_lost("a", "it is silent", is_last=True)
    assert set_up.console.said[-1].endswith("The run does not wait for its report.")
    assert not set_up.ended()


def test_a_worker_that_cannot_take_part_ends_the_run_without_a_verdict(scene):
    """The effect is as if it had not begun."""
    set_up = scene()
    set_up.run.on_worker_refused("a", "too few open files")
    assert set_up.refusals == [True]
    assert set_up.console.said[-1] == "Worker a cannot take part. too few open files"
    assert set_up.environment.process_exit_code == 2
    assert set_up.prepared.server.calls == ["begin", "stop"]
    assert set_up.ended() == ["quit"]


def test_all_work_done_ends_the_run_and_is_no_interruption(scene):
    """The workers' headcounts say so."""
    set_up = scene()
    set_up.environment.runner.target_user_count = 2
    set_up.run.on_headcount("a", HeadcountReport(set_up.run.snapshots.epoch, Headcount(2, 0, 2)))
    assert set_up.ended() == ["quit"]
    set_up.run.end.judge()
    assert "the run was interrupted" not in set_up.run.result.verdict.doubts


def test_a_run_that_ends_before_its_time_was_interrupted(scene):
    """Faults of workers and users are doubts as well."""
    set_up = scene()
    set_up.environment.runner.exceptions = {1: {"count": 2, "msg": "KeyError('x')"}}
    set_up.workers.reasons = ["worker a sent 3 messages that were refused"]
    set_up.run.end.judge()
    doubts = set_up.run.result.verdict.doubts
    assert "the run was interrupted" in doubts
    assert "2 unexpected exceptions in users, the first: KeyError('x')" in doubts
    assert "worker a sent 3 messages that were refused" in doubts
    assert "only 0 of the planned 18 users ever ran" in doubts


def test_edited_users_are_what_is_expected_from_then_on(scene):
    """The report has the edit."""
    set_up = scene()
    set_up.run.edit_users(9)
    assert set_up.run.view().planned_users == 9
    set_up.run.end.judge()
    assert [edit["users"] for edit in set_up.run.result.summary["plan"]["edits"]] == [9]


def test_numbers_of_this_moment_are_fetched_from_all_workers(scene):
    """A capacity search needs them."""
    set_up = scene()
    border = set_up.run.border()
    assert "look" in set_up.workers.calls
    assert border.totals.count("messages_sent") == 0
