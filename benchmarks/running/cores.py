"""The core that generates the load and the core that serves it."""

import os
import resource

Cores = frozenset[int]


def split() -> tuple[Cores, Cores]:
    """The generator's core and the server's: the first and the last that this process may use.

    Both are the same on a machine of one core, where all figures but CPU times mean little.
    """
    cores = sorted(os.sched_getaffinity(0))
    return frozenset(cores[:1]), frozenset(cores[-1:])


def all_but(taken: Cores) -> Cores:
    """Every core but these; or these, if there is no other."""
    return frozenset(os.sched_getaffinity(0)) - taken or taken


def become_child(cores: Cores) -> None:
    """For a child between fork and exec: its cores, and as many open files as the machine allows."""
    os.sched_setaffinity(0, cores)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
