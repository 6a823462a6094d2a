"""The end of real processes: whatever signals arrive, and whenever, there is one report, one folder, no traceback and
no process left.

tests/swarm/test_signals.py has the whole table; here are its corners, with real signals.
"""

import contextlib
import os
import re
import signal
import socket
import threading

import psutil
import pytest
import requests

from tests.e2e.cluster import cluster
from tests.e2e.harness import Locust, eventually, free_port, targets

pytestmark = pytest.mark.e2e

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
FLOWING = 10
LOAD = ["--time-scale", "0.2", "--warm-up", "0", "--ramp-up", "1s", "--drain-timeout", "80s"]
ENDLESS = [*LOAD, "-t", "100s"]
ENDS = [*LOAD, "-t", "4s"]
CUT_SHORT = "The drain is cut short"


@pytest.fixture
def mute(standin_with):
    """A server that takes messages and broadcasts none for ten minutes: every drain lasts until it is cut short."""
    return standin_with("--builtin-agent", "--broadcast-delay-ms", "600000")


def flowing(standin):
    eventually(lambda: standin.counters()["sends_received"] > FLOWING, "messages flow")


def drains(locust):
    """The run time is up, and what is open is waited for."""
    eventually(lambda: "--run-time limit reached" in locust.output, "the run time is up")


def group_of(locust):
    """Who is left of a run that has ended: it had a process group of its own."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):  # it ends while it is asked
            if os.getpgid(process.pid) == locust.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def has_stopped(it):
    """Whether the clock of a cluster's run stands still."""
    elapsed_s = it.told("run_elapsed_seconds")
    return elapsed_s and it.told("run_elapsed_seconds") == elapsed_s


def send(locust, *numbers, group=False):
    for number in numbers:
        with contextlib.suppress(ProcessLookupError):
            locust.interrupt(number, group=group)


def check_end(locust, *, interrupted, children=()):
    """One report, one folder, the exit code of its verdict, and no trace of anything else.

    `children` are those of its own that are not in its group, taken before it was told to end.
    """
    finished = locust.finish()
    output = finished.output
    assert len(list(finished.results.iterdir())) == 1, output
    assert len(re.findall(r"^  VERDICT", output, re.MULTILINE)) == 1, output
    assert "Traceback" not in output
    assert "Exception ignored" not in output
    assert finished.code == finished.summary["verdict"]["exit_code"], output
    assert ("the run was interrupted" in finished.summary["verdict"]["doubts"]) is interrupted
    if interrupted:
        assert finished.code == 4, output
    assert finished.accounting()["adds_up"]
    _, left = psutil.wait_procs(children, 60)
    assert not left
    eventually(lambda: not group_of(locust), "its workers end")
    return finished


@pytest.mark.parametrize("numbers", [(INT,), (TERM, INT)], ids=["ctrl-c", "sigterm-ctrl-c"])
def test_a_signal_in_a_natural_drain_shortens_it(tmp_path, mute, numbers):
    """The run is not interrupted: its accounting decide."""
    with Locust(tmp_path, *targets(mute), *ENDS) as locust:
        drains(locust)
        send(locust, *numbers)
        finished = check_end(locust, interrupted=False)
    assert CUT_SHORT in finished.output
    assert finished.code == 4, finished.output  # nothing was measured to miss
    assert finished.accounting()["in_flight"] > 0


@pytest.mark.parametrize("numbers", [(INT, INT, INT), (HUP,), (HUP, TERM)], ids=["3-ctrl-c", "hup", "hup-term"])
def test_any_number_of_signals_in_a_run_ends_it_once(tmp_path, standin, numbers):
    """Ctrl-C by a nervous finger, a closed terminal, a supervisor."""
    with Locust(tmp_path, *targets(standin), *ENDLESS, forked=HUP not in numbers) as locust:
        flowing(standin)
        send(locust, *numbers)
        check_end(locust, interrupted=True)


@pytest.mark.parametrize("duration", ["100s", "0"], ids=["planned-end", "until-stopped"])
def test_a_signal_in_ramp_up_and_warm_up_is_inconclusive(tmp_path, standin, duration):
    """Nothing was judged yet, so no threshold can have been missed."""
    ramp = ["--ramp-up", "60s", "--warm-up", "90s", "--time-scale", "0.2"]
    with Locust(tmp_path, *targets(standin), *ramp, "--duration", duration) as locust:
        eventually(lambda: standin.counters()["runs"], "the first users are there")
        send(locust, INT)
        check_end(locust, interrupted=True)


@pytest.mark.parametrize(
    ("numbers", "group"), [((TERM,), False), ((INT, INT), True)], ids=["master-alone", "the-whole-terminal-twice"]
)
def test_forked_workers_end_with_their_master(tmp_path, mute, numbers, group):
    """Each sends its last numbers, also when the drain is cut short."""
    with Locust(tmp_path, *targets(mute), *ENDS, "--processes", "2", forked=group) as locust:
        drains(locust)
        send(locust, *numbers, group=group)
        finished = check_end(locust, interrupted=False)
    assert [each["final"] for each in finished.summary["workers"]] == [True, True]
    assert finished.summary["workers_lost"] == []


def test_workers_apart_end_with_a_master_whose_drain_is_cut_short(tmp_path, mute):
    """Only the master gets the signal, twice: the second one reaches the workers as a message."""
    with cluster(tmp_path, *targets(mute), "-t", "100s", "--drain-timeout", "80s") as it:
        flowing(mute)
        send(it.master, INT)
        eventually(lambda: has_stopped(it), "the run drains")  # two signals at once may be one
        send(it.master, INT)
        finished = check_end(it.master, interrupted=True)
        assert [each.finish().code for each in it.workers] == [0, 0]
    assert CUT_SHORT in finished.output
    assert finished.summary["workers_lost"] == []
    assert finished.accounting()["sent"] == mute.counters()["sends_received"]


def test_signals_wait_until_the_report_is_written(tmp_path, standin):
    """A pipe that nobody reads yet holds the writing open."""
    pipe, before = tmp_path / "report.md", tmp_path / "junit.xml"
    os.mkfifo(pipe)
    with Locust(tmp_path, *targets(standin), *ENDLESS, "--markdown", pipe, "--junit", before) as locust:
        flowing(standin)
        send(locust, INT)
        eventually(before.exists, "the report is being written")
        send(locust, INT, TERM, HUP, INT)
        read = []
        reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
        reader.start()
        check_end(locust, interrupted=True)
        reader.join(60)
    assert "inconclusive" in read[0].lower()


def test_a_stand_in_that_hangs_is_ended_too(tmp_path):
    """It is stopped, so it hears neither SIGTERM nor that its pipe closes."""
    with Locust(
        tmp_path, "--standin", *ENDLESS, "--drain-timeout", "1s", "--threshold", "agent_reply_rate: off"
    ) as locust:
        eventually(lambda: "All users spawned" in locust.output, "the run is under way")
        children = psutil.Process(locust.process.pid).children()
        for child in children:
            child.suspend()
        send(locust, TERM, INT)
        check_end(locust, interrupted=True, children=children)


def test_a_stop_on_the_page_and_ctrl_c_end_in_one_report(tmp_path, mute):
    """The page's answer is waited for in a greenlet of its own."""
    port = free_port()
    page = ["--web-port", port, "--autostart"]
    with Locust(tmp_path, *targets(mute), *ENDLESS, *page, headless=False) as locust:
        flowing(mute)
        stopping = threading.Thread(target=press_stop, args=[port], daemon=True)
        stopping.start()
        eventually(lambda: ending(port), "the run drains")
        send(locust, INT, INT)
        check_end(locust, interrupted=True)
        stopping.join(60)


def press_stop(port):
    with contextlib.suppress(requests.ConnectionError):
        requests.post(f"http://127.0.0.1:{port}/stop", timeout=60)


def ending(port):
    return requests.get(f"http://127.0.0.1:{port}/fleetlm/live.json", timeout=60).json()["state"] == "ending"


@pytest.mark.parametrize("number", [INT, TERM, HUP])
def test_a_signal_before_the_run_ends_the_start(tmp_path, standin, number):
    """A master that still waits for its workers."""
    head = ["--master", "--expect-workers", "1", "--master-bind-port", free_port()]
    with Locust(tmp_path, *targets(standin), *ENDLESS, *head, forked=number != INT) as locust:
        eventually(lambda: "run id" in locust.output, "the run is announced")
        send(locust, number, number)
        finished = locust.finish()
    assert finished.code == 4, finished.output
    assert "interrupted before the run began: nothing was measured" in finished.output
    assert "Traceback" not in finished.output
    assert not finished.results.exists()


EARLY = """
import os, signal
from locust import events
from fleetlm_users import LongLivedUser, install

PARENT = os.getpid()


@events.init.add_listener  # the first one: those of the package come behind it
def strike(**_):
    if os.getpid() == PARENT:
        os.kill(PARENT, signal.{signal})


install("mixed", [LongLivedUser])
"""


@pytest.mark.parametrize("number", [INT, TERM, HUP], ids=lambda number: number.name)
@pytest.mark.parametrize("forks", [(), ("--processes", "2")], ids=["alone", "forked"])
def test_a_signal_before_ours_are_handled_ends_the_start(tmp_path, standin, number, forks):
    """The options are parsed, workers are forked, and Locust has made no runner that could be told."""
    file = tmp_path / "early.py"
    file.write_text(EARLY.format(signal=number.name))
    flags = [*targets(standin), "-u", "2", *ENDLESS, *forks]
    with Locust(tmp_path, *flags, locustfile=str(file), forked=number != INT) as locust:
        finished = locust.finish()
        left = eventually(lambda: not group_of(locust), "its workers end")
    assert left
    assert finished.code == 4, finished.output
    assert "interrupted before the run began: nothing was measured" in finished.output
    assert "Traceback" not in finished.output


def test_a_port_that_is_taken_ends_the_start_and_leaves_no_worker(tmp_path, standin):
    """By whatever program; nobody has been forked yet."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        flags = ["--processes", "2", "--master-bind-port", port]
        with Locust(tmp_path, *targets(standin), *ENDLESS, *flags) as locust:
            finished = locust.finish()
            left = group_of(locust)
    assert finished.code == 2, finished.output
    (line,) = finished.output.splitlines()
    assert line.startswith(f"invalid value {port} for --master-bind-port: expected a free port of 127.0.0.1"), line
    assert not left


def test_two_runs_on_one_machine_do_not_mix(tmp_path, standin):
    """The second is refused at the first one's port, and runs next to it on a port of its own."""
    common, port = [*targets(standin), *LOAD, "--processes", "1"], free_port()
    with Locust(tmp_path / "one", *common, "-t", "100s", "--master-bind-port", port) as first:
        flowing(standin)
        with Locust(tmp_path / "two", *common, "-t", "3s", "--master-bind-port", port) as second:
            assert second.finish().code == 2
        with Locust(tmp_path / "three", *common, "-t", "3s", "--master-bind-port", free_port()) as third:
            finished = third.finish()
        send(first, INT)
        check_end(first, interrupted=True)
    assert len(finished.summary["workers"]) == 1, finished.output
    assert "joins the run" not in first.output
    assert "cannot take part" not in first.output
