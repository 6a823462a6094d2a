"""YAML is read strictly, and every mistake has its line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.yaml_text import parse_yaml


def test_plain_values_anchors_and_merges_are_read():
    """What people use to avoid repetition works."""
    text = "a: &base {x: 1, y: 2}\nb: {<<: *base, y: 3}\nc: *base\n"
    assert parse_yaml(text, "my.yaml") == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1\nc: 2\n", "my.yaml line 3: got "),
        ("a: 1\n\tb: 2\n", "my.yaml line 2: got \"found character '\\\\t' that cannot start any token\""),
        ("a: 1\nb: 2\na: 3\n", "my.yaml line 3: got \"key 'a' given twice\"; accepted is YAML"),
        ("a: {x: 1, x: 1}", "my.yaml line 1: got \"key 'x' given twice\""),
        ("a: *nobody", "my.yaml line 1: got \"found undefined alias 'nobody'\""),
        ("a: !!python/object:os.system x", "my.yaml line 1: got "),
        ("{[1]: 2}", "my.yaml line 1: got 'found unhashable key'"),
        ("a: 2026-99-99", "my.yaml: got 'month must be in 1..12'"),
        ("a: !!bool maybe", "my.yaml: got \"'maybe'\""),
        ("a: \x00", "my.yaml: got "),
        ("[" * 5000, "my.yaml: got "),
    ],
)
def test_each_mistake_is_told_with_its_line(text, message):
    """Where PyYAML knows the line, it is named; a converter's own error is told too."""
    with pytest.raises(UsageError) as raised:
        parse_yaml(text, "my.yaml")
    assert str(raised.value).startswith(message)


@given(st.text() | st.text(alphabet="ab:,-[]{}&*!|>'\"#%@ \n0"))
def test_any_text_is_yaml_or_a_usage_error(text):
    """No other exception reaches a person."""
    with suppress(UsageError):
        parse_yaml(text, "my.yaml")
