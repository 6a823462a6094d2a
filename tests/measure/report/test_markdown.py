"""The Markdown summary shows the verdict at a glance, and no measurement breaks it."""

import pytest

from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render


def test_verdict_reasons_and_thresholds_come_first(summary_of, healthy):
    """Details are folded away."""
    told, _ = summary_of(healthy, thresholds="append_latency_ms: p(95)<1; ws_join_ms: max<500", interrupted=True)
    lines = render_markdown(told).splitlines()
    assert lines[0] == "## ❌ mixed: fail"
    assert "- ❔ the run was interrupted" in lines
    assert r"| ❌ | append\_latency\_ms: p(95)\<1 | 1.470 ms | 200 | – |" in lines
    assert r"| ✅ | ws\_join\_ms: max\<500 | 0.900 ms | 4 | – |" in lines
    assert lines.index("<details><summary>Latency in ms</summary>") > lines.index("| --- | --- | ---: | ---: | ---: |")


def test_text_cannot_break_a_table(summary_of, healthy):
    """A label may hold a pipe or a tag."""

    def write(ledger):
        healthy(ledger)
        ledger.count("disconnects", "burst", MAIN, label="a|b<c>\nd")
        ledger.count("disconnects", "burst", WARM_UP, 2)

    text = render_markdown(summary_of(write)[0])
    assert r"| disconnects | 1 (+2 in warm-up) | a\|b\<c\>\\nd 1 |" in text


def test_an_empty_run_has_no_empty_tables(summary_of):
    """Nothing measured, nothing folded but the accounting."""
    text = render_markdown(summary_of(lambda ledger: None, thresholds="")[0])
    assert text.startswith("## ❔ mixed: inconclusive\n")
    assert "Latency" not in text
    assert "|  | threshold |" not in text


@pytest.mark.parametrize(
    ("origin", "words"),
    [("given", "given"), ("preset", "preset"), ("behaviour", "default"), ("", "–")],
)
def test_it_says_who_set_a_threshold(summary_of, healthy, origin, words):
    """Terminal and page do so, too; older files do not know it."""
    told, _ = summary_of(healthy)
    told["thresholds"][0]["origin"] = origin
    assert f"| 200 | {words} |" in render_markdown(told)
    if origin:
        assert f"of 200 samples, {words}" in render(told, 120)
        assert f"200 samples, {words}" in render_html(told, [])
    del told["thresholds"][0]["origin"]
    assert "| 200 | – |" in render_markdown(told)
