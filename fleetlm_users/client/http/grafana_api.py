"""Annotations in Grafana: its HTTP API, `POST /api/annotations`, under the load's own rules for names, CAs and
redirects.

Source: Grafana documentation, "Annotations HTTP API". The token goes to the host of the URL and nowhere else: redirects
are not followed, no proxy is used, and no error quotes it.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson

from fleetlm_users.client.http.error_body import error_detail
from fleetlm_users.client.http.failure_advice import REDIRECTS, RequestedUrl, advice
from fleetlm_users.client.http.pool import HttpPool, NoAnswer
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.errors import RestFailed, UsageError
from fleetlm_users.foreign_text import printable
from fleetlm_users.quoting import Described

FLAG: Final = "--annotate"
TOKEN: Final = "GRAFANA_TOKEN"  # the name of the variable that holds it
EXAMPLE: Final = "https://grafana.example.org/d/fleetlm"
MAX_TOKEN: Final = 4096
REFUSED: Final = (401, 403)


class GrafanaApi:
    """Posts annotations to one Grafana.

    Args:
        url: The API's address, as `workload.urls.check_grafana_url` returns it; its query names the dashboard.
        token: A service account's token, empty for none.
        timeout_s: The limit for one answer in seconds.
        insecure: Whether to accept any certificate.

    Raises:
        UsageError: The URL or the token is invalid; the token is not quoted.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float, insecure: bool) -> None:
        parts = urlsplit(url)
        self._url = parts._replace(query="").geturl()
        self._target = parse_endpoint(self._url, FLAG, ("http", "https"), EXAMPLE).target
        self._place = _place_of(parts.query)
        self._token = checked_token(token)
        self._fields = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        endpoint = parse_endpoint(self._url, FLAG, ("http", "https"), EXAMPLE)
        connector = Connector(insecure=insecure)
        self._pool = HttpPool(endpoint, timeout_s=timeout_s, concurrency=1, connector=connector)

    def __repr__(self) -> str:
        return f"<GrafanaApi {self._url}>"

    def post(self, annotation: Mapping[str, Any]) -> None:
        """Post an annotation: `time`, optionally `timeEnd` (ms since 1970), `tags` and `text`.

        Raises:
            RestFailed: It was not accepted in time.
        """
        body = orjson.dumps({**self._place, **annotation})
        try:
            answer = self._pool.exchange("POST", self._target, body, self._fields)
        except NoAnswer as none:
            raise RestFailed("POST", self._target, none.kind, None, self._safe(none.detail)) from None
        if answer.status != 200:
            detail = self._advised(answer.status, answer.fields, error_detail(answer.body))
            raise RestFailed("POST", self._target, f"http_{answer.status}", answer.status, detail)

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()

    def _advised(self, status: int, fields: Mapping[str, str], said: str) -> str:
        """Return what to do about a status, after the server's own words."""
        if status in REDIRECTS:
            return self._safe(advice(status, fields, RequestedUrl(self._url, self._url, FLAG)))
        if status in REFUSED:
            has = "may not write annotations" if self._token else "is not set"
            said = f"{said}; the token in {TOKEN} {has}".removeprefix("; ")
        return self._safe(said)

    def _safe(self, text: str) -> str:
        """Return text from a server without the token, in case the server repeats it."""
        return printable(text.replace(self._token, "…") if self._token else text)


def checked_token(token: str) -> str:
    """Return a token without the white space around it. Raise UsageError for characters that no HTTP header may
    hold.
    """
    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token or len(token) > MAX_TOKEN:
        accepted = "the token of a service account, in one line of printable ASCII"
        raise UsageError(TOKEN, Described("a value that is not a token"), accepted, "glsa_…")
    return token


def _place_of(query: str) -> dict[str, Any]:
    """Return the dashboard and panel that the annotations belong to; without either, they are the organization's."""
    given = dict(parse_qsl(query))
    panel = given.get("panelId")
    place: dict[str, Any] = {"dashboardUID": given["dashboardUID"]} if given.get("dashboardUID") else {}
    return place | ({"panelId": int(panel)} if panel else {})
