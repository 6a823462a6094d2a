"""The HTML page stands alone, shows what the console shows, and survives any run."""

import re
from html.parser import HTMLParser

import pytest

from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.content.stages import StageSpan, stage_entry
from fleetlm_users.measure.report.html import environment, flat_facts, render_html

VOID = {"meta", "br", "rect", "path"}


class Balance(HTMLParser):
    """Notes tags that are closed in the wrong order or never."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href") and value[:1] != "#"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def block(name, *arguments):
    """Return what a macro of the report renders."""
    macros = environment().get_template("macros.html").module
    return str(getattr(macros, name)(*arguments))


def section(title, content):
    """A section around a text."""
    call = '{% from "macros.html" import section %}{% call section(title) %}{{ content }}{% endcall %}'
    return environment().from_string(call).render(title=title, content=content)


def balance_of(page):
    parser = Balance()
    parser.feed(page)
    return parser


@pytest.fixture
def page_of(summary_of):
    """The page of what functions wrote, one per worker."""

    def build(*writes, **given):
        told, merge = summary_of(*writes, **given)
        return render_html(told, merge.series())

    return build


def test_the_page_is_well_formed_and_needs_no_network(page_of, healthy):
    """No link that leaves it, no foreign script, no font."""
    page = page_of(healthy, healthy)
    parser = balance_of(page)
    assert (parser.open, parser.wrong, parser.links) == ([], [], [])
    assert not re.search(r"https?://(?!localhost:4000)", page)


def test_it_shows_what_the_console_shows(page_of, healthy):
    """Verdict, thresholds, reasons, latencies, accounting, workers, circumstances."""
    page = page_of(healthy, thresholds="append_latency_ms: p(95)<1, p(99.9)<9; agent_reply_rate: rate>0.9")
    for told in (
        "<title>FAIL · mixed · preset light · run r1</title>",
        '<div class="badge fail">FAIL</div>',
        "append_latency_ms: p(95)&lt;1: measured 1.470 ms",
        "only 200 of the 1000 samples it needs",
        "Append latency",
        "agent_latency_ms",
        "worker-0",
        "<dt>run_id</dt><dd>r1</dd>",
        "100.00 %",
    ):
        assert told in page


def test_charts_without_data_are_left_out(page_of, healthy):
    """A benchmark without messages has no append latency to look at."""

    def joins_only(ledger):
        for second in range(5):
            ledger.trend("ws_join_ms", "concurrent", MAIN).add(1000)
            ledger.gauge("active_connections", "concurrent", 1)
            ledger.tick(second + 1.0)

    page = page_of(joins_only, thresholds="ws_join_ms: p(95)<9")
    assert "Append latency" not in page
    assert "Join latency" in page
    assert "Failures" not in page_of(healthy)


def test_what_a_server_says_stays_text(page_of, healthy):
    """A close reason may hold anything."""

    def write(ledger):
        healthy(ledger)
        ledger.count("disconnects", "burst", MAIN, label="<script>alert(1)</script>")

    page = page_of(write)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_an_empty_run_has_a_page(page_of):
    """Nothing happened is something to show."""
    page = page_of(lambda ledger: None, thresholds="")
    assert balance_of(page).wrong == []
    assert "INCONCLUSIVE" in page
    assert "No threshold was given" in page
    assert "Nothing was counted" in page


NASTY = '<img src=x onerror="alert(1)">'


def test_everything_is_escaped():
    """Labels and options come from servers and people."""
    parts = (
        block("table", (NASTY,), [(NASTY, NASTY)]),
        block("tiles", [(NASTY, NASTY, NASTY)]),
        block("facts", flat_facts({NASTY: NASTY})),
        block("lines", [NASTY], NASTY),
    )
    for part in (*parts, section(NASTY, "x"), section("x", NASTY)):
        assert "<img" not in part
        assert "&lt;img" in part


def test_a_detail_row_is_marked():
    """A scenario below its metric."""
    rendered = block("table", ("", "n"), [("metric", "1"), ("  burst", "2")])
    assert '<tr><th scope="row">metric</th>' in rendered
    assert '<tr class=sub><th scope="row">burst</th>' in rendered


def test_facts_are_flat_and_without_empty_ones():
    """Nested settings are named by their path."""
    mapping = {"users": {"burst": 5}, "tags": ["a", "b"], "none": None, "empty": "", "list": [], "zero": 0}
    rendered = block("facts", flat_facts(mapping))
    assert "<dt>users.burst</dt><dd>5</dd>" in rendered
    assert "<dd>a, b</dd>" in rendered
    assert "<dt>zero</dt><dd>0</dd>" in rendered
    assert not any(name in rendered for name in ("none", "empty", "list"))


def test_a_section_without_content_is_nothing():
    """No heading over a void."""
    assert section("Title", "") == ""


def test_the_stages_of_a_run_stand_behind_its_charts(summary_of, healthy):
    """Each where it lies, with its name; one beyond the charts is left out, and a hostile name is a text."""
    summary, merge = summary_of(healthy)
    spans = [("up", 0.0, 2.0), ("<b>", 2.0, 2.5), ("never", 900.0, 10.0)]
    totals = merge.totals()
    summary["stages"] = [stage_entry(totals, StageSpan(*span, 0, 5), 0.0, 5.0) for span in spans]
    page = render_html(summary, merge.table())
    charts = page.count('<figure class="chart" id=')
    assert page.count('title="up">up</span>') == page.count('title="&lt;b&gt;">&lt;b&gt;</span>') == charts > 0
    assert 'title="never"' not in page


def test_the_worst_window_of_a_threshold_is_marked_in_its_chart(summary_of, healthy):
    """The mark has the window's place and name; charts of other metrics have none."""
    summary, merge = summary_of(healthy, thresholds="append_latency_ms[5s]: p(95)<500")
    summary["thresholds"][0]["worst_window_s"] = [2, 4]
    page = render_html(summary, merge.table())
    assert page.count('class="worst"') == 1
    assert "the worst of append_latency_ms[5s]: p(95)&lt;500" in page
