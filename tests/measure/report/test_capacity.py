"""What a search found, in words, as a table and as a verdict."""

import json

import pytest

from fleetlm_users.measure.judging.capacity import Step
from fleetlm_users.measure.judging.lost_workers import LostWorker
from fleetlm_users.measure.judging.thresholds import Judgement, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts
from fleetlm_users.measure.report.capacity import Capacity, capacity_lines, capacity_rows, decide_search, step_line
from fleetlm_users.measure.report.html import render_html
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


MISSED = ("append_latency_ms: p(95)<50: 80.00 ms",)


def capacity(*steps, kept=0, missed=None, limited=False, finished=True, unit="sessions", per_user=1):
    return Capacity(unit, per_user, kept, missed, limited, finished, steps)


FOUND = capacity(step(40), step(80, misses=MISSED), step(80, misses=MISSED, repeat=True), kept=40, missed=80)
NOTHING = capacity(step(2, misses=MISSED), step(1, misses=MISSED), missed=1)
ALL = capacity(step(40), kept=40)
LIMITED = capacity(step(40), step(80, doubts=(LATE,)), kept=40, limited=True)
BROKEN_OFF = capacity(step(40), kept=40, finished=False)


@pytest.mark.parametrize(
    ("found", "words", "at_least"),
    [
        (FOUND, f"40 sessions kept the thresholds, 80 sessions did not: {MISSED[0]}", False),
        (NOTHING, f"not even 1 sessions kept the thresholds: {MISSED[0]}", False),
        (ALL, "at least 40 sessions: more was not tried (--most)", True),
        (LIMITED, f"at least 40 sessions: beyond that the generator was the limit, not the server: {LATE}", True),
        (BROKEN_OFF, "at least 40 sessions: the search was not finished", True),
        (capacity(finished=False), "the search was not finished", True),
    ],
)
def test_the_result_as_a_sentence(found, words, at_least):
    """What is known and what is not."""
    assert found.words() == words
    assert found.to_json()["at_least"] == at_least
    assert json.loads(json.dumps(found.to_json())) == found.to_json()


def test_messages_are_reported_as_such():
    """In the unit asked about, with the users that made them."""
    found = capacity(step(40), kept=40, unit="messages/s", per_user=10.0)
    assert found.words() == "at least 400 messages/s (40 users): more was not tried (--most)"
    assert found.to_json()["result"] == 400
    assert capacity_rows(found.to_json())[1][0][1] == "400"


@pytest.mark.parametrize(
    ("found", "kind"),
    [(FOUND, "pass"), (ALL, "pass"), (NOTHING, "fail"), (LIMITED, "inconclusive"), (BROKEN_OFF, "inconclusive")],
)
def test_the_verdict(found, kind, healthy, totals_of):
    """A limit found, or all kept that was to be tried, is what was looked for."""
    verdict = decide_search(found, totals_of(healthy), HEALTHY)
    assert verdict.kind == kind
    assert bool(verdict.failures) == (kind == "fail")


def test_a_limit_of_the_generator_at_the_very_first_step_is_no_failure_of_the_server(healthy, totals_of):
    """Nothing is known of it."""
    found = capacity(step(10, doubts=(LATE,)), limited=True)
    assert decide_search(found, totals_of(healthy), HEALTHY).kind == "inconclusive"


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
