"""Convert option values from flags, environment, configuration files, the web form and YAML to typed ones.

The same option may arrive as text, list, bool or number, or as None. Whatever the source, it is read here: white space,
carriage returns of a file written on Windows, a byte-order mark and one pair of quotes around a value are ignored.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fleetlm_users.errors import UsageError
from fleetlm_users.http_access import parse_hosts
from fleetlm_users.workload.arrivals.notation import parse_rates
from fleetlm_users.workload.duration import format_duration, parse_duration
from fleetlm_users.workload.identity import check_name
from fleetlm_users.workload.options.server_sources import parse_endpoints, parse_processes
from fleetlm_users.workload.options.specs import Kind, OptionSpec
from fleetlm_users.workload.skew.notation import parse_skew
from fleetlm_users.workload.source_ips import parse_source_ips
from fleetlm_users.workload.stages.notation import parse_stages
from fleetlm_users.workload.urls import check_database_url, check_grafana_url, check_http_url, check_ws_url

TRUE_WORDS: Final = ("true", "1", "yes", "on")
FALSE_WORDS: Final = ("false", "0", "no", "off")

_WHOLE: Final = re.compile(r"\+?[0-9]{1,400}")  # Python refuses to convert thousands of digits
_NUMBER: Final = re.compile(r"\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# a rule in k6's syntax without its metric
_BARE_RULE: Final = re.compile(r"\s*(p\s*\([0-9. ]+\)|avg|med|min|max|count|rate|value|growth)\s*[<>=!]")
_PIECE: Final = re.compile(r'(?:\{(?:[^{}"\r\n;]|"[^"\r\n]*")*\}|[^;,\r\n])+')
"""A threshold, or one rule of it: a comma between the labels of a series does not separate."""

_BYTE_ORDER_MARKS: Final = ("\ufeff", "ï»¿")  # as in UTF-8, and as Latin-1 reads it
_QUOTES: Final = ("'", '"')

SOURCES: Final = ("endpoints", "processes")
"""Kinds of lists whose flag may be given several times."""

LISTS: Final = ("addresses", *SOURCES, "hosts", "stages", "rates")
"""Kinds whose text is a list, and which may also be given as a list."""

Parser = Callable[[str, str, str], Any]


def clean(text: str) -> str:
    """Return a value without the white space, byte-order mark and pair of equal quotes around it."""
    for mark in _BYTE_ORDER_MARKS:
        text = text.removeprefix(mark)
    text = text.strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0] and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def is_blank(value: object) -> bool:
    """Return whether a value is empty: None, an empty text, or a list of such values."""
    if isinstance(value, list | tuple):
        return all(is_blank(item) for item in value)
    return value is None or (isinstance(value, str) and not clean(value))


def as_text(spec: OptionSpec, value: object, what: str) -> str:
    """Return a value from any source as the text of a flag; empty if the value is empty. Raises UsageError."""
    if is_blank(value):
        return ""
    typed = parse_value(spec, value, what)
    if spec.kind == "flag":
        return TRUE_WORDS[0] if typed else FALSE_WORDS[0]
    if spec.kind == "threshold":
        return "; ".join(typed)
    return _joined(value) if isinstance(value, list | tuple) else clean(str(value))


def parse_value(spec: OptionSpec, value: object, what: str) -> Any:
    """Return the typed value of an option, by the spec's kind; `what` names the setting in the error.

    Durations are float seconds, paths are Path, thresholds a tuple of texts. Raises UsageError for a value that the
    kind does not accept.
    """
    if spec.kind == "threshold":
        return split_thresholds(value)
    if spec.kind == "flag":
        return _flag(value, what)
    if spec.kind in LISTS and isinstance(value, list | tuple | str):
        value = _joined(_items(value)).replace(";", ",")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(what, value, "one value", spec.example)
    # repr of a whole float would be `30.0`; g gives `30`, as a person would write it
    text = clean(value) if isinstance(value, str) else f"{value:.17g}"
    if spec.choices and text not in spec.choices:
        raise UsageError(what, value, f"one of {', '.join(spec.choices)}", spec.example)
    typed = _PARSERS[spec.kind](text, what, spec.example)
    _check_range(spec, typed, value, what)
    return typed


def _check_range(spec: OptionSpec, typed: Any, value: object, what: str) -> None:
    """Raise UsageError for a number or duration outside its option's bounds."""
    if spec.least is None or spec.most is None or spec.least <= typed <= spec.most:
        return
    noun = {"duration": "a duration", "timeout": "a duration", "whole": "a whole number", "count": "a whole number"}
    least, most = (shown_bound(spec.kind, bound) for bound in (spec.least, spec.most))
    raise UsageError(what, value, f"{noun.get(spec.kind, 'a number')} from {least} to {most}", spec.example)


def shown_bound(kind: Kind, bound: float) -> str:
    """Return a bound of an option as a person would write it: `1h`, `1,048,576`."""
    if kind in ("duration", "timeout"):
        return format_duration(bound)
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:,.15g}"


def split_thresholds(value: object) -> tuple[str, ...]:
    """Return the single thresholds in a text or a list of texts, each with one metric and all its rules.

    They may be separated by `;`, by line ends and by commas, or stand in brackets. A piece without a metric, such as
    the second of `m: p(95)<500, p(99)<900`, belongs to the previous one.
    """
    pieces: list[str] = []
    for item in _items(value):
        for piece in map(clean, _PIECE.findall(item)):
            if pieces and _BARE_RULE.match(piece):
                pieces[-1] += f", {piece}"
            elif piece:
                pieces.append(piece)
    return tuple(pieces)


def _items(value: object) -> list[str]:
    """Return the texts of a value that is a list, a text, or a list in brackets as text: `[a, "b"]`."""
    if isinstance(value, list | tuple):
        return [text for item in value for text in _items(item)]
    text = "" if value is None else clean(str(value))
    if not (text.startswith("[") and text.endswith("]")):
        return [text]
    for written in (text, text.replace("'", '"')):
        try:
            items = json.loads(written)
        except (ValueError, RecursionError):
            continue
        return [clean(str(item)) for item in items]
    return [text[1:-1]]


def _joined(items: object) -> str:
    return ", ".join(clean(str(item)) for item in items) if isinstance(items, list | tuple) else str(items)


def _flag(value: object, what: str) -> bool:
    word = clean(str(value)).lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise UsageError(what, value, f"one of {', '.join(TRUE_WORDS + FALSE_WORDS)}", "true")


def _text(text: str, what: str, example: str) -> str:
    if not text.isprintable():
        raise UsageError(what, text, "a text without control characters", example)
    return text


_UNDECODED: Final = re.compile("[\udc80-\udcff]")
"""Bytes of a file name for which the locale has no characters (PEP 383); Locust cannot send them to workers."""


def _path(text: str, what: str, example: str) -> Path:
    if _UNDECODED.search(text):
        raise UsageError(what, text, "a path in the locale's characters; PYTHONUTF8=1 knows all of them", example)
    try:
        return Path(_text(text, what, example)).expanduser()
    except RuntimeError as error:  # ~somebody who is unknown here
        raise UsageError(what, text, f"a path ({error})", example) from error


def _timeout(text: str, what: str, example: str) -> float:
    duration_s = parse_duration(text, what)
    if not duration_s:
        raise UsageError(what, text, "a duration above 0", example)
    return duration_s


def _whole(text: str, what: str, example: str, low: int = 0) -> int:
    if not _WHOLE.fullmatch(text) or int(text) < low:
        raise UsageError(what, text, f"a whole number, {low} or more", example)
    return int(text)


def _number(text: str, what: str, example: str, *, above_zero: bool = False) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number) or (above_zero and not number):
        accepted = "a number above 0" if above_zero else "a number, 0 or more"
        raise UsageError(what, text, accepted, example)
    return number


_PARSERS: Final[Mapping[Kind, Parser]] = {
    "text": _text,
    "name": check_name,
    "path": _path,
    "http_url": check_http_url,
    "ws_url": check_ws_url,
    "grafana_url": check_grafana_url,
    "database_url": check_database_url,
    "duration": lambda text, what, _example: parse_duration(text, what),
    "timeout": _timeout,
    "whole": _whole,
    "count": lambda text, what, example: _whole(text, what, example, low=1),
    "number": _number,
    "positive": lambda text, what, example: _number(text, what, example, above_zero=True),
    "addresses": parse_source_ips,
    "endpoints": parse_endpoints,
    "processes": parse_processes,
    "hosts": parse_hosts,
    "skew": lambda text, what, _example: parse_skew(text, what),
    "stages": lambda text, what, _example: parse_stages(text, what),
    "rates": lambda text, what, _example: parse_rates(text, what),
}
