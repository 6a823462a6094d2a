"""How an answer violates HTTP, in one sentence, whichever parser noticed it.

llhttp reads the load's answers, http.client and urllib3 those of control work. Their own texts name parser states.
"""

from http.client import BadStatusLine, LineTooLong, UnknownProtocol
from typing import Final

import urllib3
from geventhttpclient.response import HTTPParseError

from fleetlm_users.foreign_text import printable

_BREAKS: Final = "the answer breaks HTTP/1.1"
_START: Final = "it does not begin with a status line"
_VERSION: Final = "its version is unknown"
_LINE_END: Final = "a header line ends with a lone carriage return"
_LENGTHS: Final = "it has several lengths that contradict each other"
_CHUNK: Final = "a chunk of its body has no valid size"

_INCOMPLETE: Final = 14
_OF_LLHTTP: Final = {
    2: "a chunk of its body is longer than its size says",
    3: _LINE_END,
    4: _LENGTHS,
    8: _START,
    9: _VERSION,
    10: "a header field holds a forbidden character",
    11: "its Content-Length is not a length",
    12: _CHUNK,
    13: "its status is not a three-digit number",
    _INCOMPLETE: "it ends too soon",
    15: "it has both a Content-Length and a Transfer-Encoding, or an unknown one",
    25: _LINE_END,
}
"""By number of `llhttp_errno` (llhttp.h), which is stable, unlike the texts."""

_OF_LIBRARIES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (UnknownProtocol, _VERSION),
    (BadStatusLine, _START),
    (LineTooLong, "a header line is longer than 64 KiB"),
    (urllib3.exceptions.InvalidChunkLength, _CHUNK),
    (urllib3.exceptions.InvalidHeader, _LENGTHS),
)


def violation(error: Exception) -> str:
    """Return how an answer violates HTTP, printable and bounded, given the error of the parser that refused it."""
    if isinstance(error, HTTPParseError):
        number = error.args[-1] if len(error.args) > 1 else _INCOMPLETE  # geventhttpclient's own error has no number
        return f"{_BREAKS}: {_OF_LLHTTP.get(number, 'its head or body is malformed')}"
    for kind, words in _OF_LIBRARIES:
        if isinstance(error, kind):
            return f"{_BREAKS}: {words}"
    return f"{_BREAKS}: {printable(str(error) or type(error).__name__)}"
