"""A preset is exactly what Locust runs: counts per class, time, rate."""

from argparse import Namespace

from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import WorkerNode

from fleetlm_users.swarm.plan_on_locust import asked_of, impose
from tests.swarm.samples import benchmark, options


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
