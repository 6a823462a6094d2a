"""Every message quoted in the documentation exists in the code, word for word."""

import ast
import errno
import os
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from fleetlm_users.swarm.head.active_run import doubts_of
from fleetlm_users.swarm.head.user_target import UserTarget
from tests.docs.pages import ROOT, SPAN, page

GAP = "…"
LONE_WORDS = 3
"""A fragment with fewer letters than this says nothing."""

LONG_ENOUGH = 8
"""Fewer characters than this are in many messages."""

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
            if text := template_of(node):
                found.add(text)
    return sorted(found)


def template_of(node):
    """The text of a literal, with a gap for what is put in; empty for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[sdr]|\{\w*\}", GAP, node.value)
    return ""


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


def doubts_of_runs():
    """Every reason that makes a run doubtful, each raised for real."""
    verdict = ast.parse((ROOT / "fleetlm_users/measure/judging/verdict.py").read_text(encoding="utf-8"))
    yielded = [text for node in ast.walk(verdict) if isinstance(node, ast.Yield) if (text := template_of(node.value))]
    of_the_run = doubts_of("worker a was lost", [{"count": 2, "msg": "KeyError('x')"}])
    of_plan, of_shape = UserTarget(18, None), UserTarget(0, None)
    of_shape.step(5, 1.0, 0, 0.0)
    of_shape.note(1, 60.0)
    return [*yielded, *of_the_run, *of_plan.doubts(), *of_shape.doubts()]


@pytest.mark.parametrize("doubt", doubts_of_runs())
def test_every_reason_of_a_verdict_is_explained(doubt):
    """Whoever adds a reason says what to do about it."""
    if doubt.replace(GAP, "").strip(" :") == "":
        return  # passes another text on
    quoted = [[part.strip() for part in message.split(GAP) if part.strip()] for _, message in QUOTED]
    fitting = [parts for parts in quoted if re.search(".*".join(map(re.escape, parts)), doubt)]
    assert max(len("".join(parts)) for parts in [*fitting, ""]) > LONG_ENOUGH


def test_every_obstacle_before_a_run_is_explained():
    """The problems of the preflight."""
    tree = ast.parse((ROOT / "fleetlm_users/client/preflight.py").read_text(encoding="utf-8"))
    details = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "detail"
    ]
    details += [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "hint"]
    texts = [text for node in details if (text := template_of(node)) and text.count(" ") > 2]
    assert len(texts) >= 4
    page_text = page("docs/troubleshooting.md").prose
    for text in texts:
        longest = max(text.split(GAP), key=len).strip(" ;:")
        assert longest in page_text, text


def test_kinds_of_failure_exist():
    """The words that reports count by."""
    table = next(table for table in page("docs/troubleshooting.md").tables() if "kind" in table[0])
    kinds = [quoted[2] for row in table for quoted in SPAN.finditer(row["kind"])]
    assert len(kinds) > 15
    words = set(templates())
    unknown = [kind for kind in kinds if kind not in words and not re.fullmatch(r"(closed_1|upgrade_)\d{3}", kind)]
    assert not unknown
