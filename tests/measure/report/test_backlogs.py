"""Every report says whether the server kept up, and why a run cannot tell."""

import pytest

from fleetlm_users.measure.judging.backlog.keeping_up import KeepingUp
from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts, decide
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.junit import render_junit
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.prometheus import families
from fleetlm_users.measure.report.rows import backlog_rows
from fleetlm_users.measure.report.run_status import RunStatus
from fleetlm_users.measure.report.summary.document import summary
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.timeline.merged_timeline import MergedTimeline
from fleetlm_users.measure.totals import Totals
from tests.measure.judging.events import answered, constant, run, seconds_of

BOTH = ["agent_backlog_growth: value<0.01", "agent_backlog_end_s: value<2"]
WORDS = "the server did not keep up: agent answers fell behind by 10/s of the 50/s sent"


def totals_of(backlog):
    return Totals(DEFAULT, [], KeepingUp([backlog]).derived)


def told(backlog):
    totals = totals_of(backlog)
    verdict = decide(judge(parse_thresholds(BOTH), totals, 30.0), totals, RunFacts(False, 1, 1))
    return summary(verdict, totals, {}, {}, {}, {}, (), backlogs=KeepingUp([backlog]))


@pytest.fixture(scope="module")
def behind():
    """A server that answers 40 of 50 a second, for half a minute."""
    return run(1, 30, 50, constant(1 / 40), 1, even=True)


@pytest.fixture(scope="module")
def short():
    """Eight seconds of a server that keeps up."""
    return run(1, 8, 50, constant(0.1), even=True)


def series(seconds, servers):
    timeline = MergedTimeline()
    timeline.absorb(
        "a", seconds_of(answered(1, seconds, 50, constant(1 / 40), servers, even=True), seconds), final=True
    )
    return timeline.rows()


def test_a_server_that_falls_behind_is_told_everywhere(behind):
    """It is in the words of the verdict, in tables, and as a line through the backlog."""
    document = told(behind)
    for text in (render(document, 200), render_junit(document), render_markdown(document).replace("\\", "")):
        assert WORDS in text
    ((name, waiting, _, growth, _, arrived),) = backlog_rows(document)[1]
    assert (name, waiting, growth, arrived) == ("agent_backlog", f"{behind.waiting}", "10.0/s", "50.0/s")
    page = render_html(document, series(30, 1))
    assert "growth 10.0/s" in page
    assert "Did the server keep up?" in page


def test_what_a_short_run_cannot_tell_is_a_note(short):
    """Kept, with the reason why it says nothing."""
    document = told(short)
    note = "too short to tell: 8 s of the 20 s that it takes"
    for text in (render(document, 200), render_junit(document), render_markdown(document).replace("\\", "")):
        assert "cannot tell" in text
        assert note in text
    assert note in render_html(document, series(8, None))
    assert "<failure" not in render_junit(document)
    assert backlog_rows(document)[1][0][3:5] == ("cannot tell", "–")


def test_prometheus_leaves_out_what_cannot_be_told(behind, short):
    """Shares and seconds are in their base units, of all scenarios together."""
    for backlog, expected in (
        (behind, {"growth_ratio": 0.2, "end_seconds": behind.behind_s}),
        (short, {"end_seconds": 0.0}),
    ):
        status = RunStatus("r", "b", "p", totals_of(backlog), (), (), 30.0, None, 1)
        samples = {
            sample.name.removeprefix("fleetlm_agent_backlog_"): (sample.labels["scenario"], sample.value)
            for family in families(status, "1", lambda: None)
            for sample in family.samples
            if sample.name.startswith("fleetlm_agent_backlog_")
        }
        assert samples == {name: ("", pytest.approx(value, abs=0.01)) for name, value in expected.items()}
