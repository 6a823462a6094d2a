"""Values of options as flags, environment, Locust's form and YAML give them, to typed ones.

The same option may arrive as text, list, bool or number, or as None.
"""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fleetlm_users.errors import UsageError
from fleetlm_users.http_access import parse_hosts
from fleetlm_users.workload.duration import parse_duration
from fleetlm_users.workload.identity import check_name
from fleetlm_users.workload.option_spec import Kind, OptionSpec
from fleetlm_users.workload.source_ips import parse_source_ips
from fleetlm_users.workload.urls import check_http_url, check_ws_url

TRUE_WORDS: Final = ("true", "1", "yes", "on")
FALSE_WORDS: Final = ("false", "0", "no", "off")

_WHOLE: Final = re.compile(r"\+?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# a rule of k6's syntax that stands without its metric
_BARE_RULE: Final = re.compile(r"\s*(p\s*\([0-9. ]+\)|avg|med|min|max|count|rate|value)\s*[<>=!]")

Parser = Callable[[str, str, str], Any]


def is_blank(value: object) -> bool:
    """Return whether a value says nothing: None, an empty text, or a list of nothing else."""
    if isinstance(value, list | tuple):
        return all(is_blank(item) for item in value)
    return value is None or (isinstance(value, str) and not value.strip())


def parse_value(spec: OptionSpec, value: object, what: str) -> Any:
    """Return the typed value of an option, by the spec's kind; `what` names the setting in the error.

    Durations are float seconds, paths are Path, thresholds a tuple of texts. Raises UsageError for what the kind
    does not accept.
    """
    if spec.kind == "threshold":
        return parse_thresholds(value)
    if spec.kind == "flag":
        return _flag(value, what)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(what, value, "one value", spec.example)
    # repr of a whole float would be `30.0`; g gives `30`, as a person would write it
    text = value.strip() if isinstance(value, str) else f"{value:.17g}"
    if spec.choices and text not in spec.choices:
        raise UsageError(what, value, f"one of {', '.join(spec.choices)}", spec.example)
    return _PARSERS[spec.kind](text, what, spec.example)


def parse_thresholds(value: object) -> tuple[str, ...]:
    """Return the single thresholds of a text or of a list of texts, which may each hold several separated by `;`.

    Locust's form cuts a list at commas, also inside `m: p(95)<500, p(99)<900`; a piece without a metric of its own
    is therefore put back to the one before.
    """
    items = value if isinstance(value, list | tuple) else [value]
    pieces: list[str] = []
    for item in items:
        for piece in ("" if item is None else str(item)).replace("\n", ";").split(";"):
            if pieces and _BARE_RULE.match(piece):
                pieces[-1] += f", {piece.strip()}"
            elif piece.strip():
                pieces.append(piece.strip())
    return tuple(pieces)


def _flag(value: object, what: str) -> bool:
    word = str(value).strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise UsageError(what, value, f"one of {', '.join(TRUE_WORDS + FALSE_WORDS)}", "true")


def _text(text: str, what: str, example: str) -> str:
    if not text.isprintable():
        raise UsageError(what, text, "a text without control characters", example)
    return text


def _path(text: str, what: str, example: str) -> Path:
    try:
        return Path(_text(text, what, example)).expanduser()
    except RuntimeError as error:  # ~somebody who is not known here
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
    "duration": lambda text, what, _example: parse_duration(text, what),
    "timeout": _timeout,
    "whole": _whole,
    "count": lambda text, what, example: _whole(text, what, example, low=1),
    "number": _number,
    "positive": lambda text, what, example: _number(text, what, example, above_zero=True),
    "addresses": parse_source_ips,
    "hosts": parse_hosts,
}
