"""Fails when the in-process tests cover less of a package than they did: python -m tests.coverage_floors.

The floors are the measured values, rounded down; raise them when coverage has risen. Tests with real processes count
for nothing here, so a floor says how much of a package the fast tests reach.
"""

import sys
from collections import defaultdict
from pathlib import Path

from coverage import Coverage

FLOORS_PERCENT = {
    "cli": 90,
    "client": 97,
    "earlier_runs": 95,
    "measure": 98,
    "protocol": 98,
    "standin": 55,  # most of its tests talk to a process
    "swarm": 91,
    "users": 88,
    "workload": 98,
}


def covered_percent(coverage: Coverage) -> dict[str, float]:
    """Covered statements per package of fleetlm_users, in percent."""
    statements: dict[str, int] = defaultdict(int)
    missing: dict[str, int] = defaultdict(int)
    for name in coverage.get_data().measured_files():
        parts = Path(name).parts
        if "fleetlm_users" not in parts[:-1] or not name.endswith(".py"):  # Jinja names its templates
            continue
        package = parts[parts.index("fleetlm_users") + 1]
        _, executable, _, absent, _ = coverage.analysis2(name)
        statements[package] += len(executable)
        missing[package] += len(absent)
    return {package: 100 * (1 - missing[package] / max(1, statements[package])) for package in sorted(statements)}


def main() -> int:
    """Prints a line per package; returns 1 when one lies below its floor."""
    coverage = Coverage()
    coverage.load()
    percent = covered_percent(coverage)
    too_low = False
    for package, floor in FLOORS_PERCENT.items():
        is_low = percent.get(package, 0.0) < floor
        too_low = too_low or is_low
        remark = "  TOO LOW" if is_low else ""
        print(f"{package:10} {percent.get(package, 0.0):5.1f} % covered, floor {floor} %{remark}")
    return 1 if too_low else 0


if __name__ == "__main__":
    sys.exit(main())
