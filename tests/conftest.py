"""For all tests: Locust is imported unpatched, because asyncio and gevent tests share one process here.

Real locust processes (tests/e2e) are started without this variable and patch themselves as always.
"""

import gc
import os
import signal
import sys
from importlib.util import find_spec

import pytest
from hypothesis import settings

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
settings.register_profile("unhurried", deadline=None, derandomize=True, database=None)
settings.load_profile("unhurried")

ONLY = ("e2e", "alone")
"""Marks by which a run picks few of the tests (`-m "e2e and not alone"`)."""


def pytest_ignore_collect(collection_path, config):
    """A file that says nothing of the mark that is asked for is not even imported, nor one that has the mark to avoid.

    Importing all files takes longer than many a test, in each worker.
    """
    wanted, _, more = config.option.markexpr.partition(" ")
    if wanted in ONLY and collection_path.suffix == ".py":
        sources = [collection_path, collection_path.with_name("conftest.py")]
        return not any(wanted in source.read_text(encoding="utf-8") for source in sources if source.exists()) or None
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
