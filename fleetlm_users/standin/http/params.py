"""Query strings and form bodies as Plug decodes them: `a=1`, `a[b]=2`, `a[]=3`. Pure.

Source: Plug.Conn.Query.
"""

from itertools import pairwise
from typing import Any, Final
from urllib.parse import unquote_to_bytes

Params = dict[str, Any]
MAX_PAIRS: Final = 1_000
MAX_DEPTH: Final = 10


class BadParams(ValueError):
    """A query string that Plug refuses: it answers 400."""


def decode_query(text: str) -> Params:
    """Return the parameters of a query string or form body. Raises BadParams for invalid UTF-8 or too many pairs."""
    pairs = [pair for pair in text.split("&") if pair]
    if len(pairs) > MAX_PAIRS:
        raise BadParams(f"more than {MAX_PAIRS} parameters")
    params: Params = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        _put(params, _path(_text(name)), _text(value))
    return params


def _text(part: str) -> str:
    try:
        return unquote_to_bytes(part.replace("+", " ")).decode()
    except UnicodeDecodeError as problem:
        raise BadParams(str(problem)) from problem


def _path(name: str) -> list[str]:
    """Return the path of a key: `a[b][]` is ["a", "b", ""]; anything malformed is one plain name."""
    root, bracket, rest = name.partition("[")
    if not bracket or not root or not rest.endswith("]"):
        return [name]
    steps = rest[:-1].split("][")
    return [name] if len(steps) > MAX_DEPTH else [root, *steps]


def _put(params: Params, path: list[str], value: str) -> None:
    """Set `value` at `path`; as in Plug, the later of two clashing pairs wins."""
    here = params
    for step, following in pairwise(path):
        if following == "":
            items = here.get(step)
            here[step] = [*items, value] if isinstance(items, list) else [value]
            return
        if not isinstance(here.get(step), dict):
            here[step] = {}
        here = here[step]
    here[path[-1]] = value
