"""docs/writing-a-behaviour.md is true: its benchmarks run as printed, in under 30 lines of public names."""

import ast
import re

import pytest

import fleetlm_users
from fleetlm_users import FleetUser
from fleetlm_users.swarm.stats.events import RunEvents
from tests.e2e.benchmarks import RUN_ID, SPREADS, check_accounting, samples
from tests.e2e.harness import ROOT, Locust, targets

PAGE = (ROOT / "docs" / "writing-a-behaviour.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
RECIPE, OPEN_LOOP = RECIPES
MAX_LINES = 30
USERS = 30
SLOW = {"THRESHOLD": "append_latency_ms: max<60s"}
"""In place of the recipe's own bound, which a busy machine may miss."""


@pytest.mark.parametrize("recipe", RECIPES, ids=("interviews", "writers"))
def test_it_is_short_and_uses_public_names_only(recipe):
    """Nothing but what `fleetlm_users` exports, and the standard library; no private attribute."""
    assert len(recipe.splitlines()) < MAX_LINES
    tree = ast.parse(recipe)
    ours = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in ours] == ["fleetlm_users"]
    assert {alias.name for node in ours for alias in node.names} <= set(fleetlm_users.__all__)
    assert not [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")]


def test_what_the_page_lists_exists():
    """Every call and attribute of its tables."""
    for name in re.findall(r"`self\.(\w+)", PAGE):
        assert hasattr(FleetUser, name) or name in {"current_run", "participant_id", "rng", "run", "vu"}, name
    for name in re.findall(r"^\| `(\w+)", PAGE, re.MULTILINE):
        listed = hasattr(FleetUser, name) or name in fleetlm_users.__all__ or name in vars(RunEvents())
        assert listed or name in {"scenario", "with", "session", "self"}, name
    for name in re.findall(r"`(\w+User|InboxWatcher)`", PAGE):
        assert name in fleetlm_users.__all__


@pytest.mark.e2e
@SPREADS
def test_it_runs_as_printed(tmp_path, standin, spread):
    """Its own metric is measured, judged by its own threshold and merged over workers; its option is a flag.

    Users rest for a second between two interviews: even on a slow machine so many give more than a percentile takes.
    """
    recipe = tmp_path / "interviews.py"
    recipe.write_text(RECIPE, encoding="utf-8")
    flags = [*targets(standin), "--run-id", RUN_ID, "--questions", "2", "-u", USERS, "-t", "5s"]
    with Locust(tmp_path, *flags, *spread, locustfile=str(recipe)) as locust:
        finished = locust.finish()
    truth = check_accounting(finished, standin)
    (judged,) = finished.summary["thresholds"]
    assert judged["expression"] == "interview_ms: p(95)<2000"
    whole = samples(finished, "interview_ms")
    assert whole >= 20, finished.output
    assert judged["ok"] == (judged["measured"] < 2000)
    assert finished.code == (0 if judged["ok"] else 3), finished.output
    assert 2 * whole <= finished.count("questions_answered") <= truth["sends_received"] <= 2 * (whole + USERS)


@pytest.mark.e2e
def test_the_open_loop_runs_as_printed(tmp_path, standin):
    """Three users at four messages a second each; its own check of the options is asked before the run."""
    recipe = tmp_path / "writers.py"
    recipe.write_text(OPEN_LOOP, encoding="utf-8")
    flags = [*targets(standin), "--run-id", RUN_ID, "--messages-per-minute", "240"]
    with Locust(tmp_path, *flags, "--session-length", "1s", "-t", "4s", locustfile=str(recipe), env=SLOW) as locust:
        finished = locust.finish()
    check_accounting(finished, standin)
    assert finished.code == 0, finished.output
    assert finished.count("messages_sent") >= 3
    assert finished.count("cleanup_succeeded") >= 3
    with Locust(tmp_path, *flags, "--session-length", "2h", locustfile=str(recipe)) as locust:
        refused = locust.finish()
    assert refused.code == 2, refused.output
    assert "--session-length (SESSION_LENGTH)" in refused.output


@pytest.mark.e2e
def test_its_option_refuses_a_bad_value(tmp_path):
    """Every option does."""
    recipe = tmp_path / "interviews.py"
    recipe.write_text(RECIPE, encoding="utf-8")
    with Locust(tmp_path, "--questions", "some", locustfile=str(recipe)) as locust:
        finished = locust.finish()
    assert finished.code == 2, finished.output
    assert (
        "invalid value 'some' for --questions (QUESTIONS): expected a whole number, 1 or more, for example 3"
        in finished.output
    )
