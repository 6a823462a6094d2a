"""Run one benchmark for a few seconds in a separate process and tell whether it works, not how fast it is."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fleetlm_users.earlier_runs.result_folders import read_runs
from fleetlm_users.errors import UsageError
from fleetlm_users.foreign_text import printable
from fleetlm_users.measure import formatting
from fleetlm_users.measure.comparing.comparison import RunFile
from fleetlm_users.measure.judging.durability.crash import UNTESTED
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.report.content.push_accounting import sent_of
from fleetlm_users.measure.report.summary.types import counter_of, trend_of
from fleetlm_users.protocol.profile import UNSUITED

SHORT: Final = ("--warm-up", "0s", "--ramp-up", "1s")
OF_BENCHMARK: Final = {
    "hot_path_throughput": ("--steady-duration", "1h", "--audit-after", "2s"),
    "rest_read_write_mix": ("--audit-after", "2s"),
    "cold_start_replay": ("--backlog-size", "50", "--replay-duration", "1h", "--audit-after", "2s"),
    "capacity": ("--hold", "2s", "--settle", "1s", "--most", "20", "--confirm", "0"),
    "durability": ("--crash", "none"),
    "reconnect_storm": ("--cut-at", "1s"),
    "ws_hot_path": ("--send-interval", "1000"),
}
"""Options for benchmarks that would otherwise have nothing to do in their first seconds, do more than those, or lose
messages by design.
"""

SPARE_S: Final = 120.0
"""How much longer than its run time a run may take: start, check the targets, drain, report."""

END_S: Final = 30.0
MAX_LINES: Final = 3
MAX_WORDS: Final = 400
_ROUTINE: Final = re.compile(r"\[\d{4}-\d\d-\d\d [\d:,]+\] \S+/INFO/")

USAGE_EXIT: Final = 2
_UNKNOWN: Final = re.compile(r"error: unrecognized arguments: ([^\n]{1,200})")

_DONE: Final = {"messages": "appended", "pushes": "replied to"}
_LATENCY: Final = {"messages": "append_latency_ms", "pushes": "push_latency_ms"}

Sign = Literal["✓", "!", "✗"]


@dataclass(frozen=True)
class SmokeResult:
    """Whether a benchmark works: ✓ yes, ✗ no, ! needs a look; `words` say what happened."""

    benchmark: str
    sign: Sign
    words: str


def smoke(locustfile: Path, seconds: float, arguments: Sequence[str], results: Path) -> SmokeResult:
    """Run a benchmark for some seconds, with extra arguments for Locust, and return whether it works.

    Raises UsageError for arguments that no benchmark has.
    """
    name = locustfile.stem
    command = [sys.executable, "-m", "locust", "--headless", "-f", str(locustfile), *SHORT, *OF_BENCHMARK.get(name, ())]
    command += ["-t", f"{seconds:g}s", *arguments, "--results-dir", str(results)]
    code, output = _finished(command, seconds + SPARE_S)
    try:
        (run,) = read_runs(results)
    except (UsageError, ValueError):
        unknown = _UNKNOWN.search(output)
        if code == USAGE_EXIT and unknown is not None:
            example = "fleetlm-bench smoke -H http://fleetlm:4000"
            raise UsageError("options", printable(unknown[1]), "options that Locust has", example) from None
        if UNSUITED in " ".join(output.split()):
            return SmokeResult(name, "✓", f"not run: {_said_since(output, 'invalid value')}")
        return SmokeResult(name, "✗", f"no result (exit code {code}): {_last_lines(output)}")
    return judged(name, run)


def judged(name: str, run: RunFile) -> SmokeResult:
    """Return whether a short run shows that its benchmark works; a latency beyond its bound only needs a look.

    Too few samples for a threshold are no reason to doubt: a run of some seconds has no more, and some benchmarks have
    no message due in it. Nor is an unfinished capacity search.
    """
    verdict, sent = run.summary["verdict"], sum(_sent(run, what) for what in sent_of(run.summary))
    silent = [] if sent else [entry["expression"] for entry in run.summary["thresholds"] if not entry["samples"]]
    failures = [failure for failure in verdict["failures"] if not failure.startswith(tuple(silent))]
    latencies = tuple(entry["expression"] for entry in run.summary["thresholds"] if entry["unit"] == "ms")
    slow = [failure for failure in failures if failure.startswith(latencies) and "no samples" not in failure]
    if len(failures) > len(slow):
        return SmokeResult(name, "✗", "; ".join(failures))
    if not sent:
        return _without_messages(name, run)
    for what in sent_of(run.summary):
        if _sent(run, what) and not _succeeded(run, what):
            return SmokeResult(name, "✗", f"none of {formatting.count(_sent(run, what))} {what} was {_DONE[what]}")
    if slow:
        return SmokeResult(name, "!", "; ".join(slow))
    few = [entry["expression"] for entry in run.summary["thresholds"] if entry["too_few"]]
    doubts = [doubt for doubt in verdict["doubts"] if not any(doubt.startswith(expression) for expression in few)]
    doubts = [doubt for doubt in doubts if doubt != UNTESTED]  # it was run with `--crash none`
    if doubts and "capacity" not in run.summary:
        return SmokeResult(name, "!", "; ".join(doubts))
    return SmokeResult(name, "✓", _figures(run))


def _without_messages(name: str, run: RunFile) -> SmokeResult:
    """Return whether at least sessions were joined."""
    joins = trend_of(run.summary, "ws_join_ms")
    phase = None if joins is None else joins.get(MAIN) or joins.get(WARM_UP)
    if phase is None:
        return SmokeResult(name, "✗", "no session was joined, and no message sent")
    return SmokeResult(
        name, "✓", f"{formatting.count(phase['all']['count'])} sessions joined; no message was due so soon"
    )


def _figures(run: RunFile) -> str:
    parts = []
    for what in sent_of(run.summary):
        sent = _sent(run, what)
        if sent:
            words = f"{formatting.count(_succeeded(run, what))} of {formatting.count(sent)} {what} {_DONE[what]}"
            latency = trend_of(run.summary, _LATENCY[what])
            if latency is not None and MAIN in latency:
                words += f", median {formatting.ms_with_unit(latency[MAIN]['all']['med'])}"
            parts.append(words)
    return "; ".join(parts)


def _sent(run: RunFile, what: str) -> int:
    """Return how many messages or pushes were sent."""
    return run.summary["accounting"]["all"]["all"]["sent"] if what == "messages" else _counted(run, "pushes_sent")


def _succeeded(run: RunFile, what: str) -> int:
    accounting = run.summary["accounting"]["all"]["all"]
    return accounting["appended"] if what == "messages" else _counted(run, "pushes_replied")


def _counted(run: RunFile, name: str) -> int:
    counter = counter_of(run.summary, name)
    phases = [] if counter is None else [counter.get(MAIN), counter.get(WARM_UP)]
    return sum(int(phase["all"]["count"]) for phase in phases if phase is not None)


def _finished(command: Sequence[str], wait_s: float) -> tuple[int, str]:
    """Run a command to its end, and return its exit code and output. One that takes too long is ended in order."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            output, _ = process.communicate(timeout=wait_s)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as problem:
            process.terminate()
            try:
                output, _ = process.communicate(timeout=END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            if isinstance(problem, KeyboardInterrupt):
                raise
        return process.returncode, output


def _last_lines(output: str) -> str:
    """Return the last lines, without the routine ones of Locust's log."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not _ROUTINE.match(line)]
    return printable(" ".join(lines[-MAX_LINES:]), MAX_WORDS) or "no output"


def _said_since(output: str, begin: str) -> str:
    """Return the output from the last occurrence of a beginning on, or else its last lines."""
    _, separator, rest = " ".join(output.split()).rpartition(begin)
    return printable(begin + rest, MAX_WORDS) if separator else _last_lines(output)
