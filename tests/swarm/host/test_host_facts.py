"""What ran where, as plain data."""

import json

import pytest

from fleetlm_users.swarm.host.host_facts import host_facts, this_host, versions


def test_facts_are_json_and_name_what_shapes_numbers():
    """Cores, memory, kernel, limits."""
    facts = host_facts()
    assert json.dumps(facts)
    assert facts["cores"] >= 1
    assert facts["memory_bytes"] > 0
    assert {"kernel", "cpu", "open_files_soft", "open_files_hard"} <= facts.keys()


def test_versions_hold_what_the_client_is_made_of():
    """A result must be repeatable."""
    assert {"fleetlm-locust", "python", "locust", "gevent", "websocket-client"} <= versions().keys()


def test_a_host_is_asked_once_for_both():
    """It happens when a run starts: at its end, a signal might reach the child processes."""
    host = this_host()
    assert host.facts.keys() == host_facts().keys()
    assert host.versions == versions()


@pytest.mark.parametrize("name", ["GITHUB_SHA", "CI_COMMIT_SHA"])
def test_the_commit_of_a_ci_job_is_kept(monkeypatch, name):
    """It is shortened; a text that is not a commit is ignored."""
    for other in ("GITHUB_SHA", "CI_COMMIT_SHA"):
        monkeypatch.delenv(other, raising=False)
    assert "commit" not in versions()
    monkeypatch.setenv(name, "0123456789abcdef" * 2)
    assert versions()["commit"] == "0123456789ab"
    monkeypatch.setenv(name, "main; rm -rf")
    assert "commit" not in versions()
