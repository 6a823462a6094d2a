"""The shell parts of the CI files, run as CI would: with its variables, and locust replaced by a fake."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.cli.histories import scaled
from tests.cli.summaries import made
from tests.fork_server.client import can_fork, server_of

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "ci/github/action.yml").read_text())
KEEPS = "github.event_name == 'schedule' || github.ref_name == github.event.repository.default_branch"
TEMPLATE = yaml.safe_load((ROOT / "ci/gitlab/fleetlm-bench.yml").read_text())


class Job:
    """A folder in which jobs of one repository run one after the other; `codes` are those that locust ends with."""

    def __init__(self, folder):
        self.folder = folder
        self.fake = folder / "fake"
        self.work = folder / "work"
        self.temp = folder / "temp"
        self.bin = self.temp / "fleetlm-venv" / "bin"
        for path in (self.fake, self.work, self.bin):
            path.mkdir(parents=True)
        fakes = {"locust": "fake_locust.py", "fleetlm-bench": "forked_bench.py", "python3": ""}
        for name, script in fakes.items():
            words = f"-I -S {ROOT}/tests/ci/{script}" if script else ""
            (self.bin / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
            (self.bin / name).chmod(0o755)
        if can_fork():
            server_of("bench")  # which lives as long as this process has a connection to it
        self.plan("0")

    def plan(self, *codes, factor=1.0):
        """Plan the outcomes of the next runs; `factor` multiplies the latency."""
        (self.fake / "codes").write_text("\n".join(codes))
        (self.fake / "summary.json").write_text(json.dumps(scaled(made(), factor)))

    @property
    def calls(self):
        """The arguments of each run."""
        calls = self.fake / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []

    def environment(self, **more):
        """A job's environment, without what the machine's own CI may have set."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI_", "FLEETLM_"))
        }
        return kept | {"FAKE_FOLDER": str(self.fake), "COLUMNS": "80", **more}

    def github(self, *, on_default_branch=False, keep_results=False, **inputs):
        """Runs the action's step `Run`, and returns the process, its outputs and the page of the job."""
        step = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "run")
        values = {name: spec["default"] for name, spec in ACTION["inputs"].items()} | inputs
        variables = {name: _filled(text, values, on_default_branch) for name, text in step["env"].items()}
        output, page = self.folder / "output", self.folder / "page.md"
        output.write_text("")
        page.write_text("")
        variables |= {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(page)}
        variables |= {"GITHUB_ACTION_PATH": str(ROOT / "ci/github"), "RUNNER_TEMP": str(self.temp)}
        done = self._bash(step["run"], variables, keep_results=keep_results)
        return done, dict(line.split("=", 1) for line in output.read_text().splitlines()), page.read_text()

    def gitlab(self, *, branch="change", **variables):
        """Runs the template's script behind clone and installation."""
        job = TEMPLATE[".fleetlm-bench"]
        for name, target in ((".fleetlm-locust", ROOT), (".fleetlm-venv", self.temp / "fleetlm-venv")):
            if not (self.work / name).exists():
                (self.work / name).symlink_to(target)
        given = job["variables"] | variables
        given |= {"CI_PROJECT_DIR": str(self.work), "CI_COMMIT_BRANCH": branch, "CI_DEFAULT_BRANCH": "main"}
        return self._bash("\n".join(job["script"][2:]), given)

    def _bash(self, script, variables, *, keep_results=False):
        if not keep_results:
            shutil.rmtree(self.work / "fleetlm-results", ignore_errors=True)
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script], cwd=self.work, env=self.environment(**variables),
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip


def _filled(text, inputs, on_default_branch):
    """A variable of the step with the value of its one expression."""
    expression = text.removeprefix("${{").removesuffix("}}").strip()
    if expression.startswith("inputs."):
        return inputs[expression.removeprefix("inputs.")]
    assert expression == KEEPS
    return "true" if on_default_branch else "false"
