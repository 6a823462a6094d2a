"""The options of the crash: when, how, and by which words; what contradicts itself is refused with an example."""

from dataclasses import replace

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.durability import CRASH_OPTIONS, crash_plan
from tests.swarm.samples import options

DEFAULTS = {
    "crash": "kill", "crash_at": None, "stop_command": None, "restart_command": None, "restart_timeout": 60.0,
}  # fmt: skip


def given(duration_s=60.0, **extra):
    base = options()
    plan = replace(base.plan, duration_s=duration_s, warm_up_s=10.0)
    return replace(base, plan=plan, extra={**DEFAULTS, **extra}, server_pid=("pid-12=12",))


def test_by_default_the_server_is_killed_in_the_middle_of_the_judged_time():
    """The warm-up is not judged."""
    plan = crash_plan(given())
    assert (plan.how, plan.at_s, plan.pids, plan.stop, plan.restart) == ("kill", 35.0, (12,), (), ())


def test_a_command_takes_the_place_of_the_signal():
    """Its words are split as a shell would, and no shell sees them."""
    plan = crash_plan(given(stop_command="docker kill 'my server'", restart_command="docker start x; rm y"))
    assert plan.how == "command"
    assert plan.stop == ("docker", "kill", "my server")
    assert plan.restart == ("docker", "start", "x;", "rm", "y")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"duration_s": None}, "a moment, as a run without an end has no middle"),
        ({"crash_at": 60.0}, "less than the run's 1m"),
        ({"crash": "none", "stop_command": "true"}, "left out with --crash none"),
        ({"crash": "none", "restart_command": "true"}, "left out with --crash none"),
        ({"stop_command": "echo 'secret"}, "quoted as in a shell (No closing quotation)"),
    ],
)
def test_what_contradicts_itself_is_refused(extra, words):
    """No error quotes a command: it may hold a password."""
    with pytest.raises(UsageError) as refused:
        crash_plan(given(**extra))
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


def test_no_web_page_and_no_preset_can_have_a_command_run():
    """Nor can they choose the signal; and reports leave the commands out."""
    commands = [spec for spec in CRASH_OPTIONS if spec.name.endswith("_command")]
    assert len(commands) == 2
    assert not any(spec.in_form or spec.in_preset or not spec.secret for spec in commands)
