"""The plan goes back into the form that Locust reads."""

from werkzeug.datastructures import MultiDict

from fleetlm_users.swarm.web.start_guard import form_of
from tests.swarm.samples import options


def test_the_plan_goes_back_into_the_form():
    """Locust reads users, rate and time from there."""
    plan = options(preset="standard").plan
    filled = form_of(options(preset="standard"), MultiDict({"user_count": "18", "host": ""}))
    assert filled["user_count"] == "55"
    assert float(filled["spawn_rate"]) == plan.spawn_rate
    assert filled["run_time"] == "300s"
    assert filled["host"] == ""


def test_a_run_until_stopped_has_no_run_time_in_the_form():
    """An empty one would be no number to Locust."""
    assert "run_time" not in form_of(options(duration="0"), MultiDict({"run_time": "120"}))
