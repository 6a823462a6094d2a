"""A run's end: users wind down, settle, leave; those that do not are ended by force; nothing waits forever."""

from dataclasses import replace

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.workload.orders.load_clock import LoadOrder
from fleetlm_users.workload.orders.step_order import StepOrder
from fleetlm_users.workload.stages.begun import StageChange
from tests.swarm.samples import benchmark, numbering, options


class Member:
    """A user that leaves when told, or never."""

    def __init__(self, run, obedient=True):
        self.run, self.obedient = run, obedient
        self.told, self.forced = Event(), False
        run.enter(self)

    def settle(self):
        self.told.set()
        if self.obedient:
            gevent.spawn(self.run.leave, self)

    def close(self):
        self.forced = True
        self.run.leave(self)


class Resource:
    """Something a run closes."""

    closed = 0

    def close(self):
        Resource.closed += 1


@pytest.fixture
def run():
    Resource.closed = 0
    return Run(options(), "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())


def test_a_drain_tells_every_user_and_returns_when_they_have_left(run):
    """No force where none is needed."""
    members = [Member(run) for _ in range(3)]
    assert not run.is_draining
    run.drain(10.0)
    assert all(member.told.is_set() and not member.forced for member in members)
    assert run.is_draining
    assert run.user_count == 0


def test_a_user_that_does_not_leave_is_ended_by_force(run, monkeypatch):
    """After the drain's bound; the run is closed then, so that it does not wait to leave politely."""
    monkeypatch.setattr("fleetlm_users.swarm.run.LEAVING_S", 0.0)
    member = Member(run, obedient=False)
    run.drain(0.01)
    assert member.forced
    assert run.is_closed


def test_patience_is_endless_until_the_drain_bounds_it(run):
    """Sessions may wait for answers while the run goes on."""
    assert run.patience_until_s() == float("inf")
    run.drain(0.0)
    assert run.patience_until_s() < float("inf")


def test_time_stands_still_once_the_run_has_ended(run):
    """Per-second figures must not thin out while reports travel."""
    run.drain(0.0)
    assert run.elapsed_s() == run.elapsed_s()


def test_a_second_drain_does_nothing(run):
    """Later callers find it done."""
    run.drain(0.0)
    ended_s = run.ended_s
    run.drain(0.0)
    assert run.ended_s == ended_s


def test_a_resource_is_made_once_and_closed_with_the_run(run):
    """One REST pool and one heartbeat greenlet per process."""
    assert run.resource(Resource, Resource) is run.resource(Resource, Resource)
    run.drain(0.0)
    assert Resource.closed == 1


def test_users_are_numbered_and_begin_one_after_the_other(run):
    """Evenly over the ramp, in the order of their numbers; nobody before the run."""
    numbers = [run.next_vu(name) for name in benchmark().spawn_order(run.options)]
    assert numbers == list(range(1, run.options.plan.total_users + 1))
    gap_s = run.options.plan.ramp_up_s / len(numbers)
    assert [run.begins_s(n) - run.started_s for n in numbers] == pytest.approx([gap_s * (n - 1) for n in numbers])
    assert run.headcount().entered == len(numbers)


def test_the_phase_is_read_on_the_runs_own_clock(run):
    """The warm-up ends that many seconds after the run began in this process."""
    warm_up_s = run.options.plan.warm_up_s
    assert run.phase_at(run.started_s + warm_up_s - 0.001) == "warm_up"
    assert run.phase_at(run.started_s + warm_up_s + 0.001) == "main"
    assert run.message_phase_at(run.started_s + warm_up_s + 0.001) == "main"


SHAPES = {
    "plain": {},
    "no warm-up": {"warm_up_s": 0.0},
    "in stages": {"stages": ("low=10s:5", "high=20s:10")},
    "at a rate": {"session_rate": ("low=10s:1", "high=20s:2")},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("elapsed_s", [0.0, 4.999, 5.0, 9.999, 10.0, 1e6])
def test_a_moment_has_the_phase_of_the_plan_until_a_shape_of_ones_own_names_stages(shape, elapsed_s):
    """It also applies where the clock alone decides."""
    given = options()
    given = replace(given, plan=replace(given.plan, **({"warm_up_s": 5.0} | shape)))
    run = Run(given, "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())
    moment_s = run.started_s + elapsed_s
    phase = given.plan.phase_at(moment_s - run.started_s)
    assert run.phase_at(moment_s) == run.message_phase_at(moment_s) == phase
    run.follow(LoadOrder((), (StageChange(0.0, "a"), StageChange(7.0, "b"))))
    own = phase if phase == "warm_up" else f"main:{'a' if elapsed_s < 7 else 'b'}"
    assert run.phase_at(moment_s) == run.message_phase_at(moment_s) == own


def test_in_a_search_a_message_is_judged_if_it_is_due_while_a_step_is_held(run):
    """Everything else goes by the moment."""
    run.step_order = StepOrder(20.0, 30.0)
    assert run.message_phase_at(run.started_s + 19.9) == "warm_up"
    assert run.message_phase_at(run.started_s + 20.1) == "main"
    assert run.message_phase_at(run.started_s + 30.1) == "warm_up"
    assert run.phase_at(run.started_s + 30.1) == "main"


@pytest.mark.parametrize("before", [False, True], ids=["in-the-drain", "before-it"])
def test_the_drain_can_be_cut_short(run, before):
    """Users are ended by force, so that what they have open gets its fate."""
    member = Member(run, obedient=False)
    if before:
        run.cut_drain_short()
    draining = gevent.spawn(run.drain, 3600.0)
    gevent.idle()
    run.cut_drain_short()
    draining.get(timeout=60)
    assert member.forced
    assert run.drain_cut_short
    assert run.patience_until_s() < run.ended_s + 3600.0
