"""A master's port is tried before Locust forks, and forked workers look for their own master there."""

import contextlib
import errno
import socket
from argparse import ArgumentParser, Namespace

import pytest

from fleetlm_users.swarm.cluster import master_port
from fleetlm_users.swarm.cluster.master_port import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    forks_workers,
    prepare_master,
    when_parsed,
)
from fleetlm_users.swarm.host.startup_error import StartupError
from tests.ports import free_port


def parsed(**given):
    """Return what Locust parsed; our options bind to the loopback interface."""
    untouched = {
        "master": False,
        "worker": False,
        "processes": None,
        "master_host": DEFAULT_HOST,
        "master_port": DEFAULT_PORT,
        "master_bind_host": "127.0.0.1",
        "master_bind_port": 0,
    }
    return Namespace(**untouched | given)


@contextlib.contextmanager
def holder(host="127.0.0.1"):
    """Somebody who listens on a port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as ZeroMQ does
        held.bind((host, free_port()))  # one that stays free when it is released
        held.listen()
        yield held.getsockname()[1]


@pytest.mark.parametrize("bind_host", ["127.0.0.1", "*", "localhost"])
@pytest.mark.parametrize("how", [{"master": True}, {"processes": 2}, {"processes": -1}], ids=str)
def test_a_taken_port_is_refused_in_a_sentence(bind_host, how):
    """It does not matter who holds it, on which of the addresses."""
    with holder() as port, pytest.raises(StartupError) as refused:
        prepare_master(parsed(master_bind_host=bind_host, master_bind_port=port, master_port=port, **how))
    assert refused.value.exit_code == 2
    text = str(refused.value)
    assert text.startswith(f"invalid value {port} for --master-bind-port: expected a free port of {bind_host} (")
    assert "Address already in use" in text
    assert "\n" not in text


@pytest.mark.parametrize("port", [99_999, -1])
def test_what_is_no_port_is_refused(port):
    """Locust takes any number."""
    with pytest.raises(StartupError):
        prepare_master(parsed(master=True, master_bind_port=port))


def test_a_free_port_is_free_again_afterwards():
    """ZeroMQ binds it a moment later."""
    with holder() as port:
        pass
    prepare_master(parsed(master=True, master_bind_port=port))
    prepare_master(parsed(master=True, master_bind_port=port))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_connections_that_have_just_been_closed_do_not_hold_a_port():
    """A master that is started again at once: its last workers are in TIME_WAIT."""
    with holder() as port, socket.create_connection(("127.0.0.1", port)):
        pass
    prepare_master(parsed(master=True, master_bind_port=port))


@pytest.mark.parametrize("given", [{}, {"worker": True}, {"worker": True, "processes": 2}], ids=str)
def test_who_is_no_master_asks_for_no_port(given):
    """Standalone, a worker, and one that forks others."""
    with holder() as port:
        prepare_master(parsed(master_bind_port=port, **given))


def test_interfaces_and_any_port_are_left_to_zeromq(monkeypatch):
    """Both are ways of its own to say where to listen."""
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "eth7")])
    with holder() as port:
        prepare_master(parsed(master=True, master_bind_host="eth7", master_bind_port=port))
    prepare_master(parsed(master=True, master_bind_port=0))


@pytest.mark.parametrize(
    ("bound", "sought", "expected"),
    [
        (("127.0.0.1", 5600), (DEFAULT_HOST, DEFAULT_PORT), ("127.0.0.1", 5600)),
        (("127.0.0.1", 5600), (DEFAULT_HOST, 5600), ("127.0.0.1", 5600)),
        (("10.0.0.7", 5600), (DEFAULT_HOST, DEFAULT_PORT), ("10.0.0.7", 5600)),
        (("*", 5600), (DEFAULT_HOST, DEFAULT_PORT), ("127.0.0.1", 5600)),
        (("*", DEFAULT_PORT), ("10.0.0.7", DEFAULT_PORT), ("10.0.0.7", DEFAULT_PORT)),
    ],
)
def test_forked_workers_look_for_the_master_that_forked_them(monkeypatch, bound, sought, expected):
    """One flag is enough."""
    monkeypatch.setattr(master_port, "_try_port", lambda *_: None)
    given = dict(
        zip(("master_bind_host", "master_bind_port", "master_host", "master_port"), bound + sought, strict=True)
    )
    options = parsed(processes=2, **given)
    prepare_master(options)
    assert (options.master_host, options.master_port) == expected


def test_another_masters_port_is_refused(monkeypatch):
    """Forked workers would join its run."""
    monkeypatch.setattr(master_port, "_try_port", lambda *_: None)
    with pytest.raises(StartupError) as refused:
        prepare_master(parsed(processes=2, master_bind_port=5600, master_port=5601))
    assert (
        "invalid value 5601 for --master-port: expected with --processes the port that its own master binds, 5600"
        in str(refused.value)
    )


def test_a_host_that_is_none_is_refused(monkeypatch):
    """ZeroMQ would say so with a traceback, after the fork."""

    def fails(*_):
        raise socket.gaierror(errno.EINVAL, "no such name")

    monkeypatch.setattr(socket.socket, "bind", fails)
    with pytest.raises(StartupError):
        prepare_master(parsed(master=True, master_bind_host="nowhere", master_bind_port=5600))


@pytest.mark.parametrize(
    ("given", "forks"), [({}, False), ({"processes": 2}, True), ({"processes": 2, "worker": True}, False)], ids=str
)
def test_only_a_master_has_a_family(given, forks):
    """Workers that a worker's parent forked belong to no master of their own."""
    assert forks_workers(parsed(**given)) is forks


def test_only_the_command_line_is_acted_upon(monkeypatch):
    """Locust parses lists of its own as well."""
    monkeypatch.setattr("sys.argv", ["locust", "--x", "7"])
    parser, heard = ArgumentParser(), []
    parser.add_argument("--x", type=int)
    when_parsed(parser, heard.append)
    assert parser.parse_args(["--x", "5"]).x == 5
    assert heard == []
    assert parser.parse_args() is heard[0]
    assert heard[0].x == 7
