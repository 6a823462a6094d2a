"""A preset is exactly what Locust runs: counts per class, time, rate."""

from argparse import Namespace
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust import User
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import MasterRunner, WorkerNode

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.options.locust_plan import asked_of, chosen_by, dispatched_to, impose
from fleetlm_users.swarm.options.parser import options_of
from fleetlm_users.workload.user_numbers import ALONE, slot_of
from tests.swarm.options.test_option_sources import NO_OVERRIDES, Started
from tests.swarm.samples import BEHAVIOURS, benchmark, options


def test_what_nobody_set_was_not_asked():
    """None means: as the preset has it."""
    parsed = Namespace(num_users=None, run_time=None, spawn_rate=None)
    assert asked_of(parsed) == {"num_users": None, "run_time_s": None, "spawn_rate": None}
    assert asked_of(Namespace(num_users=5, run_time=30, spawn_rate=2.0))["run_time_s"] == 30.0


def test_locusts_own_dispatcher_spawns_each_count_exactly():
    """Weights decide nothing, whatever the total."""
    bench = benchmark()
    environment = Environment(user_classes=list(bench.behaviours.values()), parsed_options=Namespace())
    for raw in ({}, {"vus": "7"}, {"burst_vus": "0"}, {"preset": "standard"}):
        plan = options(**raw).plan
        impose(plan, environment, bench)
        workers = [WorkerNode(id=f"w{n}") for n in range(3)]
        dispatcher = UsersDispatcher(worker_nodes=workers, user_classes=environment.user_classes)
        dispatcher.new_dispatch(environment.parsed_options.num_users, 1_000_000)
        *_, last = list(dispatcher)
        for scenario, user_class in bench.behaviours.items():
            assert sum(counts[user_class.__name__] for counts in last.values()) == plan.users[scenario]


def test_a_class_that_is_only_imported_gets_no_user_of_a_search():
    """A search has no counts, so Locust's weights would give it a share of the users."""
    bench = replace(benchmark(), search=lambda _: None)
    base = type("Base", (User,), {"scenario": "base"})
    environment = Environment(user_classes=[base, *bench.behaviours.values()], parsed_options=Namespace())
    impose(options().plan, environment, bench)
    assert environment.user_classes == list(bench.behaviours.values())


@given(st.fixed_dictionaries({name: st.integers(0, 60) for name in BEHAVIOURS}).filter(lambda vus: any(vus.values())),
       st.integers(1, 9), st.integers(1, 50))  # fmt: skip
def test_every_layout_gives_locusts_users_the_same_numbers(vus, workers, rate):
    """Locust itself assigns the users, step by step; each worker numbers those it is told to spawn."""
    asked = options(**{f"{name}_vus": str(count) for name, count in vus.items()})
    bench = benchmark()
    impose(asked.plan, Environment(user_classes=list(bench.behaviours.values()), parsed_options=Namespace()), bench)
    nodes = [WorkerNode(id=f"host{n % 2}_{n}") for n in range(workers)]
    dispatcher = UsersDispatcher(worker_nodes=nodes, user_classes=list(bench.behaviours.values()))
    indexes = {node.id: n for n, node in enumerate(nodes)}
    turns = [indexes[node.id] for node in dispatcher._worker_nodes]
    numberings = {key: bench.numbering(asked, slot_of(n, turns)) for key, n in indexes.items()}
    alone = bench.numbering(asked, ALONE)
    expected = {(name, alone.take(name)) for name in bench.spawn_order(asked)}
    given_out, told = set(), {key: dict.fromkeys(vus, 0) for key in indexes}
    for step in range(rate, asked.plan.total_users + rate, rate):
        dispatcher.new_dispatch(min(step, asked.plan.total_users), 1_000_000)
        for key, counts in next(dispatcher).items():
            spawned = [(name, had) for name, count in counts.items() for had in range(told[key].get(name, 0), count)]
            given_out |= {(name, numberings[key].take(name)) for name, _ in spawned}
            told[key] = counts
    assert given_out == expected
    assert {number for _, number in given_out} == set(range(1, asked.plan.total_users + 1))


def test_the_turns_are_the_dispatchers_own():
    """They are worker indexes; a process without workers has itself, and a run that was not begun has nobody."""

    class Master(MasterRunner):
        greenlet = None

        def __init__(self):
            self.worker_indexes, self.worker_index_max = {}, 0

    master = Master()
    master._users_dispatcher = None
    assert dispatched_to(master) == []
    for name in ("b_1", "a_1", "a_2"):
        master.get_worker_index(name)
    nodes = [WorkerNode(id=name) for name in ("b_1", "a_2", "a_1")]
    master._users_dispatcher = UsersDispatcher(worker_nodes=nodes, user_classes=[type("Some", (User,), {})])
    assert dispatched_to(master) == [1, 0, 2]  # the first of each host, then the second
    assert dispatched_to(None) == [0]


BENCH = benchmark()
LOADED = list(BENCH.behaviours.values())


class Stranger(User):
    """A class from another locustfile."""


def plan(folder, *words, users=None, named=()):
    parsed = Started(folder, *words, bench=BENCH).parsed
    return options_of(parsed, BENCH, None, {**NO_OVERRIDES, "num_users": users}, named or None).plan


def test_the_behaviours_of_the_named_classes_run():
    """They come in the order of reports, however they are named; naming none means all."""
    assert chosen_by(["Churn", "Burst"], LOADED, BENCH) == ("burst", "churn")
    assert chosen_by([], LOADED, BENCH) is None


@pytest.mark.parametrize(("named", "loaded"), [(["Stranger"], [Stranger]), ([], [*LOADED, Stranger])])
def test_a_class_that_the_plan_does_not_know_is_refused(named, loaded):
    """It would get no users, whatever was meant."""
    with pytest.raises(
        UsageError, match=r"invalid value 'Stranger' for user classes \(LOCUST_USER_CLASSES\).*for example Long_Lived"
    ):
        chosen_by(named, loaded, BENCH)


def test_a_behaviour_that_others_are_derived_from_may_stand_in_the_locustfile():
    """Locust loads every class that a file imports."""
    base = type("Base", (User,), {"abstract": False, "scenario": "base"})
    assert chosen_by([], [*LOADED, base], BENCH) is None


@pytest.mark.parametrize(
    ("users", "named", "counts"),
    [
        (None, ("burst", "churn"), {"long_lived": 0, "burst": 5, "churn": 3}),
        (6, ("burst",), {"long_lived": 0, "burst": 6, "churn": 0}),
        (16, ("burst", "churn"), {"long_lived": 0, "burst": 10, "churn": 6}),
    ],
)
def test_the_plan_is_of_the_named_classes_only(tmp_path, users, named, counts):
    """Each with its users of the preset; a total is shared among them."""
    assert plan(tmp_path, users=users, named=named).users == counts


def test_counts_go_with_the_classes_or_are_refused(tmp_path):
    """A count of a class that is not named was meant to run."""
    assert plan(tmp_path, "--churn-vus", 9, named=("churn",)).users["churn"] == 9
    with pytest.raises(UsageError, match=r"invalid value 9 for --churn-vus: .*those of burst"):
        plan(tmp_path, "--churn-vus", 9, named=("burst",))
    with pytest.raises(
        UsageError, match=r"invalid value 'churn' .*the preset has none of this one, for example --churn-vus 5"
    ):
        plan(tmp_path, "--churn-vus", 0, named=("burst", "churn"))
