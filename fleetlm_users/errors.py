"""Every exception this package raises on purpose.

FleetlmError
├── UsageError              a person's mistake: an option, a preset, a threshold
├── FrameError              bytes that are not a Phoenix v2 frame
├── ShapeError              data from a peer or a file is not of the shape expected
└── ClientError             the server or the network did not do what was asked
    ├── ConnectFailed       no WebSocket: name, TCP, TLS or upgrade failed
    ├── JoinRefused         phx_join was answered with status error
    ├── PushRefused         another awaited push was answered with status error
    ├── ReplyTimeout        an awaited reply did not come in time
    ├── Disconnected        the socket or the channel went away while in use
    ├── RunEnded            the run ended first, so nothing new begins
    ├── RestFailed          a REST call failed: no answer, or a status that was not expected
    └── DatabaseFailed      FleetLM's database cannot be read

A ClientError's quotes from the server or the network are printable and bounded (foreign_text.py): they are shown,
logged and counted unchanged.
"""

import re
from typing import Final

from fleetlm_users.foreign_text import printable, reason
from fleetlm_users.quoting import Described, cut, quote

_MAX_EXPECTED: Final = 1000  # our own words, but they list names that may come from a file
_BARE_NOUN: Final = re.compile(r"an? \w+")


class FleetlmError(Exception):
    """Base of all errors raised on purpose by this package."""


class UsageError(FleetlmError):
    """A person's mistake, explained so that it can be corrected without reading code.

    `invalid value 'x' for --reply-timeout: expected a duration such as 90s, 2m or 1h`

    Args:
        what: The setting as the user knows it: a flag, a variable, a key of a file.
        value: The value given. The text quotes it within bounds, whatever its size.
        expected: The accepted form.
        example: A valid value.
    """

    def __init__(self, what: str, value: object, expected: str, example: str) -> None:
        super().__init__(what, value, expected, example)
        self.what = what
        self.value = value
        self.expected = expected
        self.example = example

    @property
    def expectation(self) -> str:
        """The accepted form with its example, without the setting and its value."""
        joint = " such as" if _BARE_NOUN.fullmatch(self.expected) else ", for example"
        return f"expected {cut(self.expected, _MAX_EXPECTED)}{joint} {cut(self.example)}"

    def for_setting(self, what: str) -> str:
        """Return the text with another name of the setting, such as its title in the web form."""
        if isinstance(self.value, Described):
            return f"invalid value for {cut(what)}: {quote(self.value)}; {self.expectation}"
        return f"invalid value {quote(self.value)} for {cut(what)}: {self.expectation}"

    def __str__(self) -> str:
        return self.for_setting(self.what)


class FrameError(FleetlmError):
    """Bytes that are not a Phoenix v2 frame: not JSON, or not an array of at least five elements."""

    def __init__(self, problem: str, frame: str | bytes) -> None:
        super().__init__(problem, frame)
        self.problem = problem
        self.frame = frame

    def __str__(self) -> str:
        return f"not a Phoenix v2 frame ({self.problem}): {self.frame[:120]!r}"


class ShapeError(FleetlmError):
    """Data from a peer or a file does not have the expected shape.

    `place` is the place in the data, such as `counts[3][4]`, empty for the whole; `problem` says what is there and what
    is expected.
    """

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(problem, place)
        self.problem = problem
        self.place = place

    def within(self, outer: str) -> "ShapeError":
        """Return the same problem as seen from the container that calls the value `outer`."""
        joint = "." if self.place and not self.place.startswith("[") else ""
        return ShapeError(self.problem, f"{outer}{joint}{self.place}")

    def __str__(self) -> str:
        return f"{self.place or 'it'} {self.problem}"


class ClientError(FleetlmError):
    """The server or the network did not do what was asked. `kind` is a short word that statistics count by."""

    kind = "client"
    quoted = ""
    """The quote from the server or the network, made readable."""

    @property
    def row(self) -> str:
        """The row of a table of errors that counts it: the kind and the quoted words, without parts that differ each
        time.
        """
        return f"{self.kind}: {reason(self.quoted)}" if self.quoted else self.kind


class ConnectFailed(ClientError):
    """No WebSocket was established.

    `kind`: dns, refused, timeout, tls, network, upgrade, or `upgrade_403` where an upgrade was refused with an HTTP
    status; `status` is the HTTP status of the answer.
    """

    def __init__(self, url: str, kind: str, detail: str, status: int | None = None) -> None:
        detail = printable(detail)
        super().__init__(url, kind, detail, status)
        self.url = url
        self.kind = kind
        self.detail = self.quoted = detail
        self.status = status

    def __str__(self) -> str:
        return f"cannot connect to {self.url}: {self.words}"

    @property
    def words(self) -> str:
        """The failure and its cause, without the URL."""
        return f"{self.kind}: {self.detail}" if self.status is None else f"upgrade: HTTP {self.status} {self.detail}"


class JoinRefused(ClientError):
    """phx_join was answered with status error; `reason` is the server's own word, such as `not found`."""

    kind = "join_refused"

    def __init__(self, topic: str, reason: str) -> None:
        reason = printable(reason)
        super().__init__(topic, reason)
        self.topic = topic
        self.reason = self.quoted = reason

    def __str__(self) -> str:
        return f"join of {self.topic} refused: {self.reason}"


class PushRefused(ClientError):
    """An awaited push (not a join) was answered with status error."""

    kind = "push_refused"

    def __init__(self, topic: str, event: str, reason: str) -> None:
        reason = printable(reason)
        super().__init__(topic, event, reason)
        self.topic = topic
        self.event = event
        self.reason = self.quoted = reason

    def __str__(self) -> str:
        return f"{self.event} on {self.topic} refused: {self.reason}"


class ReplyTimeout(ClientError):
    """An awaited reply did not come within `timeout_s` seconds."""

    kind = "reply_timeout"

    def __init__(self, topic: str, event: str, timeout_s: float) -> None:
        super().__init__(topic, event, timeout_s)
        self.topic = topic
        self.event = event
        self.timeout_s = timeout_s

    def __str__(self) -> str:
        return f"no reply to {self.event} on {self.topic} within {self.timeout_s:g} s"


class Disconnected(ClientError):
    """The socket or the channel went away while in use.

    `kind` says how, for example `closed_1012`, `eof`, `reset`, `oversize`, `heartbeat_timeout`, `phx_error`;
    `code` is the WebSocket close code where the server sent one (RFC 6455 §7.4).
    """

    def __init__(self, kind: str, code: int | None = None, detail: str = "") -> None:
        detail = printable(detail) if detail else ""  # most have none, and each session ends with some
        super().__init__(kind, code, detail)
        self.kind = kind
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"disconnected: {self.kind}" + (f" ({self.detail})" if self.detail else "")


class RunEnded(ClientError):
    """The run ended before `what` happened, or could begin: nobody's failure."""

    kind = "run_ended"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"the run ended before {self.what}"


class RestFailed(ClientError):
    """A REST call got no answer, or one with a status that was not expected (`status` None means no answer).

    `sent_s` and `done_s` are the call's stamps on the monotonic clock; `sent_s` is None when nothing was written.
    """

    sent_s: float | None = None
    done_s: float | None = None

    def __init__(self, method: str, path: str, kind: str, status: int | None, detail: str) -> None:
        detail = printable(detail)
        super().__init__(method, path, kind, status, detail)
        self.method = method
        self.path = path
        self.kind = kind
        self.status = status
        self.detail = self.quoted = detail

    def __str__(self) -> str:
        answer = f"HTTP {self.status}" if self.status is not None else "no answer"
        return f"{self.method} {self.path}: {answer} ({self.kind}): {self.detail}"


class DatabaseFailed(ClientError):
    """FleetLM's database cannot be read; `problem` says why, without any part of its address."""

    def __init__(self, problem: str, kind: str = "database") -> None:
        super().__init__(problem, kind)
        self.problem = problem
        self.kind = kind

    def __str__(self) -> str:
        return f"the database cannot be read: {self.problem}"
