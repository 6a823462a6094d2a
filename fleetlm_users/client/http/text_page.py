"""A page of text over HTTP for control work, such as a server's metrics: `requests`, held to the load's own rules.

Control work is rare and measures nothing, so the usual library serves it. It must reach the same servers as the load:
the same CAs (trust.py), no proxy, no `.netrc`, no redirect, one time limit over the whole answer, a bounded body. Its
sockets are the process's own, which gevent has patched wherever Locust runs, so waiting does not block the loop.
"""

import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter

from fleetlm_users.client.http.content_coding import NotDecoded, Oversize, decoded
from fleetlm_users.client.http.error_body import body_in_words
from fleetlm_users.client.http.failure_advice import RequestedUrl, explained
from fleetlm_users.client.http.protocol_errors import violation
from fleetlm_users.client.http.response import MAX_BODY_BYTES
from fleetlm_users.client.http.response_head import tokens_of
from fleetlm_users.client.net.endpoint import parse_endpoint
from fleetlm_users.client.net.socket_errors import kind_of, words_of
from fleetlm_users.client.net.tls import new_tls_context
from fleetlm_users.client.net.waits import Deadline, Overdue
from fleetlm_users.errors import RestFailed
from fleetlm_users.foreign_text import printable

READ_BYTES: Final = 64 * 1024
HEADERS: Final = {"Accept": "text/plain", "Accept-Encoding": "identity", "User-Agent": "fleetlm-locust"}


class TextPage:
    """The page at one URL, read over a connection that is kept open.

    Args:
        url: An http or https URL.
        flag: The option that sets the URL; errors name it if the URL must change.
        timeout_s: The limit for a whole answer, name look-up included, in seconds.
        insecure: Whether to accept any certificate.

    Raises:
        UsageError: The URL is not http(s).
    """

    def __init__(self, url: str, flag: str, *, timeout_s: float, insecure: bool) -> None:
        self._target = parse_endpoint(url, flag, ("http", "https"), "http://localhost:4000/metrics").target
        self._url = url
        self._flag = flag
        self.timeout_s = timeout_s
        self._session = plain_session(insecure)

    def read(self) -> str:
        """Return the current text of the page.

        Raises:
            RestFailed: No complete answer came in time, or one other than 200 with a readable body.
        """
        try:
            with Deadline(self.timeout_s):
                status, fields, raw = self._ask()
            codings = [coding for coding in tokens_of(fields.get("content-encoding", "")) if coding != "identity"]
            body, problem = decoded(raw, codings, MAX_BODY_BYTES), ""
        except NotDecoded as error:
            body, problem = b"", str(error)
        except Oversize as error:
            raise self._failed("oversize", str(error)) from error
        except (Overdue, requests.Timeout) as error:
            raise self._failed("timeout", f"no answer within {self.timeout_s:g} s") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            raise self._failed(*kind_and_words(error)) from error
        if status != requests.codes.ok or problem:
            requested = RequestedUrl(self._url, self._url, self._flag)
            detail = explained(status, fields, requested, problem or body_in_words(body))
            raise self._failed(f"http_{status}", detail, status)
        return body.decode("utf-8", "replace")

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask(self) -> tuple[int, dict[str, str], bytes]:
        """Return the answer's status, its fields by lower-case name, and its body unchanged."""
        with self._session.get(self._url, allow_redirects=False, stream=True, timeout=self.timeout_s) as response:
            body = bytearray()
            for piece in response.raw.stream(READ_BYTES, decode_content=False):
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    raise Oversize(f"a body of more than {MAX_BODY_BYTES} bytes")
            return response.status_code, {name.lower(): value for name, value in response.headers.items()}, bytes(body)

    def _failed(self, kind: str, detail: str, status: int | None = None) -> RestFailed:
        return RestFailed("GET", self._target, kind, status, detail)

    def __repr__(self) -> str:
        return f"<TextPage {self._url}>"


class _LoadsTrust(HTTPAdapter):
    """Checks certificates by the load's CAs alone, not by those of the `certifi` package that requests would add."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Pass the context on to every connection."""
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the connection's CAs as they are: the context has them."""


def plain_session(insecure: bool) -> requests.Session:
    """Return a session that obeys the rules of this module: the load's CAs, no proxy, no `.netrc`, no cookies."""
    session = requests.Session()
    session.trust_env = False  # no proxies, no .netrc, no REQUESTS_CA_BUNDLE
    session.verify = not insecure
    session.headers.clear()
    session.headers.update(HEADERS)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.mount("https://", _LoadsTrust(new_tls_context(insecure)))
    if insecure:  # requested: urllib3 need not warn on every reading
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return session


def kind_and_words(error: BaseException) -> tuple[str, str]:
    """Return a failure's kind and text: those of the error below requests and urllib3."""
    while isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError)):
        below = (error.__cause__, *error.args, error.__context__)
        nested = next((each for each in below if isinstance(each, BaseException)), None)
        if nested is None:
            break
        error = nested
    if isinstance(error, (RemoteDisconnected, IncompleteRead, urllib3.exceptions.IncompleteRead)):
        return "eof", "the server closed the connection before its answer was complete"
    if isinstance(error, (HTTPException, urllib3.exceptions.HTTPError, requests.RequestException)):
        return "protocol_error", violation(error)
    return kind_of(error), printable(words_of(error))
