"""The web UI of a run, as used by a program: its control route, behind its login if it has one."""

import json
import os
import re
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests

from fleetlm_users.client.http.text_page import kind_and_words, plain_session
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.errors import FleetlmError, UsageError
from fleetlm_users.foreign_text import printable

WEB_URL_FLAG: Final = "--web-url"
USERNAME_VARIABLE: Final = "WEB_USERNAME"
PASSWORD_VARIABLE: Final = "WEB_PASSWORD"  # the name of a variable
MAX_ANSWER_BYTES: Final = 64 * 1024
MAX_WORDS: Final = 500
NO_WEB_UI: Final = "a headless run has none: start it with --autostart in place of --headless"

_AUTH_ARGUMENTS: Final = re.compile(r"window\.authArgs\s*=\s*(\{.*\})")
_CALLBACKS: Final = ("username_password_callback", "usernamePasswordCallback")


class ControlRefused(FleetlmError):
    """The web UI refused; the text says why."""


class WebUi:
    """The web UI at one URL.

    Args:
        url: Its address, with the path of `--web-base-path` if it has one.
        timeout_s: The limit for each answer, in seconds.
        insecure: Whether to accept any certificate.

    Raises:
        UsageError: The URL is not http(s).
    """

    def __init__(self, url: str, *, timeout_s: float, insecure: bool) -> None:
        parse_endpoint(url, WEB_URL_FLAG, ("http", "https"), "http://127.0.0.1:8089")
        self._base = url.rstrip("/")
        self._timeout_s = timeout_s
        self._session = plain_session(insecure)
        self._session.cookies.set_policy(DefaultCookiePolicy())  # the login is a cookie

    def control(self, action: str, value: str) -> str:
        """Request an action; return its effect, in the web UI's words.

        Raises:
            ControlRefused: It refuses, or does not answer like a web UI of this project.
            UsageError: It has a login, and no password is given.
        """
        form = {"action": action, "value": value}
        response = self._post(f"{self._base}/fleetlm/control", form)
        if response.is_redirect and "login" in response.headers.get("location", ""):
            self._log_in(urljoin(response.url, response.headers["location"]))
            response = self._post(f"{self._base}/fleetlm/control", form)
        answer = _json_of(response)
        if answer is None:
            raise ControlRefused(f"{self._base} does not control runs: it answers with {_words_of(response)}")
        words = printable(str(answer.get("message", "")))[:MAX_WORDS]
        if not answer.get("success"):
            raise ControlRefused(words or f"refused without a reason, status {response.status_code}")
        return words

    def _log_in(self, page_url: str) -> None:
        """Log in through the form of Locust's page, as a person would."""
        username, password = os.environ.get(USERNAME_VARIABLE, ""), os.environ.get(PASSWORD_VARIABLE, "")
        if not password:
            accepted = f"a password in the variable {PASSWORD_VARIABLE}, as this web UI has a login"
            raise UsageError(PASSWORD_VARIABLE, "", accepted, f"{PASSWORD_VARIABLE}=… fleetlm-bench control pause")
        page = self._ask("GET", page_url)
        match = _AUTH_ARGUMENTS.search(page.text[:MAX_ANSWER_BYTES])
        arguments = _parsed(match[1]) if match else None
        callback = next((arguments[name] for name in _CALLBACKS if name in arguments), None) if arguments else None
        submit_url = urljoin(page.url, callback) if isinstance(callback, str) else ""
        if urlsplit(submit_url)[:2] != urlsplit(self._base)[:2]:  # the password goes nowhere else
            raise ControlRefused("the login page has no form for a name and a password")
        self._post(submit_url, {"username": username, "password": password})

    def _post(self, url: str, form: dict[str, str]) -> requests.Response:
        return self._ask("POST", url, form)

    def _ask(self, method: str, url: str, form: dict[str, str] | None = None) -> requests.Response:
        try:
            return self._session.request(method, url, data=form, allow_redirects=False, timeout=self._timeout_s)
        except requests.RequestException as problem:
            why = f"{kind_and_words(problem)[1]}; {NO_WEB_UI}"
            raise ControlRefused(f"no web UI answers at {self._base}: {why}") from problem


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _json_of(response: requests.Response) -> dict[str, Any] | None:
    return _parsed(response.text[:MAX_ANSWER_BYTES])


def _words_of(response: requests.Response) -> str:
    if response.is_redirect:
        return f"a redirect to {printable(response.headers.get('location', ''))[:MAX_WORDS]}"
    text = printable(response.text[:200]).strip()
    is_page = "html" in response.headers.get("content-type", "")
    return f"status {response.status_code}" + ("" if is_page or not text else f", {text}")
