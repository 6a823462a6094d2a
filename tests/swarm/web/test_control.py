"""Remote control of a run: what each action asks of the coordinator, and what is refused in a sentence."""

from types import SimpleNamespace

import flask
import gevent
import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.coordinator.control.speed_control import SpeedControl
from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError
from fleetlm_users.swarm.web import control as control_module
from fleetlm_users.swarm.web.control import ACTIONS, RunControl
from tests.swarm.samples import options


class Kind:
    """A user class; `waits` is what its sending waits for."""

    def __init__(self, *waits):
        self.waits = frozenset(waits)

    def waits_for(self, _options):
        return self.waits


class ControlledRun:
    """A run that records the requested speeds."""

    def __init__(self, **raw):
        self.options = options(**raw)
        self.load = SimpleNamespace(speed_control=SpeedControl(lambda: 10.0), target=SimpleNamespace(users=18))

    def set_speed(self, speed):
        return self.load.speed_control.set(speed)


class RunOwner:
    """The coordinator, with one run or none."""

    def __init__(self, run):
        self.run, self.running, self.forms = run, run is not None, []
        self.stops = 0

    def speed_run(self):
        if self.run is None:
            raise StartupError("No run is on", USAGE_EXIT)
        return self.run

    def stop_by_control(self):
        if self.run is None:
            raise StartupError("No run is on", USAGE_EXIT)
        self.stops += 1

    def edit(self, form):
        self.forms.append(form.to_dict())


class Started:
    """A runner that records its requests."""

    def __init__(self):
        self.asked = []

    def start(self, users, rate):
        self.asked.append((users, rate))


def controlled(*kinds, run=None, arrival_rate=None, **raw):
    """Return the control of a run with users of these kinds, by default with timetables, and the objects it acts on."""
    run = ControlledRun(**raw) if run is None else run
    if arrival_rate is not None:
        run.options.extra["arrival_rate"] = arrival_rate
    owner, runner = RunOwner(run or None), Started()
    environment = SimpleNamespace(runner=runner, user_classes=kinds or (Kind(),))
    return RunControl(environment, owner), owner, runner


@pytest.mark.parametrize(
    ("value", "given", "speed"),
    [
        ("150%", {}, 1.5),
        ("800", {"arrival_rate": 400.0}, 2.0),
        ("40", {"session_rate": "20"}, 2.0),
        ("50%", {"session_rate": "10s:5,10s:20"}, 0.5),
    ],
)
def test_a_rate_is_a_speed_of_the_timetables(value, given, speed):
    """A share of the plan, messages per second, or sessions per second."""
    control, owner, _ = controlled(**given)
    assert "times the planned rate" in control.act("rate", value)
    assert owner.run.load.speed_control.speed == speed


@pytest.mark.parametrize(
    ("value", "kinds", "given", "said"),
    [
        ("800", (Kind(),), {}, "no constant rate in messages per second"),
        ("40", (Kind(),), {"session_rate": "10s:5,10s:20"}, "no constant rate in sessions per second"),
        ("50%", (Kind("append"), Kind("answer")), {}, "in this one each waits for the one before"),
        ("x" * 41, (Kind(),), {}, "at most 40 characters"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(value, kinds, given, said):
    """The run goes on as before."""
    control, owner, _ = controlled(*kinds, **given)
    with pytest.raises(UsageError, match=said):
        control.act("rate", value)
    assert owner.run.load.speed_control.changes == []


def test_a_closed_loop_can_be_paused_and_sessions_that_arrive_in_one_have_a_rate():
    """Their arrivals are a timetable."""
    control, owner, _ = controlled(Kind("append"), session_rate="20")
    control.act("rate", "200%")
    assert owner.run.load.speed_control.speed == 2.0
    control, _, _ = controlled(Kind("append"))
    assert "paused from" in control.act("pause")


def test_pause_and_resume_come_in_turns():
    """The second of each changes nothing; after the pause the rate is the one before it."""
    control, owner, _ = controlled()
    assert control.act("resume") == "not paused"
    control.act("rate", "300%")
    control.act("pause")
    assert control.act("pause") == "paused already"
    assert "3 times the planned rate" in control.act("resume")
    assert owner.run.load.speed_control.speed == 3.0


def test_users_are_edited_as_on_the_page():
    """They spawn at the plan's rate, at least one per second."""
    control, owner, runner = controlled()
    assert control.act("users", "18") == "18 users from now on"
    gevent.idle()
    assert owner.forms == [{"user_count": "18"}]
    assert runner.asked == [(18, max(1.0, owner.run.options.plan.spawn_rate))]


def test_stop_ends_the_run(monkeypatch):
    """The effect is that of its planned end."""
    ended = []
    monkeypatch.setattr(control_module, "end_run", ended.append)
    control, owner, _ = controlled()
    assert "it drains" in control.act("stop")
    gevent.idle()
    assert (len(ended), owner.stops) == (1, 1)


@pytest.mark.parametrize("action", ACTIONS)
def test_without_a_run_nothing_is_done(action):
    """It holds for every action."""
    control, _, _ = controlled(run=False)
    with pytest.raises(StartupError, match="No run is on"):
        control.act(action, "50%")


def test_the_route_answers_in_json():
    """It states the effect, or the reason why not, with a status for scripts; an unknown action is named."""
    control, _, _ = controlled()
    app = flask.Flask("test")
    app.add_url_rule("/control", "control", control.control, methods=["POST"])
    client = app.test_client()
    done = client.post("/control", data={"action": "pause"})
    assert (done.status_code, done.json["success"]) == (200, True)
    refused = client.post("/control", data={"action": "fly"})
    assert (refused.status_code, refused.json["success"]) == (409, False)
    assert "one of rate, users, pause, resume, stop" in refused.json["message"]
