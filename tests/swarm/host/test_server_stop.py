"""Processes and commands that stop a server: missing ones are refused, failures are reported."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.host.server_stop import ServerProcess, StopFailed, restart_command, stop_command

STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); [signal.pause() for _ in range(99)]"


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_process_is_gone_when_it_has_been_stopped(child):
    """Though nobody has waited for it yet; a second stop says that it had ended."""
    process = ServerProcess.of([child.pid])
    assert process.how(signal.SIGKILL) == f"by SIGKILL to process {child.pid}"
    process.stop(signal.SIGKILL, 10.0)
    assert not process.is_on
    with pytest.raises(StopFailed, match="had ended before"):
        process.stop(signal.SIGKILL, 10.0)


def test_a_process_that_goes_on_is_told(child):
    """A server may not heed SIGTERM."""
    with pytest.raises(StopFailed, match=r"still ran 0\.1 s after SIGTERM"):
        ServerProcess(child.pid).stop(signal.SIGTERM, 0.1)


@pytest.mark.parametrize("pids", [(), (12, 13), (os.getpid(),), (1,)])
def test_none_several_and_our_own_are_refused(pids):
    """Before any load."""
    with pytest.raises(UsageError, match="--server-pid"):
        ServerProcess.of(pids)


def test_a_process_that_is_not_there_is_refused():
    """A process id that was given out and is free again."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with pytest.raises(UsageError, match="a process of this machine"):
        ServerProcess(process.pid)


def test_a_program_that_is_not_there_is_refused():
    """The command itself is not quoted."""
    with pytest.raises(UsageError, match="a program that is there"):
        stop_command(["no-such-program-here", "--password", "x"])


def test_a_command_runs_without_a_shell(tmp_path):
    """A character special to a shell is just an argument."""
    made = tmp_path / "a b;c"
    stop_command(["touch", str(made)]).run(10.0)
    assert made.exists()


def test_a_command_that_fails_is_told():
    """The report has its exit code."""
    with pytest.raises(StopFailed, match="--stop-command ended with exit code 3"):
        stop_command(["sh", "-c", "exit 3"]).run(10.0)


def test_a_command_that_does_not_end_is_killed(tmp_path):
    """So is everything it started: they are a session of their own."""
    pid_file = tmp_path / "pid"
    with pytest.raises(StopFailed, match=r"did not end within 1 s"):
        stop_command(["sh", "-c", f"echo $$ > {pid_file}; sleep 60; true"]).run(1.0)
    pid = int(pid_file.read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_start_may_go_on(tmp_path):
    """It may be the server itself."""
    pid_file = tmp_path / "pid"
    command = restart_command(["sh", "-c", f"echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 60"])
    command.run(10.0, may_go_on=True)
    while not pid_file.exists():
        os.sched_yield()
    command.check()
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
