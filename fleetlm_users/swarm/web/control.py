"""Control of a running test through a route of the web UI: rate, users, pause, resume, stop.

It is behind the web UI's login and access rules, and exists only with the web UI.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import gevent
from flask import jsonify, request
from flask.wrappers import Response
from locust.env import Environment
from werkzeug.datastructures import MultiDict

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import quote
from fleetlm_users.swarm.coordinator.completion import end_run
from fleetlm_users.swarm.coordinator.coordinator import Coordinator
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.orders.load_clock import parse_speed

logger = logging.getLogger(__name__)

ACTIONS: Final = ("rate", "users", "pause", "resume", "stop")
MAX_VALUE_CHARACTERS: Final = 40


class RunControl:
    """What a person may ask of the current run."""

    def __init__(self, environment: Environment, coordinator: Coordinator) -> None:
        self._environment = environment
        self._coordinator = coordinator
        self._actions: Mapping[str, Callable[[str], str]] = {
            "rate": self._rate,
            "users": self._users,
            "pause": self._pause,
            "resume": self._resume,
            "stop": self._stop,
        }

    def control(self) -> tuple[Response, int]:
        """Carry out the form of the request: an `action`, with its `value` if it takes one."""
        action, value = request.form.get("action", ""), request.form.get("value", "")
        try:
            message = self.act(action, value)
        except (StartupError, UsageError) as problem:
            logger.warning("control %s: %s", quote(action), problem)
            return jsonify({"success": False, "message": str(problem)}), 409
        return jsonify({"success": True, "message": message}), 200

    def act(self, action: str, value: str = "") -> str:
        """Carry out an action; return the effect, in words. Raises StartupError and UsageError."""
        if action not in self._actions:
            raise UsageError("action", action, f"one of {', '.join(ACTIONS)}", "pause")
        if len(value) > MAX_VALUE_CHARACTERS:
            raise UsageError(action, value, f"at most {MAX_VALUE_CHARACTERS} characters", "50%")
        return self._actions[action](value)

    def _rate(self, value: str) -> str:
        run = self._coordinator.speed_run()
        speed = parse_speed(value, *_planned_rate(run.options))
        classes: list[Any] = list(self._environment.user_classes)
        arrive = bool(run.options.plan.session_rate)
        if not arrive and all(kind.waits_for(run.options) for kind in classes if hasattr(kind, "waits_for")):
            accepted = "a run whose messages are due by a timetable; in this one each waits for the one before"
            raise UsageError("rate", value, accepted, "users 20")
        return run.set_speed(speed)

    def _users(self, value: str) -> str:
        run = self._coordinator.speed_run()
        runner = self._environment.runner
        assert runner is not None  # for mypy: there is a current run
        self._coordinator.edit(MultiDict({"user_count": value}))
        users = run.load.target.users
        gevent.spawn(runner.start, users, float(max(1, run.options.plan.spawn_rate)))
        return f"{users} users from now on"

    def _pause(self, _value: str) -> str:
        run = self._coordinator.speed_run()
        if run.load.speed_control.speed == 0:
            return "paused already"
        return run.set_speed(0.0)

    def _resume(self, _value: str) -> str:
        run = self._coordinator.speed_run()
        if run.load.speed_control.speed != 0:
            return "not paused"
        return run.set_speed(run.load.speed_control.speed_to_resume)

    def _stop(self, _value: str) -> str:
        self._coordinator.stop_by_control()
        gevent.spawn(end_run, self._environment)
        return "the run ends: it drains and is judged"


def _planned_rate(options: Options) -> tuple[float | None, str]:
    """Return the planned arrivals per second, and what arrives; None for a run without a constant planned rate."""
    rates = options.plan.rates
    if rates is not None:
        return (None if rates.stages else rates.peak), "sessions"
    planned = options.extra.get("arrival_rate")
    return (float(planned) if isinstance(planned, int | float) else None), "messages"
