"""Containers as processes: their very commands and environments, with hosts and ports of one machine's loopback."""

import contextlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.deploy import dockerfile
from tests.e2e.harness import ROOT, eventually, free_port

BIN = Path(sys.executable).parent
WAIT_S = 90.0


class Containers:
    """The services of a compose file as processes below a folder, on free ports; all are ended with the block."""

    def __init__(self, compose, folder):
        self.compose = compose
        self.results = folder / "results"
        self._work = folder / "load-tests"
        for words in dockerfile.of(dockerfile.stages()[-1], "COPY"):
            shutil.copytree(ROOT / words[0], self._work / words[-1])
        self.ports = {port: free_port() for port in ("4000", "4001", "5557", "8089")}
        self._running = []
        self._outputs = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(60)
        for output in self._outputs:
            output.close()

    def start(self, name, log):
        """Starts one container of a service, its output into a file."""
        output = log.open("w")
        self._outputs.append(output)
        words = self.compose.argv(name, entrypoint=dockerfile.entrypoint())
        process = self._spawn(name, [*words, *self._on_own_port(name)], stdout=output, stderr=subprocess.STDOUT)
        self._running.append(process)
        return process

    def await_health(self, name):
        """Runs a service's own health check until it passes."""
        kind, *words = self.compose.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        eventually(lambda: self._spawn(name, words).wait(60) == 0, f"{name} is healthy", WAIT_S)

    def _spawn(self, name, words, **pipes):
        environment = {**dockerfile.environment(), **self.compose.environment(name)}
        here = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(self._work), "RESULTS_DIR": str(self.results)}
        pipes = pipes or {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(
            [self._here(word) for word in words],
            cwd=self._work,
            env={key: self._here(value) for key, value in environment.items()} | here,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **pipes,
        )

    def _here(self, text):
        """A word with the names and ports of the containers' network turned into this machine's."""
        hosts = "|".join([*self.compose.services, "target", "0.0.0.0"])
        text = re.sub(rf"(?<=//)({hosts})(?=:)|^({hosts})$", "127.0.0.1", text)
        return re.sub(rf"\b({'|'.join(self.ports)})\b", lambda found: self.ports[found[0]], text)

    def _on_own_port(self, name):
        """Locust's ports, which a command leaves at their defaults, since a container has them to itself."""
        if name == "worker":
            return ["--master-port", self.ports["5557"]]
        if name in ("master", "headless"):
            return ["--master-bind-port", self.ports["5557"], "--web-port", self.ports["8089"]]
        return []
