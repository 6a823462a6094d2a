"""The crash of a run: its steps in order, and a record of everything that goes wrong."""

import gevent
import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.durability.crash import UNTESTED, CrashRecord, crash_doubts, untested
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.host.local_servers import LocalServerError
from fleetlm_users.swarm.host.server_crash import CrashDriver, server_of
from fleetlm_users.swarm.host.server_stop import StopFailed
from fleetlm_users.workload.options.durability import CrashPlan


class Server:
    how = "by hand"

    def __init__(self, fails=""):
        self.calls = []
        self.fails = fails

    def stop(self):
        self._call("stop")

    def start_again(self):
        self._call("start")

    def check(self):
        self._call("check")

    def _call(self, name):
        self.calls.append(name)
        if name == self.fails:
            raise StopFailed(f"{name} failed")


def plan_of(how="kill", *, stop=(), at_s=0.0):
    return CrashPlan(how, at_s, (), stop, (), 0.0)


def crashed(server, answers=(True,), plan=None):
    """The record and the lines of a crash that has come to its end."""
    said, found = [], iter(answers)
    driver = CrashDriver(
        plan or plan_of(), server, elapsed_s=lambda: 3.0, answers=lambda: next(found, False), say=said.append
    )
    gevent.joinall([driver._greenlet])
    return driver.record, said


def test_it_stops_starts_and_waits():
    """It reports each step."""
    server = Server()
    record, said = crashed(server)
    assert server.calls == ["stop", "start"]
    assert (record.stopped_s, record.back_s, record.problem) == (3.0, 3.0, "")
    assert list(crash_doubts(record)) == []
    assert said[0] == "The server is stopped by hand, 3.0 s into the run"


@pytest.mark.parametrize("step", ["stop", "start", "check"])
def test_what_fails_makes_the_run_doubtful(step):
    """The start may fail while it is waited for, too."""
    record, said = crashed(Server(step), answers=(False,))
    assert record.back_s is None
    assert list(crash_doubts(record)) == [f"the crash did not go as planned: {step} failed"]
    assert step in said[-1]


def test_a_server_that_does_not_come_back_is_told():
    """Within its time."""
    record, _ = crashed(Server(), answers=(False,))
    assert record.problem == "the server did not answer again within 0 s"


def test_a_run_that_ends_before_its_crash_is_doubtful():
    """It says nothing of a crash."""
    driver = CrashDriver(
        plan_of(at_s=60.0), Server(), elapsed_s=lambda: 0.0, answers=lambda: True, say=lambda _line: None
    )
    gevent.sleep(0)
    driver.stop()
    assert list(crash_doubts(driver.record)) == ["the run ended before the server was to be stopped"]


def test_a_run_that_stops_nothing_has_no_doubt():
    """The server's operator may stop it."""
    driver = CrashDriver(plan_of("none"), None, elapsed_s=lambda: 0.0, answers=lambda: True, say=lambda _line: None)
    driver.stop()
    assert list(crash_doubts(driver.record)) == []


@pytest.mark.parametrize(
    ("crash", "broken", "is_untested"),
    [
        (CrashRecord(""), 0, True),  # it was to be stopped by hand, and was not
        (CrashRecord("by SIGKILL to process 12", 3.0, 4.0), 0, True),  # something in between kept the connections
        (CrashRecord(""), 1, False),
        (CrashRecord("by SIGKILL to process 12", 3.0, 4.0), 2, False),
        (CrashRecord("by SIGKILL to process 12", 3.0), 0, False),  # its own doubt says it
        (CrashRecord("by SIGKILL to process 12", 3.0, None, "stop failed"), 0, False),
    ],
)
def test_a_crash_that_broke_nothing_was_none(crash, broken, is_untested):
    """A server that nobody stopped cannot show what a crash costs."""
    ledger, snapshots = Ledger(DEFAULT, "e", "local"), SnapshotStore("e")
    ledger.count("disconnects", "durability", "main", broken)
    snapshots.absorb("local", ledger.snapshot(1, True, 9.0))
    assert list(untested(crash, snapshots.totals({}))) == [UNTESTED] * is_untested


def test_the_server_is_known_before_the_run():
    """One without a process to stop is refused; `--crash none` needs none; a start by hand is requested."""
    said = []
    assert server_of(plan_of("none"), None, said.append) is None
    with pytest.raises(UsageError):
        server_of(plan_of("kill"), None, said.append)
    server = server_of(plan_of("command", stop=("true",)), None, said.append)
    assert server.how == "by --stop-command"
    server.start_again()
    server.check()
    assert "the run waits" in said[0]


def test_the_stand_in_has_as_long_to_start_again_as_any_server():
    """It is `--restart-timeout`; a restart that takes longer leaves the run in doubt."""

    class Servers:
        standin_pid = None

        def restart_standin(self, timeout_s):
            raise LocalServerError(f"not within {timeout_s:g} s")

    server = server_of(CrashPlan("kill", 0.0, (), (), (), 90.0), Servers(), print)
    with pytest.raises(StopFailed, match="not within 90 s"):
        server.start_again()
    with pytest.raises(StopFailed, match="does not run"):
        server.stop()
