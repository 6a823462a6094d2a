"""A coordinator's process as far as its parts see it: no network, no users, results in a folder of the test."""

from argparse import Namespace
from pathlib import Path

from locust.env import Environment

from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.coordinator.preparation import Prepared
from fleetlm_users.swarm.host.host_facts import HostFacts
from tests.swarm.runners import LocalRunner
from tests.swarm.samples import benchmark, options


class ServerMetrics:
    """A server that nobody asks for its metrics."""

    def __init__(self):
        self.calls = []

    def begin(self, _connections, _judged_from_s):
        self.calls.append("begin")

    def reset(self):
        self.calls.append("reset")

    def stop(self):
        self.calls.append("stop")

    def to_json(self):
        return []


class Console:
    """Keeps its lines."""

    def __init__(self):
        self.said = []
        self.fits = lambda _line: True

    def say(self, text):
        self.said.append(text)

    def clear(self):
        """Nothing to clear."""

    def show_progress(self, line):
        """Nothing to show: a second is long."""


class Workers:
    """Processes that do what a run tells them, and write it down."""

    has_ramped_up, expected, final, lost = False, 1, 1, ()

    def __init__(self):
        self.calls = []
        self.reasons = []

    def begin(self, run):
        self.run = run
        self.calls.append("begin")

    def gone(self, _processes):
        return set()

    def doubts(self):
        return self.reasons

    def __getattr__(self, name):
        return lambda *_: self.calls.append(name)


class UserControl:
    """Control of users for a run without a load shape."""

    is_shape_done = False

    def begin(self, target, plan):
        """Nothing to control."""

    def end(self):
        """Nothing spawns."""

    def doubts(self):
        return ()


def prepared(folder: Path, thresholds: str = "messages_lost: count<1", **raw) -> Prepared:
    """A run that may begin, with results in that folder."""
    judged = parse_thresholds(thresholds.split(";"))
    return Prepared(options(results_dir=str(folder), **raw), judged, ServerMetrics(), HostFacts({}, {}))


def process(runner=None, **parsed):
    """Locust's environment of a process with the sample benchmark, and our context on it."""
    given = {"headless": True, "autostart": False, "autoquit": -1, "html_file": None, "json_file": None}
    given |= {"csv_prefix": None, "json": False, "user_classes": [], "num_users": None, "run_time": None}
    given |= {"spawn_rate": None, "logfile": None, "class_picker": False, "processes": None, "expect_workers": 1}
    environment = Environment(parsed_options=Namespace(**given | parsed))
    context = BenchmarkContext(environment, benchmark())
    environment.runner = LocalRunner() if runner is None else runner
    return environment, context
