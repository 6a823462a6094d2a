"""Names the tests that cost most CPU: `make slowest`. CPU and not time, which a busy machine makes longer at random.

A child counts where it is waited for: a server that ends late, in whatever test runs then.

A plugin of pytest, in each worker and in the process that prints: `-p tests.slowest`.
"""

import resource
from collections import defaultdict

import pytest

NAMED = 40
BEGAN, COST = pytest.StashKey[float](), "cpu_s"


def cpu_s():
    """Return the CPU time of this process and its ended children, in seconds."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Start counting before its fixtures."""
    item.stash[BEGAN] = cpu_s()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Stop counting after its fixtures; a report carries the time from a worker."""
    if call.when == "teardown":
        item.user_properties.append((COST, cpu_s() - item.stash[BEGAN]))


def pytest_terminal_summary(terminalreporter):
    """A table in Markdown, the cases of a test together."""
    costs = defaultdict(list)
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == COST:
                    costs[report.nodeid.partition("[")[0]].append(value)
    total_s = sum(map(sum, costs.values()))
    lines = [f"{len(costs)} tests of {sum(map(len, costs.values()))} cases take {total_s:.0f} s of CPU.", ""]
    lines += ["| CPU, s | cases | test |", "|---|---|---|"]
    for test, spent in sorted(costs.items(), key=lambda entry: -sum(entry[1]))[:NAMED]:
        lines.append(f"| {sum(spent):.1f} | {len(spent)} | {test.removeprefix('tests/')} |")
    terminalreporter.write("\n" + "\n".join(lines) + "\n")
