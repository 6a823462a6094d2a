"""Names of the server's figures: understood in one form, refused in any other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.server.series import ServerSeries, ServerSubject, parse_subject

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True)
LABELS = st.dictionaries(NAMES, st.from_regex(r"[A-Za-z0-9 /,.:=-]{0,20}", fullmatch=True), max_size=3)


@given(st.none() | st.from_regex(r"[A-Za-z0-9]([a-z0-9_-]{0,8}[a-z0-9])?", fullmatch=True), NAMES, LABELS)
def test_what_is_written_is_read_back(source, name, labels):
    """Source, name and labels, in whatever order."""
    subject = ServerSubject(source, ServerSeries(name, tuple(sorted(labels.items()))))
    assert parse_subject(str(subject)) == subject


@pytest.mark.parametrize(
    ("text", "source", "series"),
    [
        ("server.memory_bytes", None, "memory_bytes"),
        ("server.pid-12.cpu_percent", "pid-12", "cpu_percent"),
        ("server.api.job:rate:5m", "api", "job:rate:5m"),
        ('server.api.http{ b = "2" , a="1", }', "api", 'http{a="1",b="2"}'),
        ("server.http{}", None, "http"),
    ],
)
def test_forms(text, source, series):
    """Blanks, the order of labels and a comma at the end do not matter."""
    subject = parse_subject(text)
    assert (subject.source, str(subject.series)) == (source, series)


@pytest.mark.parametrize(
    "text",
    [
        "memory_bytes", "server.", "server.a.b.c", "server.1", "server.x{a=1}", 'server.x{a!="1"}', 'server.x{a="1"',
        'server.x{a="1",a="2"}', 'server.x{a="\x1b"}', f"server.{'x' * 200}", 'server.x{a="1";b="2"}',
        "server.x{" + ",".join(f'l{n}="1"' for n in range(9)) + "}",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text):
    """The error names the accepted form."""
    with pytest.raises(ValueError, match="label"):
        parse_subject(text)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("memory_bytes", "bytes"), ("cpu_percent", "%"), ("x_seconds", "s"), ("x_seconds_total", "s"), ("x_ms", "ms"),
        ("x_ratio", "fraction"), ("jobs", "count"), ("jobs_total", "count"),
    ],
)  # fmt: skip
def test_the_unit_is_what_the_name_ends_in(name, unit):
    """Prometheus names metrics so."""
    assert ServerSeries(name).unit == unit


def test_labels_that_are_not_named_may_be_any():
    """An empty value means a label that is absent, as in PromQL."""
    assert ServerSeries("x", (("a", "1"),)).matches({"a": "1", "b": "2"})
    assert not ServerSeries("x", (("a", "1"),)).matches({"b": "2"})
    assert ServerSeries("x", (("a", ""),)).matches({})
