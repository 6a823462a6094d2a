import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fleetlm_users.cli.listing.locustfiles import Classes, declared_options, find_locustfiles, read_locustfile

TEXT = '''"""What it does, over
two lines. And more.

Details.
"""
from fleetlm_users.users import BurstUser, install
from fleetlm_users.workload.options.benchmark_specs import SEND_INTERVAL

install("mine", [BurstUser], options=[SEND_INTERVAL])
'''


def test_a_locustfile_is_read_and_not_run(tmp_path):
    """Its benchmark, first sentence, and the names in it."""
    file = tmp_path / "mine.py"
    file.write_text(TEXT)
    found = read_locustfile(file, Classes())
    assert (found.benchmark, found.about) == ("mine", "What it does, over two lines")
    assert [spec.flag for spec in found.options] == ["--send-interval"]
    assert find_locustfiles(tmp_path) == {"mine": found}


@pytest.mark.parametrize("text", ["", "x = 1", "install(name)", "install()", "def (", "raise SystemExit"])
def test_what_installs_nothing_is_passed_over(tmp_path, text):
    """Also what is no Python."""
    file = tmp_path / "other.py"
    file.write_text(text)
    assert read_locustfile(file, Classes()) is None
    assert find_locustfiles(tmp_path) == {}


def test_the_checkouts_own_locustfiles_are_found(tmp_path, monkeypatch):
    """From wherever the command is called."""
    monkeypatch.chdir(tmp_path)
    assert "mixed" in find_locustfiles()


ROOT = Path(__file__).resolve().parents[3]

# what Locust is given, told by a process that may import it
TRUTH = """
import json, sys, runpy
from fleetlm_users.users import install as module
import fleetlm_users.users as users
import importlib
seen = {}
place = importlib.import_module("fleetlm_users.users.install")
place.install_benchmark = lambda found: seen.update({found.name: [[s.flag, s.default] for s in found.options]})
for path in sys.argv[1:]:
    runpy.run_path(path)
print(json.dumps(seen))
"""

SOURCE = """
class Base(FleetUser):
    options: ClassVar[tuple] = (SEND_INTERVAL, RUNTIME_MS)

class Plain(Base):
    def journey(self): pass

class More(Base):
    options = (*Base.options, MESSAGES, UNKNOWN, replace(ITERATIONS, default="3"))

class Other(FleetUser):
    options = (replace(SEND_INTERVAL, default="9"),)
"""


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("install('x', [Plain])", {"--send-interval": "1000", "--runtime-ms": "0"}),
        (
            "install('x', [More])",
            {"--send-interval": "1000", "--runtime-ms": "0", "--messages": "10", "--iterations": "3"},
        ),
        ("install('x', [Other, Plain])", {"--send-interval": "9", "--runtime-ms": "0"}),
        ("install('x', [Nobody], options=[MESSAGES])", {"--messages": "10"}),
        ("install('x', behaviours=(Other,))", {"--send-interval": "9"}),
        ("install('x')", {}),
        ("install('x', some_list, options=others)", {}),
    ],
)
def test_options_are_read_from_the_source(call, expected):
    """Own and inherited, replaced and added; what is not understood is left out, of one name the first counts."""
    tree = ast.parse(f"{SOURCE}\n{call}")
    install = tree.body[-1].value
    found = declared_options(tree, install, Classes())
    assert {spec.flag: spec.default for spec in found} == expected


def test_what_is_read_is_what_locust_is_given():
    """For every locustfile of ours, in order, with the default that holds there."""
    files = find_locustfiles(ROOT / "locustfiles")
    paths = [str(file.path) for file in files.values()]
    done = subprocess.run(
        [sys.executable, "-c", TRUTH, *paths], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    read = {name: [[spec.flag, spec.default] for spec in file.options] for name, file in files.items()}
    assert read == json.loads(done.stdout.splitlines()[-1])
