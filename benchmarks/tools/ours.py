"""Ours: one real `locust` process, as a user starts it."""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.load import MS_PER_S, TEXT_BYTES, Load
from benchmarks.tools.tool import Command, clean_env, free_port

SILENT_MS = 3_600_000  # longer than any run: for sessions that send nothing
SLACK_S = 60  # the run ends when its users are done, not by this clock
TRENDS = ("append_latency_ms", "append_service_ms", "generator_lateness_ms", "event_loop_lag_ms")
PHASES = ("warm_up", "main")
COUNTERS = ("messages_sent", "messages_received", "messages_appended", "messages_lost", "sessions_completed")


class Ours:
    """`locust --headless -f locustfiles/…`."""

    name = "ours"
    server_flags: tuple[str, ...] = ()

    def absent(self) -> str:
        """Nothing: it is this project."""
        return ""

    def command(self, load: Load, address: str, run_id: str, folder: Path) -> Command:
        """The locustfile that does this work."""
        words = [
            *(sys.executable, "-m", "locust", "--headless"),
            *("--host", f"http://{address}", "--run-id", run_id, "--results-dir", str(folder)),
            *("--users", str(load.sessions), "--ramp-up", f"{load.ramp_s:g}s"),
            *("--warm-up", f"{load.warm_up_s:g}s"),
            *("--protocol", load.protocol),
            *(_rest(load) if load.rest else _journeys(load) if load.journeys else _messages(load)),
        ]
        if load.processes > 1:
            port = str(free_port())
            words += ["--processes", str(load.processes), "--master-port", port, "--master-bind-port", port]
        return Command(tuple(words), clean_env())

    def reported(self, folder: Path) -> dict[str, float]:
        """From its summary.json."""
        metrics = json.loads(next(folder.glob("*/summary.json")).read_text(encoding="utf-8"))["metrics"]
        found = {name: sum(_of_all(metrics, name, phase).get("count", 0) for phase in PHASES) for name in COUNTERS}
        for name in TRENDS:
            trend = _of_all(metrics, name, "main")
            found |= {f"{name} p50": trend.get("med"), f"{name} p99": trend.get("p99")}
        return {name: value for name, value in found.items() if value is not None}


def _messages(load: Load) -> list[str]:
    runtime_ms = f"{load.seconds * MS_PER_S:.0f}"
    pace = (
        ["--pipeline-depth", str(load.depth)]
        if load.depth
        else ["--send-interval", f"{load.interval_ms or SILENT_MS:g}"]
    )
    longest = f"{load.lasts_s + SLACK_S:.0f}s"
    return ["-f", "locustfiles/message_throughput.py", "--runtime-ms", runtime_ms, "--run-time", longest, *pace]


def _journeys(load: Load) -> list[str]:
    counts = ["--iterations", str(load.journeys), "--messages-per-session", str(load.messages)]
    return ["-f", "locustfiles/session_lifecycle.py", *counts]


def _rest(load: Load) -> list[str]:
    """Leave out what the preset adds to the common work: texts of 1 KiB, and the audit of the whole run at its end."""
    words = ["-f", "locustfiles/rest_read_write_mix.py", "--run-time", f"{load.lasts_s:g}s"]
    return [*words, "--message-bytes", str(TEXT_BYTES), "--audit", "off"]


def _of_all(metrics: dict[str, Any], name: str, phase: str) -> dict[str, Any]:
    found: dict[str, Any] = metrics.get(name, {}).get(phase, {}).get("all", {})
    return found
