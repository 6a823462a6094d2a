"""Flags, variables and files are heard, or refused in a sentence that names the source."""

import json
import re
from argparse import Namespace
from dataclasses import replace

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from locust.argument_parser import DEFAULT_CONFIG_FILES, get_empty_argument_parser, setup_parser_arguments
from werkzeug.datastructures import MultiDict

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.options.option_sources import OptionSources, laid_over
from fleetlm_users.swarm.options.parser import options_of, specs_of
from fleetlm_users.swarm.options.start_form import StartForm
from fleetlm_users.workload.options import benchmark_specs
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.presets.file import preset_of
from tests.mutations import seeds
from tests.swarm.samples import benchmark

NO_OVERRIDES = {"num_users": None, "run_time_s": None, "spawn_rate": None}
A, B, C = "append_latency_ms: p(95)<500", "agent_reply_rate: rate>0.5", "messages_lost: count<3"


class Started:
    """A process that has read its options: from a folder with its files, from variables, from a command line."""

    def __init__(self, folder, *words, bench=None, variables=None, plugin=None, **files):
        self.bench = bench or benchmark()
        names = [entry.replace("~/", f"{folder}/home-") for entry in DEFAULT_CONFIG_FILES]
        self.paths = [folder / name.rpartition("/")[2] if "home-" not in name else name for name in names]
        for name, text in files.items():
            path = folder / name.replace("_", ".", 1)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.parser = get_empty_argument_parser(default_config_files=[str(path) for path in self.paths])
        setup_parser_arguments(self.parser)
        self.sources = OptionSources(self.bench)
        self.sources.join(self.parser)
        if plugin is not None:
            plugin(self.parser)
        self.parsed = self.parser.parse_args(list(map(str, words)), env_vars=variables or {})

    def options(self):
        return options_of(self.parsed, self.bench, None, NO_OVERRIDES)


@pytest.fixture
def started(tmp_path):
    """Starts one in an empty folder."""

    def start(*words, **more):
        return Started(tmp_path, *words, **more)

    return start


@pytest.fixture
def refused(started, capsys):
    """The sentence with which a start ends, with exit code 2."""

    def end(*words, **more):
        with pytest.raises(SystemExit) as ended:
            started(*words, **more)
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return said

    return end


@pytest.mark.parametrize(
    "text",
    [
        f"threshold = {A}\nthreshold = {B}\n",
        f"threshold = {A}\r\n--threshold = {B}\r\n",
        f"threshold = {A}; {B}\n",
        f"threshold = {A} ; {B}\n",
        f"threshold = {A}, {B}\n",
        f"threshold = [{A}, {B}]\n",
        f"threshold = {json.dumps([A, B])}\n",
        f"threshold: '{A}'\nthreshold \"{B}\"\n",
        f"\ufeffthreshold = {A}\n# a remark\nthreshold = {B} # another\n",
        f"users = 3\nthreshold = {A}\n[a section]\nthreshold = {B}\nheadless\n",
    ],
)
def test_no_threshold_of_a_file_is_lost(started, text):
    """Several lines, semicolons with and without space, brackets, quotes: two promises are two promises."""
    assert started(locust_conf=text).options().given_thresholds == (A, B)


def test_a_file_of_ones_own_loses_none_either(started, tmp_path):
    """`--config`, and the table of pyproject.toml."""
    own = tmp_path / "nightly.conf"
    own.write_text(f"threshold = {A}\nthreshold = {B}\n")
    assert started("--config", own).options().given_thresholds == (A, B)
    toml = f'[tool.locust]\nthreshold = ["{A}", "{B}"]\nusers = 3\ncleanup = true\n'
    found = started(pyproject_toml=toml)
    assert found.options().given_thresholds == (A, B)
    assert (found.options().cleanup, found.parsed.num_users) == (True, 3)


def test_thresholds_of_all_sources_count_together(started, tmp_path):
    """A stronger source replaces those of the same metric and scenario, and no others."""
    own = tmp_path / "own.conf"
    own.write_text("threshold = append_latency_ms: max<3\nthreshold = seq_gaps: count<2")
    flags = ["--threshold", "messages_lost: count<1", "--threshold=append_latency_ms{scenario:burst}: avg<9"]
    found = started(
        "--config", own, *flags,
        variables={"THRESHOLD": "append_latency_ms: p(99)<7; messages_lost: count<9"},
        locust_conf=f"threshold = {A}\nthreshold = {B}\nthreshold = {C}\n",
    )  # fmt: skip
    assert found.options().given_thresholds == (
        B,
        "seq_gaps: count<2",
        "append_latency_ms: p(99)<7",
        "messages_lost: count<1",
        "append_latency_ms{scenario:burst}: avg<9",
    )


def test_a_threshold_that_is_none_is_reported_with_its_source(refused):
    """It includes one that a stronger source would have replaced."""
    said = refused("--threshold", A, locust_conf="threshold = append: p(95)<1")
    assert re.search(r"invalid value 'append: p\(95\)<1' for \S*locust.conf", said)
    assert "invalid value 'x' for THRESHOLD (environment)" in refused("--threshold", A, variables={"THRESHOLD": "x"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("users = 3\nrun-time = 5s\nusers = 5\n", (r"value '3' for \S*locust.conf: users: "
                r"expected one line for it; line 3 says '5'")),
        ("preset = light\n--preset = stress\n", r"invalid value 'light' for \S*locust.conf: preset"),
        ("reply-timeout = soon\n", r"invalid value 'soon' for \S*locust.conf: reply-timeout"),
        ("cleanup = perhaps\n", r"invalid value 'perhaps' for \S*locust.conf: cleanup"),
        ("source-ips = [127.0.0.1, nowhere]\n", r"invalid value 'nowhere' for \S*locust.conf: source-ips"),
        ("reply-timeout = [1s, 2s]\n", "expected one value"),
        ("threshhold = append_latency_ms: p(95)<1\n", "Did you mean '--threshold'"),
        ("reply_timeout = 5s\n", "Did you mean '--reply-timeout'"),
        ("= 5\n", "line 1: not `key = value`"),
    ],
)  # fmt: skip
def test_what_a_file_cannot_say_is_refused(refused, text, words):
    """Duplicate keys, invalid values and unknown keys are refused with the file's name."""
    assert re.search(words, refused(locust_conf=text))


def test_a_table_that_is_no_option_is_refused(refused):
    """It includes tables in pyproject.toml."""
    assert "unrecognized arguments: --preests=light" in refused(pyproject_toml='[tool.locust]\npreests = "light"\n')
    assert "TOML" in refused(pyproject_toml="[tool.locust]\nusers = 1\nusers = 2\n")


@pytest.mark.parametrize("words", [("--skew", "zipf:1"), ("--skew=zipf:1",)])
def test_an_option_of_other_benchmarks_is_refused_with_their_names(refused, words):
    """Rather than a guess at another spelling."""
    said = refused(*words)
    names = "durability, fan_out, message_throughput, reconnect_storm, ws_hot_path"
    assert f"--skew is an option of {names}; " in said
    assert "has no such option" in said


def test_of_a_flag_that_is_given_again_the_last_counts_with_a_word(started):
    """It is usual; thresholds may be given several times."""
    found = started(
        "--reply-timeout", "30s", "--reply-timeout=9s", "-u", 5, "--users", 7, "--threshold", A, "--threshold", B
    )
    assert (found.options().reply_timeout_s, found.parsed.num_users) == (9, 7)
    assert sorted(found.sources.notes) == [
        "warning: --reply-timeout is given 2 times: the last one counts",
        "warning: --users is given 2 times: the last one counts",
    ]


def test_a_file_that_changes_while_the_web_ui_runs_ends_nothing(started, tmp_path):
    """Locust parses all over again for each page load."""
    found = started(locust_conf="reply-timeout = 9s\n")
    (tmp_path / "locust.conf").write_text("reply-timeout = soon\n")
    again = get_empty_argument_parser(default_config_files=[str(tmp_path / "locust.conf")])
    setup_parser_arguments(again)
    found.sources.join(again)
    assert again.parse_args([]).reply_timeout == "9s"
    assert again.args_included_in_web_ui["reply_timeout"]


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["--reset-stats"], {}, "use --warm-up"),
        ([], {"LOCUST_RESET_STATS": "yes\r"}, "use --warm-up"),
        (["-s", "0"], {}, "use --drain-timeout"),
        (["--stop-timeout=9"], {}, "use --drain-timeout"),
        (["--exit-code-on-error", "0"], {}, "the exit code is the verdict's"),
        (["--exit-code-on-error", "1"], {}, "the exit code is the verdict's"),
        (["--tags", "slow"], {}, "behaviours have no tags"),
        ([], {"LOCUST_EXCLUDE_TAGS": "slow"}, "behaviours have no tags"),
        (["--equal-weights"], {}, "--burst-vus 7"),
        (["--config-users", '{"user_class_name": "Burst", "fixed_count": 9}'], {}, "--burst-vus 7"),
        (["--show-task-ratio"], {}, "fleetlm-bench list presets"),
        (["--show-task-ratio-json"], {}, "fleetlm-bench list presets"),
        ([], {"LOCUST_SKIP_MONKEY_PATCH": "1"}, "unset it"),
        ([], {"LOCUST_RUNTIME": "5m"}, "for example LOCUST_RUN_TIME"),
        ([], {"THRESHOLDS": A}, "for example THRESHOLD"),
        (["--processes", "100000"], {}, "for --processes (LOCUST_PROCESSES): expected at most 1,024 processes"),
        (["-t", "99999999999h"], {}, "invalid value '99999999999h' for -t/--run-time (LOCUST_RUN_TIME)"),
        ([], {"LOCUST_RUN_TIME": "9" * 30}, "expected a duration of at most 10,000 hours, for example 2m"),
        ([], {"AGENT_URL": "ftp://x"}, "invalid value 'ftp://x' for AGENT_URL (environment)"),
    ],
)  # fmt: skip
def test_what_no_run_heeds_is_refused_with_what_to_use_instead(refused, words, variables, said):
    """Whichever way it is given."""
    assert said in refused(*words, variables=variables)


def test_an_option_of_locust_in_a_file_is_refused_too(refused):
    """So is its flag."""
    assert "use --warm-up" in refused(locust_conf="reset-stats = true\n")


@pytest.mark.parametrize("group", [False, True], ids=["parser", "group"])
@pytest.mark.parametrize(
    "theirs",
    [
        {"flags": ["--run-id"]},
        {"flags": ["--theirs"], "env_var": "RUN_ID"},
        {"flags": ["--theirs"], "dest": "run_id"},
        {"flags": ["--theirs", "--seed"], "type": int},
    ],
    ids=["flag", "variable", "name", "second-flag"],
)
def test_an_option_that_somebody_else_has_too_is_reported_in_a_sentence(refused, theirs, group):
    """Their order does not matter: plugins have added theirs by the time ours join."""

    def plugin(parser):
        adds = parser.add_argument_group("theirs") if group else parser
        adds.add_argument(*theirs["flags"], **{key: value for key, value in theirs.items() if key != "flags"})

    said = refused(plugin=plugin)
    assert said.count("\n") == 1
    assert "no plugin and no other locustfile" in said


def test_what_other_programs_set_is_passed_over_with_a_word(started):
    """It is only DEBUG, which changes neither load nor verdict. Options of other benchmarks are reported."""
    found = started(variables={"DEBUG": "app:*", "ITERATIONS": "5", "AGENT_IDS": "x", "HOME": "/"})
    assert found.options().debug is False
    assert [note.split(":")[0] for note in found.sources.notes] == ["warning"] * 3
    assert ["DEBUG" in note or "ITERATIONS" in note or "AGENT_ID" in note for note in found.sources.notes] == [True] * 3
    assert started(variables={"DEBUG": " Yes\r"}).options().debug is True
    assert started(variables={"DEBUG": "False"}).sources.notes == []


def test_an_empty_variable_says_nothing(started):
    """It covers our variables and Locust's."""
    found = started(variables={"STANDIN": "", "DURATION": '""', "LOCUST_USERS": " \r", "AGENT_ID": "\r"})
    assert found.options().standin is False
    assert found.options().agent_id == "bench-echo-agent"
    assert found.parsed.num_users is None


def test_a_bad_variable_does_not_matter_under_its_flag(started):
    """A flag beats the variable."""
    assert started("--reply-timeout", "9s", variables={"REPLY_TIMEOUT": "soon"}).options().reply_timeout_s == 9


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_one_source_all_thresholds_of_a_metric_stay(order):
    """Only another source replaces them."""
    texts = [(A, "append_latency_ms: avg<9"), ("append_latency_ms: max<8",)]
    layers = [(f"s{n}", texts[n]) for n in order]
    assert laid_over(layers, DEFAULT) == list(texts[order[1]])
    with pytest.raises(UsageError, match=r"^invalid value .* for s9: "):
        laid_over([("s9", ["nothing: p(95)<1"])], DEFAULT)


# one text by every source ------------------------------------------------------------------------------------------

OWN = tuple(spec for spec in vars(benchmark_specs).values() if isinstance(spec, OptionSpec))
BENCH = replace(benchmark(), options=tuple({spec.name: spec for spec in OWN}.values()))
ASKABLE = [
    spec for spec in specs_of(BENCH) if not (spec.kind == "path" or spec.name == "preset" or spec.group == "monitoring")
]
WORDS = {
    "flag": ["true", "yes", "ON", "1", "false", "No", "off", "0", "maybe", "2"],
    "duration": ["9s", "0", "1m30s", "500ms", "soon", "-1"],
    "timeout": ["9s", "2", "500ms", "0", "later"],
    "whole": ["7", "0", "+3", "1.5", "many"],
    "count": ["7", "1", "0", "x"],
    "number": ["7", "0.5", "nan"],
    "positive": ["7", "0.5", "0", "inf"],
    "database_url": ["postgresql://u:p@h:1/d", "postgres://h/d?sslmode=require", "h/d", "postgresql:// h"],
    "http_url": ["http://h:1/api", "https://h", "h:1", "ftp://h"],
    "ws_url": ["ws://h/s", "wss://h/s", "http://h"],
    "addresses": ["127.0.0.2", "127.0.0.2, 127.0.0.3", "127.0.0.2;127.0.0.3", "[127.0.0.2, 127.0.0.3]", "nowhere"],
    "endpoints": [
        "http://h:1/metrics",
        "api=http://h/m, http://i/m",
        "api=http://h/m;http://i/m",
        "h:1",
        "a b=http://h",
    ],
    "processes": ["12", "12, db=34", "[12, 34]", "0", "db="],
    "threshold": [A, f"{A}; {B}", f"{A} ; {B}", f"{A}, {B}", f"[{A}, {B}]", f"{A}, p(99)<900"],
    "name": ["r1.x", "a b", "ä"],
    "skew": ["zipf:1.1", "ZIPF : 0", "zipf:4", "1.1"],
    "stages": ["30s:10", "up=5s:4,2s:0", "30s"],
    "rates": ["20", "0.5", "30s:10", "up=5s:4,2s:0.5", "30s", "0"],
    "text": ["some-id", "a b", "stop", "continue"],
}
BEFORE = st.sampled_from(["", " ", "\t "])
AFTER = st.sampled_from(["", " ", "\r", "\t ", " \r"])
QUOTE = st.sampled_from(["", "'", '"'])


def value_in(spec, folder, *words, **more):
    """The typed value after such a start; the message of a refusal."""

    def read():
        options = Started(folder, *words, bench=BENCH, **more).options()
        return options.given_thresholds if spec.repeatable else options_value(options, spec)

    return read


def options_value(options, spec):
    named = {"vus": lambda: options.plan.total_users, "duration": lambda: options.plan.duration_s}
    if spec.name in named:
        return named[spec.name]()
    for name in (spec.name, f"{spec.name}_s"):
        for holder in (options, options.plan):
            if hasattr(holder, name):
                return getattr(holder, name)
    behaviour = spec.name.removesuffix("_vus")
    return options.extra[spec.name] if spec.name in options.extra else options.plan.users[behaviour]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sources")


@given(st.data())
@settings(
    deadline=None,
    max_examples=len(seeds(60)),
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_same_text_by_every_source_is_the_same_value(folder, capsys, data):
    """Or the same refusal: by flag, variable, line of a file, TOML, form and preset."""
    spec = data.draw(st.sampled_from(ASKABLE))
    word = data.draw(st.sampled_from(WORDS[spec.kind]))
    before, quote, after = data.draw(BEFORE), data.draw(QUOTE), data.draw(AFTER)
    text = f"{before}{quote}{word}{quote}{after}"
    toml = f"[tool.locust]\n{spec.flag[2:]} = {json.dumps(text)}\n"
    found = {}
    for name, words, more in (
        ("flag", [f"{spec.flag}={text}"], {}),
        ("variable", [], {"variables": {spec.env: text}}),
        ("file", [], {"locust_conf": f"{spec.flag[2:]} = {text}\n"}),
        ("toml", [], {"pyproject_toml": toml}),
    ):
        if name == "flag" and spec.kind == "flag":
            continue  # a switch has no value
        if name == "variable" and spec.env_is_shared:
            continue  # what is no value of ours there is another program's
        for path in folder.iterdir():
            path.unlink()
        found[name] = ended(value_in(spec, folder, *words, **more), capsys, spec)
    if spec.in_form:
        found["form"] = by_form(spec, text)
    if spec.in_preset:
        found["preset"] = by_preset(spec, text)
    assert len(set(map(repr, found.values()))) == 1, (spec.name, text, found)


def ended(read, capsys, spec):
    """The value, or `refused` once the message is seen to name source, value and an example."""
    try:
        return read()
    except UsageError as problem:
        said = str(problem)
    except SystemExit:
        said = capsys.readouterr().err
    assert spec.flag in said or spec.env in said or f"{spec.flag[2:]}:" in said or "source-ips" in said, said
    assert re.search(", for example | such as ", said)
    return "refused"


def by_form(spec, text):
    form = StartForm(BENCH, defaults())

    def read():
        given_ = form.options_in(MultiDict({spec.name: text}))
        options = options_of(defaults(**given_), BENCH, None, NO_OVERRIDES)
        return options.given_thresholds if spec.repeatable else options_value(options, spec)

    try:
        return read()
    except UsageError:
        return "refused"


def defaults(**changed):
    values = {spec.name: None if spec.repeatable else spec.default for spec in specs_of(BENCH)}
    return Namespace(**{**values, "run_id": "r1", "preset": "", **changed})


def by_preset(spec, text):
    value = yaml.safe_load(yaml.safe_dump(text))
    preset = preset_of(
        "mixed", {"users": {"burst": 1}, "duration_s": 600, "options": {spec.name: value}}, "own.yaml", "own"
    )
    bench = replace(BENCH, preset=preset)
    try:
        options = options_of(defaults(preset="own"), bench, None, NO_OVERRIDES)
    except UsageError:
        return "refused"
    return options_value(options, spec)
