"""Our options in Locust's parser, and Options over the wire to workers."""

import json
import math

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust.argument_parser import LocustArgumentParser, get_empty_argument_parser, setup_parser_arguments

from fleetlm_users.errors import ShapeError, UsageError
from fleetlm_users.swarm.options.parser import options_of, register, specs_of
from fleetlm_users.swarm.options.wire import from_wire, to_wire
from tests.mutations import mutated
from tests.swarm.samples import benchmark, options

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
    """With the names there are."""
    with pytest.raises(UsageError, match="light, standard, stress"):
        options_of(parser.parse_args(["--preset", "nope"]), benchmark(), None, NO_OVERRIDES)


def test_environment_and_flag(parser, monkeypatch):
    """The flag wins."""
    monkeypatch.setenv("AGENT_ID", "from-env")
    assert options_of(parser.parse_args([]), benchmark(), None, NO_OVERRIDES).agent_id == "from-env"
    parsed = parser.parse_args(["--agent-id", "from-flag"])
    assert options_of(parsed, benchmark(), None, NO_OVERRIDES).agent_id == "from-flag"


def test_registering_needs_nothing_but_a_parser():
    """Locust builds a parser for every page load."""
    for _ in range(2):
        parser = LocustArgumentParser()
        register(parser, benchmark())


@given(
    st.sampled_from(["light", "standard", "stress"]),
    st.integers(0, 2**31),
    st.lists(st.sampled_from(["append_latency_ms: p(95)<1", "message_success_rate: rate>0.5"]), max_size=2),
)
def test_options_survive_the_wire(preset, seed, thresholds):
    """A worker sees what the master resolved, through msgpack."""
    paths = {"results_dir": "some/where", "junit": "j.xml"}
    sent = options(preset=preset, seed=str(seed), threshold=thresholds, source_ips="127.0.0.2", **paths)
    wire = msgpack.unpackb(msgpack.packb(to_wire(sent)), strict_map_key=False)
    assert from_wire(wire) == sent


def test_damaged_options_are_refused_by_name():
    """Nothing but a ShapeError comes of them, or options of the right types."""
    sound = msgpack.unpackb(msgpack.packb(to_wire(options(preset="light", seed="7"))), strict_map_key=False)
    refused = 0
    for seed in range(1_000):
        try:
            found = from_wire(mutated(sound, seed))
        except ShapeError:
            refused += 1
            continue
        assert isinstance(found.plan.total_users, int)
        assert math.isfinite(found.drain_timeout_s)
        assert isinstance(found.api_url, str)
    assert refused > 500


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": "7"}, "seed is '7'; expected a whole number"),
        ({"cleanup": None}, "cleanup is None"),
        ({"reply_timeout_s": float("nan")}, "reply_timeout_s is nan"),
        ({"reply_timeout_s": -1.0}, "reply_timeout_s is -1.0"),
        ({"plan": None}, "plan is None; expected an object"),
        ({"source_ips": "127.0.0.1"}, "source_ips is '127.0.0.1'; expected a list"),
        ({"extra": []}, "extra is a list; expected an object"),
        ({"added": 1}, "added is an option that this version does not know"),
    ],
)
def test_what_no_master_of_this_version_describes_is_refused(changed, words):
    """By the place in the options."""
    with pytest.raises(ShapeError) as problem:
        from_wire(to_wire(options()) | changed)
    assert words in str(problem.value)
