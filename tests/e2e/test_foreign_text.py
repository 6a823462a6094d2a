"""Whatever a server says, its text moves no cursor, and neither memory nor reports grow with it."""

import json
import re

import pytest

from fleetlm_users.measure.counter_kinds import MAX_KINDS, OTHER
from tests.e2e.benchmarks import SHORT_RAMP, SPREADS
from tests.e2e.harness import Locust, targets
from tests.e2e.talkative import Talkative

pytestmark = pytest.mark.e2e


def unheard_of(number):
    """Words that were never said before and that no folding makes alike, for a terminal, and long."""
    word = "".join(chr(ord("g") + int(digit)) for digit in str(number))
    return f"\x1b[2J\x1b]0;title\x07{word}\r\u202e" + "z" * 20_000


@SPREADS
def test_a_server_that_refuses_in_ever_new_words_is_reported_in_few(tmp_path, spread):
    """50 kinds and the rest as other, the sum exact; console, files and Locust's own table printable and small."""
    markdown = tmp_path / "summary.md"
    plan = [
        "-u",
        4,
        "-t",
        "3s",
        "--warm-up",
        "0s",
        "--send-interval",
        "40",
        "--markdown",
        markdown,
        "--protocol",
        "early",
        *spread,
    ]
    with (
        Talkative(unheard_of) as server,
        Locust(
            tmp_path, *targets(server, server), *SHORT_RAMP, *plan, locustfile="locustfiles/message_throughput.py"
        ) as locust,
    ):
        finished = locust.finish()
    assert finished.summary, finished.output
    labels = finished.summary["metrics"]["messages_rejected"]["main"]["all"]["labels"]
    assert finished.code == 3, finished.output
    assert sum(labels.values()) == finished.count("messages_rejected") == server.refused > MAX_KINDS
    assert len(labels) == MAX_KINDS + 1
    assert labels[OTHER] > 0
    errors = re.findall(r"^(\d+) +WS append: rejected: ", finished.output, re.MULTILINE)
    assert len(errors) <= MAX_KINDS
    texts = [finished.output, markdown.read_text(), *(path.read_text() for path in finished.results.glob("*/*"))]
    assert all(char.isprintable() or char == "\n" for text in texts for char in text)
    assert max(map(len, texts)) < 200_000
    json.dumps(finished.summary, allow_nan=False)
