"""The access rules of the web UI and the metrics server, applied before anything else reads a request.

They are a WSGI application around another one, not a Flask hook, so they apply to every route, including Locust's and
plugins', and have the last word on headers. Locust itself lets every origin read every answer.
"""

import logging
from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import Any, Final

from locust.web import WebUI

from fleetlm_users.http_access import AccessRules, Asked
from fleetlm_users.workload.options.resolution import common_value

logger = logging.getLogger(__name__)

MAX_LOGGED: Final = 20
"""How many different refusals are logged: a page that keeps asking must not fill the log."""

MAX_BODY_BYTES: Final = 1024 * 1024

Headers = list[tuple[str, str]]
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

_OWN_HEADERS: Final[Headers] = [
    ("Cross-Origin-Resource-Policy", "same-origin"),  # no <script> or <img> of another origin can load it
    ("X-Frame-Options", "SAMEORIGIN"),  # no page of another origin can show ours under its own buttons
]


def rules_of(parsed: Namespace, bound: str) -> AccessRules:
    """Return the rules of a server that listens on `bound`, with the hosts that `--web-allowed-hosts` adds."""
    return AccessRules(bound, common_value(vars(parsed), "web_allowed_hosts") or ())


def guard_access(web_ui: WebUI, rules: AccessRules, metrics_path: str) -> None:
    """Put the rules in front of the whole web UI. Call it in `init`, before it listens."""
    if web_ui.app is None:
        return
    web_ui.app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    inner: Any = web_ui.app.wsgi_app
    guarded = GuardedApp(inner, rules, lambda path: path == metrics_path)
    web_ui.app.wsgi_app = guarded  # type: ignore[method-assign]  # the place that Flask names for what wraps it


class GuardedApp:
    """The application `inner` behind `rules`; `is_read_only` returns whether a path changes nothing."""

    def __init__(self, inner: Application, rules: AccessRules, is_read_only: Callable[[str], bool]) -> None:
        self._inner = inner
        self._rules = rules
        self._is_read_only = is_read_only
        self._logged: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request, as a WSGI application."""
        request = Asked.with_headers(
            str(environ["REQUEST_METHOD"]), lambda name: environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        )
        any_host = self._is_read_only(str(environ.get("PATH_INFO", "")))
        problem = self._rules.refusal(request, any_host=any_host)
        if problem is not None:
            return self._refuse(problem, start_response)

        def start(status: str, headers: Headers, *more: Any) -> Any:
            return start_response(status, with_own_headers(headers), *more)

        return self._inner(environ, start)

    def _refuse(self, problem: str, start_response: Any) -> Iterable[bytes]:
        text = f"Refused: {problem}. --web-allowed-hosts allows further hosts; docs/security.md says more."
        if len(self._logged) < MAX_LOGGED and problem not in self._logged:
            self._logged.add(problem)
            logger.warning("%s", text)
        body = f"{text}\n".encode()
        plain = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", with_own_headers([*plain, ("X-Content-Type-Options", "nosniff")]))
        return [body]


def with_own_headers(headers: Headers) -> Headers:
    """Return an answer's headers with ours, and without any that would let another origin read it."""
    ours = {name.lower() for name, _ in _OWN_HEADERS}
    others = [(name, value) for name, value in headers if name.lower() not in ours and not _is_of_cors(name)]
    return [*others, *_OWN_HEADERS]


def _is_of_cors(name: str) -> bool:
    return name.lower().startswith("access-control-")
