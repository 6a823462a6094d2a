"""The packaged benchmarks as data are what the locustfiles install."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fleetlm_users.measure.judging.threshold_consistency import check_each
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS, BENCHMARKS, OF_ALL_SCENARIOS
from fleetlm_users.workload.presets.presets import load_presets

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "locustfiles"

# what Locust is given, reported by a process that may import it
TRUTH = """
import importlib, json, runpy, sys
import fleetlm_users.users
installed = {}
place = importlib.import_module("fleetlm_users.users.install")
place.install_benchmark = lambda given: installed.update(
    {given.name: [list(given.behaviours), [[spec.flag, spec.default] for spec in given.options]]}
)
for path in sys.argv[1:]:
    runpy.run_path(path)
print(json.dumps(installed))
"""


def test_what_is_declared_is_what_locust_is_given():
    """Behaviours and options of every locustfile, in order, with the default that applies there."""
    paths = [str(FOLDER / benchmark.locustfile) for benchmark in BENCHMARKS]
    done = subprocess.run(
        [sys.executable, "-c", TRUTH, *paths], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    declared = {
        benchmark.name: [list(benchmark.behaviours), [[spec.flag, spec.default] for spec in benchmark.options]]
        for benchmark in BENCHMARKS
    }
    assert declared == json.loads(done.stdout.splitlines()[-1])


def test_every_locustfile_and_every_preset_is_of_a_declared_benchmark():
    """A new file is not forgotten in the list."""
    assert {benchmark.locustfile for benchmark in BENCHMARKS} == {path.name for path in FOLDER.glob("*.py")}
    assert {benchmark.name for benchmark in BENCHMARKS} == set(load_presets().by_benchmark)


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda benchmark: benchmark.name)
def test_a_locustfile_says_of_itself_what_the_list_says_of_it(benchmark):
    """The first sentence of its docstring."""
    docstring = ast.get_docstring(ast.parse((FOLDER / benchmark.locustfile).read_text(encoding="utf-8"))) or ""
    first = " ".join(docstring.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".")
    assert first == benchmark.about


def test_every_behaviour_has_default_thresholds():
    """Each can be parsed, kept and broken; the same is documented in docs/metrics.md."""
    assert BEHAVIOUR_THRESHOLDS.keys() == BEHAVIOUR_OPTIONS.keys()
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for scenario, thresholds in BEHAVIOUR_THRESHOLDS.items():
        parsed = parse_thresholds([f"{metric}: {conditions}" for metric, conditions in thresholds.items()])
        check_each(parsed, scenario)
        row = next(line for line in page.splitlines() if re.match(rf"\| ([\w, ]+, )?{scenario}(, [\w, ]+)? \| `", line))
        assert row.rpartition(" | ")[2] == " · ".join(f"`{m}: {c}`" for m, c in thresholds.items()) + " |"


def test_a_count_of_0_keeps_every_bound_on_it():
    """A counter's 0 says something only beside another metric, its evidence; without one every healthy run fails."""
    bounded = {
        metric for of in BEHAVIOUR_THRESHOLDS.values() for metric, bound in of.items() if bound.startswith("count")
    }
    meaningless = {metric for metric in bounded if not keeps_with_0(metric)}
    assert meaningless == set()


def keeps_with_0(metric):
    bounds = {of[metric] for of in BEHAVIOUR_THRESHOLDS.values() if metric in of}
    return bounds == {"count>0"} or DEFAULT[metric].evidence is not None


def test_what_is_held_against_every_run_has_evidence_after_the_warm_up():
    """All sessions of a run may begin in its warm-up, which is not judged."""
    evidence = {DEFAULT[metric].evidence for metric in OF_ALL_SCENARIOS if DEFAULT[metric].kind == "counter"}
    assert not evidence & {None, "sessions_started", "connections_attempted", "ws_join_ms"}
