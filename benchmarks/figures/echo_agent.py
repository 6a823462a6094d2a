"""Webhooks per second of the echo agent on one core, compared with a bare Flask view on the same WSGI server."""

import json
import subprocess
import sys
from collections.abc import Mapping

from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.running.child import ROOT
from benchmarks.settings import Settings

ECHO, NO_DELAY, BARE = "echo agent", "bare + no delay", "bare Flask"
FULL_S, QUICK_S = 10, 2
PHASES = 2
OVERHEAD_S = 2  # starting and ending


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """One round of benchmarks/parts/echo_agent.py, in a process of its own: it brings gevent and Flask with it."""
    script = ROOT / "benchmarks" / "parts" / "echo_agent.py"
    seconds = settings.length_s(FULL_S, QUICK_S)
    command = [sys.executable, str(script), "--json", contender, "--rounds", "1", "--seconds", f"{seconds:g}"]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if ended.returncode:
        raise RuntimeError(f"{script} ended with {ended.returncode}: {ended.stderr}")
    rounds: dict[str, list[float]] = json.loads(ended.stdout)[contender]
    return {name: values[0] for name, values in rounds.items()}


ECHO_AGENT = Figure(
    name="echo-agent",
    title="Echo agent",
    work="webhooks over 8 connections, as fast as they go and at 1,000/s",
    contenders=(BARE, NO_DELAY, ECHO),
    measure=measure,
    seconds=lambda settings: PHASES * settings.length_s(FULL_S, QUICK_S) + OVERHEAD_S,
    columns=(
        Column("per_s", "webhooks/s on one core"),
        Column("cpu_us", "CPU per webhook, µs"),
        Column("p50_us", "latency p50 at 1,000/s, µs"),
        Column("p99_us", "latency p99 at 1,000/s, µs"),
    ),
    goals=(
        Goal("webhooks/s ≥ a bare Flask view", ECHO, "per_s", BARE, at_least=1.0),
        Goal("≥ a bare Flask view with TCP_NODELAY", ECHO, "per_s", NO_DELAY, at_least=1.0),
    ),
    more_is_better=True,
)
