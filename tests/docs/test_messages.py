"""Every message quoted in the documentation exists in the code, word for word."""

import ast
import errno
import os
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, SPAN, page

GAP = "…"
LONE_WORDS = 3
"""A fragment with fewer letters than this says nothing."""

PAGES = ("docs/troubleshooting.md", "README.md")
COLUMNS = ("message", "what it says")
QUOTED = [
    (name, quoted[2].strip())
    for name in PAGES
    for table in page(name).tables()
    for row in table
    for column in COLUMNS
    for quoted in [SPAN.search(row.get(column, ""))]
    if quoted
]


def sources():
    """Our own files, and those of Locust that speak to a person."""
    locust = Path(find_spec("locust").origin).parent
    return [
        *(ROOT / "fleetlm_users").rglob("*.py"),
        ROOT / "echo_agent.py",
        *(locust / name for name in ("main.py", "runners.py", "web.py", "rpc/zmqrpc.py")),
    ]


@cache
def templates():
    """Every text of the code, with a gap where something is put in; and what the system says of errors."""
    found = {os.strerror(number) for number in errno.errorcode}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
                found.add("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(re.sub(r"%[sdr]|\{\w*\}", GAP, node.value))
    return sorted(found)


def exists(message):
    """Whether the fragments between the gaps stand in one text of the code, in this order.

    Where a message is put together from several texts, each fragment may stand in another one.
    """
    fragments = [part.strip() for part in message.split(GAP) if sum(map(str.isalpha, part)) >= LONE_WORDS]
    in_one = re.compile(".*".join(map(re.escape, fragments)), re.DOTALL)
    if any(in_one.search(text) for text in templates()):
        return True
    return all(any(part in text for text in templates()) for part in fragments)


def test_messages_were_found():
    """Many; else this file tests nothing."""
    assert len(QUOTED) > 60


@pytest.mark.parametrize(("name", "message"), QUOTED, ids=[f"{name}: {message}"[:80] for name, message in QUOTED])
def test_a_quoted_message_is_in_the_code(name, message):
    """Whoever searches for what the program said finds it."""
    assert exists(message), f"{name}: no such message: {message}"


def test_kinds_of_failure_exist():
    """The words that reports count by."""
    table = next(table for table in page("docs/troubleshooting.md").tables() if "kind" in table[0])
    kinds = [quoted[2] for row in table for quoted in SPAN.finditer(row["kind"])]
    assert len(kinds) > 15
    words = set(templates())
    unknown = [kind for kind in kinds if kind not in words and not re.fullmatch(r"closed_1\d{3}", kind)]
    assert not unknown
