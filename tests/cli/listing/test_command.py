"""The inventory in its forms, the generated docs/options.md among them."""

import json
from pathlib import Path

import pytest

from fleetlm_users.cli.listing import inventory, option_reference
from fleetlm_users.cli.listing.command import locustfiles
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.workload.benchmarks import BENCHMARKS
from fleetlm_users.workload.options.model import COMMON
from fleetlm_users.workload.presets.presets import load_presets

ROOT = Path(__file__).resolve().parents[3]
NAMES = [benchmark.name for benchmark in BENCHMARKS]
LISTS = ("benchmarks", "presets", "metrics", "options")


@pytest.mark.parametrize("what", LISTS)
def test_a_list_is_for_people_and_for_programs(bench, monkeypatch, what):
    """Text within 80 columns and without colour; JSON of the same things."""
    monkeypatch.chdir(ROOT)
    text = bench("list", what)
    assert text.exit_code == 0
    assert max(map(len, text.output.splitlines())) <= 80
    assert "\x1b" not in text.output
    items = json.loads(bench("list", what, "--json").output)
    for item in items:
        assert item.get("name" if what in ("benchmarks", "metrics") else "preset" if what == "presets" else "flag")
        assert str(item.get("flag") or item.get("preset") or item["name"]) in text.output


def test_benchmarks_are_the_default_list(bench):
    """Each has its file, users, duration and thresholds."""
    output = bench("list").output
    assert output == bench("list", "benchmarks").output
    for words in ("mixed.py", "10 long_lived, 5 burst, 3 churn, for 2m", "append_latency_ms: p(95)<1000"):
        assert words in output


def test_everything_there_is_is_listed():
    """All presets, metrics and common options."""
    presets = load_presets(None)
    assert {item["name"] for item in inventory.benchmarks(presets, None)} >= {*presets.by_benchmark, *NAMES}
    assert {item["name"] for item in inventory.metrics(DEFAULT)} == set(DEFAULT)
    assert {spec.flag for spec in COMMON} <= {item["flag"] for item in inventory.options(presets)}
    assert sum(item["default"] for item in inventory.all_presets(presets)) == len(presets.by_benchmark)


def test_own_presets_are_listed_too(bench, tmp_path):
    """--presets-file adds them."""
    file = tmp_path / "mine.yaml"
    file.write_text("mixed:\n  tiny: {users: {burst: 1}, duration_s: 60}\n")
    assert "tiny" in bench("list", "presets", "--presets-file", file).output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "things"), "'things' is not one of"),
        (("list", "metrics", "--markdown"), "list options --markdown"),
        (("list", "presets", "--presets-file", "nowhere.yaml"), "a YAML file that can be read"),
    ],
)
def test_a_mistake_ends_with_2(bench, arguments, words):
    """The error names what is accepted."""
    found = bench(*arguments)
    assert found.exit_code == 2
    assert words in found.output


def test_the_reference_of_the_options_is_up_to_date():
    """docs/options.md is what `fleetlm-bench list options --markdown > docs/options.md` writes."""
    found = inventory.options(load_presets(None))
    assert (ROOT / "docs" / "options.md").read_text(encoding="utf-8") == option_reference.render(found)


def test_the_reference_is_a_table_of_five_columns():
    """It holds whatever an option's help contains."""
    option = {
        "name": "x", "flag": "--x", "env": "X", "default": "", "help": "a|b <c>", "kind": "text", "example": "p(1)|2",
        "choices": ["a", "b"], "in_form": False, "repeatable": True, "secret": True, "group": "run",
        "benchmarks": ["m"],
    }  # fmt: skip
    row = next(line for line in option_reference.render([option]).splitlines() if line.startswith("| `--x`"))
    assert row == (
        "| `--x` | `X` | – | a\\|b &lt;c&gt;; of `m`; one of `a`, `b`; repeatable; not in the web form; "
        "left out of reports"
        ' | `--x "p(1)\\|2"` |'
    )


def test_the_checkouts_own_locustfiles_are_found(tmp_path, monkeypatch):
    """They are found wherever the command is called from."""
    monkeypatch.chdir(tmp_path)
    folder = locustfiles()
    assert folder is not None
    assert (folder / "mixed.py").is_file()


def test_every_behaviour_of_a_mixed_load_has_its_count(bench):
    """It includes one that no preset has users of."""
    options = json.loads(bench("list", "options", "--json").output)
    flags = {entry["flag"] for entry in (options["options"] if isinstance(options, dict) else options)}
    assert {"--long-lived-vus", "--burst-vus", "--churn-vus", "--inbox-watcher-vus"} <= flags
