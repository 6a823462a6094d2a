"""A stranger finds the module: small folders, modules of one concept, one meaning per class name, plain English."""

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "fleetlm_users"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.startswith("__"))
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")])
WRITTEN = [*MODULES, ROOT / "echo_agent.py", *PAGES]

MAX_MODULES_PER_FOLDER = 15
SMALL_LINES = 50
MAX_SMALL_SHARE = 0.1
"""Concepts that are small by nature; more of them means that one concept lies in fragments."""

NOT_ENGLISH = re.compile(
    r"\b(anew|dear(?:er|est|ly)?|befalls?|befell|reckon(?:s|ed)?|whereof|so many times)\b", re.IGNORECASE
)
CLASS = re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)
"""The public ones of a module, by their names."""

VERBS_AS_NAMES = {"told", "found"}
"""A name says what a thing is, not what happened to it."""


def name_of(path):
    return str(path.relative_to(ROOT))


def test_no_folder_is_a_list():
    """Nobody finds anything in a folder of more than fifteen modules."""
    counts = Counter(path.parent for path in MODULES)
    assert {name_of(folder): count for folder, count in counts.items() if count > MAX_MODULES_PER_FOLDER} == {}


def test_few_modules_are_fragments():
    """The floor of a module's size; test_sizes_and_imports.py has the ceiling."""
    small = [name_of(path) for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) < SMALL_LINES]
    assert len(small) <= MAX_SMALL_SHARE * len(MODULES), small


def test_a_class_name_has_one_meaning():
    """Two classes of one name would differ only by their folders, which a reader of a call does not see."""
    places = defaultdict(list)
    for path in MODULES:
        for name in CLASS.findall(path.read_text(encoding="utf-8")):
            places[name].append(name_of(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_names_say_what_a_thing_is(path):
    """No variable, parameter or attribute is a participle."""
    names, source = set(), path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)) if any(verb in source for verb in VERBS_AS_NAMES) else ():
        if isinstance(node, ast.Name | ast.arg):
            names.add((node.id if isinstance(node, ast.Name) else node.arg).lstrip("_"))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr.lstrip("_"))
    assert names & VERBS_AS_NAMES == set()


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_the_english_is_plain(path):
    """Words that no engineer writes today."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [f"{number}: {line.strip()}" for number, line in enumerate(lines, 1) if NOT_ENGLISH.search(line)] == []
