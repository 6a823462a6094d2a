"""Which connections are cut when: exact shares, each user once, the same in every layout."""

import math

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.workload.storm.cuts import Cut, Cuts


def cuts(**given_):
    return Cuts(**{"at_s": 30.0, "share": 1.0, "every_s": None, "users": 10, "until_s": math.inf, "seed": 1} | given_)


def cut_users(plan, number):
    return {user for user in range(1, plan.users + 1) if plan.is_cut(user, number)}


def test_one_cut_of_everybody():
    """It includes a user that was not planned."""
    assert cuts().planned == (Cut(30.0, 10),)
    assert all(cuts().is_cut(user, 0) for user in (1, 10, 11, 10_000_001))


def test_one_cut_of_a_share():
    """An exact number of the planned users, and no other."""
    plan = cuts(share=0.3)
    assert plan.planned == (Cut(30.0, 3),)
    assert len(cut_users(plan, 0)) == 3
    assert not plan.is_cut(11, 0)


def test_a_rolling_deploy_ends_with_the_run():
    """There are no cuts after its end; shares that do not divide the whole leave a smaller last one."""
    assert cuts(share=0.3, every_s=60.0).planned == (Cut(30, 3), Cut(90, 3), Cut(150, 3), Cut(210, 1))
    assert cuts(share=0.3, every_s=60.0, until_s=150.0).moments_s() == (30.0, 90.0)
    assert cuts(share=1.0, every_s=60.0).planned == (Cut(30.0, 10),)


@given(
    st.integers(1, 300),
    st.floats(0.003, 1.0),
    st.one_of(st.none(), st.just(1.0)),
    st.integers(0, 2**53),
    st.sampled_from([math.inf, 31.0, 100.0]),
)
def test_each_user_is_cut_once_and_the_counts_are_the_plans(users, share, every_s, seed, until_s):
    """The share does not matter; a complete rolling deploy reaches everybody."""
    plan = cuts(users=users, share=share, every_s=every_s, seed=seed, until_s=until_s)
    chosen = [cut_users(plan, number) for number in range(len(plan.planned))]
    assert [len(each) for each in chosen] == [cut.sessions for cut in plan.planned]
    assert sum(map(len, chosen)) == len(set().union(*chosen)) == plan.sessions
    if every_s is not None and until_s == math.inf:
        assert plan.sessions == users
    assert not any(plan.is_cut(user, len(plan.planned)) for user in range(1, users + 1))


@given(st.integers(2, 200), st.integers(0, 2**53))
def test_the_same_seed_cuts_the_same_users(users, seed):
    """It holds on every process, without coordination."""
    plans = [cuts(users=users, share=0.5, seed=seed) for _ in range(2)]
    assert cut_users(plans[0], 0) == cut_users(plans[1], 0)
