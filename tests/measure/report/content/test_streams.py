"""A report's charts of streaming answers by scenario: in summary.json, and drawn from it."""

import re

import pytest

from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.charts import MAX_POINTS
from fleetlm_users.measure.report.content.charts_shown import STREAM_CHARTS
from fleetlm_users.measure.report.content.streams import stream_curves, streams_entry
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.timeline.rows import flat
from fleetlm_users.measure.timeline.scenario_lines import MAX_LINES, MAX_NAME
from fleetlm_users.measure.timeline.second import Stretch

FIRST, GAPS, LENGTH, CHUNKS, BROKEN = STREAM_CHARTS
MARKUP = "<b>&scenario"


def streaming(*scenarios, seconds=5):
    """Each scenario's first chunks take as many times 100 ms as its place; they have no gaps.

    The second scenario has two chunks a second, and breaks off once.
    """

    def write(ledger):
        for now in range(seconds):
            for place, scenario in enumerate(scenarios, 1):
                ledger.trend("agent_first_chunk_ms", scenario, MAIN).add(100_000 * place)
                ledger.counter("agent_chunks", scenario, MAIN).n += place
                ledger.counter("agent_streams_incomplete", scenario, MAIN).n += now == 1 and place == 2
            ledger.tick(now + 1.0)

    return write


@pytest.fixture
def told_of(summary_of):
    """The summary of a run in which scenarios stream, and its rows."""

    def build(*scenarios, seconds=5):
        told, merge = summary_of(streaming(*scenarios, seconds=seconds))
        entry = streams_entry(merge.timeline, merge.totals())
        return (told if entry is None else {**told, "streams": entry}), merge.table()

    return build


def test_one_scenario_has_no_further_chart(told_of):
    """It would repeat the chart of all."""
    told, rows = told_of("burst")
    assert "streams" not in told
    assert stream_curves(told, rows) == {}
    assert FIRST.title not in render_html(told, rows)


def test_several_scenarios_have_a_line_each(told_of):
    """A chart in which nothing would be drawn is left out: answers of one chunk have no gaps."""
    told, rows = told_of("burst", "churn")
    page = render_html(told, rows)
    assert (FIRST.title in page, GAPS.title in page) == (True, False)
    lines = stream_curves(told, rows)[FIRST]
    assert [line.name for line in lines] == ["burst", "churn"]
    fast, slow = lines.values()
    assert fast[:4] == pytest.approx([100.0] * 4, rel=0.032)
    assert slow[:4] == pytest.approx([200.0] * 4, rel=0.032)


def test_counts_have_a_line_for_each_scenario_too(told_of):
    """Events that never happen have no chart; nor has a summary of the first version, which held two figures."""
    told, rows = told_of("burst", "churn")
    curves = stream_curves(told, rows)
    assert [list(values)[:4] for values in curves[CHUNKS].values()] == [[1, 1, 1, 1], [2, 2, 2, 2]]
    assert [list(values)[:4] for values in curves[BROKEN].values()] == [[0, 0, 0, 0], [0, 1, 0, 0]]
    assert LENGTH not in curves
    assert "Streams that stalled or broke off" in render_html(told, rows)
    for line in told["streams"]["scenarios"]:
        for figure in ("stream_p95_ms", "chunks_per_s", "broken_per_s"):
            del line[figure]
    assert set(stream_curves(told, rows)) == {FIRST}


def test_a_long_run_keeps_a_bounded_number_of_figures(told_of):
    """Each shows the worst of its seconds, and represents all of them on the chart."""
    told, rows = told_of("burst", "churn", seconds=MAX_POINTS + 50)
    entry = told["streams"]
    assert entry["step_s"] == 2
    assert {len(line["first_chunk_p95_ms"]) for line in entry["scenarios"]} == {(MAX_POINTS + 50) // 2}
    fast, slow = stream_curves(told, rows)[FIRST].values()
    assert len(fast) == len(slow) == len(rows)
    assert None not in fast[: MAX_POINTS + 49]


def test_names_of_scenarios_are_text(told_of):
    """No part becomes markup, even in a summary written by somebody else."""
    told, rows = told_of("burst", MARKUP)
    page = render_html(told, rows)
    assert "<b>&" not in page
    assert len(re.findall(r"&lt;b&gt;&amp;scenario", page)) >= 1


def test_odd_entries_draw_what_they_hold(told_of):
    """A file of another program: no step, too many lines, too few figures."""
    told, rows = told_of("burst", "churn")
    told["streams"]["step_s"] = 0
    told["streams"]["scenarios"] *= 20
    told["streams"]["scenarios"][0] |= {"first_chunk_p95_ms": [7.0], "scenario": "x" * 5_000}
    lines = stream_curves(told, rows)[FIRST]
    assert (len(lines), next(iter(lines.values()))[:3]) == (MAX_LINES, [7.0, None, None])
    assert max(len(line.name) for line in lines) <= MAX_NAME
    assert stream_curves(told, [flat(Stretch.empty(9_000))]) == {}
    render_html(told, rows)
