"""The formula for open files: the same for `fleetlm-bench plan` and for the run."""

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.cli.plan.costs import Costs, Demand, Machines
from fleetlm_users.cli.plan.sizing import size_load
from fleetlm_users.client.http.fleetlm_api import DEFAULT_CONCURRENCY
from fleetlm_users.swarm.host.open_file_limit import allow_users, allow_workers
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.workload.open_files import REST_CONNECTIONS, SPARE_FILES, files_for_users, users_per_process


@pytest.mark.parametrize("sessions", [1, 900, 10_000, 250_000, 10_000_000])
def test_the_plan_asks_for_exactly_what_the_run_needs(monkeypatch, sessions):
    """A limit as planned is enough for each worker and for the master; one file less is refused."""
    plan = size_load(Demand(sessions, 0.033), Costs(sessions_per_worker=10_000), Machines())
    files = {step.section: int(step.value) for step in plan.steps if step.name.startswith("open files")}
    share = users_per_process(sessions, plan.workers)
    for needed, allow in (
        (files["sockets"], lambda: allow_users(share)),
        (files["master"], lambda: allow_workers(plan.workers)),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda _, needed=needed: (needed, needed))
        allow()
        monkeypatch.setattr(resource, "getrlimit", lambda _, needed=needed: (needed - 1, needed - 1))
        with pytest.raises(StartupError):
            allow()


def test_ten_thousand_users_in_a_process():
    """A socket each, 1,024 REST connections, 200 to spare."""
    assert files_for_users(10_000) == 11_224


def test_the_rest_pool_is_as_large_as_assumed_here():
    """The package knows no sockets, so it repeats the number."""
    assert REST_CONNECTIONS == DEFAULT_CONCURRENCY


@given(st.integers(0, 10**6), st.integers(1, 1000))
def test_shares_cover_all_users_and_files_grow_with_them(users, processes):
    """No process gets more than its share; one socket each is always in it."""
    share = users_per_process(users, processes)
    assert share * processes >= users > (share - 1) * processes - 1
    assert files_for_users(share) >= share + SPARE_FILES
    assert files_for_users(share + 1) > files_for_users(share)
