"""The user classes that a command line names are those that run, or it is refused."""

import pytest
from locust import User

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.options.parser import options_of
from fleetlm_users.swarm.options.user_classes import chosen_by
from tests.swarm.options.test_option_sources import NO_OVERRIDES, Started
from tests.swarm.samples import benchmark

BENCH = benchmark()
LOADED = list(BENCH.behaviours.values())


class Stranger(User):
    """Of another locustfile."""


def plan(folder, *words, users=None, named=()):
    parsed = Started(folder, *words, bench=BENCH).parsed
    return options_of(parsed, BENCH, None, {**NO_OVERRIDES, "num_users": users}, named or None).plan


def test_the_behaviours_of_the_named_classes_run():
    """In the order of reports, however they are named; nothing named is everything."""
    assert chosen_by(["Churn", "Burst"], LOADED, BENCH) == ("burst", "churn")
    assert chosen_by([], LOADED, BENCH) is None


@pytest.mark.parametrize(("named", "loaded"), [(["Stranger"], [Stranger]), ([], [*LOADED, Stranger])])
def test_a_class_that_the_plan_does_not_know_is_refused(named, loaded):
    """It would get no users, whatever was meant."""
    with pytest.raises(
        UsageError, match=r"invalid value 'Stranger' for user classes \(LOCUST_USER_CLASSES\).*for example Long_Lived"
    ):
        chosen_by(named, loaded, BENCH)


def test_a_behaviour_that_others_are_derived_from_may_stand_in_the_locustfile():
    """Locust loads every class that a file imports."""
    base = type("Base", (User,), {"abstract": False, "scenario": "base"})
    assert chosen_by([], [*LOADED, base], BENCH) is None


@pytest.mark.parametrize(
    ("users", "named", "counts"),
    [
        (None, ("burst", "churn"), {"long_lived": 0, "burst": 5, "churn": 3}),
        (6, ("burst",), {"long_lived": 0, "burst": 6, "churn": 0}),
        (16, ("burst", "churn"), {"long_lived": 0, "burst": 10, "churn": 6}),
    ],
)
def test_the_plan_is_of_the_named_classes_only(tmp_path, users, named, counts):
    """Each with its users of the preset; a total is shared among them."""
    assert plan(tmp_path, users=users, named=named).users == counts


def test_counts_go_with_the_classes_or_are_refused(tmp_path):
    """A count of a class that is not named was meant to run."""
    assert plan(tmp_path, "--churn-vus", 9, named=("churn",)).users["churn"] == 9
    with pytest.raises(UsageError, match=r"invalid value 9 for --churn-vus: .*those of burst"):
        plan(tmp_path, "--churn-vus", 9, named=("burst",))
    with pytest.raises(
        UsageError, match=r"invalid value 'churn' .*the preset has none of this one, for example --churn-vus 5"
    ):
        plan(tmp_path, "--churn-vus", 0, named=("burst", "churn"))
