"""Deliveries per CPU second: what a push to one of many listeners of a session costs the generator."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import K6_WEBSOCKETS, OURS
from benchmarks.figure import Column, Figure
from benchmarks.goal import Goal
from benchmarks.load import Load
from benchmarks.running.trial import run
from benchmarks.settings import Settings
from benchmarks.tools.k6 import K6
from benchmarks.tools.ours import Ours
from benchmarks.tools.tool import Command, Tool

SESSIONS, LISTENERS = 2, 100
INTERVAL_MS = 50
FULL_S, QUICK_S = 40, 12
OVERHEAD_S = 6  # starting, opening the listeners, ending


@dataclass(frozen=True)
class Crowd(Load):
    """Sessions with one writer and this many listeners each, all of one user; the writer sends all messages."""

    listeners: int = LISTENERS

    def env(self) -> dict[str, str]:
        """The load as environment variables."""
        return super().env() | {"LISTENERS": str(self.listeners)}


class OursFannedOut(Ours):
    """`locust --headless -f locustfiles/fan_out.py`."""

    def command(self, load: Load, address: str, run_id: str, folder: Path) -> Command:
        """The locustfile that does this work."""
        base = super().command(load, address, run_id, folder)
        words = list(base.words[: base.words.index("-f")])
        words += ["-f", "locustfiles/fan_out.py", "--listeners", str(LISTENERS), "--run-time", f"{load.lasts_s:g}s"]
        return Command((*words, "--send-interval", f"{load.interval_ms:g}"), base.env)


TOOLS: dict[str, Tool] = {OURS: OursFannedOut(), K6_WEBSOCKETS: K6("fan_out")}


def load(settings: Settings) -> Crowd:
    """Twenty messages a second on each session, each answered by the agent: 8,000 deliveries a second."""
    return Crowd(SESSIONS, settings.length_s(FULL_S, QUICK_S), interval_ms=INTERVAL_MS, ramp_s=1.0)


def measure(contender: str, settings: Settings) -> Mapping[str, float]:
    """One run; deliveries are what the server pushed beyond the writers' own two frames a message."""
    trial = run(TOOLS[contender], load(settings))
    counted = trial.counted
    deliveries = counted["broadcasts_sent"] - counted["messages_appended_user"] - counted["messages_appended_agent"]
    return trial.values() | {
        "deliveries": float(deliveries),
        "deliveries_per_cpu_s": deliveries / trial.usage.cpu_s,
        "cpu_us_per_delivery": trial.usage.cpu_s / deliveries * 1e6,
    }


FAN_OUT = Figure(
    name="fan-out",
    title="Deliveries per CPU second",
    work="2 sessions × 100 listeners, 20 messages/s on each, each delivered to all with its answer",
    contenders=(K6_WEBSOCKETS, OURS),
    measure=measure,
    seconds=lambda settings: load(settings).lasts_s + OVERHEAD_S,
    columns=(
        Column("deliveries_per_cpu_s", "deliveries per CPU second"),
        Column("cpu_us_per_delivery", "CPU per delivery, µs", 1),
        Column("deliveries", "deliveries (counted by the server)"),
        Column("core_share", "share of a core", 2),
        Column("peak_rss_mib", "peak RSS, MiB", 1),
    ),
    goals=(Goal("≥ 3 × k6/websockets", OURS, "deliveries_per_cpu_s", K6_WEBSOCKETS, at_least=3.0),),
    more_is_better=True,
)
