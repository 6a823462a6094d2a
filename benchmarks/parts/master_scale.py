"""The cost of many workers to a master: a real one, given the reports of simulated workers over Locust's own ZeroMQ.

    python benchmarks/parts/master_scale.py                      200 workers, 60 s
    python benchmarks/parts/master_scale.py --workers 5 --seconds 5

The master is `locust --master` with the mixed benchmark and a live line, as a person runs it. The workers are sockets
of this process: heartbeats each second, every 3 s a report with Locust's statistics and our snapshot, both recorded by
the code that real workers run, cumulative and growing. At the end they answer the drain, and the merged counts must be
the sum of what they sent.
"""

import argparse
import importlib
import json
import os
import pty
import random
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import gevent
import locust
import psutil
from gevent.event import Event
from locust.env import Environment
from locust.rpc import Message, zmqrpc

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.snapshot import encode_snapshot
from fleetlm_users.measure.timeline.worker_timeline import ROWS_TO_THANK_FOR
from fleetlm_users.protocol.observer import SentMessage
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.cluster.admission import code_version_of
from fleetlm_users.swarm.cluster.messages import (
    DrainRequest,
    FinalReport,
    Introduction,
    RowsReceived,
    RunDescription,
    SnapshotReply,
    SnapshotRequest,
)
from fleetlm_users.swarm.context import BenchmarkContext
from fleetlm_users.swarm.stats.locust_stats import LocustStats
from fleetlm_users.swarm.stats.tally import Tally

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
LOCUSTFILE = "locustfiles/mixed.py"
REPORT_S = 3.0  # locust.runners.WORKER_REPORT_INTERVAL
HEARTBEAT_S = 1.0  # locust.runners.HEARTBEAT_INTERVAL
BOOKS = 8  # different contents; workers share them, since nobody could tell 200 from 8
SETTLE_S = 75.0  # after a minute the master packs what is older
SCENARIOS = ("burst", "churn", "long_lived")
MEDIAN_MS = {"append": 2.0, "agent": 12.0, "lateness": 0.15}


class Book:
    """The measurements of one worker: a ledger and Locust's statistics, fed as a run's users feed them."""

    def __init__(self, per_s: float, history_s: int, seed: int) -> None:
        self._rng = random.Random(seed)
        self._per_s = per_s
        self._ledger = Ledger(DEFAULT, "", f"book{seed}")
        environment = Environment()
        self._table, self._stats = LocustStats(environment), environment.stats
        self._tallies = [
            Tally(self._ledger, scenario, MAIN, self._table.columns_of(scenario)) for scenario in SCENARIOS
        ]
        self._seconds = 0
        self._seq = 0
        self._taken: dict[str, int] = {}
        self.messages = 0
        self.snapshot = self._ledger.snapshot(0, False, 0.0)
        self.report: Json = {}
        for _ in range(history_s):
            self._live_a_second()

    def join(self, epoch: str) -> None:
        """The first spawn message has told the name of the run; a master would have the rows of its past."""
        if not self.report:
            self._ledger.epoch = epoch
            self._ledger.forget_rows(self._seconds - ROWS_TO_THANK_FOR)
            self.turn(0)

    def share(self, worker: str) -> None:
        """One more worker sends the contents of this book."""
        self._taken[worker] = 0

    def forget(self, worker: str, before: int) -> None:
        """The master has the rows of that worker; they go when it has them of all that send them."""
        self._taken[worker] = before
        self._ledger.forget_rows(min(self._taken.values()))

    def turn(self, seconds: int, final: bool = False) -> None:
        """Live on for that long and make the next report."""
        for _ in range(seconds):
            self._live_a_second()
        self._seq += 1
        self.snapshot = self._ledger.snapshot(self._seq, final, float(self._seconds))
        self.report = {
            "stats": self._stats.serialize_stats(),
            "stats_total": self._stats.total.get_stripped_report(),
            "errors": self._stats.serialize_errors(),
            "fleetlm": encode_snapshot(self.snapshot),
        }

    def _live_a_second(self) -> None:
        for number in range(round(self._per_s)):
            self._live_a_message(self._tallies[number % len(SCENARIOS)])
        self._table.flush()
        for _ in range(10):
            self._ledger.trend("event_loop_lag_ms", "", MAIN).add(round(self._duration_s("lateness") * 1e6))
        self._ledger.level("worker_cpu_percent", self._rng.uniform(20, 60))
        self._ledger.level("worker_rss_bytes", 2e8)
        self._seconds += 1
        self._ledger.tick(float(self._seconds))

    def _live_a_message(self, tally: Tally) -> None:
        due_s = self._seconds
        sent_s = due_s + self._duration_s("lateness")
        appended_s = sent_s + self._duration_s("append")
        message = SentMessage("", due_s, sent_s, MAIN)
        message.appended_s = appended_s
        tally.sent(message)
        tally.received(False)
        tally.appended(message, appended_s, True)
        tally.received(True)
        tally.replied(message, appended_s + self._duration_s("agent"))
        self.messages += 1

    def _duration_s(self, kind: str) -> float:
        return MEDIAN_MS[kind] * self._rng.lognormvariate(0, 0.8) / 1000


def turn_all(books: list[Book]) -> None:
    """Turn the books every report interval, forever."""
    due_s = time.monotonic()
    while True:
        due_s += REPORT_S
        gevent.sleep(max(0.0, due_s - time.monotonic()))
        for book in books:
            book.turn(round(REPORT_S))
            gevent.sleep(0)


class FakeWorker:
    """A worker as its master sees it: Locust's messages and ours, without any users."""

    def __init__(self, number: int, port: int, book: Book, version: Json) -> None:
        self._id = f"simulated_{number:04}"
        self._book = book
        book.share(self._id)
        self._version = version
        self._client = zmqrpc.Client("127.0.0.1", port, self._id)
        self._state = "ready"
        self._epoch = ""
        self.users: dict[str, int] = {}
        self.reports = 0
        self.report_bytes = 0
        self.messages = 0
        self.has_reported = Event()
        self.greenlets = [gevent.spawn(self._listen), gevent.spawn(self._beat)]
        self._send("client_ready", locust.__version__)

    def start_reports(self, delay_s: float) -> None:
        """Reports from now on, `delay_s` after the others."""
        self.greenlets.append(gevent.spawn_later(delay_s, self._report))

    def close(self) -> None:
        """Hangs up."""
        gevent.killall(self.greenlets)
        self._client.close(linger=0)

    def _send(self, kind: str, data: Any = None) -> int:
        message = Message(kind, data, self._id)
        self._client.send(message)
        return len(message.serialize())

    def _listen(self) -> None:
        while True:
            message = self._client.recv()
            if message.type == "ack" and message.data is None:
                self._send(Introduction.kind, {"version": self._version, "process": None})
            elif message.type == "spawn":
                self._on_spawn(message.data)
            elif message.type == SnapshotRequest.kind:
                self._send(SnapshotReply.kind, {"epoch": self._epoch, "snapshot": encode_snapshot(self._book.snapshot)})
            elif message.type == RowsReceived.kind:
                self._book.forget(self._id, message.data["before"])
            elif message.type == DrainRequest.kind:
                self._on_drain()
            elif message.type == "quit":
                self._send("quit")

    def _on_spawn(self, job: Json) -> None:
        self._epoch = job["parsed_options"][RunDescription.option]["epoch"]
        self._book.join(self._epoch)
        self.users = job["user_classes_count"]
        self._state = "running"
        self._send("spawning")
        users = {"user_classes_count": self.users, "user_count": sum(self.users.values())}
        self._send("spawning_complete", users)

    def _on_drain(self) -> None:
        book = self._book
        if not book.snapshot.final:
            book.turn(0, final=True)
        self.messages = book.messages
        self._send(FinalReport.kind, {"epoch": self._epoch, "snapshot": encode_snapshot(book.snapshot)})

    def _beat(self) -> None:
        while True:
            beat = {"state": self._state, "current_cpu_usage": 40.0, "current_memory_usage": 200_000_000}
            self._send("heartbeat", beat)
            gevent.sleep(HEARTBEAT_S)

    def _report(self) -> None:
        due_s = time.monotonic()
        while not self._book.snapshot.final:
            users = {"user_classes_count": self.users, "user_count": sum(self.users.values())}
            count = sum(self.users.values())
            head = {"fleetlm_headcount": {"epoch": self._epoch, "headcount": [count, count, 0]}}
            self.report_bytes += self._send("stats", self._book.report | users | head)
            self.reports += 1
            self.has_reported.set()
            due_s += REPORT_S
            gevent.sleep(max(0.0, due_s - time.monotonic()))


def version_to_send() -> Json:
    """What a worker with this locustfile sends in its introduction: the benchmark is caught instead of installed."""
    caught: list[Benchmark] = []
    install = importlib.import_module("fleetlm_users.users.install")
    with mock.patch.object(install, "install_benchmark", caught.append):
        runpy.run_path(str(ROOT / LOCUSTFILE))
    environment = Environment()
    environment.parsed_locustfiles = [str(ROOT / LOCUSTFILE)]
    return code_version_of(environment, BenchmarkContext(environment, caught[0])).to_wire()


class Master:
    """The locust process under measurement, its live line on a terminal of its own."""

    def __init__(self, workers: int, folder: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._folder = Path(folder)
        self._terminal, terminal = pty.openpty()
        arguments = ["--headless", "-f", LOCUSTFILE, "--standin", "--master", "-u", str(workers * 10)]
        arguments += ["--spawn-rate", str(workers * 10), "--warm-up", "0s", "-t", "1h", "--results-dir", folder]
        arguments += ["--master-bind-port", str(self.port), "--expect-workers", str(workers)]
        self.process = psutil.Popen(
            [Path(sys.executable).with_name("locust"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            cwd=ROOT,
        )
        os.close(terminal)
        self._reader = gevent.spawn(self._read)
        self.shown = ""

    def cpu_s(self) -> float:
        """User and system time so far, of this process alone."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss_bytes(self) -> int:
        """Resident memory now."""
        return int(self.process.memory_info().rss)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def summary(self) -> Json:
        """What it wrote at its end."""
        (found,) = self._folder.glob("*/summary.json")
        return dict(json.loads(found.read_text(encoding="utf-8")))

    def close(self) -> None:
        """End it now at the latest."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.kill()
        os.close(self._terminal)

    def _read(self) -> None:
        while True:
            gevent.socket.wait_read(self._terminal)
            try:
                self.shown = (self.shown + os.read(self._terminal, 65536).decode(errors="replace"))[-4000:]
            except OSError:  # Linux returns EIO when the other end has closed
                return


def measure(workers: int, seconds: float, per_s: float, history_s: int) -> Json:
    """Runs it all once; CPU in percent of one core, sizes in bytes."""
    books = [Book(per_s, history_s, seed) for seed in range(min(BOOKS, workers))]
    version = version_to_send()
    with tempfile.TemporaryDirectory() as folder:
        master = Master(workers, folder)
        fakes = [FakeWorker(number, master.port, books[number % len(books)], version) for number in range(workers)]
        try:
            return _measured(master, fakes, books, seconds) | {"messages_per_s_and_worker": per_s}
        except BaseException:
            print(master.shown, file=sys.stderr)
            raise
        finally:
            for fake in fakes:
                fake.close()
            master.close()


def _measured(master: Master, fakes: list[FakeWorker], books: list[Book], seconds: float) -> Json:
    with gevent.Timeout(120, RuntimeError("the master did not start")):
        while not all(fake.users for fake in fakes):
            gevent.sleep(0.2)
    turning = gevent.spawn(turn_all, books)
    for number, fake in enumerate(fakes):
        fake.start_reports(REPORT_S * number / len(fakes))
    with gevent.Timeout(60, RuntimeError("a worker could not report")):
        gevent.wait([fake.has_reported for fake in fakes])
    gevent.sleep(SETTLE_S)
    cpu_s, rss, began_s = master.cpu_s(), master.rss_bytes(), time.monotonic()
    reports = sum(fake.reports for fake in fakes)
    gevent.sleep(seconds)
    took_s = time.monotonic() - began_s
    steady_cpu_s, rss_after = master.cpu_s() - cpu_s, master.rss_bytes()
    reports = sum(fake.reports for fake in fakes) - reports
    turning.kill()
    end = _end(master, fakes)
    all_reports = sum(fake.reports for fake in fakes)
    return {
        "workers": len(fakes),
        "seconds": round(took_s, 1),
        "cpu_percent": round(100 * steady_cpu_s / took_s, 1),
        "cpu_us_per_report": round(1e6 * steady_cpu_s / reports),
        "reports_per_s": round(reports / took_s, 1),
        "bytes_per_report": round(sum(fake.report_bytes for fake in fakes) / all_reports),
        "rss_bytes": rss_after,
        "rss_growth_bytes_per_s": round((rss_after - rss) / took_s),
        **end,
    }


def _end(master: Master, fakes: list[FakeWorker]) -> Json:
    """Ctrl-C, the drain, the verdict; the merged count must be the sum of the workers' counts."""
    cpu_s, began_s = master.cpu_s(), time.monotonic()
    end_cpu_s = cpu_s
    master.interrupt()
    with gevent.Timeout(120, RuntimeError("the master did not end")):
        while master.process.poll() is None:
            gevent.sleep(0.05)
            end_cpu_s = _cpu_if_alive(master, end_cpu_s)
    sent, merged = sum(fake.messages for fake in fakes), master.summary()["accounting"]["all"]["all"]["sent"]
    if not sent or sent != merged:
        raise RuntimeError(f"the workers sent {sent} messages, the master counted {merged}")
    return {"end_s": round(time.monotonic() - began_s, 1), "end_cpu_s": round(end_cpu_s - cpu_s, 2), "messages": merged}


def _cpu_if_alive(master: Master, last_s: float) -> float:
    try:
        return master.cpu_s() or last_s  # a zombie's times are kept, a reaped process's are not
    except psutil.NoSuchProcess:
        return last_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure the steady state")
    parser.add_argument("--rate", type=float, default=50.0, help="messages per second of each worker")
    parser.add_argument("--history", type=int, default=600, help="seconds that the run has already lasted")
    given = parser.parse_args()
    found = measure(given.workers, given.seconds, given.rate, given.history)
    for name, value in found.items():
        print(f"{name:28}{value:>16,}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
