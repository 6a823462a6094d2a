"""How errors quote a value: on one line, escaped, and never longer than `MAX_QUOTED`, whatever the value is."""

import reprlib
from collections.abc import Mapping, Sequence, Set
from typing import Final

MAX_QUOTED: Final = 200
"""The most characters of a quote. Longer ones hide the message, and values from a file or a peer can be of any size."""

_MAX_BITS: Final = 256  # beyond it, a number is described by its size: Python refuses to write very long ones
_SOME: Final = 6
_INNER_TEXT: Final = 60


class Described:
    """Stands in an error for a value that must not be shown; the description is quoted instead."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class _Bounded(reprlib.Repr):
    """A repr that reads few entries of a collection and few characters of a text: a small YAML file can expand to
    gigabytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = _SOME
        self.maxstring = self.maxother = _INNER_TEXT

    def repr_int(self, x: int, level: int) -> str:
        """Return a long number by its size."""
        del level
        return repr(x) if x.bit_length() <= _MAX_BITS else f"<a whole number of {x.bit_length():,} bits>"


def quote(value: object, limit: int = MAX_QUOTED) -> str:
    """Return `value` in Python's notation, cut to `limit` characters, with its length stated."""
    if isinstance(value, Described):
        return cut(repr(value), limit)
    if isinstance(value, str | bytes):
        return _quoted_text(value, limit)
    return cut(_Bounded().repr(value), limit)


def cut(text: str, limit: int = MAX_QUOTED) -> str:
    """Return a text of at most `limit` characters; a longer one ends in an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def described(value: object) -> Described:
    """Return type and length of a value that an error must not show, such as the content of a foreign file."""
    match value:
        case None:
            return Described("nothing")
        case bool():
            return Described("a truth value")
        case int() | float():
            return Described("a number")
        case str():
            return Described(f"a text of {_counted(len(value), 'character')}")
        case bytes():
            return Described(f"binary data of {_counted(len(value), 'byte')}")
        case Mapping():
            return Described(f"a mapping of {_counted(len(value), 'key')}")
        case Sequence() | Set():
            return Described(f"a list of {_counted(len(value), 'entry', 'entries')}")
    return Described(f"a {type(value).__name__}")


def _quoted_text(value: str | bytes, limit: int) -> str:
    shown = repr(value[:limit])  # never all of it: escapes make it even longer
    if len(value) <= limit and len(shown) <= limit:
        return shown
    end = f"… ({_counted(len(value), 'character' if isinstance(value, str) else 'byte')})"
    return f"{shown[: limit - len(end)]}{end}"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
