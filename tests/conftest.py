"""For all tests: Locust is imported unpatched, because asyncio and gevent tests share one process here.

Real locust processes (tests/e2e) are started without this variable and patch themselves as always.
"""

import os

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"
