"""Small summaries for tests, made of samples in ms as a run would make them."""

import json
import math
import random
import re
from collections import Counter
from pathlib import Path

from fleetlm_users.measure.comparing.comparison import RunFile
from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts, decide
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.summary.document import summary as summary_of
from fleetlm_users.measure.snapshot_store import SnapshotStore

THRESHOLDS = "append_latency_ms: p(95)<500, avg<300; message_success_rate: rate>0.9; messages_sent: count>1; " \
    "active_connections: max<9; append_latency_ms{scenario:burst}: p(99)<900"  # fmt: skip


def trend(samples, *, distributed=True):
    """The figures of a trend and its histogram of 1 ms buckets."""
    values = sorted(samples)
    count = len(values)

    def at(fraction, needed):
        return values[math.ceil(fraction * count) - 1] if count >= needed else None

    figures = {
        "count": count, "min": values[0], "avg": sum(values) / count, "max": values[-1], "clamped": 0, "negative": 0,
        "med": at(0.5, 2), "p90": at(0.9, 10), "p95": at(0.95, 20), "p99": at(0.99, 100), "p99.9": at(0.999, 1000),
    }  # fmt: skip
    full = Counter(map(math.floor, values))
    metric = {"kind": "trend", "unit": "ms", "help": "", "main": {"all": figures, "scenarios": {}}}
    return metric, [[low, low + 1, full[low]] for low in sorted(full)] if distributed else None


def counter(count, duration_s=60.0):
    """A counter's metric."""
    figures = {"count": count, "per_s": count / duration_s, "labels": {}}
    return {"kind": "counter", "unit": "count", "help": "", "main": {"all": figures, "scenarios": {}}}


def rate(passes, total):
    """A rate's metric."""
    figures = {"rate": passes / total if total else None, "passes": passes, "total": total}
    return {"kind": "rate", "unit": "%", "help": "", "main": {"all": figures, "scenarios": {}}}


def gauge(now, peak):
    """A gauge's metric."""
    return {"kind": "gauge", "unit": "count", "help": "", "now": now, "peak": peak, "scenarios": {}}


def threshold(expression, measured, ok, *, unit="ms", samples=1000, too_few=False, late=False, scenario=None):
    """A judged threshold such as `append_latency_ms: p(95)<500`."""
    metric, condition = expression.split(": ")
    bound = float(re.split(r"[<>=!]+", condition)[1])
    subject = metric + (f"{{scenario:{scenario}}}" if scenario else "")
    return {
        "expression": f"{subject}: {condition}", "subject": subject, "condition": condition, "metric": metric,
        "scenario": scenario, "bound": bound, "measured": measured, "unit": unit, "ok": ok, "samples": samples,
        "too_few": too_few, "late": late, "undecided": too_few or late, "problem": "",
    }  # fmt: skip


def summary(metrics=None, thresholds=(), *, verdict="pass", doubts=(), options=None, plan=None, distributions=None):
    """A summary with everything that `compare` and `cleanup` read."""
    failures = ["a failure"] if verdict == "fail" else []
    told = list(doubts) or (["a reason"] if verdict == "inconclusive" else [])
    return {
        "format": 1,
        "verdict": {"kind": verdict, "exit_code": 0, "failures": failures, "doubts": told},
        "thresholds": list(thresholds),
        "metrics": dict(metrics or {}),
        "distributions": dict(distributions or {}),
        "run": {"duration_s": 60.0, "elapsed_s": 62.0, "scenarios": []},
        "workers": [{"worker": "local"}],
        "plan": {"benchmark": "mixed", "preset": "light", "users": {"burst": 5}, "total_users": 5, "duration_s": 60.0}
        | (plan or {}),
        "options": {"benchmark": "mixed", "run_id": "r1", "participant_prefix": "bench", "extra": {}} | (options or {}),
        "host": {"hostname": "box"},
        "versions": {"python": "3.11"},
    }


def with_trend(samples, *, name="append_latency_ms", bound=500, distributed=True, **more):
    """A summary with one trend and a threshold on its p95."""
    metric, buckets = trend(samples, distributed=distributed)
    p95 = metric["main"]["all"]["p95"]
    judged = threshold(f"{name}: p(95)<{bound}", p95, p95 is not None and p95 < bound, samples=len(samples))
    return summary({name: metric}, [judged], distributions={name: buckets} if buckets else {}, **more)


def run_file(found, name="A"):
    """The summary as if it had been read from a folder of that name."""
    return RunFile(Path(f"/results/{name}/summary.json"), found)


def written(folder, found):
    """The summary in a result folder of its own."""
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(found))
    return folder


def made():
    """A summary as a run of this version makes it, through JSON."""
    rng = random.Random(3)
    ledger = Ledger(DEFAULT, "run", "w")
    ledger.gauge("active_connections", "burst", 2)
    for scenario in ("burst", "churn"):
        for _ in range(150):
            ledger.count("messages_sent", scenario, MAIN)
            ledger.count("messages_appended", scenario, MAIN)
            ledger.trend("append_latency_ms", scenario, MAIN).add(rng.randrange(500, 90_000))
            ledger.trend("generator_lateness_ms", scenario, MAIN).add(rng.randrange(5, 90))
    ledger.count("connection_failures", "burst", MAIN, label="refused")
    merge = SnapshotStore("run")
    merge.absorb("w", ledger.snapshot(1, True, 10.0))
    totals = merge.totals()
    verdict = decide(
        judge(parse_thresholds(THRESHOLDS.split(";")), totals, 10.0),
        totals,
        RunFacts(False, 1, 1, workers=merge.workers),
    )
    plan = {"benchmark": "mixed", "preset": "light", "users": {"burst": 5}, "total_users": 5, "duration_s": 10.0}
    options = {"benchmark": "mixed", "run_id": "r1", "participant_prefix": "bench", "extra": {"probes": 3}}
    told = summary_of(verdict, totals, plan, options, {"cores": 2}, {"python": "3"}, merge.workers, duration_s=10.0)
    return json.loads(json.dumps(told))
