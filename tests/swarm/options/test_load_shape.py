"""A LoadTestShape decides how many users run and until when; the run follows it, or says why not."""

import math
from argparse import Namespace
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust import LoadTestShape
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import WorkerNode

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.coordinator.console import announcement
from fleetlm_users.swarm.coordinator.control.user_control import UserControl
from fleetlm_users.swarm.coordinator.control.user_target import UserTarget
from fleetlm_users.swarm.options.load_shape import ShapeWatch, check_one, under_shape
from fleetlm_users.workload.plan import share
from tests.swarm.samples import BEHAVIOURS, benchmark, options

NOTHING = {"num_users": None, "run_time_s": None, "spawn_rate": None}
UNSET = Namespace(vus="", duration="", ramp_up="")


class Up(LoadTestShape):
    """A shape that returns what it is given."""

    abstract = False

    def __init__(self, *ticks):
        super().__init__()
        self.ticks = list(ticks)

    def tick(self):
        found = self.ticks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


class Reading(Up):
    """Reads -u, -t and -r itself."""

    use_common_options = True


class Runner:
    """Locust's runner, as far as its start goes: a dispatcher that spawns at once."""

    user_count = 0

    def __init__(self, environment):
        self.environment = environment
        self._users_dispatcher = None

    def start(self, user_count, spawn_rate, wait=False, user_classes=None):
        if self._users_dispatcher is None:
            classes = self.environment.user_classes
            self._users_dispatcher = UsersDispatcher(worker_nodes=[WorkerNode(id="w")], user_classes=classes)
        self._users_dispatcher.new_dispatch(user_count, 1_000_000, user_classes)
        *_, last = list(self._users_dispatcher)
        self.counts = last["w"]
        self.user_count = sum(self.counts.values())


class Head:
    """The coordinator under control."""

    def __init__(self, plan):
        self.plan, self.said, self.running, self.asked = plan, [], False, []
        self.console = Namespace(say=self.said.append)
        self.seen = Namespace(options=Namespace(plan=plan), elapsed_s=0.0, users=0, is_ending=False)

    def view(self):
        return self.seen

    def next_plan(self):
        return self.plan

    def begin_stage(self, users, name):
        self.asked.append((users, name))


def steered(shape=None, **raw):
    """A head with its steering, before a run."""
    bench = benchmark()
    environment = Environment(user_classes=list(bench.behaviours.values()), shape_class=shape)
    environment.runner = Runner(environment)
    asked = options(**raw)
    head = Head(asked.plan if shape is None else under_shape(asked, shape, bench, UNSET, NOTHING).plan)
    return bench, environment, head, UserControl(environment, bench, head)


def spawned(bench, environment):
    return {name: environment.runner.counts[kind.__name__] for name, kind in bench.behaviours.items()}


@given(st.lists(st.integers(0, 200), min_size=1, max_size=8))
def test_whoever_asks_for_users_gets_them_in_the_plans_proportion(totals):
    """It covers a shape, a key in the terminal and the web UI: otherwise all users beyond the plan would be of one
    class.
    """
    bench, environment, _, _ = steered(Up(), inbox_vus="0")
    for total in totals:
        environment.runner.start(total, 100)
        counts = spawned(bench, environment)
        assert sum(counts.values()) == total
    if totals == sorted(totals):
        exact = share(totals[-1], {"long_lived": 10, "burst": 5, "churn": 3})
        assert all(abs(counts[name] - exact[name]) <= 1 for name in BEHAVIOURS)


def test_a_behaviour_without_users_in_the_plan_gets_none():
    """It is there on request only."""
    bench, environment, _, _ = steered(Up(), long_lived_vus="0")
    environment.runner.start(40, 100)
    assert spawned(bench, environment) == {"long_lived": 0, "burst": 25, "churn": 15}


def test_a_shape_may_ask_for_single_classes():
    """The others keep theirs; afterwards all have their share again."""
    bench, environment, _, _ = steered(Up())
    burst, churn = bench.behaviours["burst"], bench.behaviours["churn"]
    environment.runner.start(10, 100, user_classes=[burst])
    assert spawned(bench, environment) == {"long_lived": 0, "burst": 10, "churn": 0}
    environment.runner.start(25, 100, user_classes=[churn])
    assert spawned(bench, environment) == {"long_lived": 0, "burst": 10, "churn": 15}
    environment.runner.start(60, 100)
    assert sum(spawned(bench, environment).values()) == 60
    assert spawned(bench, environment)["long_lived"] == 29


def test_the_plans_end_is_the_shapes():
    """Users begin as they are spawned, and the announcement says who decides."""
    planned = under_shape(options(), Up(), benchmark(), UNSET, NOTHING)
    assert (planned.plan.duration_s, planned.plan.begins_s(7), planned.plan.warm_up_s) == (None, 0.0, 0.0)
    said = announcement(planned)
    assert "as many users as the load shape Up asks for, in the proportion 10 long_lived : 5 burst : 3 churn" in said
    assert "until the shape Up ends" in said
    assert "18 users" not in said


@pytest.mark.parametrize(
    ("asked", "parsed", "what"),
    [
        ({"num_users": 5}, {}, "-u"),
        ({"run_time_s": 9.0}, {}, "-t"),
        ({"spawn_rate": 2.0}, {}, "-r"),
        ({}, {"vus": "5"}, "--vus"),
        ({}, {"duration": "0"}, "--duration"),
        ({}, {"ramp_up": "5s"}, "--ramp-up"),
    ],
)
def test_what_a_shape_decides_nothing_else_decides(asked, parsed, what):
    """Unless the shape reads it."""
    given_, options_ = {**NOTHING, **asked}, Namespace(**{**vars(UNSET), **parsed})
    with pytest.raises(UsageError, match=f"^invalid value .* for {what} .*the LoadTestShape Up, which says how many"):
        under_shape(options(), Up(), benchmark(), options_, given_)
    assert under_shape(options(), Reading(), benchmark(), options_, given_).plan.shape == "Reading"


def test_a_benchmark_with_an_end_of_its_own_takes_no_shape():
    """It would end in the middle of one, or the shape in the middle of it."""
    finite = replace(benchmark(), is_finite=lambda _: True)
    with pytest.raises(UsageError, match="ends when all users have done their work"):
        under_shape(options(), Up(), finite, UNSET, NOTHING)
    with pytest.raises(UsageError, match="sets its users itself"):
        under_shape(options(), Up(), replace(benchmark(), search=lambda _: None), UNSET, NOTHING)


@pytest.mark.parametrize(
    ("tick", "words"),
    [
        (RuntimeError("no more"), "RuntimeError: no more"),
        ((-1, 5), "-1 users"),
        ((2.5, 5), "2.5 users"),
        ((10**9, 5), "1000000000 users"),
        ((5, 0), "a spawn rate of 0"),
        ((5, math.inf), "a spawn rate of inf"),
        ((5,), "its tick returned (5,); users and spawn rate are needed"),
        (5, "its tick returned 5; users and spawn rate are needed"),
        ((5, "fast"), "a spawn rate of 'fast'"),
        ((5, 1, [Runner]), "users of Runner, a class that this run does not have; its classes are "),
    ],
)
def test_a_shape_that_fails_ends_the_run_with_a_doubt(tick, words):
    """Locust would end it with a traceback, or let it run forever with the web UI."""
    shape = Up((3, 1), tick)
    _, _, head, steering = steered(shape)
    assert shape.tick() == (3, 1)
    assert shape.tick() is None
    assert not steering.is_shape_done
    assert list(steering.doubts()) == head.said
    assert words in head.said[0]


def test_a_shape_that_returns_none_has_come_to_its_end():
    """That is the planned end."""
    shape = Up((3, 1), None)
    watch = ShapeWatch(shape, print)
    assert (shape.tick(), watch.is_done) == ((3, 1), False)
    assert (shape.tick(), watch.is_done, watch.problem) == (None, True, "")


@pytest.mark.parametrize("stage", ["a b", 7, "x" * 31])
@pytest.mark.parametrize("before", [[], [(3, 1)]])
def test_a_stage_that_cannot_be_one_ends_the_run_in_a_sentence(stage, before):
    """It does so at the first tick or a later one, before the stage is announced."""
    shape, said, heard = Up(*before, (3, 1)), [], []
    watch = ShapeWatch(shape, said.append, lambda *asked: heard.append(asked))
    for tick in before:
        assert shape.tick() == tick
    shape.stage = stage
    assert (shape.tick(), watch.is_done) == (None, False)
    assert f"the stage '{stage}'; a name is a letter, then up to 29" in watch.problem
    assert said == [watch.problem + ("" if before else ": no run began, nothing was measured")]
    assert heard == [(3, "")] * len(before)


@pytest.mark.parametrize(
    ("tick", "words"),
    [
        (None, "the shape Up ended at its first tick: no run began, nothing was measured"),
        ((-1, 5), "-1 users; a whole number up to 10,000,000 is needed: no run began, nothing was measured"),
    ],
)
def test_a_shape_that_ends_at_once_is_told_of(tick, words):
    """No run begins, so no report says so."""
    shape = Up(tick)
    _, _, head, _ = steered(shape)
    assert shape.tick() is None
    assert len(head.said) == 1
    assert head.said[0].endswith(words)


def test_a_shape_has_the_warm_up_that_a_person_gives():
    """A run in stages is alike: the preset's warm-up is meant for the preset's own ramp."""
    given_ = Namespace(**vars(UNSET), warm_up="4s")
    assert under_shape(options(warm_up="4s"), Up(), benchmark(), given_, NOTHING).plan.warm_up_s == 4.0


def test_the_goal_hears_of_every_change():
    """A shape's changes are steps, a person's are edits; while a run ends, nothing changes any more."""
    _, environment, head, steering = steered()
    target = UserTarget(18, 120.0)
    environment.runner.start(18, 5)
    steering.begin(target, head.plan)
    assert (target.users, target.edits) == (18, [])
    head.running, head.seen.elapsed_s = True, 30.0
    environment.runner.start(19, 100)
    assert (target.users, target.edits) == (19, [{"at_s": 30.0, "users": 19}])
    head.seen.is_ending = True
    environment.runner.start(29, 100)
    assert (target.users, environment.runner.user_count) == (19, 19)
    assert head.said == ["The run is ending: its users stay as they are."]


def test_a_shapes_steps_are_no_edits():
    """They are the plan."""
    _, environment, head, steering = steered(Up())
    target = UserTarget(18, None)
    environment.runner.start(4, 2)
    steering.begin(target, head.plan)
    head.running, head.seen.elapsed_s = True, 5.0
    environment.runner.start(9, 2)
    assert (target.users, target.edits, list(target.doubts())) == (9, [], [])


def test_two_shapes_are_refused():
    """Locust would follow the first."""
    check_one([Up()])
    with pytest.raises(UsageError, match=r"^invalid value 'Up, Reading' for LoadTestShape: expected one shape; mark"):
        check_one([Up(), Reading()])
