"""What a person changed in the form is a wish; what still shows what the page showed follows the preset."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.web import form_of, wishes_of
from tests.swarm.samples import options

SHOWN = {"num_users": 18, "spawn_rate": 3.6, "run_time": 120}
UNTOUCHED = {"user_count": "18", "spawn_rate": "3.6", "run_time": "120"}
NOT_ASKED = {"num_users": None, "spawn_rate": None, "run_time_s": None}


@pytest.mark.parametrize(
    ("changed", "wishes"),
    [
        ({}, {}),
        ({"user_count": "9"}, {"num_users": 9}),
        ({"spawn_rate": "1"}, {"spawn_rate": 1.0}),
        ({"run_time": "2m"}, {}),
        ({"run_time": "30s"}, {"run_time_s": 30.0}),
        ({"run_time": ""}, {}),
    ],
)
def test_only_changes_are_wishes(changed, wishes):
    """The same time in another notation is no change."""
    assert wishes_of({**UNTOUCHED, **changed}, SHOWN, NOT_ASKED) == {**NOT_ASKED, **wishes}


def test_what_the_command_line_asked_for_stays_unless_changed():
    """`-u 40` with the web UI shows 40 and means 40, with whatever preset is chosen."""
    asked = {"num_users": 40, "spawn_rate": None, "run_time_s": None}
    shown = {**SHOWN, "num_users": 40}
    assert wishes_of({**UNTOUCHED, "user_count": "40"}, shown, asked)["num_users"] == 40
    assert wishes_of({**UNTOUCHED, "user_count": "7"}, shown, asked)["num_users"] == 7


@pytest.mark.parametrize("field", ["user_count", "spawn_rate", "run_time"])
def test_what_is_no_number_is_told(field):
    """Locust's own answer would come after our check."""
    with pytest.raises(UsageError, match="x"):
        wishes_of({**UNTOUCHED, field: "x"}, SHOWN, NOT_ASKED)


def test_the_plan_goes_back_into_the_form():
    """Locust reads users, rate and time from there."""
    plan = options(preset="standard").plan
    filled = form_of(options(preset="standard"), {"user_count": "18", "preset": "standard"})
    assert filled["user_count"] == "55"
    assert float(filled["spawn_rate"]) == plan.spawn_rate
    assert filled["run_time"] == "300s"
    assert filled["preset"] == "standard"


def test_a_run_until_stopped_has_no_run_time_in_the_form():
    """An empty one would be no number to Locust."""
    assert "run_time" not in form_of(options(duration="0"), {"run_time": "120"})
