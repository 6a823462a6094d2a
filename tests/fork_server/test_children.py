"""A child of a fork server equals a separate process."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile

import pytest

from tests.e2e.namespaces import network
from tests.fork_server.client import ROOT, can_fork, connected, python, start_server
from tests.fork_server.networks import OWN_NETWORK

pytestmark = pytest.mark.skipif(not can_fork(), reason="this system has no pidfd_open: all processes are their own")

SELF = """
import {imports}
import json, os, random, re, signal, sys, threading

print(json.dumps({{
    "arguments": sys.argv,
    "name": __name__,
    "import path": sys.path,
    "folder": os.getcwd(),
    "environment": dict(os.environ),
    "leads": [os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid()],
    "signals": {{number: re.sub(" at 0x.*", "", str(signal.getsignal(number))) for number in signal.valid_signals()}},
    "files": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{{fd}}")),
    "threads": len(os.listdir("/proc/self/task")),
    "is main": threading.current_thread() is threading.main_thread(),
    "output": [sys.stdout.encoding, sys.stdout.errors, sys.stdout.write_through, sys.stdout.isatty()],
    "input": sys.stdin.read(),
    "patched": os.fork.__module__,
}}))
random.seed()
print(random.random())
print("an error", file=sys.stderr)
raise SystemExit(7)
"""
KINDS = {"locust": "locust.main", "standin": "aiohttp.web", "bench": "fleetlm_users.cli.doctor.command"}


def ran(kind, arguments, **how):
    """(exit code, output)"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    environment |= {"PYTHONUNBUFFERED": "1", "OF_A_TEST": "x"}
    streams = {"stdin": subprocess.PIPE, "stderr": subprocess.STDOUT, "start_new_session": True}
    process = python(kind, arguments, cwd=ROOT, env=environment, **streams, **how)
    with process.stdin, process.stdout:
        with contextlib.suppress(BrokenPipeError):  # it has ended already, and reads nothing
            process.stdin.write("something\n")
            process.stdin.close()
        output = process.stdout.read()
    return process.wait(60), output


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_what_a_process_of_its_own_finds(tmp_path, kind):
    """The same script shows it, importing the same modules as the server."""
    script = tmp_path / "self.py"
    script.write_text(SELF.format(imports=KINDS[kind]))
    forked, alone = (ran(kind, [str(script), "a", "b"], forked=how) for how in (True, False))
    assert forked[0] == alone[0] == 7
    first, *random, error = forked[1].splitlines()
    assert json.loads(first) == json.loads(alone[1].splitlines()[0])
    assert error == "an error"
    assert random != ran(kind, [str(script)], forked=True)[1].splitlines()[1:2]


def test_a_module_is_the_main_one():
    """Its name in a usage error, which argparse takes from `sys.argv`, too."""
    forked, alone = (ran("standin", ["-m", "fleetlm_users.standin", "--nonsense"], forked=how) for how in (True, False))
    assert forked == alone
    assert forked[0] == 2


ENDS = """
import atexit, sys
atexit.register(print, "the end")
sys.stdin.read()
print("unflushed", end=" ")
{last}
"""


@pytest.mark.parametrize(
    "last", ["", "sys.exit(3)", "sys.exit('words')", "sys.exit(-1)", "atexit.unregister(print); sys.stdout.close()"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_as_a_process_of_its_own_does(tmp_path, kind, last):
    """Exit handlers run, pending output is written, and the exit code is the same."""
    script = tmp_path / "ends.py"
    script.write_text(ENDS.format(last=last))
    ends = [ran(kind, [str(script)], forked=how) for how in (True, False)]
    assert ends[0] == ends[1]


def test_signals_reach_it_and_show_in_its_exit_code(tmp_path):
    """While it runs it has none; afterwards nothing is sent to whoever has its number by then."""
    script = tmp_path / "wait.py"
    script.write_text("import signal\nprint('ready', flush=True)\nsignal.pause()\n")
    child = python("standin", [str(script)], cwd=ROOT, env=dict(os.environ), forked=True)
    with child.stdout:
        assert child.stdout.readline() == "ready\n"
        assert child.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.01)
        child.terminate()
        assert child.wait(60) == child.poll() == -signal.SIGTERM
    child.kill()


def test_a_server_ends_with_the_last_of_its_clients():
    """They share it by its path, on which another one can then be started."""
    with tempfile.TemporaryDirectory(prefix="forks-") as folder:
        path = f"{folder}/standin"
        for _ in range(2):
            server = start_server("standin", path)
            clients = [connected(path) for _ in range(3)]
            for client in clients:
                assert server.poll() is None
                client.close()
            assert server.wait(60) == 0
            assert os.listdir(folder) == []


@pytest.mark.parametrize("name", ["PYTHONPATH", "LC_ALL", "LD_PRELOAD", "SSL_CERT_FILE"])
def test_a_variable_that_counts_at_the_start_takes_a_process_of_its_own(name):
    """The server has started with others."""
    assert not can_fork({name: "x"})
    assert can_fork({"AGENT_URL": "x"})


def test_a_child_is_on_the_host_of_whoever_asks_for_it(tmp_path):
    """The next one is at home again."""
    script = tmp_path / "where.py"
    script.write_text("import os, sys\nsys.stdin.read()\nprint(os.readlink('/proc/self/ns/net'))\n")
    with network("elsewhere") as hosts:
        with hosts["elsewhere"]:
            there = ran("standin", [str(script)], forked=True)
            assert there == (0, f"{os.readlink(OWN_NETWORK)}\n")
        here = ran("standin", [str(script)], forked=True)
    assert here == (0, f"{os.readlink(OWN_NETWORK)}\n")
    assert here != there
