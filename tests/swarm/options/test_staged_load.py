"""A run in stages: the ticks that Locust gets, and settings that contradict stages."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from locust import LoadTestShape

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.options import staged_load
from fleetlm_users.swarm.options.staged_load import StagedLoad, check_staged, order_after
from fleetlm_users.workload.plan import check_beside_stages
from fleetlm_users.workload.stages.notation import timetable_of
from tests.swarm.samples import benchmark, options

STAGES = "up=4s:9,hold=3s:9,0s:18,peak=3s:18,down=3s:3"


class Clock(StagedLoad):
    """A load with a clock of its own, which its waiting moves on."""

    now_s = 0.0

    def get_run_time(self):
        return self.now_s


@pytest.fixture
def load(monkeypatch):
    clock = Clock()

    def sleep(wait_s):
        clock.now_s += wait_s

    monkeypatch.setattr(staged_load, "gevent", SimpleNamespace(sleep=sleep))
    return clock


def ticks(load, late_s=0.0):
    seen = []
    while (tick := load.tick()) is not None:
        seen.append((load.now_s, *tick))
        load.now_s += late_s
    return seen


def test_each_change_comes_at_its_second(load):
    """The rate starts or stops all of them at once."""
    load.follow(timetable_of(("up=2s:4", "hold=3s:4", "down=2s:1")))
    assert ticks(load) == [(0, 0, 1), (1, 2, 2), (2, 4, 2), (6, 3, 1)]
    assert load.now_s == 7


def test_a_tick_that_comes_late_asks_for_what_is_due_now(load):
    """Missed changes are skipped; the end does not move."""
    load.follow(timetable_of(("up=10s:10",)))
    assert [(at, users) for at, users, _ in ticks(load, late_s=2.5)] == [(0, 0), (2.5, 2), (5, 5), (7.5, 7)]
    load.follow(timetable_of(("up=1s:1",)))
    load.now_s = 0.0
    assert ticks(load) == [(0, 0, 1)]


def test_a_plan_in_stages():
    """Users of the peak in the preset's proportion, the length of the stages, no warm-up unless it is given."""
    plan = options(stages=STAGES).plan
    assert (plan.users, plan.duration_s, plan.warm_up_s) == ({"long_lived": 10, "burst": 5, "churn": 3}, 13.0, 0.0)
    assert plan.phase_at(0.5) == "main:up"
    warmed = options(stages=STAGES, warm_up="2s").plan
    assert [warmed.phase_at(moment) for moment in (1.9, 2.0, 12.9)] == ["warm_up", "main:up", "main:down"]


def test_the_next_users_are_those_that_stand_next_in_the_order():
    """After some were taken away."""
    given = options(stages=STAGES)
    whole = list(order_after(benchmark(), given, 0))
    assert list(order_after(benchmark(), given, 7)) == whole[7:]


@pytest.mark.parametrize("beside", [{"vus": "5"}, {"duration": "5s"}, {"ramp_up": "5s"}])
def test_what_stages_decide_is_not_said_twice(beside):
    """A sentence names the setting."""
    with pytest.raises(UsageError, match=r"no value with --stages \(STAGES\)"):
        options(stages=STAGES, **beside)
    check_beside_stages({"-u": None})


def test_whatever_else_sets_users_is_refused():
    """Examples are a shape, a class picker, and a benchmark that ends by itself."""
    given = options(stages=STAGES)

    class Own(LoadTestShape):
        def tick(self):
            return None

    with pytest.raises(UsageError, match="LoadTestShape Own"):
        check_staged(given, benchmark(), Own(), class_picker=False)
    with pytest.raises(UsageError, match="class-picker"):
        check_staged(given, benchmark(), None, class_picker=True)
    with pytest.raises(UsageError, match="ends when all users have done their work"):
        check_staged(given, replace(benchmark(), is_finite=lambda _: True), None, class_picker=False)
    check_staged(given, benchmark(), None, class_picker=False)
