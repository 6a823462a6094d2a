"""The rules that import-linter cannot check: sizes, inert imports, no waiting in tests."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "fleetlm_users").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LOCUSTFILES = sorted((ROOT / "locustfiles").glob("*.py"))

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_LOCUSTFILE_LINES = 40


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_small(path):
    """Long files and functions are where code goes bad first."""
    source = path.read_text()
    assert len(source.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node, clean=False)
            body = node.end_lineno - node.lineno - (documented.count("\n") if documented else 0)
            assert body <= MAX_FUNCTION_LINES, f"{node.name} in line {node.lineno}"


@pytest.mark.parametrize("path", LOCUSTFILES, ids=name_of)
def test_locustfiles_hold_no_logic(path):
    """They pick users and options: no function, no condition, no loop."""
    source = path.read_text()
    assert len(source.splitlines()) <= MAX_LOCUSTFILE_LINES
    logic = (ast.FunctionDef, ast.AsyncFunctionDef, ast.If, ast.For, ast.While)
    assert not any(isinstance(node, logic) for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_wait_for_events_and_never_sleep(path):
    """A sleep is either too short or too long."""
    assert not re.search(r"\b(time|gevent|asyncio)\.sleep\((?!0?\))", path.read_text())


@pytest.mark.parametrize(
    "module", ["", ".protocol.conversation", ".workload.options", ".measure.judging.verdict", ".errors"]
)
def test_pure_packages_import_neither_locust_nor_gevent(module):
    """They must stay usable, and testable, without either."""
    code = f"import sys, fleetlm_users{module}; print([m for m in ('locust', 'gevent', 'aiohttp') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
