"""The web UI's Start button: checks the form before Locust acts on it, and lets a preset be what it says.

The form always sends users, spawn rate and run time. A field that still shows what the page showed follows the chosen
preset; a changed one is a person's wish.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask import jsonify, request
from flask.wrappers import Response
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING
from locust.util.timespan import parse_timespan
from locust.web import WebUI
from werkzeug.datastructures import ImmutableMultiDict

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.head import Head
from fleetlm_users.swarm.refusal import Refused
from fleetlm_users.workload.options import Options

logger = logging.getLogger(__name__)


def guard_start(web_ui: WebUI, environment: Environment, head: Head) -> None:
    """Registers the check that runs before each POST to /swarm."""

    def before_request() -> Response | None:
        if request.method != "POST" or not request.path.endswith("/swarm"):
            return None
        refused = web_ui.auth_required_if_enabled(lambda: None)()
        if refused is not None:
            return refused  # type: ignore[no-any-return]  # with --web-login: nothing is asked on behalf of a stranger
        runner = environment.runner
        if runner is not None and runner.state in (STATE_SPAWNING, STATE_RUNNING):
            return None  # users are edited in mid-run: Locust's own affair
        try:
            options = head.prepare_form(dict(request.form), wishes_of)
        except Refused as problem:
            logger.error("%s", problem)
            return jsonify({"success": False, "message": str(problem), "host": environment.host})
        request.form = ImmutableMultiDict(form_of(options, request.form))
        return None

    if web_ui.app is not None:
        web_ui.app.before_request(before_request)


def wishes_of(form: Mapping[str, str], shown: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Users, run time and spawn rate as a person wants them.

    That is what was changed in the form against the `shown` values of the page, else what was `asked` on the command
    line, else None: as the preset has it.

    Raises UsageError for what cannot be read.
    """
    return {
        "num_users": _changed(form.get("user_count"), shown["num_users"], asked["num_users"], _users),
        "spawn_rate": _changed(form.get("spawn_rate"), shown["spawn_rate"], asked["spawn_rate"], _rate),
        "run_time_s": _changed(form.get("run_time"), shown["run_time"], asked["run_time_s"], _seconds),
    }


def form_of(options: Options, form: Any) -> dict[str, Any]:
    """The form with the plan's own users, spawn rate and run time in it, as Locust will read it."""
    filled = {key: form[key] for key in form}
    filled["user_count"] = str(options.plan.total_users)
    filled["spawn_rate"] = str(options.plan.spawn_rate)
    if options.plan.duration_s:
        filled["run_time"] = f"{max(1, round(options.plan.duration_s))}s"
    else:
        filled.pop("run_time", None)
    return filled


def _changed(text: str | None, shown: Any, asked: Any, read: Callable[[str], Any]) -> Any:
    if not text:
        return asked
    value = read(text)
    return asked if value == shown else value


def _users(text: str) -> int:
    try:
        return int(text)
    except ValueError as problem:
        raise UsageError("number of users", text, "a whole number, 1 or more", "18") from problem


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError as problem:
        raise UsageError("ramp up", text, "a number of users per second above 0", "2.5") from problem


def _seconds(text: str) -> float:
    try:
        return float(parse_timespan(text))
    except ValueError as problem:
        raise UsageError("run time", text, "a duration", "2m") from problem
