"""Settings become typed options, by flag > environment > preset > default, before any load."""

import json
import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.model import COMMON, Options, describe
from fleetlm_users.workload.options.resolution import resolve
from fleetlm_users.workload.options.specs import count_specs, option
from fleetlm_users.workload.presets.preset import Preset
from fleetlm_users.workload.presets.presets import Presets, load_presets

MIXED = ("long_lived", "burst", "churn")
DEFAULTS = {spec.name: spec.default for spec in (*COMMON, *count_specs(MIXED))}
PACKAGED = load_presets()


def resolved(raw=None, presets=PACKAGED, **more):
    """The options of a mixed run."""
    known = {"host": None, "num_users": None, "run_time_s": None, "spawn_rate": None}
    made = {"new_run_id": lambda: "r-new", "new_seed": lambda: 99}
    return resolve({**DEFAULTS, **(raw or {})}, presets, "mixed", MIXED, **{**known, **made, **more})


def presets_with(**changes):
    """Return presets whose only one is light with changes."""
    light = PACKAGED.get("mixed", "light")
    return Presets({"mixed": {"light": replace(light, source="my.yaml", **changes)}})


def test_without_any_flag_the_light_preset_runs_against_localhost():
    """The first run needs no option."""
    options = resolved()
    assert (options.plan.preset, options.plan.total_users, options.plan.duration_s) == ("light", 18, 120.0)
    assert options.api_url == "http://localhost:4000/api"
    assert options.ws_url == "ws://localhost:4000/socket/websocket"
    assert (options.agent_url, options.agent_id) == ("http://localhost:4001", "bench-echo-agent")
    assert (options.run_id, options.seed) == ("r-new", 99)
    assert (options.connect_timeout_s, options.reply_timeout_s, options.heartbeat_interval_s) == (10.0, 30.0, 30.0)
    assert options.given_thresholds == ()
    assert (options.results_dir, options.presets_file) == (Path("results"), None)
    assert [options.debug, options.insecure, options.standin, options.no_results] == [False] * 4


def test_every_field_has_its_type():
    """The value has the annotated type."""
    hints = get_type_hints(Options)
    options = resolved()
    for name in ("run_id", "api_url", "ws_url", "seed", "debug", "message_bytes", "time_scale", "reply_timeout_s"):
        assert type(getattr(options, name)) is hints[name]


def test_every_option_arrives():
    """Each option, given as the text of a variable or a form, changes its field."""
    raw = {
        "api_url": "https://f/api",
        "ws_url": "wss://f/socket/websocket",
        "agent_url": "http://a",
        "agent_id": "other",
        "insecure": "true",
        "standin": "1",
        "message_bytes": "100",
        "agent_replies": "2",
        "time_scale": "0.1",
        "results_dir": "out",
        "no_results": "yes",
        "run_id": "mine",
        "participant_prefix": "p",
        "seed": "0",
        "debug": "on",
        "connect_timeout": "1s",
        "join_timeout": "2s",
        "reply_timeout": "3s",
        "drain_timeout": "0",
        "heartbeat_interval": "5",
        "presets_file": "my.yaml",
    }
    before, after = describe(resolved()), describe(resolved(raw))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{name}_s" if "timeout" in name or "interval" in name else name for name in raw}
    assert after["drain_timeout_s"] == 0.0
    assert after["seed"] == 0


@pytest.mark.parametrize(
    ("raw", "more", "users", "times"),
    [
        ({"preset": "standard"}, {}, (30, 15, 10), (300.0, 10.0, 20.0)),
        ({"vus": "36", "duration": "1m"}, {}, (20, 10, 6), (60.0, 2.5, 5.0)),
        ({"vus": "36", "duration": "1m"}, {"num_users": 18, "run_time_s": 30}, (10, 5, 3), (30.0, 1.25, 2.5)),
        ({"burst_vus": "50", "churn_vus": 0}, {}, (10, 50, 0), (120.0, 5.0, 10.0)),
        ({"long_lived_vus": 1}, {"num_users": 9}, (1, 5, 3), (120.0, 5.0, 10.0)),
        ({"duration": "0"}, {}, (10, 5, 3), (None, 5.0, 10.0)),
        ({"warm_up": "0", "ramp_up": "1s"}, {}, (10, 5, 3), (120.0, 1.0, 0.0)),
        ({}, {"spawn_rate": 9.0, "run_time_s": 0}, (10, 5, 3), (None, 2.0, 10.0)),
    ],
)
def test_the_plan_is_what_was_asked_for(raw, more, users, times):
    """-u beats vus, -t beats duration, counts are exact."""
    plan = resolved(raw, **more).plan
    assert tuple(plan.users.values()) == users
    assert (plan.duration_s, plan.ramp_up_s, plan.warm_up_s) == times


def test_a_host_sets_both_urls_where_they_are_not_given():
    """-H is the short form, a URL of its own beats it."""
    options = resolved(host="https://fleet.example")
    assert (options.api_url, options.ws_url) == (
        "https://fleet.example/api",
        "wss://fleet.example/socket/websocket",
    )
    options = resolved({"ws_url": "wss://edge/socket/websocket"}, host="https://fleet.example")
    assert (options.api_url, options.ws_url) == ("https://fleet.example/api", "wss://edge/socket/websocket")


def test_presets_set_options_where_nobody_else_does():
    """Flag beats preset, preset beats default; a flag that repeats the default beats it when known to be given."""
    presets = presets_with(options={"reply_timeout": "7s", "message_bytes": 128})
    assert resolved(presets=presets).reply_timeout_s == 7.0
    assert resolved(presets=presets).message_bytes == 128
    assert resolved({"reply_timeout": "9s"}, presets).reply_timeout_s == 9.0
    assert resolved({"reply_timeout": "30s"}, presets, given=("reply_timeout",)).reply_timeout_s == 30.0


def test_a_preset_may_leave_behaviours_out():
    """A behaviour that the preset does not name has no users, and can be given some."""
    presets = presets_with(users={"burst": 5})
    assert resolved(presets=presets).plan.users == {"long_lived": 0, "burst": 5, "churn": 0}
    assert resolved({"churn_vus": "2"}, presets).plan.users == {"long_lived": 0, "burst": 5, "churn": 2}


def test_given_thresholds_stay_apart_from_the_plans():
    """Laying them over the preset's is the judge's affair."""
    options = resolved({"threshold": ["messages_lost: count==0", "ws_join_ms: p(95)<100; ws_join_ms: max<500"]})
    assert options.given_thresholds == ("messages_lost: count==0", "ws_join_ms: p(95)<100", "ws_join_ms: max<500")
    assert options.plan.thresholds == PACKAGED.get("mixed", "light").thresholds


EXTRA = (
    option("keep_alive_ms", default=60000, help="hold"),
    option("arrival_rate", help="per second", kind="positive", example="50"),
    option("api_token", help="token", example="t", secret=True, in_preset=False),
)


def test_a_benchmark_brings_options_of_its_own():
    """They are read, checked and set by presets like the common ones."""
    presets = presets_with(options={"keep_alive_ms": 500})
    assert resolved(extra_specs=EXTRA).extra == {"keep_alive_ms": 60000, "arrival_rate": None, "api_token": None}
    assert resolved(presets=presets, extra_specs=EXTRA).extra["keep_alive_ms"] == 500
    assert resolved({"arrival_rate": "2.5"}, extra_specs=EXTRA).extra["arrival_rate"] == 2.5
    with pytest.raises(UsageError, match=r"^invalid value '0' for --arrival-rate \(ARRIVAL_RATE\): .*for example 50$"):
        resolved({"arrival_rate": "0"}, extra_specs=EXTRA)


def test_the_description_is_json_without_secrets():
    """summary.json holds every option that was in force, and no token."""
    options = resolved({"api_token": "hush", "presets_file": "my.yaml", "threshold": "a: max<1"}, extra_specs=EXTRA)
    described = describe(options)
    assert "hush" not in json.dumps(described)
    assert json.loads(json.dumps(described)) == described
    assert options.extra["api_token"] == "hush"
    assert set(described) == {item.name for item in fields(Options)} - {"secrets", "audit_database"}
    assert described["presets_file"] == "my.yaml"
    assert described["plan"]["users"] == {"long_lived": 10, "burst": 5, "churn": 3}
    assert described["plan"]["total_users"] == 18
    assert described["plan"]["spawn_rate"] == 3.6


@pytest.mark.parametrize(
    ("raw", "more", "message"),
    [
        (
            {"api_url": "localhost"},
            {},
            "invalid value 'localhost' for --api-url (API_URL): expected http:// or https://",
        ),
        ({"ws_url": "http://h"}, {}, "invalid value 'http://h' for --ws-url (WS_URL): expected ws:// or wss://"),
        ({"agent_url": "x"}, {}, "invalid value 'x' for --agent-url (AGENT_URL): expected http:// or https://"),
        ({"run_id": "a b"}, {}, "invalid value 'a b' for --run-id (RUN_ID): expected 1 to 64 letters"),
        (
            {"participant_prefix": "a/b"},
            {},
            "invalid value 'a/b' for --participant-prefix (PARTICIPANT_PREFIX): expected 1 to",
        ),
        (
            {"preset": "lite"},
            {},
            "invalid value 'lite' for --preset (PRESET): expected a preset of mixed: light, standard",
        ),
        ({"vus": "0"}, {}, "invalid value '0' for --vus (VUS): expected a whole number, 1 or more, for example 18"),
        (
            {"vus": "many"},
            {},
            "invalid value 'many' for --vus (VUS): expected a whole number, 1 or more, for example 18",
        ),
        ({}, {"num_users": 0}, "invalid value 0 for -u/--vus (VUS): expected a whole number, 1 or more"),
        ({"burst_vus": "-1"}, {}, "invalid value '-1' for --burst-vus (BURST_VUS): expected a whole number, 0 or more"),
        ({"duration": "2 minutes"}, {}, "invalid value '2 minutes' for --duration (DURATION): expected a duration"),
        ({"warm_up": "3m"}, {}, "invalid value '3m' for --warm-up (WARM_UP): expected less than the run's 2m"),
        ({"ramp_up": "-1"}, {}, "invalid value '-1' for --ramp-up (RAMP_UP): expected a duration"),
        ({"debug": "maybe"}, {}, "invalid value 'maybe' for --debug (DEBUG): expected one of true, 1, yes, on"),
        (
            {"reply_timeout": "0"},
            {},
            "invalid value '0' for --reply-timeout (REPLY_TIMEOUT): expected a duration above 0",
        ),
        (
            {"message_bytes": "0"},
            {},
            "invalid value '0' for --message-bytes (MESSAGE_BYTES): expected a whole number, 1 or more",
        ),
        (
            {"seed": "lucky"},
            {},
            "invalid value 'lucky' for --seed (SEED): expected a whole number, 0 or more, for example 42",
        ),
        ({"time_scale": "0"}, {}, "invalid value '0' for --time-scale (TIME_SCALE): expected a number above 0"),
        (
            {},
            {"host": "h:4000"},
            "invalid value 'h:4000' for -H/--host: expected http://, https://, ws:// or wss:// with a host",
        ),
        ({}, {"spawn_rate": 0}, "invalid value 0 for -r/--spawn-rate: expected a number of users per second above 0"),
        (
            {"ramp_up": "3s"},
            {"spawn_rate": 2},
            "invalid value 2 for -r/--spawn-rate: expected either this or --ramp-up (RAMP_UP)",
        ),
        (
            {"burst_vus": "4", "long_lived_vus": "4", "churn_vus": "4"},
            {"num_users": 20},
            "invalid value 20 for -u/--vus (VUS): "
            "expected exactly 12, the sum of --long-lived-vus 4 --burst-vus 4 --churn-vus 4",
        ),
        (
            {},
            {"presets": presets_with(options={"reply_timeout": True})},
            "invalid value True for my.yaml: mixed.light.options.reply_timeout: expected one value, for example 30s",
        ),
        (
            {},
            {"presets": presets_with(users={"brust": 5})},
            "invalid value 'brust' "
            "for my.yaml: mixed.light.users: expected a behaviour of mixed: long_lived, burst, churn",
        ),
    ],
)
def test_each_mistake_is_reported_before_load(raw, more, message):
    """The flag and its variable, the value, the accepted form, an example."""
    with pytest.raises(UsageError) as raised:
        resolved(raw, **more)
    assert str(raised.value).startswith(message)
    assert re.search(", for example | such as ", str(raised.value))


def test_a_made_run_id_is_checked_too():
    """Nothing that needs escaping gets into URLs, whoever made it."""
    with pytest.raises(UsageError, match="--run-id"):
        resolved(new_run_id=lambda: "a b")


@given(st.dictionaries(st.sampled_from([*DEFAULTS]), st.none() | st.text() | st.booleans() | st.integers()))
def test_any_values_are_resolved_or_refused(raw):
    """Whatever a form sends, the result is options, or a message for a person."""
    with suppress(UsageError):
        options = resolved(raw)
        assert json.dumps(describe(options))
        assert options.plan.total_users >= 1


def test_a_benchmark_of_ones_own():
    """A person's own benchmark needs a preset and its behaviours, nothing else."""
    presets = Presets({"mine": {"tiny": Preset("mine", "tiny", {"poke": 3}, 5.0)}})
    options = resolve(
        {},
        presets,
        "mine",
        ("poke",),
        host=None,
        num_users=None,
        run_time_s=None,
        spawn_rate=None,
        new_run_id=lambda: "r1",
        new_seed=lambda: 1,
    )
    assert options.plan.users == {"poke": 3}
