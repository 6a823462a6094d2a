"""Text from a server, a peer or a file: bounded and made printable before it is stored, counted or shown.

Three forms, all of them stable (a second pass changes nothing): `printable` is one line for a person, `reason` the kind
of a failure, `printable_json` a whole structure for a file. Escapes look as in Python's literals.
"""

import math
import re
import unicodedata
from functools import lru_cache
from typing import Any, Final

from fleetlm_users.quoting import quote

MAX_SHOWN: Final = 200
"""The most characters of foreign text in a message."""

MAX_REASON: Final = 80
"""The most characters of a reason: it is a row in reports and a label in Prometheus."""

MAX_LABEL: Final = 120
"""The most characters of a counter's label: a reason with our own words before it."""

MAX_READ: Final = 512
"""The most characters of a reason that are read when it is folded. They are also the key of the cache, so they bound
its memory.
"""

CUT: Final = "…"

# Default_Ignorable_Code_Point (DerivedCoreProperties.txt) that str.isprintable() lets pass, and the blank braille cell
_INVISIBLE: Final = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_MARKS: Final = ("Mn", "Me")
_STACKED_MARKS: Final = 2  # combining marks on one letter; more would climb into the lines above
_LINES: Final = re.compile(r"([\n\t])")
_TORN_ESCAPE: Final = re.compile(r"\\(?:x[0-9a-f]?|u[0-9a-f]{0,3}|U[0-9a-f]{0,7})?$")

_UNITS: Final = (
    "ns|[uµμ]s|ms|s|m|h|d|msecs?|secs?|mins?|hrs?"
    "|nanoseconds?|microseconds?|milliseconds?|seconds?|minutes?|hours?|days?"
)
_FOLDED: Final = re.compile(
    rf"""
      (?P<escape> \\(?: x[0-9a-f]{{2}} | u[0-9a-f]{{4}} | U[0-9a-f]{{8}} ) )
    | (?P<inspected> \#[A-Z][\w.]*< ) [^<>]* >                          # Elixir: #PID<0.12.0>, #Reference<0.1.2.3>
    | (?P<pid> <\d+\.\d+\.\d+> )                                        # Erlang
    | (?<![^\W_]) (?P<uuid> [0-9a-f]{{8}} (?: -[0-9a-f]{{4}} ){{3}} -[0-9a-f]{{12}} ) (?![^\W_])
    | (?<![^\W_]) (?P<time>
          \d{{4}}-\d\d-\d\d (?: [T\ ] \d\d:\d\d (?: :\d\d (?: [.,]\d+ )? )? (?: \ ?(?: Z | UTC | [+-]\d\d:?\d\d ) )? )?
        | \d{{1,2}}:\d\d:\d\d (?: [.,]\d+ )?
        | \d+ (?: [.,]\d+ )? \ ?(?: {_UNITS} ) (?: \ ?\d+ (?: [.,]\d+ )? \ ?(?: {_UNITS} ) ){{0,5}}
      ) (?![^\W_])
    | (?P<address>
          (?<![^\W_]) \d{{1,3}} (?: \.\d{{1,3}} ){{3}} (?: :\d{{1,5}} )? (?![^\W_])
        | \[ [0-9a-f.]{{0,4}} : [0-9a-f:.]{{1,40}} \] (?: :\d{{1,5}} )?
        | (?<![\w:.]) (?: [0-9a-f]{{1,4}} : ){{5,7}} [0-9a-f]{{1,4}} (?![\w:])
        | (?<![\w:.]) (?: [0-9a-f]{{1,4}} (?: : [0-9a-f]{{1,4}} ){{0,6}} )?
          :: (?: [0-9a-f]{{1,4}} : ){{0,6}} [0-9a-f]{{1,4}} (?![\w:])
      )
    | (?P<number> (?<![^\W_]) \d+ (?: [.,_]\d+ )* (?: e[+-]?\d+ )? (?![^\W_]) )
    | (?<![^\W_]) (?P<hex> 0x[0-9a-f]+ | [0-9a-f]{{8,}} ) (?![^\W_])
    | (?P<mixed> [a-z]* \d [a-z\d]* )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ID: Final = "\0ID"  # marks a folded id until the text attached to it is folded too; no text holds a NUL by then
_REST_OF_ID: Final = re.compile(r"\0ID(?:[-_](?:\0ID|[^\W_]+))*")
_SHORTEST_HEX: Final = 6
_TURNS: Final = re.compile(r"(?<=\d)(?=[^\d])|(?<=[^\d])(?=\d)")
_HEX: Final = re.compile(r"[0-9a-fA-F]+")


def escaped(text: str) -> str:
    """Return the text, however long, escaping every character that a terminal would obey, hide or reverse."""
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in _MARKS else 0
        is_safe = char.isprintable() and marks <= _STACKED_MARKS and not _INVISIBLE.match(char)
        shown.append(char if is_safe else ascii(char)[1:-1])
    return "".join(shown)


def printable(value: object, limit: int = MAX_SHOWN) -> str:
    """Return the value as one line of at most `limit` characters, none of which moves a cursor, hides or reverses text.

    Control, bidirectional, invisible and unassigned characters, line separators, lone surrogates and piles of combining
    marks are escaped; what is cut off is marked.
    """
    text = value if type(value) is str else words(value)
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    return _cut(escaped(text[: limit + 1]), limit)


def printable_lines(text: str, limit: int = 20 * MAX_SHOWN) -> str:
    """Return the text as `printable` does, but keep lines and tabs: for messages of several lines."""
    return _cut("".join(part if part in "\n\t" else escaped(part) for part in _LINES.split(text[: limit + 1])), limit)


def reason(value: object) -> str:
    """Return the kind of a failure from the server's words, without the numbers, ids and times in them.

    "retry after 137 ms" and "retry after 1.2 s" are both "retry after TIME". Numbers become N, identifiers ID,
    addresses ADDRESS, and what Elixir inspects keeps its type: "#PID<…>". Empty if there are no words.
    """
    text = value if type(value) is str else words(value)
    return _reason(text if len(text) <= MAX_READ else text[: MAX_READ + 1])


def words(value: object) -> str:
    """Return a value as text: a string unchanged, a structure as an outline of bounded depth and length."""
    return str(value) if isinstance(value, str) else quote(value)


def printable_json(value: Any, limit: int = 10 * MAX_SHOWN) -> Any:
    """Return JSON-able data with every text in it printable, and None for numbers that JSON lacks."""
    if isinstance(value, str):
        return printable(value, limit)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {printable(key, limit): printable_json(item, limit) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable_json(item, limit) for item in value]
    return value


@lru_cache(maxsize=1024)  # a server repeats itself, on the path of every message it refuses
def _reason(text: str) -> str:
    if len(text) > MAX_READ:
        head, _, tail = text[:MAX_READ].rpartition(" ")  # pieces of an id would count as different kinds
        text = (head or tail) + CUT
    folded = _FOLDED.sub(_placeholder, escaped(text))
    folded = _REST_OF_ID.sub("ID", folded)
    return _cut(" ".join(folded.split()), MAX_REASON)


def _placeholder(match: re.Match[str]) -> str:
    group, text = str(match.lastgroup), match.group()
    if group == "escape":
        return text
    if group == "inspected":
        return f"{match['inspected']}{CUT}>"
    if group == "mixed":
        return _folded_run(text)
    return {"pid": f"#PID<{CUT}>", "uuid": _ID, "hex": _ID, "time": "TIME", "address": "ADDRESS"}.get(group, "N")


def _folded_run(run: str) -> str:
    """Return the stand-in for a run of letters and digits: a word with a number keeps its word, anything else is an
    id.
    """
    turns = len(_TURNS.findall(run))
    if turns > 1 or (turns and len(run) >= _SHORTEST_HEX and _HEX.fullmatch(run)):
        return _ID
    return re.sub(r"\d+", "N", run)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return _TORN_ESCAPE.sub("", text[: limit - len(CUT)]) + CUT
