"""The kernel settings of a machine that holds many sockets, as lines for sysctl.conf, each with its reason."""

import math
from typing import Final, NamedTuple

from fleetlm_users.cli.plan.sizing import LoadSizing
from fleetlm_users.workload.open_files import files_for_users

PAGE_KIB: Final = 4
BUFFER_KIB_PER_SOCKET: Final = 8  # two pages: one frame going out and one coming in
DEFAULT_FILES: Final = 1_048_576  # Linux's own fs.nr_open
KEEP: Final = "keep yours where it is higher"
MOST_BACKLOG: Final = 65_535  # the most that a 16-bit backlog holds, as in older kernels


class Setting(NamedTuple):
    """One line of sysctl.conf, and its reason."""

    name: str
    value: str
    reason: str


def generator_settings(sizing: LoadSizing) -> list[Setting]:
    """Return the settings of each machine with workers."""
    sockets = sizing.sessions_per_machine
    pages = math.ceil(sockets * BUFFER_KIB_PER_SOCKET / PAGE_KIB)
    return [
        Setting("net.ipv4.ip_local_port_range", "1024 65535", "64,512 connections per source address and target"),
        Setting("net.ipv4.tcp_tw_reuse", "1", "a port whose connection has ended is used again after a second"),
        Setting("net.ipv4.tcp_mem", f"{pages} {2 * pages} {3 * pages}", f"two pages per socket; {KEEP}"),
        Setting("net.netfilter.nf_conntrack_max", str(_rounded(2 * sockets)), f"where a firewall tracks; {KEEP}"),
        *_files(files_for_users(sizing.sessions_per_worker)),
    ]


def server_settings(sizing: LoadSizing) -> list[Setting]:
    """Return the settings that let one server machine take the ramp."""
    joins = sizing.demand.sessions / sizing.demand.ramp_s
    backlog = str(min(MOST_BACKLOG, max(4096, _rounded(joins))))
    return [
        Setting("net.core.somaxconn", backlog, "connections that wait to be accepted: a second of the ramp"),
        Setting("net.ipv4.tcp_max_syn_backlog", backlog, "and those that are still being made"),
        *_files(sizing.demand.sessions),
    ]


def _files(wanted: int) -> list[Setting]:
    """Return the limit of open files if Linux's own default is too small."""
    if wanted <= DEFAULT_FILES:
        return []
    return [Setting("fs.nr_open", str(_rounded(wanted)), "open files that a process may be allowed (ulimit -n)")]


def _rounded(value: float) -> int:
    """Return the next power of two, so that a little more load needs no new setting."""
    return int(2 ** math.ceil(math.log2(max(value, 1))))
