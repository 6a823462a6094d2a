#!/usr/bin/env python3
"""Stands for locust in tests of the CI scripts: notes its arguments, writes a run's files, ends with the next code.

FAKE_FOLDER holds `codes` (one a line, the last one repeats), `summary.json` (of a run) and `calls` (what was asked). It
imports nothing of ours: each of the jobs starts it anew.
"""

import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path


def main():
    """Write what a run leaves."""
    folder = Path(os.environ["FAKE_FOLDER"])
    calls = folder / "calls"
    number = len(calls.read_text().splitlines()) if calls.exists() else 0
    with calls.open("a") as file:
        file.write(json.dumps(sys.argv[1:]) + "\n")
    codes = (folder / "codes").read_text().split()
    code = codes[min(number, len(codes) - 1)]
    if code == "wait":  # until the job is cancelled
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
        (folder / "waiting").touch()
        signal.pause()
    if code in ("0", "3", "4", "5"):
        write(folder, int(code), number)
    return int(code)


def write(folder, code, number):
    """Write the result folder and the requested files."""
    summary = json.loads((folder / "summary.json").read_text())
    started = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=number)
    summary["run"]["started_at"] = started.isoformat()
    summary["options"]["run_id"] = f"r{number}"
    if code == 4:
        summary["verdict"] = {
            "kind": "inconclusive",
            "exit_code": 4,
            "failures": [],
            "doubts": ["the generator was late"],
        }
    results = Path(sys.argv[sys.argv.index("--results-dir") + 1]) / f"{started:%Y%m%dT%H%M%SZ}-mixed-r{number}"
    results.mkdir(parents=True)
    (results / "summary.json").write_text(json.dumps(summary))
    (results / "run.json").write_text("{}")
    for flag in ("--junit", "--markdown"):
        Path(sys.argv[sys.argv.index(flag) + 1]).write_text(f"{flag} of run {number}\n")


if __name__ == "__main__":
    sys.exit(main())
