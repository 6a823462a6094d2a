"""Query strings and forms."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.http.params import BadParams, decode_query


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=1&b=x+y%20z", {"a": "1", "b": "x y z"}),
        ("a", {"a": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[b]=1&a[c][d]=2", {"a": {"b": "1", "c": {"d": "2"}}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[b]=1&a=2", {"a": "2"}),
        ("a[b=1&[c]=2", {"a[b": "1", "[c]": "2"}),
        ("&&a=b=c&", {"a": "b=c"}),
        ("n=%C3%A9", {"n": "é"}),
    ],
)
def test_decode(text, expected):
    """The results are those of Plug.Conn.Query."""
    assert decode_query(text) == expected


@pytest.mark.parametrize("text", ["a=%FF", "%FF=a", "&".join(["a=1"] * 1001)])
def test_refused(text):
    """Invalid UTF-8, too many."""
    with pytest.raises(BadParams):
        decode_query(text)


@given(st.text(alphabet="ab[]=&%+ é", max_size=60))
def test_anything_is_params_or_bad_params(text):
    """No other exception."""
    with contextlib.suppress(BadParams):
        assert isinstance(decode_query(text), dict)
