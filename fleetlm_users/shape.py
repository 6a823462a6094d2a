"""Checks of the shape of data from a peer or a file, so that code that reads it afterwards can rely on it.

A check takes a value and raises ShapeError; checks of containers add the place, as in `counts[3][4]`. Every check
bounds the numbers and lengths that it accepts, and its quotes. `decode` does the same for declared types.
"""

import math
import re
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from fleetlm_users.errors import ShapeError
from fleetlm_users.quoting import quote

Check = Callable[[Any], None]
T = TypeVar("T")

MAX_WHOLE: Final = 2**53
"""The highest whole number that every JSON reader keeps (RFC 8259 §6)."""

QUOTED_CHARS: Final = 60
_NAMES: Final[Mapping[type, str]] = MappingProxyType(
    {list: "a list", tuple: "a list", dict: "an object", bytes: "bytes"}
)


def shown(value: object) -> str:
    """Return the value as quoted in an error: short, on one line, without control characters."""
    if value is None or isinstance(value, str | bool | int | float):
        return quote(value, QUOTED_CHARS)
    return _NAMES.get(type(value), f"a {type(value).__name__}")


_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "`array`": "a list",
        "`bool`": "true or false",
        "`bytes`": "bytes",
        "`float`": "a number",
        "`int`": "a whole number",
        "`null`": "nothing",
        "`object`": "an object",
        "`str`": "text",
    }
)
_WORDS: Final = re.compile(r"(?P<words>.*?)(?: - at (?:`key` in )?`\$\.?(?P<place>[^`]*)`)?", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_GOT: Final = re.compile(r", got `[^`]*`$")
_STEP: Final = re.compile(r"\[(?P<index>\d+|\.\.\.)\]|\.?(?P<name>[^.\[\]]+)")


def decode(encoded: bytes, decoder: msgspec.msgpack.Decoder[T]) -> T:
    """Decode MessagePack from a peer as the decoder's type and within its bounds.

    Raises:
        ShapeError: The data is anything else; the error names the place and quotes its value.
    """
    try:
        return decoder.decode(encoded)
    except msgspec.ValidationError as problem:
        raise _shape_error(str(problem), msgspec.msgpack.decode(encoded, strict=False)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ShapeError(f"is not MessagePack: {quote(str(problem), QUOTED_CHARS)}") from None


def converted(value: Any, kind: Any) -> Any:
    """Return the contents of a JSON document as a declared type: a copy, within the type's bounds.

    Raises:
        ShapeError: The document is anything else; the error names the place and quotes its value.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        raise _shape_error(str(problem), value) from None
    except RecursionError:
        raise ShapeError("is nested too deeply") from None


def _shape_error(text: str, document: Any) -> ShapeError:
    """Return the error that msgspec describes as `Expected `int` >= 0 - at `$.counts[3][4]``."""
    match = _WORDS.fullmatch(text)
    words, place = (match["words"], match["place"] or "") if match else (text, "")
    missing = _MISSING.fullmatch(words)
    if missing is not None:
        return (
            ShapeError("is missing", missing["name"]).within(place)
            if place
            else ShapeError("is missing", missing["name"])
        )
    expected = _GOT.sub("", words.removeprefix("Expected "))
    if not words.startswith("Expected "):
        return ShapeError(f"is not as expected: {quote(words, QUOTED_CHARS)}", place)
    for name, word in _TYPES.items():
        expected = expected.replace(name, word)
    value, is_known = _value_at(document, place)
    return ShapeError(f"is {shown(value)}; expected {expected}" if is_known else f"is not {expected}", place)


def _value_at(document: Any, place: str) -> tuple[Any, bool]:
    """Return the value at a place of a document, and whether the place is exact: msgspec does not name keys of
    tables.
    """
    value = document
    for step in _STEP.finditer(place):
        index = step["index"]
        try:
            value = value[step["name"] if index is None else int(index)]
        except (ValueError, LookupError, TypeError):
            return None, False
    return value, True


def binary(most: int) -> Check:
    """Return a check that accepts at most `most` bytes."""

    def check(value: Any) -> None:
        if not isinstance(value, bytes) or len(value) > most:
            raise _unlike(value, f"at most {most:,} bytes")

    return check


def anything(_value: Any) -> None:
    """Accept every value: it is unused, or checked where it is used."""


def flag(value: Any) -> None:
    """Accept true and false."""
    if type(value) is not bool:
        raise _unlike(value, "true or false")


def whole(low: int = 0, high: int = MAX_WHOLE) -> Check:
    """Return a check that accepts whole numbers from `low` to `high`."""

    def check(value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            raise _unlike(value, f"a whole number from {low} to {high}")

    return check


def number(low: float = -math.inf, high: float = math.inf) -> Check:
    """Return a check that accepts finite numbers from `low` to `high`."""
    words = "a finite number" if math.isinf(low) and math.isinf(high) else f"a number from {low:g} to {high:g}"

    def check(value: Any) -> None:
        # not by math.isfinite, for which an int may be too large; all comparisons with NaN are false
        if type(value) not in (int, float) or not low <= value <= high or not abs(value) <= sys.float_info.max:
            raise _unlike(value, words)

    return check


def text(most: int, *, printable: bool = True, least: int = 0) -> Check:
    """Return a check that accepts text of `least` to `most` characters, without control characters if `printable`."""

    def check(value: Any) -> None:
        if type(value) is not str:
            raise _unlike(value, "text")
        if not least <= len(value) <= most:
            raise ShapeError(f"has {len(value):,} characters; expected {least} to {most:,}")
        if printable and not value.isprintable():
            raise _unlike(value, "text without control characters")

    return check


def lines(most: int) -> Check:
    """Return a check that accepts printable text of several lines."""
    whole_text = text(most, printable=False)

    def check(value: Any) -> None:
        whole_text(value)
        if not value.replace("\n", "").isprintable():
            raise _unlike(value, "lines without control characters")

    return check


def one_of(*accepted: object) -> Check:
    """Return a check that accepts one of a few values."""
    words = ("one of " if len(accepted) > 1 else "") + ", ".join(shown(value) for value in accepted)

    def check(value: Any) -> None:
        if not any(type(value) is type(one) and value == one for one in accepted):
            raise _unlike(value, words)

    return check


def nothing_or(inner: Check) -> Check:
    """Return a check that accepts None, and values that `inner` accepts."""

    def check(value: Any) -> None:
        if value is not None:
            inner(value)

    return check


def either(words: str, *inner: Check) -> Check:
    """Return a check that accepts what any of the checks accepts; `words` describe it."""

    def check(value: Any) -> None:
        for one in inner:
            try:
                one(value)
            except ShapeError:
                continue
            return
        raise _unlike(value, words)

    return check


def each(inner: Check, most: int) -> Check:
    """Return a check that accepts lists of at most `most` values that `inner` accepts."""

    def check(value: Any) -> None:
        if not isinstance(value, list | tuple):
            raise _unlike(value, "a list")
        if len(value) > most:
            raise ShapeError(f"has {len(value):,} entries; expected at most {most:,}")
        for at, item in enumerate(value):
            try:
                inner(item)
            except ShapeError as problem:
                raise problem.within(f"[{at}]") from None

    return check


def row(*inner: Check) -> Check:
    """Return a check that accepts lists with one value for each check."""

    def check(value: Any) -> None:
        if not isinstance(value, list | tuple):
            raise _unlike(value, "a list")
        if len(value) != len(inner):
            raise ShapeError(f"has {len(value):,} entries; expected {len(inner)}")
        for at, (one, item) in enumerate(zip(inner, value, strict=True)):
            try:
                one(item)
            except ShapeError as problem:
                raise problem.within(f"[{at}]") from None

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] = MappingProxyType({})) -> Check:
    """Return a check that accepts objects with all `required` entries; only `optional` further ones are checked."""
    known = {**required, **optional}

    def check(value: Any) -> None:
        if not isinstance(value, Mapping):
            raise _unlike(value, "an object")
        for name, one in known.items():
            if name not in value:
                if name in required:
                    raise ShapeError("is missing").within(name)
                continue
            try:
                one(value[name])
            except ShapeError as problem:
                raise problem.within(name) from None

    return check


def table(key: Check, inner: Check, most: int) -> Check:
    """Return a check that accepts objects of at most `most` entries, whose keys `key` and values `inner` accepts."""

    def check(value: Any) -> None:
        if not isinstance(value, Mapping):
            raise _unlike(value, "an object")
        if len(value) > most:
            raise ShapeError(f"has {len(value):,} entries; expected at most {most:,}")
        for name, item in value.items():
            try:
                key(name)
            except ShapeError as problem:
                raise ShapeError(f"has a key that {problem.problem}") from None
            try:
                inner(item)
            except ShapeError as problem:
                raise problem.within(f"[{shown(name)}]") from None

    return check


def _unlike(value: object, expected: str) -> ShapeError:
    return ShapeError(f"is {shown(value)}; expected {expected}")
