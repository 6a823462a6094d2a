"""The arrivals of one process: which a user takes, which are dropped, and how those that come and go are counted."""

import time
from types import SimpleNamespace

import gevent
import pytest

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.visits import Visits
from fleetlm_users.workload.arrivals.process import SessionArrival


@pytest.fixture
def run():
    """A run that began a minute ago and warmed up for half of it."""
    began_s = time.perf_counter() - 60.0
    return SimpleNamespace(
        ledger=Ledger(DEFAULT, "e", "w"),
        started_s=began_s,
        ended_s=None,
        due_s=lambda moment_s, since_s: moment_s,
        phase_at=lambda moment_s: "warm_up" if moment_s < began_s + 30 else "main",
    )


@pytest.fixture
def visits_of(run):
    """Makes the arrivals of moments in seconds after the run's start; their looks end with the test."""
    made = []

    def make(*dues):
        made.append(Visits(run, iter([SessionArrival(n, due_s, "x") for n, due_s in enumerate(dues, 1)])))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def counts(run):
    found = {}
    for entry in run.ledger.snapshot(1, False, 60.0).counts:
        key = f"{entry.metric}:{entry.label}" if entry.label else entry.metric
        found[key] = found.get(key, 0) + entry.n
    for metric in ("visit_presence_ms", "visit_unfinished_ms", "visit_carried_ms"):
        found.pop(metric, None)
    return found


def test_a_user_that_was_free_takes_what_was_due(run, visits_of):
    """However late it comes to it: that is lateness."""
    visits = visits_of(40.0)
    with visits.visit(visits.take(run.started_s)) as visit:
        assert visits.number() == 1
        assert (visit.due_s, visit.phase) == (run.started_s + 40.0, "main")
    assert visits.number() is None
    assert counts(run) == {"visits_due": 1, "visits_begun": 1, "visits_ended": 1}
    assert run.ledger.trend("visit_lateness_ms", "x", "main").max >= 19_900_000


def test_what_was_due_before_any_user_was_free_is_dropped(run, visits_of):
    """It is counted in the phase in which it was due."""
    visits = visits_of(10.0, 20.0, 40.0, 70.0)
    assert visits.take(run.started_s + 50.0).number == 4
    assert counts(run) == {"visits_due": 3, "visits_dropped:no_user": 3}
    assert run.ledger.counter("visits_due", "x", "warm_up").n == 2
    assert visits.take(run.started_s + 50.0) is None


def test_an_arrival_whose_user_goes_before_it_is_taken_by_another(run, visits_of):
    """The earliest first."""
    visits = visits_of(70.0, 71.0, 72.0)
    first, second = visits.take(run.started_s), visits.take(run.started_s)
    visits.give_back(second)
    visits.give_back(first)
    assert [visits.take(run.started_s).number for _ in range(3)] == [1, 2, 3]
    assert counts(run) == {}


def test_at_the_end_everything_that_was_due_is_counted(run, visits_of):
    """Arrivals that a free user did not get to are late; those without a free user had none; later ones were never
    due.
    """
    visits = visits_of(50.0, 58.0, 59.0, 65.0)
    assert visits.is_in_time(SessionArrival(4, 65.0, "x"))
    waiting, early = visits.take(run.started_s), visits.take(run.started_s)
    with visits.visit(waiting) as visit:
        visit.began_s = visits._looked_s = run.started_s + 58.0
        run.ended_s = run.started_s + 60.0
        visits.stop()
        visits.give_back(early)
        visits._look(run.started_s + 75.0)
    visits.finish()
    for metric, scenario in (("visit_presence_ms", ""), ("visit_unfinished_ms", "x")):
        assert run.ledger.counter(metric, scenario, "main").n in (1999, 2000)
    assert counts(run) == {
        "visits_due": 3,
        "visits_begun": 1,
        "visits_unfinished": 1,
        "visits_dropped:late": 1,
        "visits_dropped:no_user": 1,
    }


def test_a_visit_that_began_before_a_reset_is_in_no_ledger(run, visits_of):
    """Its beginning was counted in the one before."""
    visits = visits_of(50.0, 51.0)
    with visits.visit(visits.take(run.started_s)):
        run.ledger = run.ledger.renewed(1, time.perf_counter(), 60.0)
    assert counts(run) == {}
    assert run.ledger.snapshot(2, False, 60.0).gauges[0].now == 0


def test_only_the_first_session_of_a_visit_counts_from_its_arrival(run, visits_of):
    """It is the one that the person waited for."""
    visits = visits_of(50.0)
    with visits.visit(visits.take(run.started_s)) as visit:
        visits.created(visit, run.started_s + 50.25)
        visits.created(visit, run.started_s + 58.0)
    trend = run.ledger.trend("visit_creation_ms", "x", "main")
    assert (trend.count, trend.max) == (1, 250_000)


def test_presence_adds_up_to_the_time_that_users_were_there(run, visits_of):
    """Every coming and going counts, to the very end, including short visits between two looks."""
    visits = visits_of(30.0, 30.0)
    took = [visits.take(run.started_s), visits.take(run.started_s)]
    began_s = time.perf_counter()
    with visits.visit(took[0]), visits.visit(took[1]):
        gevent.sleep(0)
    ended_s = time.perf_counter()
    counted_ms = run.ledger.counter("visit_presence_ms", "", "main").n
    assert counted_ms <= 2 * (ended_s - began_s) * 1000
    visits._present = 2
    visits._looked_s = run.started_s + 40.0
    visits._look(run.started_s + 40.75)
    visits._look(run.started_s + 42.0004)
    visits._look(run.started_s + 42.0)
    assert run.ledger.counter("visit_presence_ms", "", "main").n in (counted_ms + 4000, counted_ms + 4001)
    assert repr(visits) == "Visits(2 present)"


def test_nothing_arrives_at_the_planned_end_or_later(run):
    """However late the end begins after it; a person who slows the run down moves arrivals beyond it."""
    slow = SimpleNamespace(**{**vars(run), "due_s": lambda moment_s, since_s: since_s + 2 * (moment_s - since_s)})
    visits = Visits(slow, iter([SessionArrival(1, 29.0, "x"), SessionArrival(2, 31.0, "x")]), 60.0)
    first, second = visits.take(run.started_s), visits.take(run.started_s)
    assert (visits.is_in_time(first), visits.is_in_time(second)) == (True, False)
    slow.ended_s = run.started_s + 65.0
    visits.stop()
    visits.give_back(second)
    visits.finish()
    assert counts(run) == {}
