"""The list of options is complete, consistent, and fit for Locust's parser and form."""

import argparse
import re
import typing
from dataclasses import replace

import pytest

from fleetlm_users.workload.options import benchmark_specs
from fleetlm_users.workload.options.capacity import CAPACITY_OPTIONS
from fleetlm_users.workload.options.model import COMMON, FIELD_OF, PLAN_OPTIONS
from fleetlm_users.workload.options.parsing import parse_value
from fleetlm_users.workload.options.specs import Kind, OptionSpec, count_specs, option

SPECS = (*COMMON, *count_specs(("long_lived", "burst", "churn")))
BY_NAME = {spec.name: spec for spec in SPECS}


@pytest.mark.parametrize(
    ("flag", "env", "default"),
    [
        ("--api-url", "API_URL", "http://localhost:4000/api"),
        ("--ws-url", "WS_URL", "ws://localhost:4000/socket/websocket"),
        ("--agent-url", "AGENT_URL", "http://localhost:4001"),
        ("--agent-id", "AGENT_ID", "bench-echo-agent"),
        ("--run-id", "RUN_ID", ""),
        ("--preset", "PRESET", ""),
        ("--presets-file", "PRESETS_FILE", ""),
        ("--vus", "VUS", ""),
        ("--duration", "DURATION", ""),
        ("--warm-up", "WARM_UP", ""),
        ("--ramp-up", "RAMP_UP", ""),
        ("--threshold", "THRESHOLD", ""),
        ("--debug", "DEBUG", False),
        ("--insecure", "INSECURE", False),
        ("--connect-timeout", "CONNECT_TIMEOUT", "10s"),
        ("--join-timeout", "JOIN_TIMEOUT", "10s"),
        ("--reply-timeout", "REPLY_TIMEOUT", "30s"),
        ("--drain-timeout", "DRAIN_TIMEOUT", "10s"),
        ("--heartbeat-interval", "HEARTBEAT_INTERVAL", "30s"),
        ("--seed", "SEED", ""),
        ("--participant-prefix", "PARTICIPANT_PREFIX", "bench"),
        ("--agent-replies", "AGENT_REPLIES", "1"),
        ("--message-bytes", "MESSAGE_BYTES", "64"),
        ("--standin", "STANDIN", False),
        ("--results-dir", "RESULTS_DIR", "results"),
        ("--no-results", "NO_RESULTS", False),
        ("--time-scale", "TIME_SCALE", "1"),
        ("--long-lived-vus", "LONG_LIVED_VUS", ""),
        ("--burst-vus", "BURST_VUS", ""),
        ("--churn-vus", "CHURN_VUS", ""),
    ],
)
def test_flags_environment_and_defaults(flag, env, default):
    """The names that people type, as the issue has them."""
    spec = BY_NAME[flag.removeprefix("--").replace("-", "_")]
    assert (spec.flag, spec.env, spec.default) == (flag, env, default)
    assert spec.label == f"{flag} ({env})"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_option_is_distinct_and_explained(spec):
    """Flag and variable follow from the name; the example is valid; the help is one short line."""
    assert spec.flag == f"--{spec.name.replace('_', '-')}"
    assert spec.env == spec.name.upper()
    assert parse_value(spec, spec.example, spec.label) is not None
    assert 0 < len(spec.help) <= 90
    assert not spec.help.endswith(".")


def test_no_two_options_share_a_name():
    """Flags, variables and names are unique."""
    assert len({spec.name for spec in SPECS}) == len(SPECS)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_defaults_survive_locusts_form(spec):
    """The form converts to the default's type: texts stay texts, and only flags are booleans."""
    assert isinstance(spec.default, bool) == (spec.kind == "flag")
    assert spec.default == "" or parse_value(spec, spec.default, spec.label) == parse_value(
        spec, str(spec.default), spec.label
    )


def test_argparse_takes_every_help_text():
    """Argparse expands % in help texts; a stray one would break --help."""
    parser = argparse.ArgumentParser()
    for spec in SPECS:
        parser.add_argument(spec.flag, default=spec.default, help=spec.help)
    assert all(spec.flag in parser.format_help() for spec in SPECS)


def test_what_is_hidden_from_the_form():
    """Three are Locust's own fields there, one is for tests, five are settled at the start, eight name places."""
    hidden = {"vus", "duration", "ramp_up", "time_scale", "metrics_port", "metrics_host", "web_allowed_hosts"}
    hidden |= {"standin_like", "standin_options", "presets_file", "results_dir", "junit", "markdown"}
    hidden |= {"audit_database", "audit_database_file", "baseline", "annotate"}
    assert {spec.name for spec in SPECS if not spec.in_form} == hidden


@pytest.mark.parametrize("kind", ["path", "hosts", "database_url"])
def test_what_names_a_place_on_this_machine_is_never_in_the_form(kind):
    """However it is declared, so that whoever adds an option need not think of it."""
    spec = option("key_file", help="a key", kind=kind, example="key.pem", in_form=True)
    assert not spec.in_form
    assert not replace(spec, in_form=True).in_form


@pytest.mark.parametrize(
    ("default", "kind", "text"), [(3, "whole", "3"), (0.5, "number", "0.5"), (False, "flag", False), ("x", "text", "x")]
)
def test_all_but_name_and_help_is_derived(default, kind, text):
    """A behaviour's author states what cannot be guessed."""
    spec = option("questions_asked", default=default, help="questions per interview")
    assert (spec.flag, spec.env, spec.label) == (
        "--questions-asked",
        "QUESTIONS_ASKED",
        "--questions-asked (QUESTIONS_ASKED)",
    )
    assert (spec.default, spec.kind, spec.title, spec.hint) == (text, kind, "Questions asked", spec.help)
    assert parse_value(spec, spec.example, spec.label) == default or kind == "flag"


@pytest.mark.parametrize("kind", typing.get_args(Kind))
def test_every_kind_has_a_valid_example(kind):
    """It stands in errors and in the reference of an option that has none of its own."""
    spec = option("thing", kind=kind, help="a thing")
    assert parse_value(spec, spec.example, spec.label)


def test_every_option_is_a_field_or_a_part_of_the_plan():
    """Each has one declaration, beside the field with its type."""
    assert {spec.name for spec in COMMON} == {*FIELD_OF, *(spec.name for spec in PLAN_OPTIONS)}


FILE_WORDS = re.compile(r"(?<![a-z])(file|folder|path|directory|dir|cert|certificate|key|audit|log)(?![a-z])")


OF_BENCHMARKS = [
    *(spec for spec in vars(benchmark_specs).values() if isinstance(spec, OptionSpec)),
    *CAPACITY_OPTIONS,
]


@pytest.mark.parametrize("spec", [*SPECS, *OF_BENCHMARKS], ids=lambda spec: spec.name)
def test_no_option_that_sounds_like_a_file_is_of_another_kind(spec):
    """A path that was declared as a text would be in the form."""
    sounds_so = FILE_WORDS.search(spec.name.replace("_", " ")) or "/" in spec.example
    if spec.kind in ("text", "name") and sounds_so and not spec.choices:
        pytest.fail(f"{spec.flag} is of kind {spec.kind}: declare it as a path")
