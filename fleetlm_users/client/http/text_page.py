"""A page of text over HTTP by the rules of the load: its CAs, no proxy, no redirect, its limits. For control work."""

from fleetlm_users.client.http.advice import Asked, explained
from fleetlm_users.client.http.error_body import body_in_words
from fleetlm_users.client.http.pool import HttpPool, NoAnswer
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.errors import RestFailed


class TextPage:
    """The page at one URL, which the option `flag` sets; it is read over a connection that is kept."""

    def __init__(self, url: str, flag: str, *, timeout_s: float, insecure: bool) -> None:
        endpoint = parse_endpoint(url, flag, ("http", "https"), "http://localhost:4000/metrics")
        self._url = url
        self._flag = flag
        self._target = endpoint.target
        connector = Connector(insecure=insecure)
        self._pool = HttpPool(endpoint, timeout_s=timeout_s, concurrency=1, connector=connector, accept="text/plain")

    def read(self) -> str:
        """The text of this moment. Raises RestFailed."""
        try:
            answer = self._pool.exchange("GET", self._target, None)
        except NoAnswer as none:
            raise RestFailed("GET", self._target, none.kind, None, none.detail) from none
        if answer.status != 200 or answer.problem:
            asked = Asked(self._url, self._url, self._flag)
            detail = explained(answer.status, answer.fields, asked, answer.problem or body_in_words(answer.body))
            raise RestFailed("GET", self._target, f"http_{answer.status}", answer.status, detail)
        return answer.body.decode("utf-8", "replace")

    def close(self) -> None:
        """Closes the connection."""
        self._pool.close()

    def __repr__(self) -> str:
        return f"<TextPage {self._url}>"
