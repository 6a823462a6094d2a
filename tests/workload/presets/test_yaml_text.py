"""YAML is read strictly, and every mistake has its line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.presets.yaml_text import parse_yaml


def test_plain_values_anchors_and_merges_are_read():
    """What people use to avoid repetition works."""
    text = "a: &base {x: 1, y: 2}\nb: {<<: *base, y: 3}\nc: *base\n"
    assert parse_yaml(text, "my.yaml") == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1\nc: 2\n", "my.yaml line 3: got text that is no YAML ("),
        (
            "a: 1\n\tb: 2\n",
            "my.yaml line 2: got text that is no YAML (found character '\\t' that cannot start any token)",
        ),
        ("a: 1\nb: 2\na: 3\n", "my.yaml line 3: got a key given twice; accepted is YAML"),
        ("a: {x: 1, x: 1}", "my.yaml line 1: got a key given twice"),
        ("a: *nobody", "my.yaml line 1: got text that is no YAML (found undefined alias); "),
        (
            "a: !!python/object:os.system x",
            "my.yaml line 1: got text that is no YAML (could not determine a constructor",
        ),
        ("{[1]: 2}", "my.yaml line 1: got text that is no YAML (found unhashable key)"),
        ("a: [1", "my.yaml line 1: got text that is no YAML (expected ',' or ']', but got '<stream end>')"),
        ("a: 1\nb: 2026-99-99", "my.yaml line 2: got a value that is no timestamp"),
        ("a: !!bool maybe", "my.yaml line 1: got a value that is no bool"),
        ("a: \x00", "my.yaml: got the character U+0000, which YAML does not allow"),
        ("[" * 5000, "my.yaml line 1: got more than 20 levels"),
        ("- " * 5000, "my.yaml line 1: got more than 20 levels"),
        ("- a\n" * 20_000, "my.yaml line 1000"),
        (
            "a: &a [x]\n" + "".join(f"{n}: &{n} [*{n - 1 or 'a'}]\n" for n in range(1, 99)),
            "my.yaml line 18: got more than",
        ),
        (
            "a: &0 {k: v, l: w}\n"
            + "".join(f"{n}: &{n} {{<<: [{', '.join([f'*{n - 1}'] * 9)}]}}\n" for n in range(1, 7)),
            "my.yaml line 5: got more than 10,000 values, by its aliases",
        ),
        ("a: &a {b: *a}", "my.yaml line 1: got an alias of what it is a part of"),
        ("a: &a [*a]", "my.yaml line 1: got an alias of what it is a part of"),
        ("a: " + "9" * 5000, "my.yaml line 1: got more than 100 characters for a number or date"),
        ("a: 0x" + "f" * 5000, "my.yaml line 1: got more than 100 characters for a number or date"),
        ("a: 1" + ":1" * 5000, "my.yaml line 1: got more than 100 characters for a number or date"),
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
