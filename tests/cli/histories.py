"""Simulated histories for tests: runs of one set-up a day apart, whose figures scatter and change at given runs."""

import json
import random
from datetime import UTC, datetime, timedelta

from tests.cli.summaries import made, written

BEGIN = datetime(2026, 8, 1, 2, 0, tzinfo=UTC)
LATENCY = "append_latency_ms"


def scaled(summary, factor):
    """The summary with its append latency multiplied: figures, histogram, and what thresholds measured."""
    entry = summary["metrics"][LATENCY]["main"]
    for figures in (entry["all"], *entry["scenarios"].values()):
        for name in ("min", "avg", "med", "p90", "p95", "p99", "p99.9", "max"):
            figures[name] = None if figures[name] is None else round(figures[name] * factor, 3)
    buckets = summary["distributions"][LATENCY]
    summary["distributions"][LATENCY] = [[low * factor, high * factor, n] for low, high, n in buckets]
    for threshold in summary["thresholds"]:
        if threshold["metric"] == LATENCY and threshold["measured"] is not None:
            threshold["measured"] = round(threshold["measured"] * factor, 6)
    return summary


def history(folder, factors, *, noise=0.01, seed=1, **parts):
    """Result folders of runs a day apart; `factors` are each day's latency, `parts` what summaries are updated with."""
    rng, base = random.Random(seed), json.dumps(made())
    for day, factor in enumerate(factors):
        summary = scaled(json.loads(base), factor * rng.gauss(1, noise))
        summary["run"]["started_at"] = (BEGIN + timedelta(days=day)).isoformat()
        summary["options"]["run_id"] = f"r{day:03}-{seed}"
        summary["versions"]["git_commit"] = f"{day:012x}"
        summary["host"] |= {"cpu": "Xeon", "hostname": f"runner-{day}"}
        for part, values in parts.items():
            summary[part] |= values
        written(folder / f"run-{day:03}-{seed}", summary)
    return folder
