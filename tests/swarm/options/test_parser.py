"""Our options in Locust's parser."""

import json

import pytest
from locust.argument_parser import LocustArgumentParser, get_empty_argument_parser, setup_parser_arguments

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.options.parser import options_of, register, specs_of
from tests.swarm.samples import benchmark

NO_OVERRIDES = {"num_users": None, "run_time_s": None, "spawn_rate": None}


@pytest.fixture
def parser(monkeypatch):
    """Locust's parser with our options, an environment without any of them."""
    for spec in specs_of(benchmark()):
        monkeypatch.delenv(spec.env, raising=False)
    made = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(made)
    register(made, benchmark())
    return made


def test_every_option_is_a_flag_and_reaches_the_form(parser):
    """Arguments in groups would not; those marked so stay out."""
    shown = parser.args_included_in_web_ui
    for spec in specs_of(benchmark()):
        assert spec.flag in parser.format_help()
        assert (spec.name in shown) == spec.in_form


def test_the_form_can_be_sent_as_json(parser):
    """Defaults and choices end up in the page."""
    parsed = vars(parser.parse_args([]))
    for spec in specs_of(benchmark()):
        action = parser.args_included_in_web_ui.get(spec.name)
        assert action is None or json.dumps([parsed[spec.name], action.choices, action.help])


def test_web_ui_and_master_bind_to_loopback_unless_told_otherwise(parser):
    """Secure by default."""
    assert (parser.parse_args([]).web_host, parser.parse_args([]).master_bind_host) == ("127.0.0.1", "127.0.0.1")
    assert parser.parse_args(["--web-host", "0.0.0.0"]).web_host == "0.0.0.0"


def test_a_bad_value_is_refused_with_an_example(parser, capsys):
    """Before anything is started, as Locust refuses its own."""
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--join-timeout", "soon"])
    assert ended.value.code == 2
    assert "invalid value 'soon' for --join-timeout (JOIN_TIMEOUT)" in capsys.readouterr().err


def test_a_preset_of_ones_own_file_is_not_refused_by_the_parser(parser):
    """Choices are there for the drop-down; the name is checked when the file has been read."""
    assert parser.parse_args(["--preset", "my-own"]).preset == "my-own"


def test_an_unknown_preset_is_refused_when_resolved(parser):
    """The error lists the existing names."""
    with pytest.raises(UsageError, match="light, standard, stress, soak"):
        options_of(parser.parse_args(["--preset", "nope"]), benchmark(), None, NO_OVERRIDES)


def test_environment_and_flag(parser, monkeypatch):
    """The flag wins."""
    monkeypatch.setenv("AGENT_ID", "from-env")
    assert options_of(parser.parse_args([]), benchmark(), None, NO_OVERRIDES).agent_id == "from-env"
    parsed = parser.parse_args(["--agent-id", "from-flag"])
    assert options_of(parsed, benchmark(), None, NO_OVERRIDES).agent_id == "from-flag"


@pytest.mark.parametrize(("words", "env"), [(["--reply-timeout", "30s"], ""), ([], "30s")], ids=["flag", "variable"])
def test_a_given_value_beats_the_preset_even_if_it_is_the_default(parser, monkeypatch, tmp_path, words, env):
    """A value that somebody gives is intended."""
    presets = tmp_path / "presets.yaml"
    presets.write_text("mixed:\n  patient: {users: {burst: 1}, duration_s: 9, options: {reply_timeout: 60s}}\n")
    chosen = ["--presets-file", str(presets), "--preset", "patient"]
    assert options_of(parser.parse_args(chosen), benchmark(), None, NO_OVERRIDES).reply_timeout_s == 60
    monkeypatch.setenv("REPLY_TIMEOUT", env)
    parsed = parser.parse_args([*chosen, *words])
    assert options_of(parsed, benchmark(), None, NO_OVERRIDES).reply_timeout_s == 30


def test_registering_needs_nothing_but_a_parser():
    """Locust builds a parser for every page load."""
    for _ in range(2):
        parser = LocustArgumentParser()
        register(parser, benchmark())
