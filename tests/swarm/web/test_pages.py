"""The pages are put in place together, and a start without them imports none."""

import subprocess
import sys

PROGRAM = """
import runpy, sys
import locust.main
runpy.run_path("locustfiles/mixed.py")
print([name for name in sys.modules if name.startswith(("fleetlm_users.swarm.web.", "prometheus_client"))])
"""


def test_a_locustfile_imports_no_pages():
    """Workers and headless runs have none: tests/e2e and tests/browser start those that do."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
