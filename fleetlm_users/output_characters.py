"""Characters that an output may lack, and how many columns a text takes on a terminal."""

import unicodedata
from typing import Final

ASCII: Final = {
    "✓": "+", "✗": "x", "–": "-", "─": "-", "·": "|", "µ": "u", "→": ">", "…": "~", "•": "*", "×": "x", "±": "+",
}  # fmt: skip
"""Each of our signs as one ASCII character, so that columns stay where they are."""

CUT: Final = "~"

_CJK: Final = ("gb", "euc", "big5", "cp932", "cp936", "cp949", "cp950", "shift", "sjis", "johab", "iso2022", "hz")
"""The prefixes of encodings under which terminals draw ambiguous characters, such as `·`, two columns wide."""


def to_ascii(text: str) -> str:
    """Return the text with each of our signs replaced by one ASCII character, and any other by a question mark."""
    return fit(text, "ascii")


def fit(text: str, encoding: str | None) -> str:
    """Return the text with each character that the encoding lacks replaced; for None, return it unchanged."""
    if encoding is None:
        return text
    try:
        text.encode(encoding)
    except LookupError:
        return fit(text, "ascii")
    except UnicodeEncodeError:
        return "".join(character if _has(encoding, character) else instead_of(character) for character in text)
    return text


def instead_of(character: str) -> str:
    """Return the ASCII character that stands for another one."""
    return ASCII.get(character, "?")


def cut(text: str, columns: int, encoding: str | None = None) -> str:
    """Return the text cut to the width, ending in `~` if it was cut: half a number must not pass for a whole one."""
    wide = _wide_in(encoding)
    taken, kept = 0, 0
    for index, character in enumerate(text):
        taken += _columns(character, wide)
        if taken < columns:
            kept = index + 1
        elif taken > columns:
            return text[:kept] + CUT
    return text


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _wide_in(encoding: str | None) -> str:
    is_cjk = encoding is not None and encoding.lower().replace("-", "").replace("_", "").startswith(_CJK)
    return "WFA" if is_cjk else "WF"


def _columns(character: str, wide: str) -> int:
    if character < "\x7f":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in wide else 1
