"""Names in the documentation are names in the code: flags, variables, metrics, faults, benchmarks, presets, files."""

import contextlib
import io
import re
import tomllib

import pytest
from locust.argument_parser import get_parser

import echo_agent
from benchmarks import cli as benchmarks_cli
from fleetlm_users.cli.main import cli
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.standin.options import build_parser
from fleetlm_users.workload.options.model import COMMON
from fleetlm_users.workload.presets.presets import load_presets
from tests.docs.commands import benchmark_of, options_for
from tests.docs.pages import ROOT, page, pages
from tests.exposed import exposed_names

FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")
METRIC = re.compile(r"[a-z]+(_[a-z]+)*_(ms|rate|events|total|connections|failures|lost|missing|changed)")
PAGES = pages()
OF_OTHERS = {"--editable", "--no-halt", "--strict"}
"""Flags of pip, mix and the like: any flag that is not ours must be named here."""
OF_CONTAINERS = {
    *("--build", "--entrypoint", "--exit-code-from", "--no-build", "--no-deps", "--profile", "--read-only", "--rm"),
    *("--scale", "--tmpfs", "--volumes"),
    *("--create-namespace", "--dry-run", "--follow", "--for", "--ignore-not-found", "--namespace"),
    *("--pod-running-timeout", "--replicas", "--timeout", "--watch"),
}
"""Flags of docker, kubectl and helm."""
OF_K6 = {"active_ws_connections", "roundtrip_latency_ms", "append_failures"}
OF_SERVERS = {"erlang_vm_memory_bytes_total", "vm_memory_total"}
"""Names in a server's Prometheus endpoint."""

BENCHMARKS = {path.stem: benchmark_of(path) for path in sorted((ROOT / "locustfiles").glob("*.py"))}


def known_flags():
    """The flags of every program of ours, and Locust's."""
    parser = get_parser(default_config_files=[])
    flags = {flag for action in parser._actions for flag in action.option_strings}
    flags |= {spec.flag for spec in COMMON}
    for benchmark in BENCHMARKS.values():
        flags |= {spec.flag for spec in benchmark.options}
        flags |= {f"--{name.replace('_', '-')}-vus" for name in benchmark.behaviours}
    for command in cli.commands.values():
        flags |= {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    flags |= {flag for action in build_parser()._actions for flag in action.option_strings}
    flags |= {flag for text in ("run", "report") for flag in FLAG.findall(help_of_the_bench(text))}
    flags |= {"--host", "--port", "--delay-ms", "--delay-jitter-ms", "--replies", "--version"}
    return flags


def help_of_the_bench(command):
    """Return the output of `python -m benchmarks COMMAND --help`."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        benchmarks_cli.parser().parse_args([command, "--help"])
    return printed.getvalue()


KNOWN = known_flags()


def test_the_programs_are_installed_under_the_names_that_the_pages_use():
    """Scripts of pyproject.toml."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts.keys() >= {"fleetlm-bench", "fleetlm-standin", "fleetlm-echo-agent"}


def shown_in(each, folder):
    """Return the benchmarks whose locustfiles a page shows."""
    files = each.save(folder).values()
    return [benchmark_of(path) for path in files if path.suffix == ".py" and "install(" in path.read_text()]


def test_the_echo_agents_flags_are_its_own():
    """Those that `known_flags` takes for granted."""
    arguments = ["--host=127.0.0.1", "--port=0", "--delay-ms=1", "--delay-jitter-ms=1", "--replies=2"]
    assert echo_agent.parse_options(arguments, {}).replies == 2


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.name)
def test_flags_exist(each, tmp_path):
    """It covers prose and blocks, including flags of a benchmark that the page itself shows."""
    texts = [code for _, code in each.spans()] + [block.text for block in each.blocks]
    own = {spec.flag for benchmark in shown_in(each, tmp_path) for spec in benchmark.options}
    unknown = {flag for text in texts for flag in FLAG.findall(text)} - KNOWN - OF_OTHERS - OF_CONTAINERS - own
    assert not unknown


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.name)
def test_metrics_exist(each, tmp_path):
    """It covers everything that looks like one; k6 metrics with another name here are listed."""
    benchmarks = [*BENCHMARKS.values(), *shown_in(each, tmp_path)]
    known = {name for benchmark in benchmarks for name in DEFAULT.with_metrics(benchmark.metrics)}
    known |= {spec.name for benchmark in benchmarks for spec in (*COMMON, *benchmark.options)}
    known |= exposed_names()
    names = {code for _, code in each.spans() if METRIC.fullmatch(code)} - OF_K6 - OF_SERVERS - known
    assert not {name for name in names if DEFAULT.get(name) is None}


def test_the_readme_names_every_benchmark_with_its_defaults():
    """Users, duration and thresholds are those of presets.yaml."""
    presets = load_presets(None)
    rows = next(table for table in page("README.md").tables() if "benchmark" in table[0])
    told = {row["benchmark"].split("]")[0].strip("["): row for row in rows}
    assert told.keys() == BENCHMARKS.keys()
    for name, row in told.items():
        plan = options_for(BENCHMARKS[name], [])[1].plan
        assert f"{plan.total_users} users" in row["by default"], name
        if plan.duration_s:
            assert row["by default"].endswith(f"{plan.duration_s / 60:g}m"), name
        assert presets.of(name), name
        assert {text.strip("` ") for text in row["thresholds"].split("·")} == set(plan.thresholds), name


def test_the_pages_name_the_presets_of_mixed():
    """Counts, duration and warm-up."""
    presets = load_presets(None)
    rows = next(table for table in page("docs/presets-and-thresholds.md").tables() if "preset of mixed" in table[0])
    assert [row["preset of mixed"] for row in rows] == list(presets.of("mixed"))
    for row in rows:
        preset = presets.get("mixed", row["preset of mixed"])
        assert {name: int(row[name]) for name in preset.users} == dict(preset.users)
        assert (row["duration"], row["warm-up"]) == (f"{preset.duration_s / 60:g}m", f"{preset.warm_up_s:g}s")


def test_the_pages_name_every_option_of_the_benchmarks():
    """Each has its default, in a table below each benchmark's heading."""
    text = page("docs/benchmarks.md").prose
    for name, benchmark in BENCHMARKS.items():
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        for spec in benchmark.options:
            row = re.search(rf"^\| `{spec.flag}` \| (\S+) \|", section, re.MULTILINE)
            assert row, f"{name}: {spec.flag}"
            assert row[1] == (spec.default or "off"), f"{name}: {spec.flag}"


def test_the_pages_name_every_fault_of_the_stand_in():
    """The faults come from the parser's own group."""
    text = page("docs/stand-in.md").prose
    groups = {group.title.split()[0]: group for group in build_parser()._action_groups}
    flags = {flag for action in groups["faults"]._group_actions for flag in action.option_strings}
    assert {flag for flag in flags if f"`{flag}" not in text} == set()
