"""Whether a server keeps up is judged from the merged seconds, put into words, and doubted if nobody can tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.judging.backlog.keeping_up import KeepingUp, keeping_up
from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts, decide
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS, Part, Second
from fleetlm_users.measure.totals import Totals
from tests.measure.judging.events import answered, constant, judged, run, seconds_of
from tests.measure.judging.queues import ramp

BOTH = ["agent_backlog_growth: value<0.01", "agent_backlog_end_s: value<2"]


def judgements_of(backlog):
    totals = Totals(DEFAULT, [], KeepingUp([backlog] if backlog else None).derived)
    return judge(parse_thresholds(BOTH), totals, 10.0), totals


def verdict_of(backlog):
    judgements, totals = judgements_of(backlog)
    return decide(judgements, totals, RunFacts(False, 1, 1))


def test_a_server_that_falls_behind_fails_in_words():
    """The words state what was sent, how far it fell behind, and how much was waiting."""
    backlog = run(1, 30, 50, constant(1 / 40), 1, even=True)
    failures = verdict_of(backlog).failures
    assert failures[0] == (
        "the server did not keep up: agent answers fell behind by 10/s of the 50/s sent; "
        f"{backlog.waiting} were waiting when sending stopped (agent_backlog_growth: value<0.01)"
    )
    assert failures[1].startswith("the server did not keep up: it was ")
    assert failures[1].endswith("(agent_backlog_end_s: value<2)")
    growth, end = judgements_of(backlog)[0]
    assert growth.measured == pytest.approx(0.2, abs=0.01)
    assert end.measured > 4
    assert growth.samples == backlog.arrived == pytest.approx(1500, abs=1)


def test_a_large_backlog_that_stays_is_kept():
    """Eight seconds for each answer: by Little's law 400 of 50/s wait."""
    backlog = run(1, 30, 50, constant(8), even=True)
    assert backlog.waiting == pytest.approx(400, abs=1)
    assert [(one.ok, one.undecided) for one in judgements_of(backlog)[0]] == [(True, False), (True, False)]


def test_too_short_a_run_is_told_and_kept_when_little_waits():
    """No failure, no doubt, a note."""
    growth, end = judgements_of(run(1, 8, 50, constant(0.1), even=True))[0]
    assert (growth.ok, growth.undecided, growth.measured) == (True, False, None)
    assert growth.problem == "too short to tell: 8 s of the 20 s that it takes; 5 were waiting when sending stopped"
    assert (end.ok, end.measured) == (True, 0.0)


def test_too_short_a_run_is_a_doubt_when_nothing_was_finished():
    """Seven seconds tell nothing of an agent that takes eight."""
    backlog = run(1, 7, 50, constant(8), even=True)
    assert [(one.ok, one.undecided) for one in judgements_of(backlog)[0]] == [(False, True), (False, True)]
    doubts = verdict_of(backlog).doubts
    assert doubts[0].startswith("agent_backlog_growth: value<0.01: too short to tell: 7 s of the 20 s")
    assert "350 were waiting" in doubts[1]


def test_a_few_messages_are_no_doubt():
    """Whatever their fates, they are too few to tell."""
    backlog = run(1, 10, 1, constant(3), even=True)
    assert [(one.ok, one.undecided) for one in judgements_of(backlog)[0]] == [(True, False), (True, False)]


def test_a_run_without_messages_has_no_samples():
    """As with every other metric, a threshold on it fails."""
    assert judged([Second(0, 1, 5.0, {"burst": Part.empty()})]) is None
    assert {one.problem for one in judgements_of(None)[0]} == {"no samples"}


def test_a_run_in_which_nothing_came_to_wait_is_kept():
    """Idle sessions ping every half a minute: a short run may have none to judge."""
    timeline = MergedTimeline()
    timeline.absorb("a", [Second(second, 1, 5.0, {"burst": Part.empty()}) for second in range(9)], final=True)
    totals = Totals(DEFAULT, [], keeping_up(timeline, 2.0, 9.0).derived)
    found = judge(parse_thresholds([*BOTH, "agent_backlog_end_s{scenario:burst}: value<2"]), totals, 7.0)
    assert [(one.ok, one.undecided, one.measured) for one in found[:2]] == [(True, False, None)] * 2
    assert found[0].problem == "nothing was waiting while it was judged"
    assert (found[2].ok, found[2].problem) == (False, "no samples")


def test_the_second_in_which_sending_stopped_is_left_out():
    """The drain is in it; and the warm-up tells only the fastest latency."""
    rows = seconds_of(answered(1, 30, 50, constant(1 / 40), 1, even=True), 30)
    backlog = judged(rows, warm_up_s=4.5, ends_s=25.3)
    assert (backlog.begins_s, backlog.seconds) == (5, 20)
    assert backlog.waiting == rows[24].parts["burst"].backlogs[1]


def test_workers_are_judged_together():
    """Neither sees all of the queue that they share."""
    messages = answered(1, 30, 50, constant(1 / 40), 1, even=True)
    one, other = (seconds_of(messages[half::2], 30) for half in (0, 1))
    together, alone = judged(one, other), judged(seconds_of(messages, 30))
    assert together.growth == alone.growth
    assert (together.waiting, together.behind_s) == (alone.waiting, alone.behind_s)


@pytest.mark.parametrize(("server_s", "grows"), [(1 / 40, True), (1 / 80, False), (8.0, False)])
def test_a_worker_that_is_lost_is_neither_growth_nor_recovery(server_s, grows):
    """Its backlog is gone with it, and so is whatever it would have sent."""
    servers = None if server_s > 1 else 1
    messages = answered(1, 40, 50, constant(server_s), servers, even=True)
    lost, kept = seconds_of(messages[0::2], 40, until_s=20), seconds_of(messages[1::2], 40)
    backlog = judged(lost, kept)
    assert (backlog.growth.is_growing or backlog.behind_s > 2) == grows
    assert backlog.waiting == kept[-1].parts["burst"].backlogs[1]


def test_each_scenario_is_judged_as_well():
    """Its words name it, too."""
    timeline = MergedTimeline()
    timeline.absorb("a", seconds_of(answered(1, 30, 50, constant(1 / 40), 1, even=True), 30, "burst"), final=True)
    timeline.absorb("b", seconds_of(answered(1, 30, 20, constant(0.1), even=True), 30, "churn"), final=True)
    derived = keeping_up(timeline, 0.0, 30.0).derived
    assert {scenario for _, scenario in derived} == {"", "burst", "churn"}
    assert (
        "agent answers of burst fell behind by 10/s of the 50/s sent" in derived["agent_backlog_growth", "burst"].words
    )
    assert derived["agent_backlog_growth", "churn"].value == 0.0
    assert derived["agent_backlog_growth", ""].value == pytest.approx(10 / 70, abs=0.01)
    assert derived["append_backlog_growth", ""].value == 0.0


def test_users_that_leave_are_no_growth():
    """The load fades; answers of eight seconds lag behind it."""
    fading = lambda second: max(0.0, 60 * min(1, (42 - second) / 20))  # noqa: E731  # a timetable
    backlog = run(1, 40, fading, constant(8), even=True)
    assert not backlog.growth.is_growing
    assert backlog.behind_s < 2


def test_a_ramp_is_no_growth():
    """With slow answers, the backlog rises all the while."""
    backlog = run(1, 40, ramp(60, 40), constant(5), even=True)
    assert not backlog.growth.is_growing
    assert backlog.behind_s < 2


def test_others_have_their_turn_while_seconds_are_read():
    """A day of them takes a while."""
    timeline, turns = MergedTimeline(), []
    timeline.absorb("a", seconds_of(answered(1, 50, 5, constant(1), even=True), 50), final=True)
    keeping_up(timeline, 0.0, 50.0, yield_to_loop=lambda: turns.append(1))
    assert len(turns) > 3


def counts(came, done):
    values = {"sent": came, "appended": came, "replies_due": came, "replies_matched": done}
    return [values.get(column, 0) for column in COUNTER_COLUMNS]


PARTS = st.tuples(st.integers(-2, 60), st.integers(-2, 60), st.dictionaries(st.integers(0, 300), st.integers(1, 30)))


def counted(came, done):
    """The counts of a second in which that many messages came, and that many were answered."""
    counts = {"sent": came, "appended": came, "replies_due": came, "replies_matched": done}
    return [counts.get(column, 0) for column in COUNTER_COLUMNS]


@given(st.dictionaries(st.integers(0, 40), PARTS, max_size=40), st.floats(0, 30), st.floats(0, 45))
def test_any_run_can_be_judged(seconds, warm_up_s, ends_s):
    """However short, with gaps, with refusals that were taken back: figures are finite, and everything has words."""
    rows = [
        Second(
            second,
            1,
            5.0,
            {"burst": Part(counted(came, done), (0, abs(came - done), 0, 0), {"agent": spread})},
        )
        for second, (came, done, spread) in sorted(seconds.items())
    ]
    timeline = MergedTimeline()
    timeline.absorb("a", rows, final=True)
    for figure in keeping_up(timeline, warm_up_s, ends_s).derived.values():
        assert figure.words
        assert figure.value is None or 0 <= figure.value < 1e9


def test_pushes_are_judged_as_messages_are():
    """A server that replies to 40 of 50 pushes a second falls behind, in the words of pushes."""
    timeline = MergedTimeline()
    rows = [pushes_in(second, sent=50, replied=40) for second in range(40)]
    timeline.absorb("w", rows, final=True)
    (growing,) = [one for one in keeping_up(timeline, 0.0, 40.0).backlogs if not one.scenario]
    assert (growing.queue.name, growing.arrived, growing.waiting) == ("push", 2000, 400)
    assert growing.metrics["push_backlog_growth"].words.startswith(
        "the server did not keep up: replies to pushes fell behind by 10/s of the 50/s sent"
    )


def pushes_in(second, sent, replied):
    """A second of pushes; what is not replied to goes on waiting."""
    counts = {"pushes_sent": sent, "pushes_replied": replied}
    waiting = (second + 1) * (sent - replied)
    part = Part([counts.get(column, 0) for column in COUNTER_COLUMNS], (0, 0, waiting, 0), {"push": {120: replied}})
    return Second(second, 1, 1.0, {"chat": part})
