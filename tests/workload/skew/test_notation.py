"""A skew as text."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.skew.notation import parse_skew, skew_of


@pytest.mark.parametrize(
    ("text", "exponent"),
    [("zipf:1.1", 1.1), ("zipf:0", 0.0), ("ZIPF : 3", 3.0), (" zipf:3.0 ", 3.0), ("zipf:0.25", 0.25)],
)
def test_a_skew_is_read(text, exponent):
    """The result can be read again."""
    read = parse_skew(text, "--skew")
    assert skew_of(read).exponent == exponent
    assert parse_skew(read, "--skew") == read


@pytest.mark.parametrize(
    "text",
    ["", "1.1", "zipf", "zipf:", "zipf:-1", "zipf:3.1", "zipf:1e9", "zipf:nan", "zipf:inf", "zeta:1", "zipf:1,2"],
)
def test_what_is_no_skew_is_refused_with_an_example(text):
    """The error is a sentence that names the setting and the form."""
    with pytest.raises(UsageError, match=r"for --skew .*zipf:EXPONENT.*zipf:1\.1"):
        parse_skew(text, "--skew (SKEW)")


def test_the_weights_are_those_of_zipfs_law():
    """1, 1/2, 1/3 with an exponent of 1; all alike with 0."""
    assert [skew_of("zipf:1").weight(rank) for rank in (1, 2, 4)] == [1, 0.5, 0.25]
    assert {skew_of("zipf:0").weight(rank) for rank in (1, 2, 1000)} == {1}
