"""Values are read whatever form their source gives them: text, list, bool, number."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import quote
from fleetlm_users.shape import MAX_WHOLE
from fleetlm_users.workload.benchmarks import benchmark_options
from fleetlm_users.workload.duration import MAX_S
from fleetlm_users.workload.options.model import COMMON
from fleetlm_users.workload.options.parsing import is_blank, parse_value, split_thresholds
from fleetlm_users.workload.options.specs import MOST_COUNT, count_specs, option

KINDS = ("text", "name", "path", "flag", "http_url", "ws_url", "duration", "timeout", "whole", "count", "number")


def spec_of(kind, **more):
    """An option of a kind."""
    return option("thing", help="a thing", kind=kind, example="EXAMPLE", **more)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("text", " bench-echo-agent ", "bench-echo-agent"),
        ("name", "r1.x_y-z", "r1.x_y-z"),
        ("path", "results/mine", Path("results/mine")),
        ("path", "~/x", Path.home() / "x"),
        ("http_url", "http://h/", "http://h"),
        ("ws_url", "wss://h/s", "wss://h/s"),
        ("duration", "2m", 120.0),
        ("duration", 90, 90.0),
        ("duration", 1.5, 1.5),
        ("duration", "0", 0.0),
        ("timeout", "500ms", 0.5),
        ("timeout", 30.0, 30.0),
        ("whole", "0", 0),
        ("whole", 7, 7),
        ("whole", 7.0, 7),
        ("count", " 18 ", 18),
        ("number", "0", 0.0),
        ("number", "2.5", 2.5),
        ("number", ".5", 0.5),
        ("number", "1e3", 1000.0),
        ("number", 1e-7, 1e-7),
        ("positive", "0.1", 0.1),
        *(
            ("hosts", raw, ("a.example", "b:81"))
            for raw in ("a.example,b:81", "a.example; b:81", "['a.example', 'b:81']")
        ),
        ("hosts", ["a.example", "b:81"], ("a.example", "b:81")),
        ("hosts", "[2001:db8::1]", ("[2001:db8::1]",)),
        ("flag", True, True),
        ("flag", False, False),
        *(("flag", word, True) for word in ("true", "1", "yes", "on", "TRUE", " On ", 1)),
        *(("flag", word, False) for word in ("false", "0", "no", "off", "No", 0)),
    ],
)
def test_accepted_values(kind, raw, value):
    """Each kind gives its type, from texts and from YAML's own types."""
    parsed = parse_value(spec_of(kind), raw, "--thing (THING)")
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "raw", "accepted", "example"),
    [
        ("text", "a\nb", "a text without control characters", "EXAMPLE"),
        ("path", "a\x00b", "a text without control characters", "EXAMPLE"),
        ("path", "r\udcc3\udcbc", "a path in the locale's characters; PYTHONUTF8=1 knows all of them", "EXAMPLE"),
        ("name", "a b", "1 to 64 letters, digits, dots, underscores or hyphens, not beginning with a dot", "EXAMPLE"),
        ("flag", "maybe", "one of true, 1, yes, on, false, 0, no, off", "true"),
        ("flag", 2, "one of true, 1, yes, on, false, 0, no, off", "true"),
        ("timeout", "0s", "a duration above 0", "EXAMPLE"),
        ("whole", "-1", "a whole number, 0 or more", "EXAMPLE"),
        ("whole", "1.5", "a whole number, 0 or more", "EXAMPLE"),
        ("whole", "9" * 5000, "a whole number, 0 or more", "EXAMPLE"),
        ("whole", "٣", "a whole number, 0 or more", "EXAMPLE"),
        ("whole", True, "one value", "EXAMPLE"),
        ("whole", ["1"], "one value", "EXAMPLE"),
        ("count", "0", "a whole number, 1 or more", "EXAMPLE"),
        ("count", "ten", "a whole number, 1 or more", "EXAMPLE"),
        ("number", "nan", "a number, 0 or more", "EXAMPLE"),
        ("number", "-0.1", "a number, 0 or more", "EXAMPLE"),
        ("number", "1e999", "a number, 0 or more", "EXAMPLE"),
        ("positive", "0", "a number above 0", "EXAMPLE"),
        ("positive", "inf", "a number above 0", "EXAMPLE"),
        ("http_url", "host:80", "http:// or https:// with a host, optionally a port (1–65535) and a path", "EXAMPLE"),
        ("ws_url", "http://h", "ws:// or wss:// with a host, optionally a port (1–65535) and a path", "EXAMPLE"),
    ],
)
def test_anything_else_is_refused(kind, raw, accepted, example):
    """The error names the setting, the value, the accepted form and the option's own example."""
    with pytest.raises(UsageError) as raised:
        parse_value(spec_of(kind), raw, "--thing (THING)")
    assert (
        str(raised.value)
        == f"invalid value {quote(raw)} for --thing (THING): expected {accepted}, for example {example}"
    )


def test_a_home_that_nobody_has_is_refused():
    """`~nobody-here/x` cannot be expanded; the error has the reason."""
    with pytest.raises(
        UsageError, match=r"^invalid value '~nobody-here/x' for --thing: expected a path \(.*\), for example EX"
    ):
        parse_value(spec_of("path"), "~nobody-here/x", "--thing")


def test_choices_are_the_only_values():
    """Locust's form does not check choices; we do."""
    spec = spec_of("text", choices=("open", "closed"))
    assert parse_value(spec, "open", "--thing") == "open"
    with pytest.raises(
        UsageError, match=r"^invalid value 'ajar' for --thing: expected one of open, closed, for example EXAMPLE"
    ):
        parse_value(spec, "ajar", "--thing")


@pytest.mark.parametrize(
    ("raw", "thresholds"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("a: p(95)<1", ("a: p(95)<1",)),
        (" a: p(95)<1 ; b: rate>0.9;", ("a: p(95)<1", "b: rate>0.9")),
        ("a: p(95)<1\nb: count==0", ("a: p(95)<1", "b: count==0")),
        (["a: p(95)<1", "b: rate>0.9; c: max<3"], ("a: p(95)<1", "b: rate>0.9", "c: max<3")),
        (
            ["a: p(95)<1", " p(99.9)<2", "b{scenario:burst}: avg<3"],
            ("a: p(95)<1, p(99.9)<2", "b{scenario:burst}: avg<3"),
        ),
        ("a: p(95)<1, p(99)<2", ("a: p(95)<1, p(99)<2",)),
        (["p(95)<1"], ("p(95)<1",)),
        ([None, "count: count<1"], ("count: count<1",)),
    ],
)
def test_thresholds_come_one_by_one(raw, thresholds):
    """Separated by `;`, repeated, or cut at commas by the form: the same thresholds come out."""
    assert split_thresholds(raw) == thresholds
    assert parse_value(spec_of("threshold", repeatable=True), raw, "x") == thresholds


@pytest.mark.parametrize("value", [None, "", "  ", [], [""], [None, " "], ()])
def test_what_says_nothing_is_blank(value):
    """An empty form field and an empty variable set nothing."""
    assert is_blank(value)


@pytest.mark.parametrize("value", [0, False, "0", ["x"], 0.0])
def test_zero_and_false_say_something(value):
    """Zero users of a behaviour, or a duration without end, are values."""
    assert not is_blank(value)


raws = st.none() | st.text() | st.booleans() | st.integers() | st.floats() | st.lists(st.text(), max_size=2)


@given(st.sampled_from([*KINDS, "positive", "threshold"]), raws)
def test_any_value_is_read_or_refused(kind, raw):
    """No other exception reaches a person."""
    with suppress(UsageError):
        parse_value(spec_of(kind), raw, "--thing")


BOUNDED = [spec for spec in (*COMMON, *count_specs(["burst"]), *(spec for _, spec in benchmark_options())) if spec.most]
NUMBERS = {"whole", "count", "number", "positive", "duration", "timeout"}


def test_every_number_has_bounds():
    """It holds for every option, even an author's own: nobody has to think of it."""
    assert all(spec.kind in NUMBERS for spec in BOUNDED)
    for kind in NUMBERS:
        own = option("own", help="own", kind=kind)
        assert own.least is not None
        assert own.most in (MOST_COUNT, MAX_S)


@pytest.mark.parametrize("spec", BOUNDED, ids=lambda spec: spec.name)
@pytest.mark.parametrize("power", [0, 1, 6, 30, 290])
def test_what_is_beyond_an_options_bounds_is_refused(spec, power):
    """The error has value, form and example, for every source: flag, variable, form and file all end here."""
    assert parse_value(spec, f"{spec.most}", spec.label) == spec.most
    beyond = str((int(spec.most) + 1) * 10**power)
    with pytest.raises(UsageError) as raised:
        parse_value(spec, beyond, spec.label)
    told = str(raised.value)
    assert spec.label in told
    assert re.search(r" from \S+ to \S+, for example |at most 10,000 hours", told)
    if float(beyond) > spec.most:  # a float of a presets file may round to the bound itself
        with pytest.raises(UsageError):
            parse_value(spec, float(beyond), spec.label)


def test_an_option_of_ones_own_may_have_bounds():
    """They are inclusive on both sides, in the option's unit; a duration's are shown as durations."""
    depth = option("depth", help="depth", kind="count", least=2, most=9)
    assert [parse_value(depth, text, "--depth") for text in ("2", "9")] == [2, 9]
    with pytest.raises(UsageError, match=r"for --depth: expected a whole number from 2 to 9, for example"):
        parse_value(depth, "1", "--depth")
    pause = option("pause", help="pause", kind="duration", least=0.5, most=60)
    with pytest.raises(UsageError, match=r"expected a duration from 500ms to 1m, for example"):
        parse_value(pause, "61s", "--pause")


def test_the_bounds_of_a_run_fit_into_a_message_to_the_workers():
    """Whole numbers there have at most 53 bits (shape.py)."""
    assert all(spec.most <= MAX_WHOLE for spec in BOUNDED)


def test_commas_between_labels_separate_no_thresholds():
    """Nor does a window, in brackets or not."""
    text = 'server.jobs{queue="a,b",host="c"}: max<5, growth<1/h, append_latency_ms[60s]: p(95)<5'
    expected = ('server.jobs{queue="a,b",host="c"}: max<5, growth<1/h', "append_latency_ms[60s]: p(95)<5")
    assert split_thresholds(text) == split_thresholds(f"[{text}]") == split_thresholds(list(expected)) == expected
