"""The document of the live page: cheap to request, never older than the end of the run, with the runs before it."""

import gevent
import pytest

from fleetlm_users.measure.judging.storm.result import StormRecord
from fleetlm_users.swarm.web import live_page
from fleetlm_users.swarm.web.live_page import PAST_SHOWN, LivePage
from tests.swarm.web.runs import Coordinator

WAIT_S = 60.0


@pytest.fixture
def coordinator():
    """One without a run."""
    return Coordinator()


@pytest.fixture
def live(coordinator):
    """Its live page."""
    return LivePage(coordinator, is_search=False)


def test_before_the_first_run_there_is_only_a_state(live):
    """The history is empty."""
    document = live.document()
    assert (document["state"], document["key"], document["past"]) == ("ready", "", [])


def test_a_run_is_described_with_its_plan_and_its_figures(coordinator, live):
    """Times in seconds, the target, the thresholds, no verdict yet."""
    coordinator.run()
    document = live.document()
    assert document["state"] == "running"
    assert document["key"] == "e.0"
    assert document["run"]["run_id"] == "r1"
    assert (document["run"]["elapsed_s"], document["run"]["planned_s"]) == (12.3, 60.0)
    assert (document["run"]["users"], document["run"]["planned_users"]) == (5, 10)
    assert [row["expression"] for row in document["thresholds"]] == ["append_latency_ms: p(95)<500"]
    assert document["verdict"] is None
    assert document["files"] == []


def test_figures_are_made_at_most_every_refresh(coordinator, live):
    """Any number of pages may ask: the figures cost something."""
    coordinator.run()
    first = live.figures()
    assert [live.figures() for _ in range(5)] == [first] * 5
    assert coordinator.refreshes == 1


def test_figures_are_made_again_when_their_time_is_over(coordinator, live, monkeypatch):
    """They show the changes since."""
    coordinator.run()
    live.figures()
    coordinator.run(users=7)
    monkeypatch.setattr(live, "_pause_s", 0.0)
    assert live.figures()["run"]["users"] == 7


def test_the_end_of_a_run_is_shown_at_once(coordinator, live):
    """A page that asks right after the verdict must not get the figures from before it."""
    coordinator.run()
    live.figures()
    coordinator.end()
    document = live.figures()
    assert document["state"] == "ended"
    assert document["verdict"]["kind"] == "pass"


def test_another_run_replaces_the_first_at_once(coordinator, live):
    """Its key differs, so pages drop the history that they have."""
    coordinator.run("one")
    assert live.figures()["key"] == "one.0"
    coordinator.run("two")
    assert live.figures()["key"] == "two.0"


def test_runs_that_ended_are_listed_the_newest_first(coordinator, live):
    """No more of them than a page shows."""
    for number in range(PAST_SHOWN + 2):
        coordinator.run(f"run{number}", started_at=str(number))
        live.figures()
        coordinator.end()
        live.figures()
    past = live.document()["past"]
    assert len(past) == PAST_SHOWN
    assert past[0]["started_at"] == str(PAST_SHOWN + 1)
    assert past[0]["verdict"] == "pass"


def test_result_files_are_linked_the_report_first(coordinator, live, tmp_path):
    """Links are relative to the page's address; only folders of this process can be requested."""
    folder = tmp_path / "20260101-mixed-r1"
    folder.mkdir()
    for name in ("run.json", "report.html", "summary.json"):
        (folder / name).write_text("x")
    coordinator.run()
    coordinator.end(folder)
    files = live.figures()["files"]
    assert [file["name"] for file in files] == ["report.html", "run.json", "summary.json"]
    assert files[0]["href"] == "fleetlm/runs/20260101-mixed-r1/report.html"
    assert live.folder(folder.name) == folder
    assert live.folder("..") is None
    assert live.document()["past"][0]["report"] == files[0]["href"]


def test_a_deleted_result_folder_has_no_links(coordinator, live, tmp_path):
    """A person may tidy up while the page is open."""
    coordinator.run()
    coordinator.end(tmp_path / "gone")
    assert live.figures()["files"] == []


def test_a_search_shows_no_thresholds_while_it_goes_on(coordinator):
    """They judge its steps, not all of them together."""
    live = LivePage(coordinator, is_search=True)
    coordinator.run()
    assert live.figures()["thresholds"] == []


def test_the_history_goes_on_without_a_request(coordinator, live, monkeypatch):
    """Rows are settled in time although no page is open."""
    monkeypatch.setattr(live_page, "TICK_S", 0.01)
    coordinator.run()
    watching = live.watch()
    with gevent.Timeout(WAIT_S):
        while coordinator.refreshes < 3:
            gevent.sleep(0)
    watching.kill()


def test_a_storm_is_shown_while_it_goes_on_and_at_its_end_in_the_words_of_the_report(coordinator, live):
    """Runs without a storm have none."""
    coordinator.run()
    assert live.figures()["storm"] is None
    coordinator.run("storm", storm=StormRecord("cut by the client", False, [(20.0, 10)], 12.3, 1))
    storm = live.figures()["storm"]
    assert storm["lines"] == ["Next cut: 10 sessions at 00:00:20, cut by the client."]
    assert [tile["name"] for tile in storm["tiles"]][:2] == ["Back", "Still away"]
    coordinator.end()
    coordinator.shown.result.summary["storm"] = {"lines": ["10 of 10 sessions lost their connection"]}
    assert live.figures()["storm"]["lines"] == ["10 of 10 sessions lost their connection"]
