"""A run in which sessions arrive: settings that contradict it, and its announcement."""

from dataclasses import replace

import pytest
from locust import LoadTestShape

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.coordinator.console import announcement
from fleetlm_users.swarm.options.session_rate import arriving_in, check_session_rate
from tests.swarm.samples import benchmark, options


class Waves(LoadTestShape):
    """A shape of a person's own."""

    def tick(self):
        return 1, 1.0


def test_nothing_else_may_set_the_users():
    """A search, a shape, and Locust's class picker, which picks one."""
    given = options(session_rate="20")
    check_session_rate(given, benchmark(), None, class_picker=False)
    for found, said in (
        (
            {"benchmark": replace(benchmark(), search=lambda _: None)},
            "no session rate with mixed, which sets its users",
        ),
        ({"shape": Waves()}, "the LoadTestShape Waves, which both set the users"),
        ({"class_picker": True}, "no session rate with --class-picker"),
    ):
        with pytest.raises(UsageError, match=said):
            check_session_rate(given, **{"benchmark": benchmark(), "shape": None, "class_picker": False, **found})


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            {"session_rate": "20", "max_users": "90"},
            "20 sessions/s in the proportion 10 long_lived : 5 burst : 3 churn, arriving evenly, at most 90 users, 2m",
        ),
        (
            {"session_rate": "5s:2.5,5s:0", "arrivals": "poisson", "long_lived_vus": "0", "burst_vus": "0"},
            "up to 2.5 sessions/s of churn, arriving as a Poisson process, at most 1000 users, 10s in 2 stages",
        ),
    ],
)
def test_the_announcement(raw, said):
    """One line has the rate, who arrives and how, the bound, and the length."""
    given = options(**raw)
    assert arriving_in(given.plan) in said
    assert said.rpartition(",")[0] in announcement(given)
