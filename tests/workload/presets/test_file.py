"""A presets file gives presets, or an error that names file, key path, value, accepted form and an example."""

import re
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.presets.file import KEYS, parse_presets, parse_yaml
from fleetlm_users.workload.presets.preset import Preset


def one(text):
    """Return the preset mixed.mine with the keys of the given YAML flow text."""
    return parse_presets(f"mixed: {{mine: {{{text}}}}}", "my.yaml")["mixed"]["mine"]


def test_a_full_preset_is_read():
    """Every key has its place."""
    preset = one(
        "description: mine, users: {burst: 2, churn: 0}, duration_s: 60, ramp_up_s: 1.5, warm_up_s: 5, "
        "thresholds: {append_latency_ms: ['p(95)<500', ' p(99)<900 '], 'append_latency_ms{scenario:burst}': max<1}, "
        "options: {reply_timeout: 10s, seed: 4, debug: true}"
    )
    assert preset == Preset(
        benchmark="mixed",
        name="mine",
        users={"burst": 2, "churn": 0},
        duration_s=60.0,
        description="mine",
        ramp_up_s=1.5,
        warm_up_s=5.0,
        thresholds=("append_latency_ms: p(95)<500, p(99)<900", "append_latency_ms{scenario:burst}: max<1"),
        options={"reply_timeout": "10s", "seed": 4, "debug": True},
        source="my.yaml",
    )


@pytest.mark.parametrize("off", ["off", "'off'", "Off"])
def test_a_default_threshold_is_switched_off(off):
    """Quotes do not matter: YAML reads the bare word as false."""
    preset = one(f"users: {{burst: 1}}, duration_s: 5, thresholds: {{inbox_shown_rate: {off}}}")
    assert [text.lower() for text in preset.thresholds] == ["inbox_shown_rate: off"]


@pytest.mark.parametrize("duration", ["null", "0", "~"])
def test_a_run_until_stopped(duration):
    """Null and 0 both mean: no end of its own."""
    preset = one(f"users: {{burst: 1}}, duration_s: {duration}, warm_up_s: 9")
    assert preset.duration_s is None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}"])
def test_an_empty_file_has_no_presets(text):
    """A file with only comments is not a mistake."""
    assert parse_presets(text, "my.yaml") == {}


@pytest.mark.parametrize(
    ("keys", "length_s"),
    [
        ("options: {stages: ['a=2s:3', '0s:9', 'b=1m:9']}", 62.0),
        ("options: {stages: '2s:3,3s:0'}", 5.0),
        ("options: {stages: '2s:3,3s:0'}, duration_s: 9", 9.0),
        ("options: {session_rate: ['up=4s:2', '6s:2']}", 10.0),
        ("options: {session_rate: 5}, duration_s: 9", 9.0),
        ("options: {stages: soon}", None),  # refused where the preset runs
    ],
)
def test_stages_say_how_long_the_run_is(keys, length_s):
    """A preset in stages needs no other length."""
    assert one(f"users: {{burst: 1}}, {keys}").duration_s == length_s


def test_one_rate_of_sessions_says_no_length():
    """It may go on until stopped."""
    with pytest.raises(UsageError, match="expected a preset with the key duration_s"):
        one("users: {burst: 1}, options: {session_rate: 5}")


USERS = "users: {burst: 1}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "user: {burst: 1}, duration_s: 1",
            "invalid value 'user' for my.yaml: mixed.mine.user: expected one of the keys " + ", ".join(KEYS),
        ),
        (
            USERS,
            "invalid value 'only users' for my.yaml: mixed.mine: "
            "expected a preset with the key duration_s (null for a run",
        ),
        (
            "duration_s: 1",
            "invalid value None for my.yaml: mixed.mine.users: expected a mapping such as `long_lived: …`",
        ),
        (
            "users: {burst: -1}, duration_s: 1",
            "invalid value -1 for my.yaml: mixed.mine.users.burst: expected a whole number of users",
        ),
        (
            "users: {burst: 1.5}, duration_s: 1",
            "invalid value 1.5 for my.yaml: mixed.mine.users.burst: expected a whole number of users",
        ),
        (
            "users: {burst: true}, duration_s: 1",
            "invalid value True for my.yaml: mixed.mine.users.burst: expected a whole number",
        ),
        (
            "users: {burst: '5'}, duration_s: 1",
            "invalid value '5' for my.yaml: mixed.mine.users.burst: expected a whole number",
        ),
        (
            "users: {burst: 0}, duration_s: 1",
            "invalid value {'burst': 0} for my.yaml: mixed.mine.users: expected at least one user of one behaviour",
        ),
        (
            "users: {}, duration_s: 1",
            "invalid value {} for my.yaml: mixed.mine.users: expected at least one user of one behaviour",
        ),
        (
            "users: {Burst: 1}, duration_s: 1",
            "invalid value 'Burst' for my.yaml: mixed.mine.users.Burst: expected a key such as",
        ),
        ("users: {1: 1}, duration_s: 1", "invalid value 1 for my.yaml: mixed.mine.users.1: expected a key such as"),
        (
            f"{USERS}, duration_s: 2m",
            "invalid value '2m' for my.yaml: mixed.mine.duration_s: expected a number of seconds, 0 or more",
        ),
        (
            f"{USERS}, duration_s: -1",
            "invalid value -1 "
            "for my.yaml: mixed.mine.duration_s: expected a number of seconds, 0 or more, for example 120",
        ),
        (
            f"{USERS}, duration_s: .nan",
            "invalid value nan for my.yaml: mixed.mine.duration_s: expected a number of seconds",
        ),
        (
            f"{USERS}, duration_s: .inf",
            "invalid value inf for my.yaml: mixed.mine.duration_s: expected a number of seconds",
        ),
        (
            f"{USERS}, duration_s: true",
            "invalid value True for my.yaml: mixed.mine.duration_s: expected a number of seconds",
        ),
        (
            f"{USERS}, duration_s: 9, ramp_up_s: x",
            "invalid value 'x' for my.yaml: mixed.mine.ramp_up_s: expected a number of seconds",
        ),
        (
            f"{USERS}, duration_s: 9, warm_up_s: null",
            "invalid value None for my.yaml: mixed.mine.warm_up_s: expected a number of seconds",
        ),
        (
            f"{USERS}, duration_s: 10, warm_up_s: 10",
            "invalid value 10.0 for my.yaml: mixed.mine.warm_up_s: expected less than duration_s, which is",
        ),
        (
            f"{USERS}, duration_s: 10, ramp_up_s: 11",
            "invalid value 11.0 for my.yaml: mixed.mine.ramp_up_s: expected less than duration_s",
        ),
        (
            f"{USERS}, duration_s: 1, description: 5",
            "invalid value 5 for my.yaml: mixed.mine.description: expected a text such as",
        ),
        (
            f"{USERS}, duration_s: 1, thresholds: p95",
            "invalid value 'p95' for my.yaml: mixed.mine.thresholds: expected a mapping",
        ),
        (
            f"{USERS}, duration_s: 1, thresholds: {{a: 5}}",
            "invalid value 5 for my.yaml: mixed.mine.thresholds.a: expected one text of rules or a",
        ),
        (
            f"{USERS}, duration_s: 1, thresholds: {{a: []}}",
            "invalid value [] for my.yaml: mixed.mine.thresholds.a: expected one text of rules or a",
        ),
        (
            f"{USERS}, duration_s: 1, thresholds: {{a: [b, 1]}}",
            "invalid value ['b', 1] for my.yaml: mixed.mine.thresholds.a: expected one text",
        ),
        (
            f"{USERS}, duration_s: 1, thresholds: {{a b: c}}",
            "invalid value 'a b' for my.yaml: mixed.mine.thresholds.a b: expected a key",
        ),
        (
            f"{USERS}, duration_s: 1, options: [a]",
            "invalid value ['a'] for my.yaml: mixed.mine.options: expected a mapping",
        ),
        (
            f"{USERS}, duration_s: 1, options: {{seed: [1]}}",
            "invalid value [1] for my.yaml: mixed.mine.options.seed: expected one value",
        ),
        (
            f"{USERS}, duration_s: 1, options: {{seed: null}}",
            "invalid value None for my.yaml: mixed.mine.options.seed: expected one",
        ),
    ],
)
def test_each_mistake_in_a_preset_is_reported(text, message):
    """The error has file, key path, value, the accepted form, and an example."""
    with pytest.raises(UsageError) as raised:
        one(text)
    assert raised.value.what.startswith("my.yaml: mixed.mine")
    assert message in str(raised.value)
    assert re.search(", for example | such as ", str(raised.value))


VALID = "good: {users: {burst: 1}, duration_s: 1}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"one: {{{VALID}}}\nmixed: 5", "invalid value 5 for my.yaml: mixed: expected a mapping such as `light: …`"),
        (f"one: {{{VALID}}}\nmixed: {{}}", "invalid value {} for my.yaml: mixed: expected at least one preset"),
        (f"mixed: {{{VALID}, light: null}}", "invalid value None for my.yaml: mixed.light: expected a mapping"),
        (
            f"Mixed: {{{VALID}}}",
            "invalid value 'Mixed' for my.yaml: Mixed: expected a key such as mixed",
        ),
        (f"mixed: {{{VALID}, 'a b': {{}}}}", "invalid value 'a b' for my.yaml: mixed.a b: expected a key such as"),
        (
            f'mixed: {{{VALID}, "a\\e[31m": {{}}}}',
            r"invalid value 'a\x1b[31m' for my.yaml: mixed.'a\x1b[31m': expected a key",
        ),
        (
            f"mixed: {{{VALID}, {'b ' * 99}: {{}}}}",
            "for my.yaml: mixed.'b b b b b b b b b b b… (197 characters): expected",
        ),
    ],
)
def test_each_mistake_above_the_presets_is_reported(text, message):
    """The path ends where the mistake is, and stays readable whatever the key is."""
    with pytest.raises(UsageError) as raised:
        parse_presets(text, "my.yaml")
    assert message in str(raised.value)


SECRET = "AKIA5EXAMPLE"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (PEM, "a text of 66 characters"),
        (f"DB_PASSWORD={SECRET}\nAWS_KEY={SECRET}\n", "a text of 45 characters"),
        (f"root:{SECRET}:0:0:root:/root:/bin/bash\n", "a text of 42 characters"),
        (f"[{SECRET}, b]", "a list of 2 entries"),
        (f"{SECRET}: 1", "a mapping of 1 key"),
        (f'{{"type": "service_account", "private_key": "{SECRET}"}}', "a mapping of 2 keys"),
        (f"data: {{password: {SECRET}}}\nmetadata: {{labels: {{{SECRET}: x}}}}", "a mapping of 2 keys"),
        (f"users: {{- name: {SECRET}}}", ""),
        (f"{SECRET}: 1\n{SECRET}: 2\n", "a key given twice"),
        (f"a: *{SECRET}", "found undefined alias"),
        (f"a: &{SECRET} 1\nb: &{SECRET} 2", "second occurrence"),
        (f"a: !{SECRET} x", "could not determine a constructor for the tag"),
        (f"a: !!bool {SECRET}", "a value that is not of type bool"),
        (f"a: !!int {SECRET}", "a value that is not of type int"),
        (f"a: !!python/name:{SECRET} x", ""),
        (f"a: !!binary {SECRET}=", ""),
        (f"a: !{SECRET}!b x", "found undefined tag handle"),
        (f"%TAG ! {SECRET}\n---\n- {SECRET}: [", ""),
        (f"a: [\n{SECRET}\nb: {SECRET}", ""),
        ("42", "a number"),
        ("2026-01-01", "a date"),
    ],
)
def test_an_error_about_a_file_that_holds_no_presets_shows_nothing_of_it(text, kind):
    """It may be a key, a password file, anything that somebody named: type and length must do."""
    with pytest.raises(UsageError) as raised:
        parse_presets(text, "my.yaml")
    assert SECRET not in str(raised.value)
    assert f"got {kind}" in str(raised.value) or kind in str(raised.value)


def test_a_few_lines_that_stand_for_a_billion_make_one_line_of_error():
    """Aliases of aliases: refused before anything is built from them."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(UsageError) as raised:
        parse_presets("\n".join(lines), "my.yaml")
    assert "more than 10,000 values, by its aliases" in str(raised.value)
    assert len(str(raised.value)) < 300


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(KEYS), values))
def test_any_preset_is_read_or_refused(keys):
    """No other exception reaches a person, and accepted presets can run."""
    text = yaml.safe_dump({"mixed": {"mine": keys}})
    with suppress(UsageError):
        preset = parse_presets(text, "my.yaml")["mixed"]["mine"]
        assert sum(preset.users.values()) > 0


def test_plain_values_anchors_and_merges_are_read():
    """The usual means of avoiding repetition work."""
    text = "a: &base {x: 1, y: 2}\nb: {<<: *base, y: 3}\nc: *base\n"
    assert parse_yaml(text, "my.yaml") == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1\nc: 2\n", "invalid value for my.yaml line 3: text that is not YAML ("),
        (
            "a: 1\n\tb: 2\n",
            "invalid value "
            "for my.yaml line 2: text that is not YAML (found character '\\t' that cannot start any token)",
        ),
        ("a: 1\nb: 2\na: 3\n", "invalid value for my.yaml line 3: a key given twice; expected YAML"),
        ("a: {x: 1, x: 1}", "invalid value for my.yaml line 1: a key given twice"),
        ("a: *nobody", "invalid value for my.yaml line 1: text that is not YAML (found undefined alias); "),
        (
            "a: !!python/object:os.system x",
            "invalid value for my.yaml line 1: text that is not YAML (could not determine a constructor",
        ),
        ("{[1]: 2}", "invalid value for my.yaml line 1: text that is not YAML (found unhashable key)"),
        (
            "a: [1",
            "invalid value for my.yaml line 1: text that is not YAML (expected ',' or ']', but got '<stream end>')",
        ),
        ("a: 1\nb: 2026-99-99", "invalid value for my.yaml line 2: a value that is not of type timestamp"),
        ("a: !!bool maybe", "invalid value for my.yaml line 1: a value that is not of type bool"),
        ("a: \x00", "invalid value for my.yaml: the character U+0000, which YAML does not allow"),
        ("[" * 5000, "invalid value for my.yaml line 1: more than 20 levels"),
        ("- " * 5000, "invalid value for my.yaml line 1: more than 20 levels"),
        ("- a\n" * 20_000, "invalid value for my.yaml line 1000"),
        (
            "a: &a [x]\n" + "".join(f"{n}: &{n} [*{n - 1 or 'a'}]\n" for n in range(1, 99)),
            "invalid value for my.yaml line 18: more than",
        ),
        (
            "a: &0 {k: v, l: w}\n"
            + "".join(f"{n}: &{n} {{<<: [{', '.join([f'*{n - 1}'] * 9)}]}}\n" for n in range(1, 7)),
            "invalid value for my.yaml line 5: more than 10,000 values, by its aliases",
        ),
        ("a: &a {b: *a}", "invalid value for my.yaml line 1: an alias of what it is a part of"),
        ("a: &a [*a]", "invalid value for my.yaml line 1: an alias of what it is a part of"),
        ("a: " + "9" * 5000, "invalid value for my.yaml line 1: more than 100 characters for a number or date"),
        ("a: 0x" + "f" * 5000, "invalid value for my.yaml line 1: more than 100 characters for a number or date"),
        ("a: 1" + ":1" * 5000, "invalid value for my.yaml line 1: more than 100 characters for a number or date"),
    ],
)
def test_each_mistake_is_reported_with_its_line(text, message):
    """The line is named if PyYAML knows it; a converter's own error is reported, too."""
    with pytest.raises(UsageError) as raised:
        parse_yaml(text, "my.yaml")
    assert str(raised.value).startswith(message)


@given(st.text() | st.text(alphabet="ab:,-[]{}&*!|>'\"#%@ \n0"))
def test_any_text_is_yaml_or_a_usage_error(text):
    """No other exception reaches a person."""
    with suppress(UsageError):
        parse_yaml(text, "my.yaml")
