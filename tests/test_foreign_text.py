"""Foreign text: printable, bounded, stable, and one reason is one kind whatever number or id is in it."""

import json
import math
import unicodedata

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetlm_users.foreign_text import (
    MAX_LABEL,
    MAX_REASON,
    MAX_SHOWN,
    printable,
    printable_json,
    printable_lines,
    reason,
    words,
)

IDS = st.uuids().map(str) | st.binary(min_size=8, max_size=40).map(bytes.hex)
DANGEROUS = st.sampled_from(
    "\x00\x07\x08\x1b\x85\x9b\r\n\t\u200b\u200d\u202e\u2028\u2029\ufeff\ud800\udfff\u3164\ufe0f"
)
AWKWARD = st.text(st.sampled_from("aeé5 09.:_-<>#PIDx\\u1b\x1b[]T\u0301ms") | DANGEROUS, max_size=120)
TEXT = st.text(max_size=700) | AWKWARD | st.text(DANGEROUS | st.characters(), max_size=50)


def is_safe(text):
    """Whether no character of the text is one that a terminal obeys or hides."""
    return all((char.isprintable() and unicodedata.category(char)[0] not in "CZ") or char == " " for char in text)


@given(TEXT)
@example("\x1b[31mred\x1b[0m\x1b]0;title\x07")
@example("x" * (MAX_SHOWN - 3) + "\x1b")
@example("a" + "\u0301" * 300)
def test_what_is_shown_is_printable_bounded_and_stable(text):
    """It holds for any text, in UTF-8 without an error."""
    shown = printable(text)
    assert is_safe(shown)
    assert len(shown) <= MAX_SHOWN
    assert printable(shown) == shown
    shown.encode()


@given(TEXT)
@example("1 " * 300)
@example("\\x1" + "f" * 90)
@example("[::1]12::ab")
@example("x" * 76 + "\x1b\x1b")
def test_a_reason_is_printable_bounded_and_stable(text):
    """A reason that was folded once is its own kind."""
    kind = reason(text)
    assert is_safe(kind)
    assert len(kind) <= MAX_REASON < MAX_LABEL
    assert reason(kind) == kind
    kind.encode()


@given(st.text(st.sampled_from("ab \n\x1b\u202e"), max_size=300))
def test_lines_stay_lines_and_nothing_else_moves_the_cursor(text):
    """A message of ours may have several."""
    assert all(is_safe(line) for line in printable_lines(text).split("\n"))


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("retry after 137 ms", "retry after 12 ms", "retry after TIME"),
        ("retry after 1.5s", "retry after 2m30s", "retry after TIME"),
        ("until 2026-11-27T21:27:27.123Z", "until 2025-01-02 03:04:05 UTC", "until TIME"),
        ("at 12:34:56.789 again", "at 01:02:03 again", "at TIME again"),
        ("no process: #PID<0.12.0> or so", "no process: #PID<0.9.1> or so", "no process: #PID<…> or so"),
        ("#Reference<0.1.2.3> gone", "#Reference<0.77.2.12345> gone", "#Reference<…> gone"),
        ("#Function<12.345/1 in Mod.fun/1> raised", "#Function<9.1/2 in Mod.fun/1> raised", "#Function<…> raised"),
        ("{:noproc, <0.12.0>}", "{:noproc, <0.99999.7>}", "{:noproc, #PID<…>}"),
        ("&Chat.append/2 failed", "&Chat.append/3 failed", "&Chat.append/N failed"),
        ("session 019a3c5e-7b1d-7c3a-8f00-0123456789ab", "session 12345678-1234-1234-1234-123456789012", "session ID"),
        ("session 01JD3Q8W5XK2N4M6P7R8S9T0VW gone", "session 01jd3q8w5xk2n4m6p7r8s9t0vw gone", "session ID gone"),
        ("req_V1StGXR8_Z5jdHi6B-myT", "req_4f90d13a42", "req_ID"),
        ("trace 0xdeadbeef", "trace 0x1f", "trace ID"),
        ("hash deadbeefcafe", "hash 0123456789abcdef", "hash ID"),
        ("session_42 is full", "session_7 is full", "session_N is full"),
        ("10.0.0.7:4000 refused", "192.168.100.200:51234 refused", "ADDRESS refused"),
        ("[::1]:4000 refused", "[fe80::1:2]:51234 refused", "ADDRESS refused"),
        ("::1 refused", "2001:db8::7 refused", "ADDRESS refused"),
        ("queue 1,234 of 5_000", "queue 9 of 10", "queue N of N"),
        ("load 0.75", "load 1.0e3", "load N"),
        ("too   many spaces ", " too many spaces", "too many spaces"),
    ],
)
def test_one_reason_is_one_kind(first, second, kind):
    """Numbers, times, ids, addresses and the output of Elixir's inspect() do not affect it."""
    assert reason(first) == reason(second) == kind


@pytest.mark.parametrize(
    "text",
    ["rate limited", "queue full", "unauthorized", "feedback accepted", "DBConnection.ConnectionError", "timeout"],
)
def test_a_reason_without_numbers_is_itself(text):
    """Nothing is folded that tells reasons apart."""
    assert reason(text) == text


@given(st.lists(IDS, min_size=2, max_size=5, unique=True))
def test_random_ids_do_not_multiply_reasons(ids):
    """There are as many kinds as forms: an id may happen to be all digits."""
    assert len({reason(f"no session {identifier} here") for identifier in ids}) <= 2


@pytest.mark.parametrize("value", [None, True, 12, 1.5, ["a", {"b": 1}], {"code": 12, "why": "x" * 9999}])
def test_any_json_value_can_be_a_reason(value):
    """A server may say anything; a structure is an outline."""
    assert len(reason(value)) <= MAX_REASON
    assert is_safe(printable(value))


def test_a_structure_as_deep_as_json_allows_is_outlined():
    """str() of it would exceed Python's recursion limit."""
    deep = orjson.loads(b"[" * 1000 + b"]" * 1000)
    assert len(words(deep)) < 100
    assert reason(deep)


def test_a_text_of_megabytes_costs_no_more_than_what_is_looked_at():
    """It covers the cache and the result."""
    assert reason("f3" * 5_000_000) == "ID…"
    assert len(printable("\x1b" * 5_000_000)) <= MAX_SHOWN


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_whatever_is_written_is_valid_json_in_utf8(value):
    """NaN, infinities and lone surrogates are not."""
    clean = printable_json(value)
    text = json.dumps(clean, allow_nan=False, ensure_ascii=False)
    assert json.loads(text.encode()) == clean
    assert printable_json(clean) == clean


def test_numbers_that_json_does_not_have_are_not_measured():
    """A summary has None for them."""
    assert printable_json({"a": [math.nan, math.inf, 1.5]}) == {"a": [None, None, 1.5]}
