"""The limit of open files: raised where allowed, refused with what to set where not, never lowered."""

import resource

import pytest

from fleetlm_users.swarm.host.open_file_limit import allow_users, allow_workers
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.workload.open_files import SPARE_FILES, files_for_users


@pytest.fixture
def limits(monkeypatch):
    """Replace the system's limit by a function that sets (soft, hard); return it with the last limit set."""
    now = {"limits": (0, 0), "refuses": False}

    def setrlimit(_, wanted):
        if now["refuses"]:
            raise ValueError("not allowed to raise maximum limit")
        now["limits"] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: now["limits"])
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    return now


def test_a_high_limit_is_left_alone(limits):
    """Nothing is lowered."""
    limits["limits"] = (50_000, 60_000)
    allow_users(1_000)
    assert limits["limits"] == (50_000, 60_000)


def test_no_limit_at_all_is_left_alone(limits):
    """Infinity is a number of its own."""
    limits["limits"] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    allow_users(1_000_000)
    assert limits["limits"] == (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.mark.parametrize("hard", [files_for_users(5_000), 1_000_000, resource.RLIM_INFINITY])
def test_a_low_soft_limit_is_raised_to_what_is_needed(limits, hard):
    """Up to the hard limit itself."""
    limits["limits"] = (1024, hard)
    allow_users(5_000)
    assert limits["limits"] == (files_for_users(5_000), hard)


def test_a_low_hard_limit_is_refused_and_says_what_to_set(limits):
    """Shell, systemd and compose, with the number."""
    limits["limits"] = (1024, 4096)
    with pytest.raises(StartupError) as refused:
        allow_users(12_000)
    assert refused.value.exit_code == 2
    for said in ("12,000 users", "4096", "ulimit -n 13224", "LimitNOFILE=13224", "nofile: 13224", "--processes"):
        assert said in str(refused.value)
    assert limits["limits"] == (1024, 4096)


def test_a_system_that_does_not_let_it_be_raised_is_refused(limits):
    """It holds whatever the hard limit is."""
    limits.update(limits=(1024, resource.RLIM_INFINITY), refuses=True)
    with pytest.raises(StartupError, match="the limit is 1024"):
        allow_users(5_000)


def test_a_master_needs_one_for_each_worker(limits):
    """Its users live elsewhere."""
    limits["limits"] = (256, 1024)
    allow_workers(500)
    assert limits["limits"] == (500 + SPARE_FILES, 1024)
    with pytest.raises(StartupError, match="a master of 2,000 workers"):
        allow_workers(2_000)
