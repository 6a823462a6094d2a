"""The busiest tenth of the sessions next to the rest, merged over workers, in every report."""

from fleetlm_users.measure.report.content.stages import SkewedPart, skew_entry
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render


def skewed(ledger):
    """100 messages on busy sessions, 20 elsewhere, 5 in the warm-up."""
    for part, messages, latency_us in (("busiest", 100, 80_000), ("rest", 20, 5_000)):
        for metric in ("messages_sent", "messages_appended"):
            ledger.count(metric, "burst", f"main:{part}", messages)
        for _ in range(messages):
            ledger.trend("append_latency_ms", "burst", f"main:{part}").add(latency_us)
    ledger.count("messages_sent", "burst", "warm_up", 5)


def test_the_two_parts_are_all_of_the_main_phase(totals_of):
    """They cover all workers and nothing of the warm-up."""
    totals = totals_of(skewed, skewed)
    busiest, rest = (skew_entry(totals, SkewedPart("burst", part, 1, 0.5), 10.0) for part in ("busiest", "rest"))
    assert (busiest["accounting"]["sent"], rest["accounting"]["sent"]) == (200, 40)
    assert busiest["accounting"]["sent"] + rest["accounting"]["sent"] == totals.accounting().sent
    assert (busiest["sent_per_s"], rest["sent_per_s"]) == (20.0, 4.0)
    assert busiest["append_latency_ms"]["med"] > rest["append_latency_ms"]["med"]
    assert totals.samples("append_latency_ms") == 240


def test_a_part_in_which_nothing_happened_has_no_latency(totals_of):
    """It is there all the same, and no rate is made of no time."""
    entry = skew_entry(totals_of(lambda ledger: None), SkewedPart("burst", "rest", 9, 0.1), 0.0)
    assert entry["sent_per_s"] is None
    assert entry["append_latency_ms"]["med"] is None
    assert entry["accounting"]["adds_up"]


def test_every_report_has_both_side_by_side(summary_of, totals_of):
    """A run with an even load has no such table."""
    told, merge = summary_of(skewed)
    for text in (render(told, 120), render_markdown(told), render_html(told, [])):
        assert "busiest" not in text.lower()
    parts = (SkewedPart("burst", "busiest", 2, 0.62), SkewedPart("burst", "rest", 18, 0.38))
    told["skew"] = [skew_entry(merge.totals(), part, 4.0) for part in parts]
    for text in (render(told, 120), render_markdown(told), render_html(told, [])):
        assert "burst: the busiest tenth" in text
        assert "burst: the rest" in text
        assert "62.00 %" in text
