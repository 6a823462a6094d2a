"""The image: lint, its last stage, and that everything it copies exists and is let through by .dockerignore."""

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.deploy.dockerfile import FILE, entrypoint, environment, of, stages
from tests.e2e.harness import ROOT

HADOLINT = str(Path(sys.executable).with_name("hadolint"))


@pytest.mark.skipif(not Path(HADOLINT).exists(), reason="hadolint is among the dev tools only")
def test_hadolint_finds_nothing():
    """Warnings and hints included."""
    found = subprocess.run([HADOLINT, "--no-color", str(FILE)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_bases_are_pinned_by_tag():
    """A tag is required and must not be `latest`; the final base is slim: it has no compiler."""
    bases = [of(stage, "FROM")[0][0] for stage in stages()]
    assert all(base.partition(":")[2] not in ("", "latest") for base in bases)
    assert len(bases) > 1
    assert "-slim" in bases[-1]
    assert not [words for words in of(stages()[-1], "RUN") if {"apt-get", "apt", "gcc"} & set(words)]


def test_the_last_stage_installs_wheels_and_asks_no_registry():
    """The built code is the code that runs."""
    installs = [words for words in of(stages()[-1], "RUN") if "pip" in words]
    assert installs
    assert all("--no-index" in words for words in installs)


def test_it_runs_as_a_number_that_owns_the_results():
    """Kubernetes cannot tell whether a name is root."""
    last = stages()[-1]
    user, group = of(last, "USER")[-1][0].split(":")
    assert user.isdecimal()
    assert user != "0"
    assert any({f"--owner={user}", f"--group={group}", environment()["RESULTS_DIR"]} <= set(w) for w in of(last, "RUN"))
    assert environment()["PYTHONUNBUFFERED"] == "1"
    assert entrypoint() == ["locust"]


def test_what_is_copied_exists_and_is_not_ignored():
    """Nothing else reaches the build: no results, no environment, no history."""
    sources = {word.removeprefix("./") for stage in stages() for words in of(stage, "COPY") for word in words[:-1]}
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    rules = [rule for rule in rules if rule and not rule.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == sources
    assert all((ROOT / source).exists() for source in sources)
    again = [rule for rule in rules[1:] if not rule.startswith("!")]
    assert not [source for source in sources for rule in again if fnmatch(source, rule)]
