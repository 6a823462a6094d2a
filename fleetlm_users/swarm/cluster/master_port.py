"""The port of a master, tried before Locust forks: a start that cannot succeed must not leave workers behind.

Locust forks the workers of `--processes` first and binds the port afterwards. If the port is taken, the master dies of
an RPCError, and its workers look for a master for five minutes: they would join whichever run owns the port.
"""

import contextlib
import socket
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from locust.argument_parser import LocustArgumentParser

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.swarm.locust_internals import intercept_parse_args

DEFAULT_PORT = 5557
DEFAULT_HOST = "127.0.0.1"
"""Locust's own defaults of --master-port and --master-host."""

ANY_HOST = "*"


def when_parsed(parser: LocustArgumentParser, then: Callable[[Namespace], None]) -> None:
    """Call `then` with the options of the command line: no other code of ours runs before Locust forks.

    Locust parses other lists as well, for example for the web form; those it passes as arguments.
    """

    def parse_args(args: Any = None, namespace: Any = None, **more: Any) -> Any:
        parsed = original(args, namespace, **more)
        if args is None:
            then(parsed)
        return parsed

    original = intercept_parse_args(parser, parse_args)


def forks_workers(parsed: Namespace) -> bool:
    """Return whether this process will be the master of workers that it forks."""
    return bool(parsed.processes) and not parsed.worker


def prepare_master(parsed: Namespace) -> None:
    """Point forked workers to their own master, and try its port. Raise StartupError."""
    if parsed.worker or not (parsed.master or parsed.processes):
        return
    try:
        if parsed.processes:
            _join_own_master(parsed)
        _try_port(parsed.master_bind_host, parsed.master_bind_port)
    except UsageError as problem:
        raise StartupError.of_usage(problem) from problem


def _join_own_master(parsed: Namespace) -> None:
    """Make forked workers look for their master on the port that it binds, not on the default of --master-port."""
    port = parsed.master_bind_port
    if parsed.master_port not in (port, DEFAULT_PORT):
        accepted = f"with --processes the port that its own master binds, {port} (--master-bind-port)"
        raise UsageError("--master-port", parsed.master_port, accepted, str(port))
    parsed.master_port = port
    if parsed.master_bind_host != ANY_HOST and parsed.master_host == DEFAULT_HOST:
        parsed.master_host = parsed.master_bind_host


def _try_port(host: str, port: int) -> None:
    """Bind and listen as ZeroMQ will, then close. Raise UsageError."""
    if port == 0 or host in (name for _, name in socket.if_nameindex()):
        return  # ZeroMQ takes any port that is free, and the address of an interface
    is_any = host == ANY_HOST
    family = socket.AF_INET6 if is_any and socket.has_dualstack_ipv6() else socket.AF_INET
    with contextlib.closing(socket.socket(family if is_any or ":" not in host else socket.AF_INET6)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_any and family is socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            probe.bind(("" if is_any else host, port))
            probe.listen()
        except (OSError, OverflowError) as problem:
            accepted = f"a free port of {host} ({problem}): another Locust master, or another program, may hold it"
            raise UsageError("--master-bind-port", port, accepted, "5600") from problem
