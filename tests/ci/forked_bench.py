#!/usr/bin/env python3
"""Stands for `fleetlm-bench` in tests of the CI scripts: the same program, from a server that has its imports."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.fork_server.client import python  # noqa: E402  # its folder is known only now


def main():
    """Return the program's output and its exit code."""
    process = python("bench", ["-m", "fleetlm_users.cli", *sys.argv[1:]], cwd=Path.cwd(), env=os.environ)
    with process.stdout:
        sys.stdout.write(process.stdout.read())
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
