"""For all tests: Locust is imported unpatched, because asyncio and gevent tests share one process here.

Real locust processes (tests/e2e) are started without this variable and patch themselves as always.
"""

import os
import signal
import sys
from importlib.util import find_spec

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
