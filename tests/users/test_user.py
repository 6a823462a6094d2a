"""A user lives its journeys, counts their results, and is idle when its work is done."""

import time
from typing import ClassVar

import gevent
import pytest
from locust.user.task import DefaultTaskSet

from fleetlm_users.errors import JoinRefused
from fleetlm_users.users import FleetUser, counter, trend

TURNS = 100


class Visitor(FleetUser):
    """Comes so often, asks once, and goes."""

    scenario = "visitor"
    abstract = False
    times: ClassVar[int | None] = 3

    @classmethod
    def journeys(cls, options):
        return cls.times

    def journey(self):
        with self.session(delete=True) as session:
            self.ask(session)

    def pause_s(self):
        return 0.0


def test_users_are_done_after_their_journeys_and_idle_until_the_end(stage):
    """Exactly that many each; Locust would spawn others in place of users that are gone."""
    visits = stage(Visitor, users=4)
    assert visits.idle.wait(60)
    assert visits.run.headcount() == (4, 0, 4)
    assert visits.run.user_count == 4
    counts = visits.end()
    assert counts["sessions_started"] == counts["sessions_completed"] == len(visits.server.sessions) == 12
    assert counts["cleanup_succeeded"] == len(visits.server.deleted) == 12
    assert visits.run.user_count == 0


def test_a_failed_journey_is_one_of_them(stage):
    """A dead server does not make a finite run endless; after a failure a user waits before it tries again."""
    visits = stage(Visitor, users=1)
    visits.server.refuse_sessions = 1
    counts = visits.until_idle()
    assert counts["session_failures:http_503"] == 1
    assert counts["sessions_completed"] == 2
    assert visits.users[0].journeys_lived == 3


def test_think_time_is_not_lateness(stage):
    """After a hold a message is due when the hold is over, not when the answer before it arrived."""

    class Thinker(Visitor):
        scenario = "thinker"
        times = 1

        def journey(self):
            with self.session() as session:
                self.ask(session)
                moment_s = session.last_seen_s + 0.2
                self.hold(session, moment_s)
                due_s = []
                session.ask = due_s.append
                self.ask(session)
                session.held_until_s = session.last_seen_s - 1.0
                self.ask(session)
                assert due_s == [moment_s, session.last_seen_s]

    counts = stage(Thinker, users=1).until_idle()
    assert counts["sessions_completed"] == 1


def test_a_session_that_cannot_be_deleted_breaks_its_journey(stage):
    """Deleting is a part of it."""
    visits = stage(Visitor, users=1)
    visits.server.refuse_deletes = 1
    counts = visits.until_idle()
    assert counts["session_failures:http_500"] == 1
    assert (counts["sessions_completed"], counts["cleanup_attempted"], counts["cleanup_succeeded"]) == (2, 3, 2)


def test_a_behaviour_without_a_number_goes_on_until_the_run_ends(stage):
    """A journey cut short by the end is neither whole nor broken."""

    class Regular(Visitor):
        scenario = "regular"
        times = None

    visits = stage(Regular, users=2)
    visits.until(lambda: visits.count_of("sessions_completed") > 3)
    counts = visits.end()
    assert counts["sessions_completed"] > 3
    assert "session_failures" not in counts
    assert counts["sessions_started"] == counts["sessions_completed"] + counts.get("sessions_cut_short", 0)
    assert not visits.idle.is_set()
    assert not Regular.is_finite(visits.options)


def test_a_question_without_an_answer_breaks_the_journey(stage):
    """It took the reply timeout; the session is still deleted."""
    visits = stage(Visitor, users=1, reply_timeout="50ms")
    visits.server.answers = False
    counts = visits.until_idle()
    assert counts["session_failures:reply_timeout"] == 3
    assert counts["messages_unanswered"] == counts["cleanup_succeeded"] == 3
    assert "sessions_completed" not in counts


def test_a_question_whose_broadcast_never_comes_breaks_the_journey(stage):
    """It is lost."""
    visits = stage(Visitor, users=1, reply_timeout="50ms")
    visits.server.tell = lambda messages: []
    counts = visits.until_idle()
    assert counts["session_failures:reply_timeout"] == counts["messages_lost"] == 3


def test_a_refused_question_breaks_the_journey_by_its_own_name(stage):
    """A refusal is not a timeout."""
    visits = stage(Visitor, users=1)
    session_of = visits.server.sessions

    def refuse(messages):
        for session in session_of.values():
            if session.handler is not None:
                session.handler.on_reply("2", "error", {"error": "full"}, 0.0)
        return []

    visits.server.tell = refuse
    counts = visits.until_idle()
    assert counts["session_failures:push_refused"] == counts["messages_rejected:full"] == 3


def test_what_fails_in_a_journey_leaves_nothing_open(stage):
    """The session is left and reported as broken, whatever the behaviour raised."""

    class Clumsy(Visitor):
        scenario = "clumsy"

        def journey(self):
            with self.session() as session:
                session.send(session.joined_s)
                raise JoinRefused("session:x", "mine")

    visits = stage(Clumsy, users=1)
    counts = visits.until_idle()
    assert counts["session_failures:join_refused"] == 3
    assert counts["messages_sent"] == counts.get("messages_appended", 0) + counts.get("messages_in_flight", 0)
    assert all(session.handler is None for session in visits.server.sessions.values())


def test_a_bug_in_a_behaviour_does_not_spin(stage):
    """Locust logs it and calls the user again, after a pause: not as fast as it can."""

    class Buggy(Visitor):
        scenario = "buggy"
        lived = 0

        def journey(self):
            Buggy.lived += 1
            raise ZeroDivisionError

    buggy = stage(Buggy, users=1)
    tasks = gevent.spawn(DefaultTaskSet(buggy.users[0]).run)
    for _ in range(TURNS):
        gevent.sleep(0)  # a user that spins would live again in each turn of the event loop
    tasks.kill()
    buggy.end()
    assert Buggy.lived == 2  # the stage's own life, and one that Locust began


def test_a_behaviour_counts_and_records_metrics_of_its_own(stage):
    """They go by name; a name that no catalogue has is refused at once."""

    class Counting(Visitor):
        scenario = "counting"
        metrics = (counter("smiles", "smiles seen"), trend("smile_ms", "how long one lasts"))

        def journey(self):
            self.count("smiles", 2, label="wide")
            began_s = self.current_run.started_s
            self.record("smile_ms", began_s, began_s + 0.25)

    visits = stage(Counting, users=1)
    counts = visits.until_idle()
    assert counts["smiles:wide"] == 6
    assert visits.trend("smile_ms") == 3
    with pytest.raises(Exception, match="frowns"):
        visits.users[0].count("frowns")


def test_users_begin_one_after_the_other_over_the_ramp(stage):
    """Locust starts a second's users all at once; none of ours begins before its place in the ramp."""
    begun = {}

    class Arriving(Visitor):
        scenario = "arriving"
        times = 1

        def journey(self):
            begun[self.vu] = time.perf_counter()

    visits = stage(Arriving, users=5, ramp_up="250ms")
    visits.until_idle()
    assert list(begun) == [1, 2, 3, 4, 5]
    assert all(begun[vu] >= visits.run.started_s + 0.05 * (vu - 1) for vu in begun)


def test_a_user_whose_run_ends_before_its_turn_does_nothing(stage):
    """It does not wait for the end of the ramp."""
    visits = stage(Visitor, users=3, ramp_up="1h")
    visits.end()
    assert visits.users[1].journeys_lived == visits.users[2].journeys_lived == 0


def test_the_old_name_of_its_run_warns(stage):
    """`fleet` is kept for one release; `run` stays Locust's own method, which starts a user."""
    user = stage(Visitor, users=1).users[0]
    with pytest.warns(DeprecationWarning, match="current_run"):
        assert user.fleet is user.current_run
    assert callable(user.run)
