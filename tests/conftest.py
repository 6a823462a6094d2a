"""For all tests: Locust is imported unpatched, because asyncio and gevent tests share one process here.

Real locust processes (tests/e2e) are started without this variable and patch themselves as always.
"""

import gc
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from tests.fork_server.client import share_servers
from tests.postgres import database, postgres  # noqa: F401  # fixtures, of all rooms

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"

# hundreds of processes are started: where no bytecode may be written, each would compile everything that it imports
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# nohup has SIGHUP ignored, a shell's background job SIGINT, and our signal handling respects that: what the tests send
# must count all the same
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# the browser tests need playwright, which is among the dev tools only
collect_ignore = [] if find_spec("playwright") else ["browser"]

# a timing is never asserted in a test: a busy machine may take its time over an example
# and the same tree gives the same result each time, on every machine
settings.register_profile("thorough", deadline=None, derandomize=True, database=None)
# `make coverage` tries a property with 100 examples, other runs with the first 30 of them: examples were a sixth of the
# cost of the fast tests, which the gate runs on three interpreters
settings.register_profile("brief", settings.get_profile("thorough"), max_examples=30)
settings.load_profile("brief")


def pytest_configure():
    """Start the servers that fork real processes in the process that has the workers, which all share them."""
    share_servers()


ONLY = ("e2e", "alone")
"""Marks by which a run picks few of the tests (`-m "e2e and not alone"`)."""


def pytest_ignore_collect(collection_path, config):
    """A file that says nothing of the mark that is asked for is not even imported, nor one that has the mark to avoid.

    Importing all files takes longer than many a test, in each worker.
    """
    wanted, _, more = config.option.markexpr.partition(" ")
    if wanted in ONLY and collection_path.suffix == ".py":
        sources = {collection_path, collection_path.with_name("conftest.py")} - {Path(__file__)}
        texts = [source.read_text(encoding="utf-8") for source in sources if source.exists()]
        return not any(f"mark.{wanted}" in text for text in texts) or None
    if (wanted, more.split(" ")[0]) == ("not", "e2e"):
        is_marked = collection_path.suffix == ".py" and MARKED in collection_path.read_text(encoding="utf-8")
        return is_marked or collection_path.name == "browser" or None
    return None


MARKED = "pytestmark = pytest.mark.e2e\n"


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collected tests stay: looking for garbage among ten thousand of them is what every `gc.collect()` would cost."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


E2E_TIMEOUT_S = 300
LONG = (
    "test_every_preset_runs_by_its_name_and_its_last_figures_stay",
    "test_a_master_cut_off_for_ten_seconds_on_a_network_of_hosts",
    "test_a_server_that_falls_behind_is_found_although_every_threshold_is_kept",
    "test_a_run_is_controlled_from_the_command_line",
    "test_a_search_that_is_interrupted_while_the_server_recovers_says_so",
    "test_falling_behind_is_told_in_words",
    "test_it_finds_the_configured_limit",
    "test_compare_of_real_runs",
    "test_cleanup_finds_all_of_a_run_and_deletes_only_what_was_named",
    "test_the_charts_fill_thresholds_turn_and_a_reload_loses_nothing",
    "test_compare_of_runs_that_do_not_compare",
    "test_a_timetable_plans_the_same_in_every_layout",
    "test_workers_apart_end_with_a_master_whose_drain_is_cut_short",
    "test_a_server_that_does_not_recover_in_time_is_a_finding",
    "test_a_cut_link_heals_without_a_trace",
    "test_users_edited_under_way_are_the_planned_ones_and_the_run_still_ends",
    "test_a_headless_run_and_then_the_web_ui",
    "test_the_form_shows_what_start_will_run_and_keeps_it",
    "test_a_fleet_counts_what_one_process_counts",
    "test_finite_work_gives_the_same_counts_in_every_layout",
    "test_a_large_backlog_that_stays_is_green",
    "test_smoke_runs_a_benchmark_for_a_moment",
    "test_a_restart_of_the_server_cuts_everybody",
)
"""The tests that take longest, mostly by waiting: begun first, so that nothing waits for one of them at the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """End-to-end tests are handed out in a way of their own, others as `--dist` says."""
    if config.option.markexpr.partition(" ")[0] != "e2e":
        return None
    from tests.scheduling import OneByOne  # noqa: PLC0415 - only in the process that has the workers

    return OneByOne(config, log)


def pytest_collection_modifyitems(items):
    """The long ones first, all others in their order; real processes get the time that a busy machine may take."""
    for item in items:
        if item.get_closest_marker("e2e") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(E2E_TIMEOUT_S))
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(getattr(item, "originalname", None), len(LONG)))
