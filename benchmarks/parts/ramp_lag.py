"""How much a ramp disturbs its own measurement: what blocks the workers' event loops while 0 → 2,000 users are spawned.

    python benchmarks/parts/ramp_lag.py                  all variants, one worker and two: 5 minutes
    python benchmarks/parts/ramp_lag.py --users 200 --ramp-s 5 --processes 1

"locust" is Locust as it is: it builds its command line's parser once per option in every spawn message, and spawns a
second's users at once. The other columns add what the product does, one thing after the other; the last is the product.
Each run is a real `locust --processes N` on a stand-in. Lag is ours, from summary.json: how late a timer fires, other
processes' share of the machine included. The rest is CPU time of the worker alone, taken by ramp_probe.py.
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

ROOT = Path(__file__).parents[2]
WITHOUT = {
    "locust": "cache spread collector",
    "+ one parser": "spread collector",
    "+ spread": "collector",
    "+ freeze": "",
}
HOLD_S = 5
PATIENCE_S = 120


def ramp(without: str, users: int, ramp_s: int, processes: int) -> dict[str, Any]:
    """One run; all figures in ms unless their name says otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("locust")), "--headless", "-f", "benchmarks/parts/ramp_probe.py"]
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
            encoding="utf-8",
            check=False,
        )
        summaries = list(Path(folder).glob("*/summary.json"))
        if not summaries:
            raise RuntimeError(f"the run left no summary:\n{done.stderr[-2000:]}")
        probes = [json.loads(path.read_text(encoding="utf-8")) for path in Path(folder).glob("*.json")]
        return figures(json.loads(summaries[0].read_text(encoding="utf-8")), probes)


def free_port() -> int:
    """A port that nobody is listening on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def figures(summary: dict[str, Any], probes: list[dict[str, Any]]) -> dict[str, Any]:
    """The tables' figures for all workers of one run."""
    lag, join = (_trend(summary, metric) for metric in ("event_loop_lag_ms", "ws_join_ms"))
    seen = {what: [ms for probe in probes for ms in probe[what]] for what in ("spawn", "young", "full", "stall")}
    stalls = sorted(seen["stall"])
    return {
        "joined": summary["metrics"].get("active_connections", {}).get("peak", 0),
        "lag p99": lag.get("p99"),
        "lag max": lag.get("max"),
        "join p99": join.get("p99"),
        "spawn message median": round(median(seen["spawn"]), 1),
        "spawn message max": round(max(seen["spawn"]), 1),
        "loop held p99": round(stalls[len(stalls) * 99 // 100], 1),
        "loop held max": round(stalls[-1], 1),
        "full collections": len(seen["full"]),
        "full collection max": round(max(seen["full"], default=0.0), 1),
        "young collections": round(sum(seen["young"])),
    }


def _trend(summary: dict[str, Any], metric: str) -> dict[str, Any]:
    """Empty if nothing was measured: Locust ends a run whose only worker is blocked for 3 s and so counts as
    missing.
    """
    return dict(summary["metrics"].get(metric, {}).get("main", {}).get("all", {}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--ramp-s", type=int, default=20)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    for processes in given.processes:
        found = {name: ramp(without, given.users, given.ramp_s, processes) for name, without in WITHOUT.items()}
        print(f"\n{given.users} users in {given.ramp_s} s, --processes {processes}; ms\n")
        print(" " * 22 + "".join(f"{name:>14}" for name in found))
        for figure in found["locust"]:
            print(f"{figure:22}" + "".join(f"{values[figure]!s:>14}" for values in found.values()))
        print(json.dumps(found))


if __name__ == "__main__":
    main()
