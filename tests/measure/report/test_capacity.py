"""The result of a search, in words, as a table and as a verdict."""

import json
from xml.etree import ElementTree

import pytest
from msgspec import structs
from msgspec.structs import replace

from fleetlm_users.measure.judging.capacity import ANSWERS, Step
from fleetlm_users.measure.judging.held_backlog import HeldBacklog
from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.judging.thresholds import Judgement, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.capacity import Capacity, capacity_lines, capacity_rows, decide_search, step_line
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.junit import render_junit
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render

FIGURES = {
    "messages_per_s": 12.5,
    "append_p95_ms": 1.25,
    "agent_p95_ms": 8.0,
    "join_p95_ms": None,
    "agent_reply_rate": 1.0,
    "session_failures": 0,
    "lateness_p99_ms": 0.5,
    "cpu_percent": 20.0,
}
THRESHOLD, JOIN = parse_thresholds(["append_latency_ms: p(95)<50", "ws_join_ms: p(95)<100"])
LATE = "the generator was late"
LOST = LostWorker("b", "its process ended", 7.0)
HEALTHY = RunFacts(interrupted=False, workers_expected=1, workers_final=1)


def step(load, *, misses=(), doubts=(), repeat=False, joined=None, judgements=None, too_few=False):
    made = judgements or (Judgement(THRESHOLD, float(load), not misses, 100, "only 100" if too_few else "", too_few),)
    return Step(load, load if joined is None else joined, 30.0, repeat, made, misses, doubts, FIGURES)


ONCE = "kept once, not confirmed (--confirm 0)"
MISSED = ("append_latency_ms: p(95)<50: 80.00 ms",)


def capacity(*steps, kept=0, missed=None, limited=False, finished=True, unit="sessions", per_user=1, **more):
    return Capacity(unit, per_user, kept, missed, limited, finished, steps, **more)


FOUND = capacity(step(40), step(80, misses=MISSED), step(80, misses=MISSED, repeat=True), kept=40, missed=80)
CONFIRMED = replace(FOUND, steps=(*FOUND.steps, replace(step(40), confirmation=True)), confirmed=40, confirm_s=60.0)
UNCONFIRMED = replace(FOUND, confirm_s=60.0)
UNRECOVERED = replace(
    FOUND, confirm_s=60.0, unrecovered="the server did not recover within 2m after 80 sessions: 9 answers still awaited"
)
NOTHING = capacity(step(2, misses=MISSED), step(1, misses=MISSED), missed=1)
ALL = capacity(step(40), kept=40)
LIMITED = capacity(step(40), step(80, doubts=(LATE,)), kept=40, limited=True)
BROKEN_OFF = capacity(step(40), kept=40, finished=False)


@pytest.mark.parametrize(
    ("found", "words", "at_least"),
    [
        (
            FOUND,
            f"40 sessions kept the thresholds, {ONCE}; 80 sessions did not: {MISSED[0]}",
            False,
        ),
        (CONFIRMED, f"40 sessions kept the thresholds, confirmed for 1m00s; 80 sessions did not: {MISSED[0]}", False),
        (
            UNCONFIRMED,
            f"40 sessions kept the thresholds, kept once, not confirmed; 80 sessions did not: {MISSED[0]}",
            False,
        ),
        (
            UNRECOVERED,
            f"{UNRECOVERED.unrecovered}; before, at least 40 sessions, kept once, not confirmed",
            True,
        ),
        (replace(UNRECOVERED, kept=0), f"{UNRECOVERED.unrecovered}; nothing was kept before", True),
        (NOTHING, f"not even 1 session kept the thresholds: {MISSED[0]}", False),
        (ALL, f"at least 40 sessions, {ONCE}: more was not tried (--most)", True),
        (
            LIMITED,
            f"at least 40 sessions, {ONCE}: beyond that the generator was the limit, not the server: {LATE}",
            True,
        ),
        (BROKEN_OFF, f"at least 40 sessions, {ONCE}: the search was not finished", True),
        (
            replace(BROKEN_OFF, doing="confirming 40 sessions"),
            f"at least 40 sessions, {ONCE}: the search was not finished; it was confirming 40 sessions",
            True,
        ),
        (capacity(finished=False), "the search was not finished", True),
    ],
)
def test_the_result_as_a_sentence(found, words, at_least):
    """It says what is known and what is not."""
    assert found.words() == words
    assert found.to_json()["at_least"] == at_least
    assert json.loads(json.dumps(found.to_json())) == found.to_json()


def test_messages_are_reported_as_such():
    """The unit is the one searched for, with the users that made them."""
    found = capacity(step(40), kept=40, unit="messages/s", per_user=10.0)
    assert found.words() == f"at least 400 messages/s (40 users), {ONCE}: more was not tried (--most)"
    assert found.to_json()["result"] == 400
    assert capacity_rows(found.to_json())[1][0][1] == "400"


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        *((FOUND, "pass"), (CONFIRMED, "pass"), (ALL, "pass"), (NOTHING, "fail"), (UNRECOVERED, "fail")),
        *((LIMITED, "inconclusive"), (BROKEN_OFF, "inconclusive"), (UNCONFIRMED, "inconclusive")),
    ],
)
def test_the_verdict(found, kind, healthy, totals_of):
    """It passes if a limit was found, or if every load to be tried was kept."""
    verdict = decide_search(found, totals_of(healthy), HEALTHY)
    assert verdict.kind == kind
    assert bool(verdict.failures) == (kind == "fail")


def test_a_limit_of_the_generator_at_the_very_first_step_is_no_failure_of_the_server(healthy, totals_of):
    """Nothing is known of it."""
    found = capacity(step(10, doubts=(LATE,)), limited=True)
    assert decide_search(found, totals_of(healthy), HEALTHY).kind == "inconclusive"


def test_answers_that_nobody_asked_for_put_a_search_in_doubt(healthy, totals_of):
    """Taken for those to later messages, they make a load look kept that was not."""

    def write(ledger):
        healthy(ledger)
        ledger.count("agent_replies_unmatched", "burst", MAIN, 1000)

    assert decide_search(FOUND, totals_of(write), HEALTHY).kind == "inconclusive"
    assert "answered more often than expected" in str(decide_search(FOUND, totals_of(write), HEALTHY).doubts)
    was_reset = structs.replace(HEALTHY, was_reset=True)
    assert "answered more" not in str(decide_search(FOUND, totals_of(write), was_reset).doubts)


def test_other_reasons_for_doubt_hold_as_in_any_run(healthy, totals_of):
    """Interrupted, a worker lost, too few samples at the knee."""
    facts = RunFacts(
        interrupted=True,
        workers_expected=2,
        workers_final=1,
        workers_lost=(LOST,),
        doubts=("odd",),
    )
    few = capacity(step(40, too_few=True), kept=40)
    doubts = decide_search(few, totals_of(healthy), facts).doubts
    for reason in ("interrupted", "odd", "worker b was lost", "hold the steps longer"):
        assert any(reason in doubt for doubt in doubts)


def test_thresholds_are_shown_as_the_highest_kept_load_has_them():
    """One that the last steps could not say anything of is known from an earlier one."""
    early = (Judgement(JOIN, 5.0, True, 100), Judgement(THRESHOLD, 10.0, True, 100))
    found = capacity(step(20, judgements=early), step(40), step(80, misses=MISSED), kept=40, missed=80)
    assert [(j.threshold, j.measured) for j in found.judgements()] == [(JOIN, 5.0), (THRESHOLD, 40.0)]
    assert [judgement.measured for judgement in NOTHING.judgements()] == [1.0]
    assert capacity().judgements() == ()


def test_the_table_and_what_is_said_beside_it():
    """Each step with its outcome; the reasons by step; the result last."""
    head, rows = capacity_rows(FOUND.to_json())
    assert head[0] == "step"
    assert [row[0] for row in rows] == ["1", "2", "3 again"]
    assert [row[-1] for row in rows] == ["kept", "missed", "missed"]
    assert capacity_lines(FOUND.to_json()) == [f"step 2: {MISSED[0]}", f"step 3: {MISSED[0]}", FOUND.words()]
    assert capacity_rows(LIMITED.to_json())[1][1][-1] == "generator's limit"
    assert MISSED[0] in step_line(2, step(80, misses=MISSED), 1)


def test_every_report_shows_it(healthy, summary_of):
    """Console, page and Markdown; nothing in a run that was no search."""
    summary, _ = summary_of(healthy)
    assert "THE MOST" not in render(summary)
    summary["capacity"] = FOUND.to_json()
    assert "THE MOST SESSIONS THAT KEEP THE THRESHOLDS" in render(summary)
    assert "40 sessions kept the thresholds" in render(summary)
    assert "The most sessions that keep the thresholds" in render_html(summary, [])
    assert "40 sessions kept the thresholds" in render_markdown(summary)
    assert "40 sessions kept the thresholds" in render_junit(summary)


def test_a_search_that_fails_is_red_in_ci_although_the_kept_load_kept_its_thresholds(healthy, totals_of, summary_of):
    """One that found its answer is green."""
    for found, failures in ((CONFIRMED, "0"), (UNRECOVERED, "1")):
        verdict = decide_search(found, totals_of(healthy), HEALTHY)
        summary, _ = summary_of(healthy)
        summary["capacity"] = found.to_json()
        summary["verdict"] |= {"kind": verdict.kind, "failures": list(verdict.failures)}
        suite = ElementTree.fromstring(render_junit(summary))
        assert suite.get("failures") == failures
    assert "the server did not recover within 2m" in render_junit(summary)


def test_what_waited_and_what_was_confirmed_is_in_the_table():
    """It is in messages, and in seconds of the server's own rate; older files lack it."""
    backlog = HeldBacklog(True, 92.0, 490.0, 1_846, 4.6)
    waiting = replace(step(40), confirmation=True, backlogs={ANSWERS: backlog})
    found = replace(FOUND, steps=(waiting, step(80, misses=MISSED))).to_json()
    (first, second) = capacity_rows(found)[1]
    assert first[0] == "1 confirm"
    assert first[-2:] == ("1,846 (4.6 s)", "kept")
    assert second[-2] == "0"
    assert (found["steps"][0]["is_behind"], found["steps"][0]["waiting_s"]) == (True, 4.6)
    for name in ("confirmation", "is_behind", "waiting", "waiting_s"):
        del found["steps"][0][name]
    assert capacity_rows(found)[1][0][-2] == "–"


def test_a_load_that_failed_its_confirmation_is_not_what_is_shown():
    """The thresholds are those of the load that is the answer."""
    failed = step(80, misses=MISSED)
    found = capacity(step(40), step(80), failed, kept=40, missed=80, confirm_s=60.0)
    assert [judgement.measured for judgement in found.judgements()] == [40.0]
