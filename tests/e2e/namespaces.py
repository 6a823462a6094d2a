"""Hosts of a test's own: network namespaces on one switch, whose links can be cut.

All of it lives in namespaces, the switch too, so nothing of the machine's own network is seen or changed, and nothing
that runs on such a host can reach beyond it. `with host:` moves the calling thread there; a process that is started
inside the block stays on that host, and a request that is made inside the block comes from it.

    with network("server", "master") as hosts:
        with hosts["server"] as host:
            standin = Standin("--host", host.address)
        hosts["server"].cut()
        hosts["server"].restore()
"""

import os
import shutil
import subprocess
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fork_server.client import server_of
from tests.fork_server.networks import OWN_NETWORK, move_to

REQUIRED = "NAMESPACES_REQUIRED"
"""Set where the tests of many hosts must run: what stands in their way is then a failure, not a reason to skip them."""

PREFIX = "10.83.0"  # seen only inside of these namespaces, which have no route to anywhere else
SWITCH_PORT = "br0"
HOST_PORT = "eth0"

NAMED_NETWORKS = Path("/run/netns")


class Host:
    """One host of a test's network. `address` is its IPv4 address."""

    def __init__(self, namespace, switch, name, address):
        self.namespace = namespace
        self.address = address
        self._switch = switch
        self._name = name
        self._homes = []

    def __repr__(self):
        return f"Host({self._name}, {self.address})"

    def __enter__(self):
        self._homes.append(os.open(OWN_NETWORK, os.O_RDONLY))
        there = os.open(NAMED_NETWORKS / self.namespace, os.O_RDONLY)
        move_to(there)
        os.close(there)
        return self

    def __exit__(self, *_):
        home = self._homes.pop()
        move_to(home)
        os.close(home)

    def cut(self):
        """Pulls the cable out at the switch: nothing passes, and neither side learns that connections are gone."""
        _ip("-n", self._switch, "link", "set", "dev", self._name, "down")

    def restore(self):
        """Puts the cable back in."""
        _ip("-n", self._switch, "link", "set", "dev", self._name, "up")


@contextmanager
def network(*names):
    """Hosts by name (at most 15 characters each), joined by one switch; removed at the end, whatever happens.

    Skips the test, with the reason, on a machine on which there can be none.
    """
    if shutil.which("ip") is None:
        _impossible("there is no `ip` command (package iproute2)")
    mark = f"fleetlm-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    switch = f"{mark}-switch"
    for kind in ("locust", "standin"):
        server_of(kind)  # from there none could be started
    hosts = {name: Host(f"{mark}-{name}", switch, name, f"{PREFIX}.{n}") for n, name in enumerate(names, 1)}
    namespaces = [switch, *(host.namespace for host in hosts.values())]
    try:
        try:
            _ip("netns", "add", switch)
            _ip("-n", switch, "link", "add", "name", SWITCH_PORT, "up", "type", "bridge")
            for name, host in hosts.items():
                _plug_in(host, switch, name)
        except subprocess.CalledProcessError as refused:
            _impossible(refused.stderr.strip())
        yield hosts
    finally:
        for namespace in namespaces:
            if (NAMED_NETWORKS / namespace).exists():
                _ip("netns", "delete", namespace)


def _plug_in(host, switch, name):
    """A namespace with a cable to the switch."""
    _ip("netns", "add", host.namespace)
    _ip("-n", switch, "link", "add", "name", name, "type", "veth", "peer", "name", HOST_PORT, "netns", host.namespace)
    _ip("-n", switch, "link", "set", "dev", name, "master", SWITCH_PORT, "up")
    _ip("-n", host.namespace, "link", "set", "dev", "lo", "up")
    _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", HOST_PORT)
    _ip("-n", host.namespace, "link", "set", "dev", HOST_PORT, "up")


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=30)


def _impossible(why):
    reason = f"network namespaces cannot be made here: {why}"
    if os.environ.get(REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)
