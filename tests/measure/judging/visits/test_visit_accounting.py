"""Little's law holds in runs with correct counts, whatever arrives and however long it stays, and in no others."""

import math
import random
from itertools import count

import pytest

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.verdict import late_generator
from fleetlm_users.measure.judging.visits.visit_accounting import littles_law, visit_doubts
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot_store import SnapshotStore

WARM_UP_S = 40.0

STAYS = {
    "all of 5 s": lambda _: 5.0,
    "exponential": lambda rng: rng.expovariate(1 / 5),
    "long tails": lambda rng: rng.lognormvariate(0.5, 1.2),
    "two kinds": lambda rng: rng.choice((0.2, 20.0)),
}


def arrivals(rng, rate, end_s, *, poisson):
    moment_s = 0.0
    for n in count(1):
        moment_s = moment_s + rng.expovariate(rate) if poisson else (n - 0.5) / rate
        if moment_s >= end_s:
            return
        yield moment_s


def run_of(visits, end_s, *, presence=1.0, warm_up_s=WARM_UP_S, final=True):
    """Totals of visits as (began, stay): what a process counts of them from the warm-up's end to the run's."""
    ledger = Ledger(DEFAULT, "run", "w")
    present_s = 0.0
    for began_s, stay_s in visits:
        gone_s = min(began_s + stay_s, end_s)
        begun, ended = ("warm_up" if at_s < warm_up_s else "main" for at_s in (began_s, gone_s))
        ledger.count("visits_due", "x", begun)
        ledger.count("visits_begun", "x", begun)
        if began_s < warm_up_s < gone_s:
            ledger.count("visit_carried_ms", "x", ended, round(1000 * (warm_up_s - began_s)))
        if gone_s < end_s:
            ledger.count("visits_ended", "x", ended)
            ledger.trend("visit_time_ms", "x", ended).add(round(stay_s * 1e6))
        elif final:
            ledger.count("visits_unfinished", "x", begun)
            ledger.count("visit_unfinished_ms", "x", ended, round(1000 * (gone_s - began_s)))
        present_s += max(0.0, gone_s - max(began_s, warm_up_s))
    ledger.count("visit_presence_ms", "", "main", round(present_s * presence * 1000))
    return totals_of(ledger, final=final)


def totals_of(ledger, *, final=True):
    snapshots = SnapshotStore("run")
    snapshots.absorb("w", ledger.snapshot(1, final, 10.0))
    return snapshots.totals()


def visits_of(seed, stay, *, rate=20, end_s=340.0, poisson=True):
    rng = random.Random(seed)
    return [(began_s, stay(rng)) for began_s in arrivals(rng, rate, end_s, poisson=poisson)]


@pytest.mark.parametrize("poisson", [False, True], ids=["even", "poisson"])
@pytest.mark.parametrize("stay", STAYS.values(), ids=STAYS)
def test_the_law_holds_with_its_edges(stay, poisson):
    """Whatever arrives and however long it stays."""
    for seed in range(4):
        law = littles_law(run_of(visits_of(seed, stay, poisson=poisson), 340.0), 300.0)
        assert law.agrees, law
        assert law.measured == pytest.approx(law.expected, rel=0.2)
        assert law.accepted < 0.01 * law.expected + 0.05
        assert "they agree (within" in str(law)


def test_in_a_steady_run_the_edges_are_small():
    """A five-minute run of stays of 5 s: within the deviation that renewal theory gives, four times."""
    for seed in range(20):
        law = littles_law(run_of(visits_of(seed, STAYS["all of 5 s"]), 340.0), 300.0)
        deviation = math.sqrt(2 * law.rate_per_s * 5.0**3 / 3) / 300.0
        assert abs(law.edges) < 4 * deviation


@pytest.mark.parametrize("presence", [0.98, 1.02])
def test_books_that_are_a_fiftieth_off_are_found(presence):
    """Either side may be off."""
    totals = run_of(visits_of(1, STAYS["all of 5 s"]), 340.0, presence=presence)
    law = littles_law(totals, 300.0)
    assert law.agrees is False
    (doubt,) = visit_doubts(totals, Limits(), law)
    assert "they do not agree" in doubt
    assert "the accounting of the sessions is wrong" in doubt


@pytest.mark.parametrize(
    ("visits", "warm_up_s"),
    [
        ([(began_s, 5.0 if began_s < 200 else 300.0) for began_s in range(40, 340)], WARM_UP_S),
        ([((200.0 * n) ** 0.5, 1 + n % 9) for n in range(575)], 0.0),
        ([(0.5 * n, 60.0) for n in range(600)], 10.0),
        ([*((40.0 + n, 0.02) for n in range(100)), (100.0, 500.0)], WARM_UP_S),
    ],
    ids=["they pile up", "a ramp", "long sessions after a short warm-up", "one that hangs"],
)
def test_a_run_that_is_not_steady_has_right_books(visits, warm_up_s):
    """Its edges say so."""
    law = littles_law(run_of(visits, 340.0, warm_up_s=warm_up_s), 300.0)
    assert law.agrees, law
    assert abs(law.edges) > law.accepted / 2


@pytest.mark.parametrize(
    ("visits", "judged_s", "final", "why"),
    [
        ([], 300.0, True, "no session ended"),
        ([(50.0, 1.0)], 0.0, True, "no session ended"),
        ([(50.0, 4000.0)] * 30, 9000.0, True, "30 sessions were longer than an hour"),
        ([(50.0, 1.0), (50.0, 20_000.0)], 300.0, False, "a worker was lost"),
    ],
)
def test_what_cannot_be_checked_is_said(visits, judged_s, final, why):
    """It neither agrees nor disagrees."""
    law = littles_law(run_of(visits, 10_000.0, final=final), judged_s)
    assert law.agrees is None
    assert f"is not checked: {why}" in str(law)


def test_after_a_reset_nothing_is_checked():
    """Sessions present before it are in none of the counts."""
    law = littles_law(run_of(visits_of(1, STAYS["all of 5 s"]), 340.0), 300.0, "the statistics were reset")
    assert (law.agrees, str(law)) == (None, "Little's law is not checked: the statistics were reset")


def counted(*, final=True, **counts):
    ledger = Ledger(DEFAULT, "run", "w")
    for name, n in counts.items():
        metric, _, label = name.partition("__")
        ledger.count(f"visits_{metric}", "x", "main", n, label)
    return totals_of(ledger, final=final)


@pytest.mark.parametrize(
    ("totals", "doubts"),
    [
        (counted(due=200, begun=198, dropped__no_user=2, ended=190, unfinished=8), []),
        (counted(), ["no session was due to arrive"]),
        (counted(due=200, begun=199, ended=199), ["200 sessions due, 199 begun and 0 dropped"]),
        (counted(due=200, begun=200, ended=199), ["200 begun, 199 ended and 0 cut short"]),
        (counted(due=200, begun=200, ended=199, final=False), []),
        (
            counted(due=100, begun=97, dropped__no_user=2, dropped__late=1, ended=97),
            ["3 of 100 sessions that were due could not begin (2 no_user, 1 late): not the planned load; raise --max-"],
        ),
    ],
)
def test_doubts(totals, doubts):
    """Each says its numbers."""
    found = list(visit_doubts(totals, Limits(), littles_law(totals, 0.0)))
    assert len(found) == len(doubts)
    for doubt, part in zip(found, doubts, strict=True):
        assert part in doubt


def test_sessions_that_began_late_are_a_late_generator():
    """Late sessions are like late messages; a latency from due that they explain is then undecided."""
    ledger = Ledger(DEFAULT, "run", "w")
    for value_us in [1000] * 98 + [150_000] * 2:
        ledger.trend("visit_lateness_ms", "x", "main").add(value_us)
    assert list(late_generator(totals_of(ledger), Limits())) == [
        "sessions began late: visit_lateness_ms p(99) is 150.0 ms, the limit 100 ms"
    ]
