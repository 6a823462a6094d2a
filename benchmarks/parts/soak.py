"""Whether memory grows in a long run of constant load: generator, master, worker and stand-in, for an hour.

    python benchmarks/parts/soak.py                      an hour; what counts begins after ten minutes
    python benchmarks/parts/soak.py --quick              five minutes, from the second on: a look, no result

A standalone generator, and a master with its web UI and one worker, run the mixed benchmark on one stand-in: half of
their users come and go all the time. The resident memory of each process is read every ten seconds. Its growth is the
slope of a straight line through the means of blocks of five minutes, with its interval of 95 % (Student's t; within a
block readings follow each other too closely to be counted one by one). The goal is less than 1 MB an hour.
"""

import argparse
import contextlib
import json
import math
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).parents[2]
READY: Final = re.compile(r"ready on (http://\S+)")
USERS: Final = ("--long-lived-vus", "2", "--burst-vus", "2", "--churn-vus", "10", "--warm-up", "10s")
STANDIN: Final = (
    "-m", "fleetlm_users.standin", "--builtin-agent", "--port", "0", "--exit-with-parent",
    "--max-sessions", "50", "--max-messages-per-session", "100", "--max-stored-bytes", "500000",
)  # fmt: skip  # its caps are reached within minutes: what it stores until then is what it is there for
READ_S: Final = 10.0
BLOCKS: Final = 10
MB: Final = 1e6
HOUR_S: Final = 3600.0
GOAL_MB: Final = 1.0
T_95: Final = (math.nan, 12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t for an interval of 95 %, by degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The memory growth of one process: MB at the start and the end of the counted part, MB per hour in between.

    `per_hour_mb` is known to ± `within_mb`.
    """

    process: str
    first_mb: float
    last_mb: float
    per_hour_mb: float
    within_mb: float

    @property
    def outcome(self) -> str:
        """Whether the goal was reached, as far as the readings can tell."""
        if self.per_hour_mb + self.within_mb < GOAL_MB:
            return "reached"
        return "missed" if self.per_hour_mb - self.within_mb >= GOAL_MB else "not shown"


def growth(process: str, readings: Sequence[tuple[float, int]]) -> Growth:
    """The growth of (seconds, bytes), at least three blocks of them."""
    size = max(1, len(readings) // BLOCKS)
    blocks = [readings[at : at + size] for at in range(0, len(readings) - size + 1, size)]
    hours = [statistics.fmean(at_s for at_s, _ in block) / HOUR_S for block in blocks]
    sizes_mb = [statistics.fmean(held for _, held in block) / MB for block in blocks]
    slope, intercept = statistics.linear_regression(hours, sizes_mb)
    left = [size_mb - intercept - slope * at for at, size_mb in zip(hours, sizes_mb, strict=True)]
    freedom = len(blocks) - 2
    spread = math.sqrt(sum(error**2 for error in left) / freedom)
    middle = statistics.fmean(hours)
    within = T_95[min(freedom, len(T_95) - 1)] * spread / math.sqrt(sum((at - middle) ** 2 for at in hours))
    return Growth(process, sizes_mb[0], sizes_mb[-1], slope, within)


def table(found: Sequence[Growth]) -> Iterator[str]:
    """The growths as lines of Markdown."""
    yield "| process | at first | at the end | growth per hour | goal < 1 MB |"
    yield "|---|---|---|---|---|"
    for each in found:
        rate = f"{each.per_hour_mb:+.2f} ± {each.within_mb:.2f} MB"
        yield f"| {each.process} | {each.first_mb:.1f} MB | {each.last_mb:.1f} MB | {rate} | {each.outcome} |"


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the block."""
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def address_of(process: subprocess.Popen[str], log: Path) -> str:
    """Return the address that the stand-in reports."""
    while process.poll() is None:
        if found := READY.search(log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.1)
    raise RuntimeError(f"the stand-in did not start:\n{log.read_text(encoding='utf-8')}")


def free_port() -> str:
    """A port that nobody is listening on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def soak(minutes: float, settle_minutes: float, folder: Path) -> list[Growth]:
    """Run the whole soak once."""
    with contextlib.ExitStack() as stack:
        log = folder / "standin.log"
        standin = stack.enter_context(running(STANDIN, log))
        url = address_of(standin, log)
        targets = ["--api-url", f"{url}/api", "--ws-url", f"{url.replace('http', 'ws', 1)}/socket/websocket"]
        locust = ["-m", "locust", "-f", "locustfiles/mixed.py", *targets, "--results-dir", str(folder)]
        run = [*USERS, "-t", f"{minutes * 60 + 60:.0f}s"]
        port = free_port()
        place = ["--master-port", port, "--master-bind-port", port]
        web = ["--autostart", "--autoquit", "0", "--web-host", "127.0.0.1", "--web-port", free_port()]
        commands = {
            "generator": [*locust, *run, "--headless"],
            "master": [*locust, *run, *web, *place, "--master", "--expect-workers", "1"],
            "worker": [*locust, *place, "--worker"],
        }
        processes = {"stand-in": standin}
        for name, command in commands.items():
            processes[name] = stack.enter_context(running(command, folder / f"{name}.log"))
        return [
            growth(name, readings) for name, readings in _read(processes, minutes * 60, settle_minutes * 60).items()
        ]


def _read(
    processes: dict[str, subprocess.Popen[str]], seconds: float, settle_s: float
) -> dict[str, list[tuple[float, int]]]:
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in processes}
    began_s = time.monotonic()
    while (elapsed_s := time.monotonic() - began_s) < seconds:
        for name, process in processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"the {name} ended after {elapsed_s:.0f} s")
            if elapsed_s >= settle_s:
                found[name].append((elapsed_s, psutil.Process(process.pid).memory_info().rss))
        time.sleep(READ_S)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long the load lasts")
    parser.add_argument("--settle", type=float, default=10.0, help="minutes that do not count")
    parser.add_argument("--quick", action="store_true", help="five minutes; two of them do not count")
    parser.add_argument("--logs", type=Path, help="keep the logs and result folders here")
    given = parser.parse_args()
    minutes, settle = (5.0, 2.0) if given.quick else (given.minutes, given.settle)
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.logs or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found = soak(minutes, settle, folder)
    print(f"{minutes:g} minutes, without the first {settle:g}:", *table(found), sep="\n")
    print(json.dumps([asdict(each) for each in found]))


if __name__ == "__main__":
    main()
