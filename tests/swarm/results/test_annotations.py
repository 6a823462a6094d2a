"""A run's annotations: start, stages as they end, the verdict; and that no failure to post costs the run anything."""

from dataclasses import replace

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.errors import RestFailed
from fleetlm_users.measure.report.content.stages import StageSpan
from fleetlm_users.swarm.results import annotations
from fleetlm_users.swarm.results.annotations import RunAnnotations
from fleetlm_users.workload.plan import shaped
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


STAGES = [
    StageSpan("calm", 0, 10, 0, 5),
    StageSpan("peak", 10, 20, 5, 10),
    StageSpan("end", 30, 10, 10, 0),
]


def begun(sink, **raw):
    said = []
    return RunAnnotations(sink, options(annotate=URL, **raw), said.append, lambda: BEGAN_S), said


def test_start_stages_and_verdict_in_this_order():
    """They have their times in ms, the run's tags, and the verdict's sentences; stages come as soon as they are
    over.
    """
    sink = Sink()
    run, said = begun(sink)
    gevent.idle()
    assert [each["tags"][1] for each in sink.posted] == ["start"]
    run.look(10.2, STAGES)
    gevent.idle()
    assert sink.posted[-1]["tags"] == ["fleetlm", "stage", "benchmark:mixed", "run:r1", "stage:calm"]
    entry = run.finish(made(), 25.0, STAGES)
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


def test_a_stage_of_a_load_shape_is_over_once_the_next_begins():
    """Until then nobody knows when it ends."""
    sink = Sink()
    run, _ = begun(sink)
    run._options = replace(run._options, plan=shaped(run._options.plan, "Evening"))
    run.look(20.0, [StageSpan("one", 0, 12, 0, 5), StageSpan("two", 12, 8, 5, 9)])
    run.look(25.0, [StageSpan("one", 0, 12, 0, 5), StageSpan("two", 12, 13, 5, 9)])
    run.finish(made(), 30.0, [StageSpan("one", 0, 12, 0, 5), StageSpan("two", 12, 18, 5, 9)])
    assert [each["tags"][-1] for each in sink.posted][1:3] == ["stage:one", "stage:two"]
    assert sink.posted[2]["timeEnd"] == 1_700_000_030_000


def test_stages_of_a_rate_are_told_in_sessions_per_second():
    """The report has the same."""
    sink = Sink()
    run, _ = begun(sink)
    run.finish(made(), 30.0, [StageSpan("up", 0, 30, 50, 50, 0.0, 12.5)])
    assert sink.posted[1]["text"] == "stage up: 0 → 12.5 sessions/s"


def test_a_plan_without_stages_shows_its_warm_up():
    """It is the part that is not judged."""
    sink = Sink()
    run, _ = begun(sink)
    run.finish(made(), 120.0, [])
    assert [each["tags"][-1] for each in sink.posted][1] == "stage:warm-up"


def test_grafana_takes_texts_for_html():
    """A threshold's sign would hide what follows it."""
    sink, told = Sink(), made()
    told["verdict"] |= {"kind": "fail", "failures": ["append_latency_ms: p(95)<5 & more"]}
    run, _ = begun(sink)
    run.finish(told, 120.0, [])
    assert "p(95)&lt;5 &amp; more" in sink.posted[-1]["text"]


def test_a_failure_is_said_once_and_counted():
    """The next one is tried again."""
    sink = Sink(fails=(1, 2))
    run, said = begun(sink)
    entry = run.finish(made(), 120.0, [])
    assert (entry["posted"], entry["failed"]) == (1, 2)
    assert "http_500" in entry["problem"]
    (line,) = said
    assert line.startswith("warning: the run is not annotated in Grafana: ")


def test_a_grafana_that_never_answers_holds_nobody_up(monkeypatch):
    """Annotations still open at the end count as failed."""
    monkeypatch.setattr(annotations, "LAST_WAIT_S", 0.01)
    sink = Sink()
    sink.post = lambda _annotation: Event().wait()
    run, said = begun(sink)
    entry = run.finish(made(), 120.0, [])
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
    assert type(problem).__name__ in run.finish(made(), 120.0, [])["problem"]


def test_a_run_without_a_verdict_posts_no_more():
    """An example is a worker that cannot take part."""
    sink = Sink()
    run, _ = begun(sink)
    run.stop()
    gevent.idle()
    assert sink.posted == []
    assert sink.is_closed
