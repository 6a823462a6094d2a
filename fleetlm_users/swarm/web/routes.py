"""Our pages in Locust's web UI: live charts, the document they read, and the result files of this process's runs.

Everything below `/fleetlm` requires the login if there is one, and works below `--web-base-path`.
"""

from pathlib import Path
from typing import Any, Final

from flask import Blueprint, abort, jsonify, redirect, request, send_from_directory
from flask.wrappers import Response
from locust.web import WebUI

from fleetlm_users.swarm.web.control import RunControl
from fleetlm_users.swarm.web.live_page import LivePage

STATIC: Final = Path(__file__).parent / "static"
PAGE: Final = "live.html"

POLICY: Final = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
"""Only scripts and style sheets of this package; scripts may set the charts' sizes."""


def register_routes(web_ui: WebUI, base_path: str, live: LivePage, control: RunControl) -> None:
    """Add the routes to Locust's Flask app. Call it in `init`, before the first request."""
    if web_ui.app is None:
        return
    routes = LiveRoutes(live)
    blueprint = Blueprint("fleetlm", __name__, url_prefix=f"{base_path.rstrip('/')}/fleetlm")
    for rule, view in (
        ("", routes.page),
        ("/", routes.page_with_slash),
        ("/live.json", routes.document),
        ("/figures.json", routes.figures),
        ("/static/<path:name>", routes.asset),
        ("/runs/<folder>/<name>", routes.result),
    ):
        blueprint.add_url_rule(rule, view.__name__, web_ui.auth_required_if_enabled(view))
    order = web_ui.auth_required_if_enabled(control.control)
    blueprint.add_url_rule("/control", "control", order, methods=["POST"])
    web_ui.app.register_blueprint(blueprint)


class LiveRoutes:
    """The views of our pages."""

    def __init__(self, live: LivePage) -> None:
        self._live = live

    def page(self) -> Response:
        """Return the page of charts; everything on it that changes comes from `document`."""
        response = send_from_directory(STATIC, PAGE, max_age=0)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def page_with_slash(self) -> Response:
        """Redirect to the address without the slash, on which the page's links depend; relative, because of proxies."""
        return redirect("../fleetlm")  # type: ignore[return-value]  # werkzeug's base class

    def document(self) -> Response:
        """Return what is new for a page: `key` and `since` belong to the document it has."""
        since = request.args.get("since", default=0, type=int)
        return _fresh(self._live.document(request.args.get("key", ""), since))

    def figures(self) -> Response:
        """Return the document without its history."""
        return _fresh(self._live.figures())

    def asset(self, name: str) -> Response:
        """Return a file of the package's own pages."""
        return send_from_directory(STATIC, name, max_age=0)

    def result(self, folder: str, name: str) -> Response:
        """Return a result file: only from folders that this process wrote, and only files in them."""
        path = self._live.folder(folder)
        if path is None:
            abort(404)
        response = send_from_directory(path.resolve(), name, max_age=0)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _fresh(document: dict[str, Any]) -> Response:
    response = jsonify(document)
    response.headers["Cache-Control"] = "no-store"
    return response
