"""Elixir's print of values (`inspect/1`), which some of FleetLM's error bodies contain.

Source: Elixir `Inspect` with its defaults (limit 50 items, printable_limit 4096 characters, map keys sorted).
"""

from typing import Any

LIMIT = 50
PRINTABLE_LIMIT = 4096
MAX_DEPTH = 32  # deeper values are cut: a reader learns nothing from them, and recursion must end
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0", "#{": "\\#{"}
PRINTABLE_CODES = frozenset(range(32, 127)) | {7, 8, 9, 10, 11, 12, 13, 27}


def inspect(value: Any, depth: int = 0) -> str:
    """Return `value` (anything JSON can hold) as `inspect/1` prints it."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if depth >= MAX_DEPTH:
        return "..."
    if isinstance(value, dict):
        return _map(value, depth + 1)
    return _list(value, depth + 1)


def _string(value: str) -> str:
    text = value[:PRINTABLE_LIMIT]
    for plain, escaped in (("\\", "\\\\"), *((k, v) for k, v in ESCAPES.items() if k != "\\")):
        text = text.replace(plain, escaped)
    return f'"{text}"' + (" <> ..." if len(value) > PRINTABLE_LIMIT else "")


def _map(value: dict[str, Any], depth: int) -> str:
    keys = sorted(value)
    items = [f"{_string(key)} => {inspect(value[key], depth)}" for key in keys[:LIMIT]]
    return "%{" + ", ".join(items + ["..."] * (len(keys) > LIMIT)) + "}"


def _list(value: list[Any], depth: int) -> str:
    if value and all(type(item) is int and item in PRINTABLE_CODES for item in value):
        return "~c" + _string("".join(map(chr, value)))
    items = [inspect(item, depth) for item in value[:LIMIT]]
    return "[" + ", ".join(items + ["..."] * (len(value) > LIMIT)) + "]"
