"""The digest of a content: equal for all spellings of the same JSON, different for different contents."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.audit.digest import digest_of

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def shuffled(content):
    """The same with the keys of all objects the other way round."""
    if isinstance(content, dict):
        return {key: shuffled(content[key]) for key in reversed(content)}
    return [shuffled(item) for item in content] if isinstance(content, list) else content


@given(JSON)
def test_the_order_of_keys_and_the_writer_change_nothing(content):
    """jsonb orders keys; a server reads and writes with another library."""
    again = orjson.loads(orjson.dumps(shuffled(content)))
    spaced = json.loads(json.dumps(content, indent=3, ensure_ascii=True))
    assert digest_of(again) == digest_of(content) == digest_of(spaced)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"n": 1.0}, {"n": 1}),
        ({"n": 100.0}, {"n": 1e2}),
        ({"n": -0.0}, {"n": 0}),
        ({"n": [1e300]}, {"n": [10.0**300]}),
    ],
)
def test_numbers_count_by_value(one, other):
    """PostgreSQL writes 1e2 as 100."""
    assert digest_of(one) == digest_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"text": "a", "client_ref": "r-1"}, {"text": "b", "client_ref": "r-1"}),
        ({"text": "a"}, {"text": "a", "more": "b"}),
        ({"n": 1}, {"n": "1"}),
        ({"n": None}, {}),
        ({"n": [1, 2]}, {"n": [2, 1]}),
        ({"a": "b", "c": "d"}, {"a": "d", "c": "b"}),
        ({"text": "ä"}, {"text": "a\u0308"}),
        ("a", ["a"]),
        (True, 1),
    ],
)
def test_other_contents_have_other_digests(one, other):
    """It includes contents that only look alike."""
    assert digest_of(one) != digest_of(other)


def test_nothing_that_a_server_sends_ends_it():
    """Half a surrogate pair and a list a thousand deep have a digest as well."""
    deep = "x"
    for _ in range(100_000):
        deep = [deep]
    assert digest_of({"text": "\ud800"}) != digest_of({"text": "\ud801"})
    assert 0 <= digest_of({"deep": deep}) < 2**64
