"""The guard of the web UI's Start button: it checks the form before Locust acts on it, and applies the preset."""

import logging
from typing import Any

from flask import Flask, before_render_template, jsonify, request
from flask.wrappers import Response
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING
from locust.web import WebUI
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.coordinator.coordinator import Coordinator
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.swarm.locust_internals import START_ENDPOINT, UPDATE_USER_ENDPOINT
from fleetlm_users.swarm.options.start_form import StartForm
from fleetlm_users.workload.options.model import Options

logger = logging.getLogger(__name__)

CLASSES_ARE_PLANNED = "The plan sets the users of each class: tick classes, or set the counts of the start form."
ENDING = "The last run is still ending: messages settle and final reports come in. Try again in a few seconds."


def guard_start(web_ui: WebUI, environment: Environment, coordinator: Coordinator) -> None:
    """Put our form on Locust's page, and a check before each POST to /swarm."""
    if web_ui.app is None:
        return
    guard = _Guard(web_ui, environment, coordinator)
    web_ui.app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}  # fields keep our order
    web_ui.app.before_request(guard.before_request)
    web_ui.app.after_request(guard.after_request)
    # Locust builds the arguments of its page for each request, so this is the only place to change them
    before_render_template.connect(guard.before_render, web_ui.app, weak=False)


class _Guard:
    def __init__(self, web_ui: WebUI, environment: Environment, coordinator: Coordinator) -> None:
        self._web_ui = web_ui
        self._environment = environment
        self._coordinator = coordinator
        self._form: StartForm = coordinator.preparation.form

    def before_render(self, _app: Flask, template: Any, context: dict[str, Any], **_: Any) -> None:
        """Add our fields to the page about to be rendered."""
        if template.name == "index.html" and "template_args" in context:
            preparation = self._coordinator.preparation
            context["template_args"] = self._form.on_page(context["template_args"], preparation.shown_with)

    def before_request(self) -> Response | None:
        """Return None if Locust may act, or else the answer that the page shows."""
        if request.method != "POST" or request.endpoint not in (START_ENDPOINT, UPDATE_USER_ENDPOINT):
            return None
        login = self._web_ui.auth_required_if_enabled(lambda: None)()
        if login is not None:
            return login  # type: ignore[no-any-return]  # with --web-login a stranger may not even ask
        if request.endpoint == UPDATE_USER_ENDPOINT:
            return self._refusal(CLASSES_ARE_PLANNED)
        form = MultiDict(request.form)
        try:
            self._form.check(form)
            if self._is_going_on():
                filled = ending_in(self._coordinator.edit(form), self._form.without_options(form))
            elif self._coordinator.running:
                return self._refusal(ENDING)
            else:
                filled = form_of(self._coordinator.prepare_form(form), self._form.without_options(form))
        except (StartupError, UsageError) as problem:
            return self._refusal(self._form.words_of(problem))
        request.form = ImmutableMultiDict(filled)
        return None

    def after_request(self, response: Response) -> Response:
        """Restore the plan on the page: Locust has put the edit, and the rest of the run's time, there."""
        if request.method == "POST" and request.endpoint == START_ENDPOINT and self._coordinator.running:
            self._coordinator.preparation.show_plan()
        return response

    def _is_going_on(self) -> bool:
        runner = self._environment.runner
        return runner is not None and runner.state in (STATE_SPAWNING, STATE_RUNNING)

    def _refusal(self, problem: str) -> Response:
        logger.error("%s", problem)
        return jsonify({"success": False, "message": problem, "host": self._environment.host})


def ending_in(remaining_s: int | None, form: MultiDict[str, str]) -> MultiDict[str, str]:
    """Return the form of an edit with the remaining run time: Locust sets its timer from it again."""
    filled = form.copy()
    filled.pop("run_time", None)
    if remaining_s is not None:
        filled["run_time"] = f"{remaining_s}s"
    return filled


def form_of(options: Options, form: MultiDict[str, str]) -> MultiDict[str, str]:
    """Return the form with the plan's users, spawn rate and run time, as Locust will read it."""
    filled = form.copy()
    filled["user_count"] = str(options.plan.total_users)
    filled["spawn_rate"] = str(options.plan.spawn_rate)
    filled.pop("run_time", None)
    if options.plan.duration_s:
        filled["run_time"] = f"{max(1, round(options.plan.duration_s))}s"
    return filled
