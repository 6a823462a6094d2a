"""Users who come for a visit: each is new, has the number of its arrival, lives one journey and is gone."""

from collections import Counter

import pytest
from locust.exception import StopUser

from fleetlm_users.errors import UsageError
from fleetlm_users.users import FleetUser
from fleetlm_users.users.behaviours.lifecycle import LifecycleUser
from fleetlm_users.users.install import _validate
from fleetlm_users.users.phoenix.user import PhoenixUser
from fleetlm_users.users.recorded_metrics import records


class Guest(FleetUser):
    """Comes, asks once, and goes."""

    scenario = "guest"
    abstract = False

    def journey(self):
        with self.session() as session:
            self.ask(session)


def begin(stage, kind, users=4, rate="200", **raw):
    return stage(kind, users=users, session_rate=rate, max_users=str(users), **raw)


def check_books(counts):
    assert counts["visits_due"] == counts["visits_begun"] + counts.get("visits_dropped", 0)
    assert counts["visits_begun"] == counts.get("visits_ended", 0) + counts.get("visits_unfinished", 0)


def test_each_visit_is_a_user_of_its_own(stage):
    """Its number is that of its arrival, so that all it draws is the same in every layout."""
    seen = []

    class Noted(Guest):
        scenario = "noted"

        def journey(self):
            seen.append((self.vu, self.participant_id, self.rng.random(), self.journeys_lived))
            super().journey()

    visits = begin(stage, Noted)
    visits.until(lambda: len(seen) >= 12)
    counts = visits.end()
    check_books(counts)
    assert counts["visits_begun"] == counts["sessions_started"] == len(visits.server.sessions) == len(seen)
    numbers = [vu for vu, *_ in seen]
    assert len(set(numbers)) == len(numbers)
    assert {journeys for *_, journeys in seen} == {1}
    assert all(name.endswith(f"-r1-{vu}") for vu, name, *_ in seen)
    again = begin(stage, Noted)
    again.until(lambda: len(seen) >= len(numbers) + 12)
    again.end()
    drawn = {vu: draw for vu, _, draw, _ in seen[: len(numbers)]}
    later = {vu: draw for vu, _, draw, _ in seen[len(numbers) :]}
    assert all(drawn[vu] == later[vu] for vu in drawn.keys() & later.keys())
    assert visits.run.user_count == 0


def test_the_bound_is_kept_and_what_had_no_user_is_counted(stage):
    """If all users are in a session, an arrival is dropped, never begun late."""

    class Patient(Guest):
        scenario = "patient"

        def journey(self):
            with self.session() as session:
                self.hold(session, session.joined_s + 0.2)

    visits = begin(stage, Patient, users=2)
    visits.until(lambda: visits.count_of("visits_ended") >= 4)
    peaks = {key: cell.peak for key, cell in visits.run.ledger._gauges.items() if key[0] == "visits_present"}
    counts = visits.end()
    check_books(counts)
    assert set(peaks.values()) == {2}
    on_a_busy_machine = counts.get("visits_dropped:late", 0)
    assert counts["visits_dropped"] - on_a_busy_machine == counts["visits_dropped:no_user"] > 20
    assert counts.get("visits_unfinished", 0) <= 2
    assert visits.trend("visit_creation_ms") == counts["visits_begun"]
    assert visits.trend("visit_lateness_ms") == counts["visits_begun"]


def test_a_failed_visit_is_over(stage):
    """No pause follows, and no second attempt: the next person comes."""
    visits = stage(Guest, users=2, session_rate="50", max_users="2")
    visits.server.refuse_sessions = 3
    visits.until(lambda: visits.count_of("sessions_completed") >= 3)
    counts = visits.end()
    check_books(counts)
    assert counts["session_failures:http_503"] == 3


def test_hooks_of_a_visit(stage):
    """Each guest has its own; one whose hook ends it, as Locust allows, leaves its host to the next."""
    calls = Counter()

    class Hooked(Guest):
        scenario = "hooked"

        def on_start(self):
            calls["start"] += 1
            if calls["start"] % 2:
                raise StopUser

        def on_done(self):
            calls["done"] += 1

        def on_stop(self):
            calls["stop"] += 1

    visits = begin(stage, Hooked)
    visits.until(lambda: calls["done"] >= 3)
    counts = visits.end()
    check_books(counts)
    assert calls["start"] == calls["stop"] == counts["visits_begun"]
    assert calls["done"] == calls["start"] // 2
    assert visits.run.user_count == 0


def test_a_user_that_is_taken_away_ends_its_guest_too(stage):
    """As when Locust gives up users of a worker."""
    held = []

    class Held(Guest):
        scenario = "held"

        def journey(self):
            with self.session() as session:
                held.append(self)
                visits.server.activity.set()
                self.hold(session, session.joined_s + 60.0)

    visits = begin(stage, Held, users=1)
    visits.until(lambda: held)
    visits.users[0].settle()
    visits.until(lambda: visits.count_of("visits_ended") == 1)
    assert held[0].ending
    check_books(visits.end())


@pytest.mark.parametrize(
    ("raw", "said"),
    [({}, ""), ({"iterations": "7"}, "no value with --session-rate")],
    ids=["iterations-unset", "iterations-given"],
)
def test_a_number_of_journeys_is_refused(stage, raw, said):
    """Each user lives one; the benchmark's own default says nothing."""
    options = begin(stage, LifecycleUser, **raw).options
    if said:
        with pytest.raises(UsageError, match=said):
            _validate([LifecycleUser], None, None, options)
    else:
        _validate([LifecycleUser], None, None, options)


def test_journeys_without_an_end_are_refused(stage):
    """The error has the behaviour's reason."""

    class Endless(Guest):
        scenario = "endless"

        @classmethod
        def stays(cls, options):
            return "whose sessions last for ever"

    with pytest.raises(UsageError, match="no session rate with endless, whose sessions last for ever"):
        _validate([Endless], None, None, begin(stage, Endless).options)


def test_visits_are_recorded_where_sessions_arrive(stage):
    """A threshold on them in any other run is refused; users of other applications create no sessions."""

    class Other(PhoenixUser):
        scenario = "other"

    arriving, staying = begin(stage, Guest).options, stage(Guest).options
    assert records("visit_time_ms", "guest", [Guest], arriving)
    assert not records("visit_time_ms", "guest", [Guest], staying)
    assert records("visits_dropped", None, [Other], arriving)
    assert not records("visit_creation_ms", None, [Other], arriving)
    assert not records("visit_presence_ms", "guest", [Guest], arriving)
