"""The search finds the limit of any server that has one, in few steps, and never claims more than it saw."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetlm_users.workload.capacity_search import MAX_CONFIRMATIONS, CapacitySearch, SearchPlan


def run(plan, outcome_of, most_steps=1_000):
    """The loads tried, and the search at its end."""
    search, tried = CapacitySearch(plan), []
    while search.load is not None:
        tried.append(search.load)
        assert len(tried) <= most_steps
        search.tell(outcome_of(search.load, len(tried)))
    return tried, search


def limit_of(limit):
    return lambda load, _: "kept" if load <= limit else "missed"


PLAN = SearchPlan(first=10, factor=2.0, most=10_000, precision=0.05)


def test_it_climbs_confirms_and_halves():
    """The first miss is tried again, so is each of the bisection."""
    tried, search = run(PLAN, limit_of(60))
    assert tried == [10, 20, 40, 80, 80, 57, 68, 68, 62, 62, 59, 60, 60]
    assert (search.kept, search.missed, search.confirmed) == (60, 62, 60)


def test_nothing_is_confirmed_unless_asked_for():
    """The kept load is then known from its one step."""
    tried, search = run(replace(PLAN, confirms=False), limit_of(60))
    assert tried[-3:] == [62, 59, 60]
    assert (search.kept, search.confirmed) == (60, 0)


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(9_999_999, 10_000), (10_000, 10_000)],
)
def test_a_server_without_a_limit_is_reported_as_at_least(limit, kept):
    """More than `most` is not tried."""
    _, search = run(PLAN, limit_of(limit))
    assert search.kept == kept
    assert search.missed is None
    assert not search.limited


def test_one_bad_moment_does_not_decide():
    """A miss does not count if its repeat is kept."""
    tried, search = run(PLAN, lambda load, number: "missed" if number == 2 or load > 500 else "kept")
    assert tried[:4] == [10, 20, 20, 40]
    assert 475 <= search.kept <= 500


def test_a_generator_at_its_limit_ends_the_search():
    """The kept load is confirmed, and nothing is said about the server beyond it."""
    tried, search = run(PLAN, lambda load, _: "limited" if load >= 80 else "kept")
    assert tried == [10, 20, 40, 80, 80, 40]
    assert search.kept == search.confirmed == 40
    assert search.missed is None
    assert search.limited


def test_a_limit_of_the_generator_below_a_miss_leaves_the_miss():
    """The server's limit is still known to lie below it."""
    _, search = run(PLAN, lambda load, _: "missed" if load >= 80 else "limited" if load > 40 else "kept")
    assert (search.kept, search.missed, search.limited) == (40, 80, True)


def test_a_server_that_keeps_nothing_has_no_knee():
    """Down to a single one."""
    tried, search = run(PLAN, limit_of(0))
    assert search.kept == 0
    assert search.missed == 1
    assert min(tried) == 1


def test_a_limit_below_the_first_step_is_found():
    """Without a kept step the gap is halved from 0."""
    _, search = run(PLAN, limit_of(3))
    assert (search.kept, search.missed) == (3, 4)


def test_telling_after_the_end_is_a_mistake():
    """There was no step."""
    _, search = run(PLAN, limit_of(60))
    assert search.is_done
    with pytest.raises(ValueError, match="over"):
        search.tell("kept")


@pytest.mark.parametrize(
    "changed", [{"first": 0}, {"most": 9}, {"factor": 1.0}, {"factor": math.nan}, {"precision": 0.0}]
)
def test_a_plan_that_leads_nowhere_is_refused(changed):
    """Each on its own."""
    with pytest.raises(ValueError, match="not a search"):
        SearchPlan(**{"first": 10, "factor": 2.0, "most": 100, "precision": 0.05, **changed})


PLANS = st.builds(
    lambda first, more, factor, precision: SearchPlan(first, factor, first + more, precision),
    st.integers(1, 500),
    st.integers(0, 100_000),
    st.floats(1.01, 10.0),
    st.floats(0.001, 0.5),
)


@given(PLANS, st.integers(0, 200_000))
def test_any_limit_is_found_within_the_precision(plan, limit):
    """No load is claimed that was not kept."""
    _, search = run(plan, limit_of(limit), most_steps=5_000)
    assert search.kept <= min(limit, plan.most)
    if limit >= plan.most:
        assert search.kept == plan.most
    else:
        assert search.missed is not None
        assert search.missed > limit
        assert search.missed - search.kept <= max(1, search.kept * plan.precision)


@given(PLANS, st.lists(st.sampled_from(["kept", "missed", "limited"]), min_size=200, max_size=200))
def test_whatever_a_server_does_the_search_ends_and_stays_in_order(plan, outcomes):
    """Kept below missed, loads within bounds, a repeat at the same load."""
    search = CapacitySearch(plan)
    for outcome in outcomes:
        if search.load is None:
            return
        load, was_repeat, was_confirmation = search.load, search.is_repeat, search.is_confirmation
        assert 1 <= load <= plan.most
        assert search.kept < load or (was_confirmation and search.kept <= load)
        assert search.missed is None or load < search.missed
        search.tell(outcome)
        if outcome != "kept" and not was_repeat and not (was_confirmation and outcome == "missed"):
            assert search.load == load
            assert search.is_repeat


@given(PLANS)
def test_the_number_of_steps_is_a_matter_of_logarithms(plan):
    """Climbing by the factor, then halving the gap, each miss twice."""
    tried, _ = run(plan, limit_of(plan.most - 1), most_steps=5_000)
    climbs = math.log(plan.most, plan.factor) if plan.factor > 1.5 else plan.most
    halvings = math.log2(plan.most) + math.log2(1 / plan.precision)
    assert len(tried) <= 2 * (climbs + halvings) + 9


# confirmation


def confirmed_up_to(limit, sustained):
    """A server that keeps a short step up to `limit`, and a long one only up to `sustained`."""
    search = CapacitySearch(PLAN)
    confirmations = []
    while search.load is not None:
        bound = sustained if search.is_confirmation else limit
        if search.is_confirmation:
            confirmations.append(search.load)
        search.tell("kept" if search.load <= bound else "missed")
    return confirmations, search


def test_a_load_that_does_not_survive_is_followed_by_lower_ones():
    """First by half the precision; each asked once: what holds half of the time is not sustained."""
    confirmations, search = confirmed_up_to(100, sustained=92)
    assert confirmations == [99, 97, 95, 90]
    assert (search.kept, search.confirmed, search.missed) == (90, 90, 95)


def test_the_number_of_confirmations_is_bounded():
    """A load that was kept once is then all that is known."""
    confirmations, search = confirmed_up_to(100, sustained=10)
    assert len(confirmations) == MAX_CONFIRMATIONS
    assert search.confirmed == 0
    assert search.is_done
    assert 0 < search.kept < min(confirmations)


def test_not_below_what_was_kept_before():
    """A load kept below the one that failed is confirmed itself."""
    search = CapacitySearch(SearchPlan(first=50, factor=1.02, most=51, precision=0.5))
    search.tell("kept")
    search.tell("kept")
    assert (search.load, search.is_confirmation) == (51, True)
    search.tell("missed")
    assert search.load == 50
    search.tell("kept")
    assert search.confirmed == 50


def test_a_confirmation_that_the_generator_spoils_is_tried_again():
    """Twice, as any other step; then the load was kept once, and that is said."""
    search = CapacitySearch(replace(PLAN, most=10))
    search.tell("kept")
    search.tell("limited")
    assert (search.load, search.is_repeat, search.is_confirmation) == (10, True, True)
    search.tell("limited")
    assert (search.is_done, search.limited, search.kept, search.confirmed) == (True, True, 10, 0)


def test_a_server_that_does_not_recover_ends_the_search():
    """The result is the load kept before."""
    search = CapacitySearch(PLAN)
    for outcome in ("kept", "kept", "missed"):
        search.tell(outcome)
    search.give_up()
    assert (search.is_done, search.is_unrecovered, search.kept, search.confirmed) == (True, True, 20, 0)


@given(PLANS, st.integers(0, 200_000), st.integers(0, 200_000))
def test_only_what_survived_is_confirmed(plan, limit, sustained):
    """The short steps do not matter."""
    search = CapacitySearch(plan)
    while search.load is not None:
        bound = min(sustained, limit) if search.is_confirmation else limit
        search.tell("kept" if search.load <= bound else "missed")
    assert search.confirmed <= min(limit, sustained)
    assert search.confirmed in (0, search.kept)
