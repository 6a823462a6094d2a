"""JSON lines from a byte stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.agent.jsonl import MAX_LINE_BYTES, BadLine, LineSplitter, parse_line


@given(st.lists(st.binary(min_size=1).filter(lambda line: b"\n" not in line and line.strip()), max_size=5), st.data())
def test_any_cut_gives_the_same_lines(lines, data):
    """Whole lines come as soon as they end, the rest at the end."""
    stream = b"".join(line + b"\n" for line in lines) + b"rest"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    splitter = LineSplitter()
    chunks = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [line for chunk in chunks for line in splitter.feed(chunk)] == lines
    assert splitter.rest() == b"rest"


def test_a_line_without_end_is_bad():
    """Memory is bounded."""
    splitter = LineSplitter()
    splitter.feed(b"x" * MAX_LINE_BYTES)
    with pytest.raises(BadLine):
        splitter.feed(b"x")


@given(st.binary(max_size=60))
def test_parse_line_raises_nothing_else(line):
    """A message or a BadLine."""
    try:
        kind, content, metadata = parse_line(line)
        assert (type(kind), type(content), type(metadata)) == (str, dict, dict)
    except BadLine:
        pass
