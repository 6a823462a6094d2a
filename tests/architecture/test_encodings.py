"""Nothing depends on the locale: neither files that others read in its encoding, nor our own reading and writing."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = sorted([*(ROOT / "fleetlm_users").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"), *ROOT.glob("*.py")])

READ_BY_OTHERS = (
    "pyproject.toml",  # ConfigArgParse (Locust's), when a run starts in the checkout
    "*.conf",  # the same
    "*.cfg",
    "*.ini",
    "requirements*.txt",
    "*.env",  # shells, Compose, kubectl
    "locustfiles/*.py",  # Locust's master, when it sends them to workers (runners.py)
    "deploy/**/locustfile.py",
)
TEXT_FLAGS = ("text", "universal_newlines")
TEXT_CALLS = ("read_text", "write_text", "fdopen", "NamedTemporaryFile", "TemporaryFile")
ANY_CALL = re.compile(rf"\b({'|'.join((*TEXT_CALLS, 'open'))})\s*\(|\b({'|'.join(TEXT_FLAGS)})\s*=")
"""Most modules have none of them and need not be parsed, which is most of what these tests cost."""


def tracked(pattern):
    """Files of the project that match; no environment or result that happens to lie there."""
    found = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", f":(glob){pattern}", f":(glob)**/{pattern}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return [ROOT / line for line in found.stdout.splitlines()]


@pytest.mark.parametrize("pattern", READ_BY_OTHERS)
def test_what_others_read_with_the_locales_encoding_is_ascii(pattern):
    """Under GBK, EUC-JP or C, others would refuse such a file or read different characters."""
    for path in tracked(pattern):
        lines = path.read_bytes().splitlines()
        assert [(path.name, number) for number, line in enumerate(lines, 1) if not line.isascii()] == []


def test_the_patterns_find_what_there_is():
    """A test over no file would prove nothing."""
    assert tracked("pyproject.toml")
    assert len(tracked("locustfiles/*.py")) > 5


def calls_without_encoding(path):
    """Calls that read or write text in whatever encoding the locale has."""
    source = path.read_text(encoding="utf-8")
    if not ANY_CALL.search(source):
        return
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        of = node.func
        name = of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        modes = [part.value for part in (*node.args, *given.values()) if isinstance(part, ast.Constant)]
        is_binary = any(isinstance(mode, str) and mode in ("rb", "wb", "ab", "r+b", "w+b", "xb") for mode in modes)
        is_text = (name in TEXT_CALLS and isinstance(of, ast.Attribute)) or (
            name == "open" and (isinstance(of, ast.Name) or is_of(of, "io"))
        )
        is_path_open = name == "open" and any(isinstance(mode, str) and mode in ("r", "w", "a", "x") for mode in modes)
        is_child = any(getattr(given.get(key), "value", False) is True for key in TEXT_FLAGS)
        if (is_text or is_path_open or is_child) and not is_binary and not {"encoding", None} & set(given):
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def is_of(attribute, module):
    return isinstance(attribute.value, ast.Name) and attribute.value.id == module


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_files_are_opened_with_an_encoding(path):
    """PEP 597: else it is the locale's."""
    assert list(calls_without_encoding(path)) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("open('x')", True),
        ("open('x', 'rb')", False),
        ("open('x', encoding='ascii')", False),
        ("Path('x').read_text()", True),
        ("Path('x').open('w')", True),
        ("channel.open(metadata)", False),
        ("read_text(path)", False),
        ("subprocess.run(['x'], text=True)", True),
        ("os.fdopen(3)", True),
    ],
)
def test_the_search_finds_them(tmp_path, code, found, monkeypatch):
    """The search finds these names and no others."""
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(code, encoding="utf-8")
    assert bool(list(calls_without_encoding(path))) is found
