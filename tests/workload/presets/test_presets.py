"""The packaged presets are those of the issues, and a person's own file lies over them."""

import os
from pathlib import Path

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.workload.plan import make_plan
from fleetlm_users.workload.presets import presets as module
from fleetlm_users.workload.presets.file import parse_own_presets, parse_presets
from fleetlm_users.workload.presets.presets import DEFAULT_FILE, MAX_FILE_BYTES, load_presets
from fleetlm_users.workload.stages.notation import parse_stages, timetable_of


@pytest.mark.parametrize(
    ("name", "users", "duration_s"),
    [("light", (10, 5, 3), 120), ("standard", (30, 15, 10), 300), ("stress", (100, 50, 25), 600)],
)
def test_the_mixed_presets_are_those_of_the_issue(name, users, duration_s):
    """Users per behaviour and duration; all judge by the same thresholds."""
    preset = load_presets().get("mixed", name)
    assert dict(preset.users) == dict(zip(("long_lived", "burst", "churn"), users, strict=True))
    assert preset.duration_s == duration_s
    assert preset.thresholds == (
        "append_latency_ms: p(95)<1000",
        "message_success_rate: rate>0.90",
        "agent_reply_rate: rate>0.90",
        "backpressure_events: count<500",
    )


@pytest.mark.parametrize(
    ("benchmark", "users", "duration_s", "thresholds"),
    [
        (
            "concurrent_sessions",
            50,
            120,
            ("session_creation_ms: p(95)<1000", "ws_join_ms: p(95)<2000", "connection_failures: count<10"),
        ),
        (
            "message_throughput",
            10,
            60,
            (
                "append_latency_ms: p(95)<500, p(99)<1000",
                "message_success_rate: rate>0.95",
                "agent_reply_rate: rate>0.90",
                "backpressure_events: count<100",
            ),
        ),
        (
            "session_lifecycle",
            10,
            None,
            (
                "lifecycle_total_ms: p(95)<3000",
                "join_latency_ms: p(95)<1000",
                "message_roundtrip_ms: p(95)<500",
                "lifecycle_success_rate: rate>0.95",
            ),
        ),
        (
            "message_correctness",
            5,
            None,
            ("message_correctness_rate: rate==1.0", "messages_lost: count==0", "replay_missing: count==0"),
        ),
        ("ws_hot_path", 50, 60, ("append_latency_ms: p(95)<150",)),
    ],
)
def test_every_other_benchmark_has_its_default(benchmark, users, duration_s, thresholds):
    """Users, duration and thresholds of the issue and of metrics.md."""
    preset = load_presets().get(benchmark, "default")
    assert sum(preset.users.values()) == users
    assert preset.duration_s == duration_s
    assert preset.thresholds == thresholds


def test_every_packaged_preset_makes_a_plan():
    """No packaged preset contradicts itself, and each states its purpose."""
    for presets in load_presets().by_benchmark.values():
        for preset in presets.values():
            assert make_plan(preset).total_users == sum(preset.users.values())
            assert preset.description


@pytest.mark.parametrize("name", ["spike", "stairs", "breakpoint"])
def test_users_and_length_of_a_ready_shape_are_those_of_its_stages(name):
    """Both are written in the preset, for those who read it."""
    preset = load_presets().get("mixed", name)
    timetable = timetable_of(parse_stages(preset.options["stages"], name))
    assert sum(preset.users.values()) == timetable.peak
    assert preset.duration_s == timetable.total_s
    names = {stage.name for stage in timetable.stages}
    assert all(threshold.stage in (None, *names) for threshold in parse_thresholds(preset.thresholds))


def test_the_first_preset_is_the_default():
    """`locust -f mixed.py` alone runs light."""
    assert load_presets().default_name("mixed") == "light"


def test_an_own_file_wins_per_preset(tmp_path):
    """A preset of the same name is replaced as a whole, others stay, new ones are added behind them."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "mixed:\n"
        "  standard: {users: {burst: 1}, duration_s: 9}\n"
        "  mine: {users: {churn: 2}, duration_s: null}\n"
        "my_benchmark:\n"
        "  tiny: {users: {mine: 1}, duration_s: 5}\n"
    )
    presets = load_presets(path)
    assert list(presets.of("mixed")) == ["light", "standard", "stress", "soak", "spike", "stairs", "breakpoint", "mine"]
    standard = presets.get("mixed", "standard")
    assert (standard.users, standard.thresholds, standard.source) == ({"burst": 1}, (), str(path))
    assert presets.get("mixed", "light").source == "presets.yaml"
    assert presets.get("my_benchmark", "tiny").duration_s == 5.0


def test_an_unknown_preset_is_refused_with_the_known_ones():
    """The error lists what can be chosen."""
    with pytest.raises(UsageError) as raised:
        load_presets().get("mixed", "lite")
    assert str(raised.value) == (
        "invalid value 'lite' for --preset (PRESET): "
        "expected a preset of mixed: light, standard, stress, soak, spike, stairs, breakpoint, for example light"
    )


def test_an_unknown_benchmark_is_refused_with_the_known_ones():
    """The error lists every benchmark that has presets."""
    with pytest.raises(
        UsageError,
        match=r"^invalid value 'nope' for benchmark: expected one that has presets: capacity, cold_start_replay, conc",
    ):
        load_presets().of("nope")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """It may be missing, a folder, or not UTF-8: the error has the option, the path and the reason."""
    garbage = tmp_path / "garbage.yaml"
    garbage.write_bytes(b"\xff\xfe\xff")
    for path, reason in [(tmp_path / "none.yaml", "No such file"), (tmp_path, "directory"), (garbage, "UTF-8")]:
        with pytest.raises(UsageError) as raised:
            load_presets(path)
        assert str(raised.value).startswith(
            f"invalid value '{path}' for --presets-file (PRESETS_FILE): expected a YAML file"
        )
        assert reason in str(raised.value)


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path):
    """A pipe that nobody writes to would stop the event loop, a device may have no end."""
    pipe, large = tmp_path / "pipe", tmp_path / "large.yaml"
    os.mkfifo(pipe)
    large.write_text("#" * (MAX_FILE_BYTES + 1))
    for path, reason in [(pipe, "a pipe"), (Path("/dev/zero"), "a device"), (large, "larger than 256 KiB")]:
        with pytest.raises(UsageError, match=f"--presets-file.*{reason}"):
            load_presets(path)


def test_a_file_in_the_home_folder_is_found(tmp_path, monkeypatch):
    """An environment variable or a form has no shell that would expand the tilde."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("mixed: {mine: {users: {burst: 1}, duration_s: 1}}")
    assert "mine" in load_presets(Path("~/mine.yaml")).of("mixed")
    with pytest.raises(UsageError, match=r"^invalid value '~nobody-here/x' for --presets-file"):
        load_presets(Path("~nobody-here/x"))


def test_a_wheel_carries_the_presets_inside_the_package(tmp_path, monkeypatch):
    """When installed, the file is in the package; in a checkout, beside it."""
    (tmp_path / "presets.yaml").write_text("mixed: {inside: {users: {burst: 1}, duration_s: 1}}")
    monkeypatch.setattr(module, "files", lambda _package: tmp_path)
    assert list(load_presets().of("mixed")) == ["inside"]


def test_the_packaged_file_means_the_same_to_the_strict_reader():
    """It is read by libyaml, which checks less: this is where a key given twice in it shows."""
    text = module._packaged_text()
    assert parse_own_presets(text, DEFAULT_FILE) == parse_presets(text, DEFAULT_FILE)
