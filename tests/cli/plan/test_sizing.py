"""The plan's answers follow from its arithmetic, and grow with the load."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.cli.plan.costs import Costs, Demand, Machines
from fleetlm_users.cli.plan.sizing import size_load
from fleetlm_users.errors import UsageError

MILLION = Demand(sessions=1_000_000, rate_per_s=1 / 30)
COSTS = Costs(
    cpu_per_append_us=120,
    cpu_per_open_us=1200,
    cpu_per_heartbeat_us=30,
    memory_per_session_kib=27,
    memory_per_worker_mib=75,
    sessions_per_worker=10_000,
    master_us_per_report=3000,
    bytes_per_report=40_000,
)


def step(plan, section, name):
    (found,) = [step.value for step in plan.steps if (step.section, step.name) == (section, name)]
    return found


def test_a_million_sessions_that_write_twice_a_minute():
    """Checked by hand: 33,333 messages, heartbeats and 1,667 joins a second; 4 + 1 + 2 cores."""
    plan = size_load(MILLION, COSTS, Machines())
    assert step(plan, "load", "messages") == pytest.approx(33_333.3, rel=1e-4)
    assert step(plan, "cpu", "messages") == pytest.approx(4.0)
    assert step(plan, "cpu", "heartbeats") == pytest.approx(1.0)
    assert step(plan, "cpu", "joins in the ramp") == pytest.approx(2.0)
    assert step(plan, "workers", "by CPU") == 14
    assert (plan.workers, plan.machines, plan.sessions_per_machine, plan.source_addresses) == (100, 15, 66_667, 3)
    assert step(plan, "machines", "memory") == pytest.approx(7.32 + 30.52, rel=1e-3)
    assert plan.master_share == pytest.approx(0.1)
    assert step(plan, "master", "workers of one master") == 500
    assert plan.warnings == (
        "each machine needs 3 local addresses, given with --source-ips, or the server more addresses",
    )


@pytest.mark.parametrize(
    ("change", "workers"),
    [
        ({"sessions": 1, "rate_per_s": 0.0}, 1),
        ({"sessions": 100, "rate_per_s": 50.0, "ramp_s": 1e9}, 2),  # 0.6 cores at half a core each
        ({"sessions": 100, "rate_per_s": 50.0, "ramp_s": 1e9, "replies": 0}, 1),  # two frames of three: 0.4 cores
    ],
)
def test_small_loads(change, workers):
    """One worker at least; an agent that does not answer saves a third."""
    assert size_load(replace(MILLION, **change), COSTS, Machines()).workers == workers


def test_memory_can_be_what_is_scarce():
    """The answer is as many machines as the memory of all sessions needs."""
    plan = size_load(MILLION, COSTS, Machines(cores=64, memory_gib=8))
    assert plan.machines == 10  # 37.8 GiB over 4 GiB each


def test_more_targets_need_fewer_source_addresses():
    """A port can be used once per source and target address."""
    assert size_load(MILLION, COSTS, Machines(targets=3)).source_addresses == 1
    assert size_load(MILLION, COSTS, Machines(ports=64_512)).source_addresses == 2


def test_a_master_has_its_limit():
    """It is said before a fleet is rented."""
    plan = size_load(replace(MILLION, sessions=10_000_000), COSTS, Machines())
    assert plan.master_share == pytest.approx(1.0)
    assert "1,000 workers would take 100% of a core on one master" in plan.warnings[0]


def test_a_machine_of_one_core_holds_no_worker():
    """The kernel needs one."""
    with pytest.raises(UsageError, match="--cores-per-machine"):
        size_load(MILLION, COSTS, Machines(cores=1))


demands = st.builds(
    Demand,
    sessions=st.integers(1, 10**9),
    rate_per_s=st.floats(0, 1000),
    replies=st.integers(0, 5),
    ramp_s=st.floats(1, 1e6),
)


@given(demands, st.floats(0, 0.99), st.integers(2, 256))
def test_a_plan_holds_what_it_is_asked_for(demand, headroom, cores):
    """Nothing is over its limit, and more sessions never need less."""
    machines = Machines(cores=cores, headroom=headroom)
    plan = size_load(demand, COSTS, machines)
    busy = sum(step.value for step in plan.steps if step.section == "cpu")
    assert busy / plan.workers <= (1 - headroom) * (1 + 1e-5)
    assert plan.sessions_per_worker <= COSTS.sessions_per_worker
    assert plan.machines * (cores - 1) >= plan.workers
    assert plan.machines * plan.sessions_per_machine >= demand.sessions
    assert plan.source_addresses * machines.ports >= plan.sessions_per_machine
    more = size_load(replace(demand, sessions=2 * demand.sessions), COSTS, machines)
    assert (more.workers, more.machines) >= (plan.workers, plan.machines)


def test_the_late_protocol_takes_more_frames_and_bytes():
    """Checked by hand: a reply, a push twice, four pieces and the answer; a further frame costs what it is said to."""
    demand = Demand(sessions=1000, rate_per_s=1.0, message_bytes=100, protocol="late")
    costs = replace(COSTS, cpu_per_further_frame_us=10)
    early, late = (size_load(each, costs, Machines()) for each in (replace(demand, protocol="early"), demand))
    assert [step(each, "load", "frames") for each in (early, late)] == [3000, 9000]
    assert step(late, "cpu", "messages") - step(early, "cpu", "messages") == pytest.approx(1000 * 6 * 10 / 1e6)
    into = 93 + 2 * 385 + 510 + 4 * 136 + 100 + 9 * 66
    beats = 1000 / 30 * (66 + 66)
    assert step(late, "network", "from the server") == pytest.approx((1000 * into + beats) / (1e6 / 8))
    silent = size_load(replace(demand, replies=0, chunks=0), costs, Machines())
    assert step(silent, "load", "frames") == 4000
