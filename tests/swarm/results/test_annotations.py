"""A run's annotations: start, stages as they end, the verdict; and that no failure of theirs costs the run anything."""

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.errors import RestFailed
from fleetlm_users.swarm.results import annotations
from fleetlm_users.swarm.results.annotations import RunAnnotations
from tests.cli.summaries import made
from tests.swarm.samples import options

BEGAN_S = 1_700_000_000.0
URL = "http://grafana.test/api/annotations"


class Sink:
    """Takes annotations; `fails` are those by number that it refuses."""

    def __init__(self, fails=()):
        self.posted, self.fails, self.asked, self.is_closed = [], fails, 0, False

    def post(self, annotation):
        gevent.sleep(0)
        self.asked += 1
        if self.asked in self.fails:
            raise RestFailed("POST", "/api/annotations", "http_500", 500, "down")
        self.posted.append(annotation)

    def close(self):
        self.is_closed = True


def begun(sink, **raw):
    said = []
    return RunAnnotations(sink, options(annotate=URL, **raw), said.append, lambda: BEGAN_S), said


def test_start_stages_and_verdict_in_this_order():
    """With their times in ms, the run's tags, and the verdict's sentences; stages as soon as they are over."""
    sink = Sink()
    run, said = begun(sink, stages="calm=10s:5,peak=20s:10,10s:0")
    gevent.idle()
    assert [each["tags"][1] for each in sink.posted] == ["start"]
    run.look(10.2)
    gevent.idle()
    assert sink.posted[-1]["tags"] == ["fleetlm", "stage", "benchmark:mixed", "run:r1", "stage:calm"]
    entry = run.finish(made(), 25.0)
    start, calm, peak, verdict = sink.posted
    assert start["time"] == 1_700_000_000_000
    assert "timeEnd" not in start
    assert (calm["time"], calm["timeEnd"]) == (1_700_000_000_000, 1_700_000_010_000)
    assert (peak["time"], peak["timeEnd"]) == (1_700_000_010_000, 1_700_000_025_000)
    assert peak["text"] == "stage peak: 5 → 10 users, cut short"
    assert (verdict["time"], verdict["timeEnd"]) == (1_700_000_000_000, 1_700_000_025_000)
    kind = made()["verdict"]["kind"]
    assert verdict["tags"][-1] == f"verdict:{kind}"
    assert kind.upper() in verdict["text"]
    assert entry == {"url": URL, "posted": 4, "failed": 0, "problem": ""}
    assert (said, sink.is_closed) == ([], True)


def test_a_plan_without_stages_shows_its_warm_up():
    """Which is what is not judged."""
    sink = Sink()
    run, _ = begun(sink)
    run.finish(made(), 120.0)
    assert [each["tags"][-1] for each in sink.posted][1] == "stage:warm-up"


def test_grafana_takes_texts_for_html():
    """A threshold's sign would hide what follows it."""
    sink, told = Sink(), made()
    told["verdict"] |= {"kind": "fail", "failures": ["append_latency_ms: p(95)<5 & more"]}
    run, _ = begun(sink)
    run.finish(told, 120.0)
    assert "p(95)&lt;5 &amp; more" in sink.posted[-1]["text"]


def test_a_failure_is_said_once_and_counted():
    """And the next one is tried again."""
    sink = Sink(fails=(1, 2))
    run, said = begun(sink)
    entry = run.finish(made(), 120.0)
    assert (entry["posted"], entry["failed"]) == (1, 2)
    assert "http_500" in entry["problem"]
    (line,) = said
    assert line.startswith("warning: the run is not annotated in Grafana: ")


def test_a_grafana_that_never_answers_holds_nobody_up(monkeypatch):
    """What is still open at the end counts as failed."""
    monkeypatch.setattr(annotations, "LAST_WAIT_S", 0.01)
    sink = Sink()
    sink.post = lambda _annotation: Event().wait()
    run, said = begun(sink)
    entry = run.finish(made(), 120.0)
    assert (entry["posted"], entry["failed"]) == (0, 3)
    assert "no answer" in entry["problem"]
    assert len(said) == 1


@pytest.mark.parametrize("problem", [ValueError("odd"), KeyError("x")])
def test_a_mistake_of_our_own_is_no_failure_of_the_run(problem):
    """It is named by its kind."""

    def post(_annotation):
        raise problem

    sink = Sink()
    sink.post = post
    run, _ = begun(sink)
    assert type(problem).__name__ in run.finish(made(), 120.0)["problem"]


def test_a_run_without_a_verdict_posts_no_more():
    """As when a worker cannot take part."""
    sink = Sink()
    run, _ = begun(sink)
    run.stop()
    gevent.idle()
    assert sink.posted == []
    assert sink.is_closed
