"""Real processes for end-to-end tests: a stand-in, an echo agent, locust itself; each is ended by its owner."""

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema.validators
import requests

from fleetlm_users.cli.schema.documents import KINDS, check_types, published
from fleetlm_users.earlier_runs.result_folders import read_run
from tests import ports
from tests.e2e.calm import calm
from tests.fork_server.client import can_fork, python

ROOT = Path(__file__).resolve().parents[2]
LOCUST = [sys.executable, "-m", "locust"]
READY = re.compile(r"ready on (http://\S+)")
WAIT_S = 60.0
END_S = 240.0
"""How long a run of seconds may take to its end before that counts as a hang, on however busy a machine."""
POLL_S = 0.05


def eventually(condition, what, wait_s=WAIT_S, poll_s=POLL_S):
    """Waits until `condition()` is true and returns it; fails with `what` otherwise."""
    deadline_s = time.monotonic() + wait_s
    pause = threading.Event()
    while time.monotonic() < deadline_s:
        found = condition()
        if found:
            return found
        pause.wait(poll_s)
    raise AssertionError(f"not within {wait_s:g} s: {what}")


def clean_env(**extra):
    """The environment without any option of ours in it."""
    ours = {"API_URL", "WS_URL", "AGENT_URL", "AGENT_ID", "RUN_ID", "PRESET", "VUS", "DURATION", "THRESHOLD", "DEBUG"}
    kept = {key: value for key, value in os.environ.items() if key not in ours and not key.startswith("LOCUST_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


def in_one_line(text):
    """The words of a text with single spaces between them."""
    return " ".join(text.split())


class Server:
    """A child that prints one ready line with its URL."""

    def __init__(self, *command):
        arguments = [*map(str, command), "--port", "0", "--exit-with-parent"]
        self.process = python("standin", arguments, cwd=ROOT, env=clean_env(), stdin=subprocess.PIPE)
        line = self.process.stdout.readline()
        found = READY.search(line)
        assert found, f"{command}: {line!r}"
        self.url = found[1]

    def stop(self):
        """Ends it and returns its exit code."""
        self.process.terminate()
        code = self.process.wait(60)
        self.process.stdin.close()
        self.process.stdout.close()
        return code


class Standin(Server):
    """The stand-in, with its counters and faults."""

    def __init__(self, *flags):
        super().__init__("-m", "fleetlm_users.standin", *flags)
        self.api_url = f"{self.url}/api"
        self.ws_url = f"{self.url.replace('http', 'ws', 1)}/socket/websocket"

    def counters(self, run_id=None):
        """What it counted itself, for all runs or for one."""
        found = requests.get(f"{self.url}/standin/counters", timeout=60).json()
        return found if run_id is None else found["runs"][run_id]

    def await_leaving(self):
        """Waits until it has seen everybody leave, as a run must bring about: what it counts is at rest then."""
        eventually(lambda: self.counters()["connections_now"] == 0, "nobody is left behind on the stand-in")

    def faults(self, **faults):
        """Changes its faults while it runs."""
        answer = requests.post(f"{self.url}/standin/faults", json=faults, timeout=60)
        assert answer.status_code == 200, answer.text


class Agent(Server):
    """The echo agent."""

    def __init__(self, *flags):
        super().__init__("echo_agent.py", *flags)


@dataclass
class Finished:
    """A locust process that has ended."""

    code: int
    output: str
    results: Path
    summary: dict = field(default_factory=dict)

    @property
    def said(self):
        """What it printed as one line of words: where a sentence is broken depends on the numbers in it."""
        return in_one_line(self.output)

    def accounting(self, phase="all", scenario=None):
        """The accounting of the run."""
        found = self.summary["accounting"][phase]
        return found["scenarios"][scenario] if scenario else found["all"]

    def count(self, metric, *phases):
        """One counter, of both phases unless told otherwise."""
        found = self.summary["metrics"].get(metric, {})
        return sum(found[phase]["all"]["count"] for phase in phases or ("main", "warm_up") if phase in found)


class Locust:
    """A locust process, ended at the latest when its owner leaves the block.

    `forked` False makes it a process of its own from its first instruction on, where its very start is what counts.
    `calmly` False leaves latencies, lateness and waits for connections to the preset's bounds and the defaults, and so
    the backlogs at the end.
    """

    def __init__(
        self,
        tmp_path,
        *arguments,
        locustfile="locustfiles/mixed.py",
        env=None,
        headless=True,
        open_files=None,
        forked=True,
        calmly=True,
    ):
        self.results = tmp_path / "results"
        command = [*(["--headless"] if headless else []), "-f", locustfile, "--results-dir", str(self.results)]
        env = {**(calm(benchmark_of(locustfile), arguments) if calmly else {}), **(env or {})}
        self.process = python(
            "locust",
            ["-m", "locust", *command, *map(str, arguments), *own_port(arguments)],
            cwd=ROOT,
            env=clean_env(**env),
            forked=forked and open_files is None and can_fork(env),
            behind=limited(open_files),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)
        self._reader.join(60)
        self.process.stdout.close()

    def _read(self):
        for line in self.process.stdout:
            self._lines.append(line)

    @property
    def output(self):
        """Everything it has printed so far."""
        return "".join(self._lines)

    def interrupt(self, number=signal.SIGINT, group=False):
        """Ctrl-C (to the whole group, as a terminal does) or another signal."""
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def finish(self, wait_s=END_S):
        """Waits for its end; the summary is empty when none was written."""
        code = self.process.wait(wait_s)
        self._reader.join(60)
        return Finished(code, self.output, self.results, newest_summary(self.results))


def benchmark_of(locustfile):
    """The benchmark that a locustfile, or the first of several, is of by its name."""
    return Path(str(locustfile).split(",")[0]).stem


def own_port(arguments):
    """A master port of its own for a run with `--processes`: workers of runs side by side must not mix."""
    if "--processes" not in arguments or {"--master-port", "--master-bind-port"} & set(arguments):
        return []
    port = free_port()
    return ["--master-port", port, "--master-bind-port", port]


def limited(open_files):
    """A command that runs the one behind it with this (soft, hard) limit of open files; none for None."""
    if open_files is None:
        return []
    soft, hard = open_files
    return ["sh", "-c", f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "$@"', "sh"]


@functools.cache
def schema_of(kind):
    """The published schema of a document, checked once: that takes longer than most documents."""
    schema = json.loads(published(kind))
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    return validator(schema)


def newest_summary(results):
    """The summary of the newest run below a results folder, or {}. `fleetlm-bench` must be able to read it, and it and
    run.json must keep the published schemas.
    """
    found = sorted(results.glob("*/summary.json"))
    if found:
        check_types(json.loads(json.dumps(read_run(found[-1]).summary)))
        written = {kind: found[-1].parent / f"{kind.name}.json" for kind in KINDS.values()}
        if not all(path.exists() for path in written.values()):
            return {}  # the run is still being written
        for kind, path in written.items():
            schema_of(kind).validate(json.loads(path.read_text()))
    return json.loads(found[-1].read_text()) if found else {}


def free_port():
    """A free port, as a flag's text."""
    return str(ports.free_port())


def targets(standin, agent=None):
    """The flags that point locust at these servers."""
    flags = ["--api-url", standin.api_url, "--ws-url", standin.ws_url]
    return [*flags, "--agent-url", agent.url] if agent else flags
