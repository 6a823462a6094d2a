"""How much a ramp disturbs what it measures: event loop lag of the workers while 0 → 2,000 users are spawned.

    python benchmarks/ramp_lag.py                  before and after, one worker and two: 3 minutes
    python benchmarks/ramp_lag.py --users 200 --ramp-s 5 --processes 1

"before" is Locust as it is: it builds its command line's parser once per option in every spawn message. Each run is a
real `locust --processes N` on a stand-in. Lag is ours, from summary.json; the time of spawn messages and collections is
taken beside it by ramp_probe.py.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
VARIANTS = {"before": "cache", "after": ""}
HOLD_S = 5
PATIENCE_S = 120


def ramp(without: str, users: int, ramp_s: int, processes: int) -> dict[str, Any]:
    """One run; all figures in ms unless their name says otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("locust")), "--headless", "-f", "benchmarks/ramp_probe.py"]
        command += ["--standin", "-u", str(users), "--ramp-up", f"{ramp_s}s", "-t", f"{ramp_s + HOLD_S}s"]
        command += ["--warm-up", "0s", "--keep-alive-ms", "0", "--processes", str(processes), "--results-dir", folder]
        port = str(free_port())
        command += ["--master-bind-port", port, "--master-port", port]
        environment = os.environ | {"RAMP_PROBE": folder, "RAMP_WITHOUT": without}
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            timeout=ramp_s + HOLD_S + PATIENCE_S,
            capture_output=True,
            text=True,
            check=False,
        )
        summaries = list(Path(folder).glob("*/summary.json"))
        if not summaries:
            raise RuntimeError(f"the run left no summary:\n{done.stderr[-2000:]}")
        probes = [json.loads(path.read_text()) for path in Path(folder).glob("*.json")]
        return figures(json.loads(summaries[0].read_text()), probes)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def figures(summary: dict[str, Any], probes: list[dict[str, Any]]) -> dict[str, Any]:
    """What the tables show, of all workers of one run."""
    metrics = summary["metrics"]
    lag, join = metrics["event_loop_lag_ms"]["main"]["all"], metrics["ws_join_ms"]["main"]["all"]
    wall = [ms for probe in probes for ms in probe["wall"]]
    full = [ms for probe in probes for generation, ms in probe["collections"] if generation == 2]
    return {
        "joined": metrics["active_connections"]["peak"],
        "lag p50": lag["med"],
        "lag p99": lag["p99"],
        "lag max": lag["max"],
        "join p99": join["p99"],
        "spawn messages": len(wall),
        "spawn median": round(median(wall), 1),
        "spawn max": round(max(wall), 1),
        "spawn CPU max": round(max(ms for probe in probes for ms in probe["cpu"]), 1),
        "full collections": len(full),
        "full collection max": round(max(full, default=0.0), 1),
        "collections in all": round(sum(ms for probe in probes for _, ms in probe["collections"])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--ramp-s", type=int, default=20)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    for processes in given.processes:
        found = {name: ramp(without, given.users, given.ramp_s, processes) for name, without in VARIANTS.items()}
        print(f"\n{given.users} users in {given.ramp_s} s, --processes {processes}; ms\n")
        for figure in found["before"]:
            print(f"{figure:22}" + "".join(f"{name} {values[figure]:>10}   " for name, values in found.items()))
        print(json.dumps(found))


if __name__ == "__main__":
    main()
