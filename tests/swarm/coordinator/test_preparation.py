"""A run is prepared from the command line or from the form; each step can refuse it before it begins."""

import subprocess
from dataclasses import replace

import pytest
from werkzeug.datastructures import MultiDict

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.coordinator.preparation import Preparation
from fleetlm_users.swarm.host.local_servers import LocalServerUrls
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.workload.options.durability import CrashPlan
from tests.swarm.coordinator.scenes import process
from tests.swarm.samples import benchmark


class Unreachable:
    """A target that is not there."""

    fatal = True

    def text(self):
        return "FleetLM (http://h): nobody listens there"


class Warned:
    """A target with something to say."""

    fatal = False
    protocol = "early"

    def text(self):
        return "the agent does not answer"


def preparation(folder, changed=None, **parsed):
    """Return a preparation with the sample benchmark, and the list of its messages."""
    environment, _ = process(no_results=False, results_dir=str(folder), presets_file="", preset="light", **parsed)
    said = []
    made = Preparation(environment, BenchmarkContext(environment, changed or benchmark()), said.append)
    return made, said


@pytest.fixture(autouse=True)
def no_bound_tables(monkeypatch):
    """The fakes of Locust's runner have no tables."""
    monkeypatch.setattr("fleetlm_users.swarm.context.bound_tables", lambda _: None)


def test_the_command_line_is_prepared_and_imposed_on_locust(tmp_path):
    """Locust reads its users, rate and time from the parsed options."""
    made, _ = preparation(tmp_path)
    prepared = made.by_command_line()
    assert prepared.options.plan.preset == "light"
    assert prepared.thresholds
    assert made.parsed.num_users == prepared.options.plan.total_users == 18
    assert not list(tmp_path.iterdir())  # tried, and left as it was


@pytest.mark.parametrize(
    ("parsed", "words"),
    [
        ({"duration": "soon"}, "soon"),
        ({"threshold": "no_such_metric: count<1"}, "no_such_metric"),
        ({"junit": "/dev/null/report.xml"}, "/dev/null/report.xml"),
    ],
    ids=["an option", "a threshold", "a file"],
)
def test_a_mistake_is_refused_with_the_usage_error_behind_it(tmp_path, parsed, words):
    """The form words it with its own titles."""
    made, _ = preparation(tmp_path, **parsed)
    with pytest.raises(StartupError) as refused:
        made.by_command_line()
    assert refused.value.exit_code == 2
    assert words in str(refused.value)
    assert str(refused.value) == str(refused.value.usage)


def test_the_stand_in_is_started_with_the_options_that_are_passed_on(tmp_path, monkeypatch):
    """Once, for this run and those that follow."""
    started = []

    class PlayedServers:
        def start(self, timeout_s, _tell, arguments):
            started.append((timeout_s, arguments))
            return LocalServerUrls("http://127.0.0.1:9/api", "ws://127.0.0.1:9/socket/websocket", "http://127.0.0.1:8")

    monkeypatch.setattr("fleetlm_users.swarm.coordinator.preparation.LocalServers", PlayedServers)
    chosen = {"standin_like": "early", "standin_options": "--flush-ms 50 --storage-file 'a b'"}
    made, _ = preparation(tmp_path, standin=True, connect_timeout="3s", **chosen)
    assert made.by_command_line().options.api_url == "http://127.0.0.1:9/api"
    made.by_command_line()
    assert started == [(3.0, ["--like", "early", "--flush-ms", "50", "--storage-file", "a b"])]


def test_a_target_that_is_not_there_is_refused_with_another_code(tmp_path):
    """Nobody made a mistake here."""
    made, _ = preparation(tmp_path, benchmark(check=Unreachable))
    with pytest.raises(StartupError, match="nobody listens there") as refused:
        made.by_command_line()
    assert (refused.value.exit_code, refused.value.usage) == (1, None)


def test_what_the_checks_found_is_said(tmp_path):
    """The run begins all the same."""
    made, said = preparation(tmp_path, benchmark(check=Warned))
    made.by_command_line()
    assert said == ["the agent does not answer"]


def test_options_that_contradict_each_other_are_the_benchmarks_to_refuse(tmp_path):
    """Its own check does so."""

    def contradicts(_options):
        raise UsageError("--one", "1", "another than that of --two", "2")

    made, _ = preparation(tmp_path, replace(benchmark(), validate=contradicts))
    with pytest.raises(StartupError, match="--one"):
        made.by_command_line()


def test_a_form_that_is_refused_changes_nothing(tmp_path):
    """Host and options stay the same."""
    made, _ = preparation(tmp_path)
    made.preview()
    before = dict(vars(made.parsed))
    made._environment.host = "http://before"
    form = MultiDict({"host": "http://after", "Thresholds": "no_such_metric: count<1", "user_count": "18"})
    with pytest.raises((StartupError, UsageError)):
        made.by_form(form)
    assert made._environment.host == "http://before"
    assert vars(made.parsed) == before


def test_the_form_previews_the_plan_of_the_command_line(tmp_path):
    """It also previews a preset, as it would be without anything else."""
    made, _ = preparation(tmp_path)
    made.preview()
    assert made.parsed.num_users == 18
    assert made.shown_with("light")["num_users"] == 18
    assert made.shown_with("no such preset") is None


def test_no_form_chooses_the_process_that_is_stopped(tmp_path):
    """The page may be open to others: only who starts Locust says which process of the machine a run may kill."""

    def crash(options):
        pids = tuple(int(text.partition("=")[2]) for text in options.server_pid)
        return CrashPlan("kill", 1.0, pids, (), (), 1.0)

    made, _ = preparation(tmp_path, replace(benchmark(), crash=crash), server_pid=None)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        with pytest.raises(StartupError, match="no web page may choose which process is stopped"):
            made.by_form(MultiDict({"server_pid": str(other.pid)}))
        other.stdin.close()
