"""Every message quoted in the documentation exists in the code, word for word."""

import ast
import errno
import os
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from fleetlm_users.client.preflight import ProblemCode, Targets, check
from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts, decide
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.snapshot_store import SnapshotStore, WorkerState
from fleetlm_users.swarm.coordinator.active_run import doubts_of
from fleetlm_users.swarm.coordinator.control.user_target import UserTarget
from tests.client.fakes import FakeServer
from tests.client.test_preflight import Fleet
from tests.docs.pages import ROOT, SPAN, page

GAP = "…"
LONE_WORDS = 3
"""A fragment with fewer letters than this says nothing."""

LONG_ENOUGH = 8
"""Fewer characters than this are in many messages."""

PAGES = ("docs/troubleshooting.md", "README.md")
COLUMNS = ("message", "what it says")
QUOTED = [
    (name, quoted[2].strip())
    for name in PAGES
    for table in page(name).tables()
    for row in table
    for column in COLUMNS
    for quoted in [SPAN.search(row.get(column, ""))]
    if quoted
]


def sources():
    """Our own files, and those of Locust that speak to a person."""
    locust = Path(find_spec("locust").origin).parent
    return [
        *(ROOT / "fleetlm_users").rglob("*.py"),
        ROOT / "echo_agent.py",
        *(locust / name for name in ("main.py", "runners.py", "web.py", "rpc/zmqrpc.py")),
    ]


@cache
def templates():
    """Every text of the code, with a gap where something is put in; and what the system says of errors."""
    found = {os.strerror(number) for number in errno.errorcode}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if text := template_of(node):
                found.add(text)
    return sorted(found)


def template_of(node):
    """Return the text of a literal, with a gap for each inserted value; empty for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[sdr]|\{\w*\}", GAP, node.value)
    return ""


def exists(message):
    """Whether the fragments between the gaps stand in one text of the code, in this order.

    Where a message is put together from several texts, each fragment may stand in another one.
    """
    fragments = [part.strip() for part in message.split(GAP) if sum(map(str.isalpha, part)) >= LONE_WORDS]
    in_one = re.compile(".*".join(map(re.escape, fragments)), re.DOTALL)
    if any(in_one.search(text) for text in templates()):
        return True
    return all(any(part in text for text in templates()) for part in fragments)


def test_messages_were_found():
    """Many; else this file tests nothing."""
    assert len(QUOTED) > 60


@pytest.mark.parametrize(("name", "message"), QUOTED, ids=[f"{name}: {message}"[:80] for name, message in QUOTED])
def test_a_quoted_message_is_in_the_code(name, message):
    """A user who searches for the program's words finds them."""
    assert exists(message), f"{name}: no such message: {message}"


def is_explained(said):
    """Return whether a table of messages has this one, with gaps for inserted values."""
    quoted = [[part.strip() for part in message.split(GAP) if part.strip()] for _, message in QUOTED]
    fitting = [parts for parts in quoted if re.search(".*".join(map(re.escape, parts)), said)]
    return max(len("".join(parts)) for parts in [*fitting, ""]) > LONG_ENOUGH


def totals(*writes):
    """Return the totals after these functions have written into a worker's ledger, one after the other."""
    snapshots = SnapshotStore("e")
    for number, write in enumerate(writes):
        ledger = Ledger(DEFAULT, "e", f"worker-{number}")
        write(ledger)
        snapshots.absorb(f"worker-{number}", ledger.snapshot(1, True, 10.0))
    return snapshots.totals()


def broken(ledger):
    """A run in which everything went wrong that numbers show."""
    ledger.count("messages_sent", "burst", MAIN, 100)
    ledger.count("messages_in_flight", "burst", MAIN, 50)
    ledger.count("session_failures", "burst", MAIN, 9, "join_timeout")
    ledger.trend("append_latency_ms", "burst", MAIN).add(-1)
    slow_us = {"generator_lateness_ms": 900_000, "event_loop_lag_ms": 900_000, "name_lookup_ms": 9_000_000}
    for name, value_us in slow_us.items():
        for _ in range(200):
            ledger.trend(name, "burst", MAIN).add(value_us)


def late(ledger):
    """A run whose generator was late by much of what it measured."""
    for name, value_us in (("generator_lateness_ms", 50_000), ("append_latency_ms", 60_000)):
        for _ in range(200):
            ledger.trend(name, "burst", MAIN).add(value_us)


def worker(name):
    """A worker that was late, stalled and short of CPU."""
    return WorkerState(
        worker=name,
        seq=9,
        final=True,
        elapsed_s=9.0,
        sent=90,
        open_messages=1,
        cpu_percent=99.0,
        cpu_peak_percent=99.0,
        rss_bytes=1,
        cpu_samples=10,
        cpu_starved=9,
        lateness_p99_us=900_000,
        loop_lag_p99_us=900_000,
    )


def doubts_of_runs():
    """Every reason that makes a run doubtful, each raised for real."""
    of_the_run = doubts_of("worker a was lost", [{"count": 2, "msg": "KeyError('x')"}])
    of_plan, of_shape = UserTarget(18, None), UserTarget(0, None)
    of_shape.step(5, 1.0, 0, 0.0)
    of_shape.note(1, 60.0)
    sick = {"workers": (worker("a"), worker("b")), "workers_lost": (LostWorker("b", "it is silent", 3.0),)}
    few = judge(parse_thresholds(["append_latency_ms: p(99)<500"]), totals(late), 9.0)
    verdicts = (
        decide((), totals(), RunFacts(interrupted=True, workers_expected=3, workers_final=1)),
        decide((), totals(broken), RunFacts(interrupted=False, workers_expected=3, workers_final=1, **sick)),
        decide(few, totals(late), RunFacts(interrupted=False, workers_expected=1, workers_final=1)),
    )
    doubts = [doubt for verdict in verdicts for doubt in verdict.doubts]
    return list(dict.fromkeys([*doubts, *of_the_run, *of_plan.doubts(), *of_shape.doubts()]))


def test_reasons_were_raised():
    """Each kind of reason that a verdict has occurred."""
    assert len(doubts_of_runs()) >= 18


@pytest.mark.parametrize("doubt", doubts_of_runs())
def test_every_reason_of_a_verdict_is_explained(doubt):
    """Whoever adds a reason also says what to do about it."""
    assert is_explained(doubt)


def test_every_obstacle_before_a_run_is_explained(monkeypatch):
    """Each kind of problem that the preflight knows, from real servers; what a server itself says is not ours."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    disabled = {"id": "bench-echo-agent", "origin_url": "http://elsewhere:1", "status": "disabled"}
    scenes = (
        Fleet(disabled, upgrade=("403 Forbidden", b"")),
        Fleet(index=("200 OK", b"{}")),
        Fleet(index=("500 Internal Server Error", b"")),
        Fleet(show=("500 Internal Server Error", b"")),
        Fleet(detection=("404 Not Found", b"")),
    )
    problems = []
    for scene in scenes:
        fleet, agent = FakeServer(scene), FakeServer(lambda peer: peer.answer("503 Service Unavailable", b""))
        try:
            targets = Targets(f"{fleet.http_url}/api", fleet.ws_url, agent.http_url, "bench-echo-agent")
            problems += check(targets).problems
        finally:
            fleet.stop()
            agent.stop()
    needs_two_addresses = {ProblemCode.ADDRESS_SILENT}
    quotes_the_server = {ProblemCode.API_FAILED}
    assert {problem.code for problem in problems} == set(ProblemCode) - needs_two_addresses
    ours = [str(problem) for problem in problems if problem.code not in quotes_the_server]
    assert [words for words in ours if not is_explained(words)] == []


def test_kinds_of_failure_exist():
    """The words that reports count by."""
    table = next(table for table in page("docs/troubleshooting.md").tables() if "kind" in table[0])
    kinds = [quoted[2] for row in table for quoted in SPAN.finditer(row["kind"])]
    assert len(kinds) > 15
    words = set(templates())
    unknown = [kind for kind in kinds if kind not in words and not re.fullmatch(r"(closed_1|upgrade_)\d{3}", kind)]
    assert not unknown
