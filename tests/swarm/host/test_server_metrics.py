"""The server's own figures: read before and during a run; failures are reported and harm nothing."""

import os
from unittest import mock

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.errors import RestFailed
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.server.exposition import MEMORY, Reading
from fleetlm_users.measure.server.series import ServerSeries
from fleetlm_users.swarm.host.server_metrics import (
    ProcessSource,
    PrometheusSource,
    ServerMetrics,
    SourceError,
    server_metrics_of,
)
from tests.swarm.samples import options


class Played:
    """A source that tells what the test put into it; an error is raised."""

    name = "played"

    def __init__(self, *answers, done_after=0):
        self.answers, self.done, self.done_after, self.asked = list(answers), Event(), done_after, 0

    def read(self, _wanted):
        self.asked += 1
        if self.asked >= self.done_after:
            self.done.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {MEMORY: Reading(answer, "bytes")}

    def has(self, _series):
        return False

    def close(self):
        """Nothing is held."""


class Page:
    """A page that says what the test put into it."""

    def __init__(self, text):
        self.text, self.is_closed = text, False

    def read(self):
        if isinstance(self.text, Exception):
            raise self.text
        return self.text

    def close(self):
        self.is_closed = True


def test_an_endpoint_is_read():
    """Figures by name."""
    source = PrometheusSource("http://fleet/metrics", Page("process_resident_memory_bytes 4096\n"))
    assert source.read(()) == {MEMORY: Reading(4096.0, "process_resident_memory_bytes")}


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (RestFailed("GET", "/metrics", "http_503", 503, "no body"), "503"),
        ("<html>login</html>", "not Prometheus' text format"),
        ("something_else 1\n", "none of the metrics"),
    ],
)
def test_an_endpoint_that_is_none_says_why(page, said):
    """In words."""
    with pytest.raises(SourceError, match=said):
        PrometheusSource("http://fleet/metrics", Page(page)).read(())


def test_a_process_is_read_and_one_that_is_gone_says_so():
    """Resident memory and CPU."""
    found = ProcessSource(os.getpid()).read(())
    assert found[MEMORY].value > 1_000_000
    assert found["cpu_percent"].value >= 0
    with pytest.raises(SourceError, match="4194305"):
        ProcessSource(2**22 + 1).read(())


def test_readings_go_on_until_the_run_ends_whatever_fails():
    """A failure in between is counted, and the next reading taken."""
    source = Played(1.0, SourceError("away"), 2.0, done_after=5)
    watch = ServerMetrics({"played": source}, interval_s=0.001)
    assert watch.read_all() == []
    assert watch.read_all() == ["the server's figures (played): away"]
    watch.begin(lambda: 7)
    with gevent.Timeout(10):
        source.done.wait()
    watch.stop()
    told = watch.to_json()[0]
    assert told["failed"] == 1
    assert told["problem"] == "away"
    assert told["figures"]["memory_bytes"]["first"] == 1.0
    assert told["figures"]["memory_bytes"]["peak"] == 2.0
    assert [sessions for _, sessions, _ in told["samples"]][:2] == [0, 7]


def test_readings_that_a_slow_source_made_us_miss_are_not_made_up_for():
    """The next one is at its own time: a burst of questions would be load of its own."""
    now_s, paused_s = [0.0], []

    def pause(seconds):
        paused_s.append(seconds)
        if len(paused_s) == 4:
            raise gevent.GreenletExit
        now_s[0] += seconds

    class Slow(Played):
        def read(self, wanted):
            now_s[0] += 5.0  # two and a half intervals
            return super().read(wanted)

    with (
        mock.patch("fleetlm_users.swarm.host.server_metrics.time.perf_counter", side_effect=lambda: now_s[0]),
        mock.patch("fleetlm_users.swarm.host.server_metrics.gevent.sleep", pause),
    ):
        watch = ServerMetrics({"slow": Slow(1.0)}, interval_s=2.0)
        with pytest.raises(gevent.GreenletExit):
            watch._watch()
    assert paused_s == [2.0, 1.0, 1.0, 1.0]


def test_a_source_that_lets_wait_is_named_and_the_end_closes_it():
    """Before a run a person should know what takes so long."""
    page = Page("process_resident_memory_bytes 1\n")
    watch = ServerMetrics({"fleet": PrometheusSource("http://fleet/metrics", page)})
    told = Event()
    waiting = Page("")
    waiting.read = lambda: told.wait(60) and "process_resident_memory_bytes 1\n"
    slow = ServerMetrics({"slow": PrometheusSource("http://slow/metrics", waiting)})
    with mock.patch("fleetlm_users.swarm.host.server_metrics.NOTICE_S", 0.0):
        assert slow.first_reading(lambda text: told.set() if "http://slow/metrics" in text else None) == []
    assert told.is_set()
    assert watch.first_reading(pytest.fail) == []
    watch.stop()
    assert page.is_closed


def test_the_options_say_what_is_asked():
    """Nothing, one or both; the page is read as the benchmark says."""
    asked = []

    def page(url, _options):
        asked.append(url)
        return Page("")

    assert server_metrics_of(options(), page).to_json() == []
    both = server_metrics_of(options(server_metrics="http://localhost:4000/metrics", server_pid="42"), page).to_json()
    assert [told["source"] for told in both] == ["http://localhost:4000/metrics", "pid 42"]
    assert [told["name"] for told in both] == ["localhost-4000", "pid-42"]
    assert asked == ["http://localhost:4000/metrics"]


def test_what_a_source_says_is_one_bounded_line():
    """An endpoint that answers with something else is quoted by libraries, at any length."""
    watch = ServerMetrics({"played": Played(SourceError("Invalid line: \x1b[2J" + "x" * 10_000))})
    (problem,) = watch.read_all()
    assert problem.isprintable()
    assert len(problem) < 300
    assert watch.to_json()[0]["problem"].isprintable()


def test_a_bounded_series_is_read_and_judged_from_the_warm_up_on():
    """Earlier readings are not part of the judged run; a reset restarts it."""
    (maximum,) = parse_thresholds(['server.api.jobs{queue="mail"}: max<5'])
    page = Page('jobs{queue="mail"} 9\njobs{queue="web"} 90\nprocess_resident_memory_bytes 1\n')
    watch = ServerMetrics({"api": PrometheusSource("http://fleet/metrics", page)}, bounded=[maximum])
    assert watch.first_reading(pytest.fail) == []
    assert watch.judge(maximum).problem == "no reading"
    watch.begin(lambda: 0)
    page.text = page.text.replace(" 9\n", " 4\n")
    watch.read_all()
    assert (watch.judge(maximum).measured, watch.judge(maximum).ok) == (4.0, True)
    watch.reset()
    assert watch.judge(maximum).problem == "no reading"
    watch.stop()


def test_a_source_says_what_it_has():
    """A figure, a series by its name whatever its labels, and nothing of a source that cannot be read."""
    page = Page('jobs{queue="web"} 1\nprocess_resident_memory_bytes 1\n')
    sources = {"api": PrometheusSource("http://fleet/metrics", page), "gone": Played(SourceError("away"))}
    watch = ServerMetrics(sources)
    watch.read_all()
    offered = watch.offered()
    assert offered["gone"] is None
    has = offered["api"]
    assert has(ServerSeries(MEMORY))
    assert has(ServerSeries("jobs", (("queue", "mail"),)))
    assert not has(ServerSeries("cpu_percent"))


def test_several_sources_of_one_kind():
    """Each under its own name, or the one given."""
    page = Page("")
    given = options(server_metrics="http://a:4000/metrics, db=http://b/metrics", server_pid="12,34")
    told = server_metrics_of(given, lambda _url, _options: page).to_json()
    assert [entry["name"] for entry in told] == ["a-4000", "db", "pid-12", "pid-34"]
