"""Kernel settings follow the plan, and never take away what a machine already has."""

from fleetlm_users.cli.plan.costs import Costs, Demand, Machines
from fleetlm_users.cli.plan.kernel import generator_settings, server_settings
from fleetlm_users.cli.plan.sizing import size_load


def settings_of(make, sessions, **demand):
    plan = size_load(Demand(sessions, 0.033, **demand), Costs(sessions_per_worker=10_000), Machines())
    return {setting.name: setting.value for setting in make(plan)}


def test_a_machine_with_workers():
    """66,667 sockets on each of 15 machines, two pages each."""
    settings = settings_of(generator_settings, 1_000_000)
    assert settings["net.ipv4.tcp_mem"] == "133334 266668 400002"
    assert settings["net.netfilter.nf_conntrack_max"] == "262144"
    assert "fs.nr_open" not in settings  # 11,224 files are far below what Linux allows


def test_the_server_takes_a_second_of_the_ramp():
    """Its backlog is a power of two, 4,096 at least, and what a backlog can be at most."""
    assert settings_of(server_settings, 1000)["net.core.somaxconn"] == "4096"
    assert settings_of(server_settings, 1_000_000, ramp_s=100)["net.core.somaxconn"] == "16384"
    assert settings_of(server_settings, 10_000_000, ramp_s=1)["net.core.somaxconn"] == "65535"


def test_open_files_are_reported_where_linux_has_too_few():
    """Its own limit for a process is 1,048,576."""
    assert "fs.nr_open" not in settings_of(server_settings, 1_000_000)
    assert settings_of(server_settings, 3_000_000)["fs.nr_open"] == "4194304"
