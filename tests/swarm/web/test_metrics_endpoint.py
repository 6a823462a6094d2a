"""The run for Prometheus: read at each scrape, on the web UI's page and on a port of its own."""

import socket
from argparse import Namespace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import gevent
import pytest

from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.swarm.web.metrics_endpoint import RunCollector, serve_metrics
from tests.ports import free_port
from tests.swarm.web.runs import Coordinator


@pytest.fixture
def coordinator():
    """One with a run."""
    made = Coordinator()
    made.run()
    return made


def samples(collector):
    """The values of all samples without labels, and of those with any by name alone."""
    return {sample.name: sample.value for family in collector.collect() for sample in family.samples}


def test_a_scrape_reads_the_run_as_it_is(coordinator):
    """Users, times and whether it goes on; this very process's newest figures first."""
    collector = RunCollector(coordinator, is_search=False)
    values = samples(collector)
    assert values["fleetlm_run_active"] == 1
    assert values["fleetlm_run_planned_seconds"] == 60
    assert coordinator.refreshes == 1
    coordinator.end()
    values = samples(collector)
    assert values["fleetlm_run_active"] == 0
    assert coordinator.refreshes == 2


def test_before_the_first_run_a_scrape_has_no_run(coordinator):
    """The page still answers."""
    coordinator.shown = None
    assert samples(RunCollector(coordinator, is_search=False)) == {"fleetlm_build_info": 1, "fleetlm_run_active": 0}


def test_a_search_shows_no_thresholds_while_it_goes_on(coordinator):
    """They judge its steps, not all of them together."""
    assert "fleetlm_threshold_bound" in samples(RunCollector(coordinator, is_search=False))
    assert "fleetlm_threshold_bound" not in samples(RunCollector(coordinator, is_search=True))


def options(port):
    """Return the options read from the command line."""
    return Namespace(metrics_port=port, metrics_host="127.0.0.1", web_allowed_hosts=None)


def test_without_a_port_there_is_no_server(coordinator):
    """It is an option."""
    assert serve_metrics(options(None), RunCollector(coordinator, is_search=False)) is None


def test_the_port_answers_any_path_with_the_same_numbers(coordinator):
    """A scrape has no login and changes nothing."""
    port = free_port()
    server = serve_metrics(options(port), RunCollector(coordinator, is_search=False))
    try:
        answers = [fetched(port, path) for path in ("/", "/metrics")]
    finally:
        server.stop()
    assert all(b"fleetlm_run_active 1.0" in answer for answer in answers)


def test_a_taken_port_is_refused_with_an_example(coordinator):
    """Before the run, in a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(StartupError, match=r"--metrics-port \(METRICS_PORT\)") as refused:
            serve_metrics(options(port), RunCollector(coordinator, is_search=False))
    assert str(port) in str(refused.value)
    assert refused.value.exit_code == 2


def fetched(port, path):
    """The body of an answer, read in another thread: the server runs in this one."""

    def fetch():
        try:
            with urlopen(Request(f"http://127.0.0.1:{port}{path}"), timeout=60) as answer:
                return answer.read()
        except HTTPError as problem:
            return problem.read()

    return gevent.get_hub().threadpool.apply(fetch)
