"""The options of the reconnect storm, taken together; contradictory ones are refused."""

import math
from dataclasses import replace

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.storm import storm_crash, storm_plan
from fleetlm_users.workload.storm.back_off import RECONNECT, REJOIN
from fleetlm_users.workload.storm.cuts import Cut
from tests.swarm.samples import options

DEFAULTS = {
    "cut": "client", "cut_at": None, "cut_share": 1.0, "cut_every": None, "reconnect_after": "phoenix",
    "rejoin_after": "phoenix", "reconnect_jitter": "none", "away_messages": 1, "unnoticed": 0.5,
    "crash": "kill", "stop_command": None, "restart_command": None, "restart_timeout": 60.0,
}  # fmt: skip


def given(duration_s=100.0, users=10, **extra):
    base = options()
    plan = replace(base.plan, duration_s=duration_s, warm_up_s=10.0, users={"storm": users})
    return replace(base, plan=plan, extra={**DEFAULTS, **extra}, server_pid=("pid-12=12",))


def test_by_default_everybody_is_cut_after_a_third_of_the_judged_time():
    """Everybody returns as the official client does."""
    plan = storm_plan(given())
    assert plan.cuts.planned == (Cut(40.0, 10),)
    assert (plan.reconnect, plan.rejoin, plan.has_jitter, plan.by_server) == (RECONNECT, REJOIN, False, False)
    assert storm_crash(given()) is None


def test_a_restart_of_the_server_is_a_crash_at_that_moment():
    """Nobody appends anything to a server that is gone."""
    asked = given(cut="server", cut_at=30.0, crash="term")
    crash = storm_crash(asked)
    assert (crash.how, crash.at_s, crash.pids) == ("term", 30.0, (12,))
    assert storm_plan(asked).away_messages == 0


def test_a_rolling_deploy_ends_with_the_run():
    """The cuts that no longer fit are not planned."""
    plan = storm_plan(given(cut_at=30.0, cut_share=0.25, cut_every=30.0))
    assert [cut.at_s for cut in plan.cuts.planned] == [30.0, 60.0, 90.0]


def test_a_run_without_an_end_is_cut_at_the_moment_given():
    """It has no third."""
    assert storm_plan(given(duration_s=None, cut_at=30.0)).cuts.until_s == math.inf


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"duration_s": None}, "a moment, as a third of a run without an end"),
        ({"cut_at": 100.0}, "less than the run's 1m40s"),
        ({"cut_at": 20.0, "duration_s": 20.0}, "after the cut, for example 13.3s"),
        ({"cut_at": 5.0}, "at least the warm-up of 10s"),
        ({"cut_share": 0.04}, "a share of the 10 users that is at least one of them"),
        ({"cut": "server", "cut_share": 0.5}, "left out with --cut server"),
        ({"cut": "server", "cut_every": 10.0}, "left out with --cut server"),
        ({"stop_command": "true"}, "left out with --cut client"),
        ({"restart_command": "true"}, "left out with --cut client"),
        ({"reconnect_after": "soon"}, "--reconnect-after"),
        ({"rejoin_after": "1s,0s"}, "--rejoin-after"),
    ],
)
def test_what_contradicts_itself_is_refused(extra, words):
    """The error is a sentence that names the option."""
    with pytest.raises(UsageError) as refused:
        storm_plan(given(**extra))
    assert words in str(refused.value)
