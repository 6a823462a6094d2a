"""Failures of workers and masters: a run loses nothing that can be kept, and says what it cannot know."""

import re
import signal
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.e2e.cluster import GENTLE, cluster, worker
from tests.e2e.harness import ROOT, Locust, Standin, eventually, free_port, targets
from tests.e2e.namespaces import network
from tests.e2e.proxy import Link

pytestmark = pytest.mark.e2e

RUN_ID = "faults"
SOME_SENDS = 30
REPORTED_SENDS = 220
"""Reports come every 3 s: when the master knows of so many, at about 50 a second, each worker has reported some."""

TEN_SECONDS_SENDS = 500
LATE_S = 8.0

LOST = re.compile(r"Worker (\S+) is lost: its process ended\.")
SLOW_MS = 700.0
"""Answers so late that some messages are open whenever a worker dies."""


def sends(standin):
    return standin.counters()["sends_received"]


def check_accounting(finished, standin):
    """The master's count is the server's own, message for message."""
    accounting, truth = finished.accounting(), standin.counters(RUN_ID)
    assert accounting["sent"] == truth["sends_received"], finished.output
    assert accounting["appended"] == truth["messages_appended_user"]
    check_sum(accounting)
    assert accounting["unknown"] == 0


def check_sum(accounting):
    assert accounting["sent"] == sum(
        accounting[fate] for fate in ("appended", "rejected", "lost", "in_flight", "unknown")
    )
    assert accounting["adds_up"]


def test_a_killed_worker_is_named_with_what_is_not_known_of_it(tmp_path, standin_with):
    """SIGKILL: its last report counts, its open messages are unknown, the others go on, and nothing is green."""
    standin = standin_with("--builtin-agent", "--broadcast-delay-ms", str(SLOW_MS))
    with cluster(tmp_path, *targets(standin), "--run-id", RUN_ID, "-t", "60s") as it:
        it.await_told("messages_sent_total", lambda sent: sent > REPORTED_SENDS, "both workers have reported")
        assert it.told("run_workers") == 2
        it.workers[0].interrupt(signal.SIGKILL)
        name = eventually(lambda: LOST.search(it.master.output), "the loss is noticed")[1]
        assert "The run goes on without it." in it.master.output
        before = sends(standin)
        eventually(lambda: sends(standin) > before + SOME_SENDS, "the other worker goes on")
        it.master.interrupt()
        finished = it.master.finish()
        assert it.workers[1].finish().code == 0
    assert finished.code == 4, finished.output
    (loss,) = finished.summary["workers_lost"]
    assert loss["worker"] == name
    assert 0 < loss["open_messages"] == finished.accounting()["unknown"] < loss["sent"]
    check_sum(finished.accounting())
    truth = standin.counters(RUN_ID)
    assert finished.accounting()["sent"] <= truth["sends_received"]
    assert f"worker {name} was lost: its process ended" in str(finished.summary["verdict"]["doubts"])
    shown = f"unknown: worker {name} was lost"
    assert shown in " ".join(finished.output.split())
    (page,) = finished.results.glob("*/report.html")
    assert shown in page.read_text()


def test_a_lost_worker_stops_the_run_where_that_is_asked_for(tmp_path, standin):
    """The report is still written."""
    with cluster(tmp_path, *targets(standin), "--on-worker-lost", "stop", "-t", "60s") as it:
        eventually(lambda: sends(standin) > SOME_SENDS, "messages flow")
        it.workers[0].interrupt(signal.SIGKILL)
        finished = it.master.finish()
        assert it.workers[1].finish().code == 0
    assert finished.code == 4, finished.output
    doubts = str(finished.summary["verdict"]["doubts"])
    assert "the run was stopped before its time: worker" in doubts
    check_sum(finished.accounting())


def test_a_run_without_any_worker_left_ends(tmp_path, standin):
    """There is nothing to wait for, whatever the option says."""
    with cluster(tmp_path, *targets(standin), "-t", "60s", workers=1) as it:
        eventually(lambda: sends(standin) > SOME_SENDS, "messages flow")
        it.workers[0].interrupt(signal.SIGKILL)
        finished = it.master.finish()
    assert finished.code == 4, finished.output
    assert "The run stops." in finished.output


def test_a_worker_that_joins_late_takes_part_by_the_clock_of_the_run(tmp_path, standin):
    """It is assigned users, its numbers count to the last message, and it is where the others are in the run's time."""
    with cluster(tmp_path, *targets(standin), "--run-id", RUN_ID, "-t", "60s", workers=1) as it:
        it.await_told("run_elapsed_seconds", lambda elapsed_s: elapsed_s > LATE_S, "the run is under way")
        with worker(tmp_path, it.port) as late:
            eventually(lambda: "joins the run" in it.master.output, "the worker has joined")
            it.await_told("run_workers", lambda workers: workers == 2, "the late worker has reported")
            it.master.interrupt()
            finished = it.master.finish()
            assert late.finish().code == 0
    assert "interrupted" in str(finished.summary["verdict"]["doubts"]), finished.output
    check_accounting(finished, standin)
    assert [each["final"] for each in finished.summary["workers"]] == [True, True]
    first_s, second_s = (each["elapsed_s"] for each in finished.summary["workers"])
    assert abs(first_s - second_s) < LATE_S
    assert min(first_s, second_s) > LATE_S


def test_a_cut_link_heals_without_a_trace(tmp_path, standin):
    """In the middle of a run, and again over its end, where even the connection breaks: same worker, same users, every
    message counted, verdict pass.
    """
    port = free_port()
    with (
        Link(port) as link,
        cluster(
            tmp_path, *targets(standin), "--run-id", RUN_ID, "-t", "18s", port=port, worker_ports=[link.port]
        ) as it,
    ):
        eventually(lambda: sends(standin) > SOME_SENDS, "messages flow")
        link.cut()
        before = sends(standin)
        eventually(lambda: sends(standin) > before + REPORTED_SENDS, "both workers go on, one unheard for 4 s and more")
        link.restore()
        eventually(lambda: sends(standin) > before + REPORTED_SENDS + SOME_SENDS, "the worker is heard again")
        assert it.master.output.count("Sending spawn jobs") == 1  # Locust has not redistributed any users
        link.cut()
        link.tear()
        eventually(lambda: "--run-time limit reached" in it.master.output, "the run's end begins without it")
        link.restore()
        finished = it.master.finish()
        assert [each.finish().code for each in it.workers] == [0, 0]
    assert finished.code == 0, finished.output
    check_accounting(finished, standin)
    assert finished.summary["workers_lost"] == []
    assert "lost" not in finished.output.split("THRESHOLDS")[0]


def test_a_master_cut_off_for_ten_seconds_on_a_network_of_hosts(tmp_path):
    """A real cable: TCP itself needs a while to go on."""
    with network("server", "master", "one", "two") as hosts, ExitStack() as stack:
        with hosts["server"] as server:
            standin = Standin("--builtin-agent", "--host", server.address)
            stack.callback(standin.stop)

        def happened(more):
            def enough():
                with hosts["server"]:
                    return sends(standin) > more

            return enough

        address = hosts["master"].address
        headed = ["--master", "--master-bind-host", address, "--expect-workers", 2]
        with hosts["master"]:
            flags = [*targets(standin), *GENTLE, "--run-id", RUN_ID, "-t", "22s", "--drain-timeout", "90s"]
            master = stack.enter_context(Locust(tmp_path, *flags, *headed))
        for name in ("one", "two"):
            with hosts[name]:
                stack.enter_context(worker(tmp_path, "5557", "--master-host", address))
        eventually(happened(SOME_SENDS), "messages flow")
        hosts["master"].cut()
        eventually(happened(SOME_SENDS + TEN_SECONDS_SENDS), "the workers go on")
        hosts["master"].restore()
        finished = master.finish()
        with hosts["server"]:
            check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    assert finished.summary["workers_lost"] == []
    assert finished.output.count("Sending spawn jobs") == 1


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_master_that_is_stopped_ends_its_workers_and_writes_its_report(tmp_path, standin, end):
    """As on separate machines, only the master gets the signal."""
    with cluster(tmp_path, *targets(standin), "--run-id", RUN_ID, "-t", "60s") as it:
        eventually(lambda: sends(standin) > SOME_SENDS, "messages flow")
        it.master.interrupt(end)
        finished = it.master.finish()
        assert [each.finish().code for each in it.workers] == [0, 0]
    assert finished.code == 4, finished.output
    check_accounting(finished, standin)
    assert list(finished.results.glob("*/report.html"))


def test_workers_of_a_killed_master_end_their_users_and_quit(tmp_path, standin):
    """They must not go on loading a server forever."""
    with cluster(tmp_path, *targets(standin), "-t", "60s") as it:
        eventually(lambda: sends(standin) > SOME_SENDS, "messages flow")
        it.master.interrupt(signal.SIGKILL)
        ended = [each.finish() for each in it.workers]
    assert [each.code for each in ended] == [1, 1]
    assert all("The master is gone: its process ended." in each.output for each in ended)
    standin.await_leaving()


def test_workers_that_cannot_reach_their_master_quit_in_bounded_time(tmp_path, standin):
    """Its machine went away: nobody says so, it is only silent. The master gives the worker up, too."""
    port = free_port()
    asked = ["-t", "60s", "--worker-timeout", "5s"]
    with (
        Link(port) as link,
        cluster(tmp_path, *targets(standin), *asked, port=port, worker_ports=[link.port], workers=1) as it,
    ):
        eventually(lambda: sends(standin) > SOME_SENDS, "messages flow")
        it.workers[0].interrupt(signal.SIGSTOP)  # so that the master has to count its silence
        link.cut()  # before the master's last words
        finished = it.master.finish()
        assert "is lost: it was silent for 5 s. The run stops." in finished.output
        it.workers[0].interrupt(signal.SIGCONT)
        ended = it.workers[0].finish()
    assert finished.code == 4, finished.output
    assert ended.code == 1
    assert "The master is gone" in ended.output


def other_code(tmp_path):
    """A locustfile with the same behaviours and one word more."""
    path = tmp_path / "mixed.py"
    path.write_text((ROOT / "locustfiles/mixed.py").read_text() + "\n# another\n")
    return str(path)


def test_a_worker_on_other_code_is_refused_by_name(tmp_path, standin):
    """Before it can take part; the run begins without it, and does not miss it."""
    with cluster(tmp_path, *targets(standin), "--run-id", RUN_ID, "-t", "4s", workers=1, worker_ports=["1"]) as it:
        with worker(tmp_path, it.port, locustfile=other_code(tmp_path)) as other:
            refused = other.finish()
            (line,) = [line for line in refused.output.splitlines() if "cannot take part" in line]
            assert refused.code == 2
            assert "the locustfile is different" in line
        with worker(tmp_path, it.port) as same:
            finished = it.master.finish()
            assert same.finish().code == 0
    assert line in finished.output
    assert finished.code == 0, finished.output
    assert len(finished.summary["workers"]) == 1
    check_accounting(finished, standin)


CLOCK_LEAP_S = 120
CLOCKS = """
import time
_time, _start = time.time, time.perf_counter()
time.time = lambda: _time() + OFFSET_S + (JUMP_S if time.perf_counter() - _start > 4 else 0)
"""


def clock(tmp_path, name, offset_s, jump_s):
    """An environment in which wall clocks are off, and jump after 4 s."""
    folder = Path(tmp_path) / name
    folder.mkdir()
    text = CLOCKS.replace("OFFSET_S", str(offset_s)).replace("JUMP_S", str(jump_s))
    (folder / "sitecustomize.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


def test_wall_clocks_decide_nothing(tmp_path, standin):
    """The master's goes back five minutes in the ramp-up, the workers' are ten minutes ahead and leap two more."""
    with cluster(
        tmp_path,
        *(*targets(standin), "--run-id", RUN_ID, "-t", "9s", "--ramp-up", "6s", "--warm-up", "2s"),
        env=clock(tmp_path, "master", 0, -300),
        worker_env=clock(tmp_path, "worker", 600, CLOCK_LEAP_S),
    ) as it:
        finished = it.master.finish()
        assert [each.finish().code for each in it.workers] == [0, 0]
    assert finished.code == 0, finished.output
    check_accounting(finished, standin)
    assert all(abs(each["elapsed_s"] - 9) < CLOCK_LEAP_S / 2 for each in finished.summary["workers"])


def test_forked_workers_are_watched_as_well(tmp_path, standin):
    """`--processes`: the kernel may kill one for its memory."""
    with Locust(tmp_path, *targets(standin), "--processes", "2", "-t", "60s", "--on-worker-lost", "stop") as locust:
        eventually(lambda: sends(standin) > SOME_SENDS, "messages flow")
        psutil.Process(locust.process.pid).children()[0].kill()
        finished = locust.finish()
    assert finished.code == 4, finished.output
    assert LOST.search(finished.output)
