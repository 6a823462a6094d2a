"""The plan of a run in which sessions arrive: its parts, and settings that contradict it."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.arrivals.visit_plan import DEFAULT_MAX_USERS, users_of
from fleetlm_users.workload.options.resolution import resolve
from fleetlm_users.workload.presets.presets import load_presets

BEHAVIOURS = ("long_lived", "burst", "churn")


def plan(run_time_s=None, num_users=None, spawn_rate=None, **raw):
    found = resolve(
        raw,
        load_presets(None),
        "mixed",
        BEHAVIOURS,
        host=None,
        num_users=num_users,
        run_time_s=run_time_s,
        spawn_rate=spawn_rate,
        new_run_id=lambda: "r1",
        new_seed=lambda: 7,
    )
    return found.plan


def test_a_rate():
    """The preset's proportions, length and warm-up, and users who are all there at once."""
    visits = plan(session_rate="20", arrivals="poisson", max_users="30")
    assert (visits.session_rate, visits.arrivals) == (("20",), "poisson")
    assert visits.mix == {"long_lived": 10, "burst": 5, "churn": 3}
    assert visits.users == {"long_lived": 10, "burst": 10, "churn": 10}
    assert (visits.duration_s, visits.ramp_up_s, visits.warm_up_s) == (120.0, 0.0, plan().warm_up_s)
    assert (visits.phase_at(visits.warm_up_s - 1), visits.phase_at(100)) == ("warm_up", "main")
    assert (plan(session_rate="20").total_users, plan(session_rate="20").arrivals) == (DEFAULT_MAX_USERS, "even")
    assert plan(session_rate="20", run_time_s=9.0).duration_s == 9.0
    assert plan(session_rate="20", burst_vus="0").mix == {"long_lived": 10, "burst": 0, "churn": 3}


def test_stages_of_a_rate():
    """They say the length, each is a phase, and there is no warm-up unless one is given."""
    visits = plan(session_rate="up=10s:5,0s:9,peak=20s:9")
    assert (visits.duration_s, visits.warm_up_s) == (30.0, 0.0)
    assert visits.stage_names == ("up", "peak")
    assert [visits.phase_at(at_s) for at_s in (0, 9.9, 10)] == ["main:up", "main:up", "main:peak"]
    assert plan(session_rate="10s:5", warm_up="2s").phase_at(1) == "warm_up"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"session_rate": "20", "num_users": 5}, "-u/--vus"),
        ({"session_rate": "20", "vus": "5"}, "-u/--vus"),
        ({"session_rate": "20", "spawn_rate": 5.0}, "-r"),
        ({"session_rate": "20", "ramp_up": "5s"}, "--ramp-up"),
        ({"session_rate": "20", "stages": "5s:5"}, "--stages"),
        ({"session_rate": "5s:20", "run_time_s": 5.0}, "--duration"),
        ({"session_rate": "20", "preset": "spike"}, "--stages"),
        ({"session_rate": "20", "max_users": "2"}, "at least one for each behaviour that arrives"),
        ({"session_rate": "5s:20", "warm_up": "5s"}, "nothing is left to judge"),
        ({"max_users": "20"}, "together with --session-rate"),
        ({"arrivals": "poisson"}, "together with --session-rate"),
        ({"session_rate": "20", "arrivals": "random"}, "one of even, poisson"),
    ],
)
def test_what_contradicts_it_is_refused(given, said):
    """The error is a sentence that names the setting."""
    with pytest.raises(UsageError, match="invalid value") as refused:
        plan(**given)
    assert said in str(refused.value)


def test_every_behaviour_that_arrives_has_a_user():
    """Otherwise the run would not check what the behaviour needs; the others get none."""
    assert users_of({"a": 9, "b": 0, "c": 1}, 5) == {"a": 3, "b": 0, "c": 2}
