"""The text of an error answer: at most one line of its body; a body that is not text is described instead."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from fleetlm_users.foreign_text import printable, words

_COMPRESSED: Final[Mapping[bytes, str]] = {  # the first bytes of a body, whatever its header says
    b"\x1f\x8b": "gzip",  # RFC 1952 §2.3.1
    b"\x28\xb5\x2f\xfd": "zstd",  # RFC 8878 §3.1.1
    b"\x78\x01": "deflate",  # RFC 1950 §2.2
    b"\x78\x9c": "deflate",
    b"\x78\xda": "deflate",
}
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")  # ESC aside: a coloured log is text
_PAGE: Final = re.compile(r"\s*<(?:!doctype\s|html\b)", re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^>]*>\s*([^<]*?)\s*</title>", re.IGNORECASE)
MAX_LOOKED_AT: Final = 4096


def error_detail(body: bytes) -> str:
    """Return the server's own words in an error body, for a person to read.

    FleetLM has four shapes: `{"error": "text"}`, `{"errors": {"field": ["…"]}}`, `{"errors": {"detail": "…"}}` and
    plain text (wire record, "Error bodies").
    """
    try:
        parsed = orjson.loads(body)
    except ValueError:
        return body_in_words(body)
    if isinstance(parsed, dict) and "error" in parsed:
        parsed = parsed["error"]
    elif isinstance(parsed, dict) and isinstance(parsed.get("errors"), dict):
        parsed = "; ".join(_field_text(field, problem) for field, problem in parsed["errors"].items())
    return printable(words(parsed).strip()) or "no words"


def body_in_words(body: bytes) -> str:
    """Return the first line of a text body or the title of an HTML page; describe any other body."""
    if not body.strip():
        return "no body"
    for magic, coding in _COMPRESSED.items():
        if body.startswith(magic):
            return f"a body of {len(body)} bytes, compressed with {coding}"
    start = body[:MAX_LOOKED_AT]
    text = start.decode("utf-8", "replace")
    if _CONTROLS.search(start) or "\ufffd" in text[:-1]:  # the last character may have been cut in two
        return f"a body of {len(body)} bytes that are no text"
    if _PAGE.match(text):
        title = _TITLE.search(text)
        return printable(f'an HTML page "{title[1]}"') if title else f"an HTML page of {len(body)} bytes"
    first, *more = text.strip().splitlines()
    return printable(f"{first} …" if more else first)


def _field_text(field: str, problem: Any) -> str:
    if field == "detail":
        return words(problem)
    said = ", ".join(words(word) for word in problem[:20]) if isinstance(problem, list) else words(problem)
    return f"{field} {said}"
