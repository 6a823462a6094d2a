"""Stages of a run of pushes are shown in pushes, at any width of the terminal."""

import pytest

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.phoenix import PHOENIX_METRICS
from fleetlm_users.measure.report.content.stages import StageSpan, stage_entry
from fleetlm_users.measure.report.rows import stage_rows
from fleetlm_users.measure.report.terminal_style import Style
from fleetlm_users.measure.report.text import stages_section
from fleetlm_users.measure.totals import Totals

SPAN = StageSpan("peak", 10, 20, 2, 6)


def stage_of(**counts):
    """The entry of the stage `peak` with these counts, and a push of 5 ms."""
    catalogue = DEFAULT.with_metrics(PHOENIX_METRICS)
    ledger = Ledger(catalogue, "run", "w")
    for name, n in counts.items():
        ledger.count(name, "chat", "main:peak", n)
    ledger.trend("push_latency_ms", "chat", "main:peak").add(5000)
    return stage_entry(Totals(catalogue, [ledger.snapshot(1, True, 40.0)]), SPAN, 0.0, 30.0)


PUSHED = {"pushes_sent": 40, "pushes_replied": 39, "pushes_lost": 1}
MIXED = {**PUSHED, "messages_sent": 7, "messages_appended": 7}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_stage_of_pushes_has_their_columns(width):
    """As many as fit: pushes, their replies, and how slow they were."""
    summary = {"stages": [stage_of(**PUSHED)], "run": {"sends": ["pushes"]}}
    text = "\n".join(stages_section(summary, Style(width, colour=False)))
    assert "pushed" in text
    head, (row,) = stage_rows(summary)
    assert (
        dict(zip(head, row, strict=True)).items()
        >= {
            **{"": "peak", "from": "10s", "users": "2 to 6", "pushed": "40", "per s": "2.00/s", "replied": "39"},
            "adds up": "✓",
        }.items()
    )


def test_a_stage_of_both_has_a_row_for_each():
    """Messages first; a stage without a push has none, and in a run of pushes alone an empty one."""
    both = {"stages": [stage_of(**MIXED)], "run": {"sends": ["messages", "pushes"]}}
    assert [row[:5] for row in stage_rows(both)[1]] == [
        ("peak", "10s", "2 to 6", "7", "0.35/s"),
        ("  pushes", "", "", "40", "2.00/s"),
    ]
    silent = {"stages": [stage_of()], "run": {"sends": ["pushes"]}}
    assert [row[3] for row in stage_rows(silent)[1]] == ["0"]
