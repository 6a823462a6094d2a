"""A fleet of hosts, each with a network of its own: FleetLM and its agent, a master, two machines of workers."""

from contextlib import ExitStack

import pytest

from tests.e2e.benchmarks import SHORT_RAMP, check_accounting
from tests.e2e.harness import Agent, Locust, Standin, targets
from tests.e2e.layouts import SEED, check_percentiles, figures, in_one, told, worker
from tests.e2e.namespaces import network

pytestmark = pytest.mark.e2e

BENCHMARK = "session_lifecycle"
USERS, ITERATIONS, MESSAGES = 9, 3, 3
LIVES = ["-u", USERS, "--iterations", ITERATIONS]
PORT = ["--master-port", "5557"]
WORKERS = 4


def run_on(hosts, tmp_path, standin, agent):
    """A run as docs/distributed.md has it, on hosts; the ended master."""
    address = hosts["master"].address
    headed = ["--master", "--master-bind-host", address, "--expect-workers", WORKERS]
    flags = [*targets(standin, agent), *SHORT_RAMP, *SEED, *headed, *LIVES]
    at = ["--master-host", address, *PORT, "--processes", WORKERS // 2]
    with ExitStack() as stack:
        with hosts["master"]:
            master = stack.enter_context(Locust(tmp_path, *flags, locustfile=f"locustfiles/{BENCHMARK}.py"))
        with hosts["workers-a"]:
            one = stack.enter_context(worker(tmp_path, BENCHMARK, *at))
        with hosts["workers-b"]:
            other = stack.enter_context(worker(tmp_path, BENCHMARK, *at))
        finished = master.finish()
        ended = [one.finish(), other.finish()]
    assert [each.code for each in ended] == [0, 0], "".join(each.output for each in ended)
    return finished


def test_a_fleet_counts_what_one_process_counts(tmp_path, standin_with, agent_with):
    """Every count is the server's own and the same as on one machine, user by user and word by word."""
    with network("server", "master", "workers-a", "workers-b") as hosts, ExitStack() as servers:
        with hosts["server"] as host:
            agent = Agent("--host", host.address)
            servers.callback(agent.stop)
            standin = Standin("--host", host.address)
            servers.callback(standin.stop)
        finished = run_on(hosts, tmp_path / "fleet", standin, agent)
        with hosts["server"]:
            truth = check_accounting(finished, standin)
            users = told(standin, USERS)
    assert finished.code == 0, finished.output
    assert truth["sends_received"] == truth["messages_appended_agent"] == USERS * ITERATIONS * MESSAGES
    assert truth["sessions_deleted"] == USERS * ITERATIONS
    assert len(finished.summary["workers"]) == WORKERS
    assert check_percentiles(finished) > 5

    here, agent = standin_with(), agent_with()
    alone = in_one(tmp_path / "alone", here, BENCHMARK, *LIVES, "--agent-url", agent.url)
    assert told(here, USERS) == users
    assert figures(alone) == figures(finished)
