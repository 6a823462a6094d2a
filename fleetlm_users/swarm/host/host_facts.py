"""Facts about the machine, its limits, and the versions of everything that shaped the numbers."""

import os
import platform
import re
import resource
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
import psutil

from fleetlm_users import __version__

PACKAGES = ("locust", "gevent", "greenlet", "websocket-client", "wsaccel", "orjson", "geventhttpclient", "hdrhistogram")
GIT_S = 2.0

CI_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA")
SHORT_COMMIT = 12  # as long as those from _git_commit
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


class HostFacts(msgspec.Struct, frozen=True):
    """The facts that reports state about the generator's machine and software; both parts can be written as JSON."""

    facts: dict[str, Any]
    versions: dict[str, str]


def this_host() -> HostFacts:
    """Return the facts of this machine. Call it before a run: a Ctrl-C in a terminal would end its `git` as well."""
    return HostFacts(host_facts(), versions())


def host_facts() -> dict[str, Any]:
    """Return machine, kernel and limits of this process, in values that JSON knows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "hostname": platform.node(),
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "open_files_soft": soft,
        "open_files_hard": hard,
    }


def versions() -> dict[str, str]:
    """Return the versions of this package, Python and the packages that matter, and the commits that are known:
    `git_commit` of the source tree this package runs from, `commit` of what a CI job was started for.
    """
    by_package = {"fleetlm-locust": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            by_package[package] = version(package)
        except PackageNotFoundError:
            continue
    commit = _git_commit()
    by_package |= {"git_commit": commit} if commit else {}
    tested = _ci_commit(os.environ)
    return by_package | ({"commit": tested} if tested else {})


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor()  # which runs `uname` in a process of its own, so it comes last


def _ci_commit(environment: Mapping[str, str]) -> str:
    """Return the commit that GitHub Actions or GitLab CI name for the job; empty elsewhere."""
    commits = (environment.get(name, "") for name in CI_COMMITS)
    return next((commit[:SHORT_COMMIT] for commit in commits if _COMMIT.fullmatch(commit)), "")


def _git_commit() -> str:
    """Return the commit of the source tree this package runs from; empty for an installed package."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    folder = Path(__file__).resolve().parents[3]
    if not (folder / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", timeout=GIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
