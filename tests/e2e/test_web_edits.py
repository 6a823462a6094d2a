"""Reset, Edit and the class picker of Locust's own page change our accounting as intended, and keep it correct."""

import re

import pytest
import requests

from tests.e2e.harness import Locust, eventually, free_port, newest_summary, targets
from tests.e2e.test_cli import bench
from tests.e2e.test_web_ui import answers, start, stats

pytestmark = pytest.mark.e2e


@pytest.fixture
def page_with(tmp_path, standin_with):
    """Makes a locust with web UI, with further flags: its URL, its process and its server."""
    made = []

    def make(*flags, workers=0, server=()):
        standin, port = standin_with("--builtin-agent", *server), free_port()
        arguments = [*targets(standin), "--time-scale", "0.2", "--web-port", port, *flags]
        arguments += ["--processes", str(workers)] if workers else []
        locust = Locust(tmp_path, *arguments, headless=False)
        made.append(locust)
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url), "the page answers")
        if workers:
            eventually(lambda: stats(url).get("worker_count") == workers, "the workers are there")
        return url, locust, standin

    yield make
    for locust in made:
        locust.__exit__()


def live(url):
    return requests.get(f"{url}/fleetlm/live.json", timeout=60).json()


def ended(url):
    told = live(url)
    return told if told["state"] == "ended" else None


@pytest.mark.parametrize("workers", [0, 2])
def test_reset_forgets_what_was_and_keeps_the_accounting_true(page_with, workers):
    """Messages in flight at the reset are counted in neither part: sent = appended, however slow the server is."""
    url, locust, standin = page_with(workers=workers, server=("--broadcast-delay-ms", "300"))
    assert start(url, user_count=9, run_time="", warm_up="0", run_id="reset")["success"]
    eventually(lambda: live(url).get("accounting", {}).get("appended", 0) > 30, "messages are appended")
    before = live(url)
    requests.post(f"{url}/stats/reset", timeout=60)
    eventually(lambda: live(url)["key"] != before["key"] and live(url)["workers"], "it is reset")
    eventually(lambda: live(url)["accounting"]["appended"] > 20, "messages are appended again")
    requests.post(f"{url}/stop", timeout=60)
    told = eventually(lambda: ended(url), "the run is judged")
    summary = newest_summary(locust.results)
    accounting, server = summary["accounting"]["all"]["all"], standin.counters("reset")
    assert told["series"]["from"] > before["series"]["from"]
    assert accounting["adds_up"]
    assert accounting["sent"] == accounting["appended"] > 20
    assert accounting["sent"] < server["sends_received"] == server["messages_appended_user"]
    assert summary["metrics"]["active_connections"]["peak"] <= 9
    assert told["accounting"]["sent"] == accounting["sent"]
    assert summary["run"]["duration_s"] < summary["run"]["elapsed_s"] - summary["plan"]["resets"][0] + 1


def test_users_edited_under_way_are_the_planned_ones_and_the_run_still_ends(page_with):
    """Up and down in proportion; nobody of a behaviour that has no users in the plan; the end stays where it was."""
    url, locust, _ = page_with()
    assert start(url, user_count=9, run_time="14s", warm_up="1s", spawn_rate=9, run_id="edited")["success"]
    eventually(lambda: stats(url)["user_count"] == 9, "9 users run")
    assert requests.post(f"{url}/swarm", data={"user_count": 18, "spawn_rate": 18}, timeout=60).json()["success"]
    eventually(lambda: stats(url)["user_count"] == 18, "18 users run")
    ratio = requests.get(f"{url}/tasks", timeout=60).json()["per_class"]
    assert "InboxWatcher" not in ratio or not ratio["InboxWatcher"]["ratio"]
    assert requests.post(f"{url}/swarm", data={"user_count": 5, "spawn_rate": 18}, timeout=60).json()["success"]
    eventually(lambda: ended(url), "the run ends by itself")
    summary = newest_summary(locust.results)
    assert [edit["users"] for edit in summary["plan"]["edits"]] == [18, 5]
    assert summary["verdict"] == {"kind": "pass", "exit_code": 0, "failures": [], "doubts": []}, locust.output
    assert start(url, run_id="again")["success"]
    eventually(lambda: live(url)["run"]["run_id"] == "again", "the next run is on")
    assert live(url)["run"]["planned_users"] == 18  # what was edited is no wish for the next run


@pytest.mark.parametrize(("users", "said"), [("many", "whole number"), ("0", "from 1 to")])
def test_a_mistake_in_an_edit_is_reported(page_with, users, said):
    """The run goes on as before."""
    url, _, _ = page_with()
    assert start(url, user_count=9, run_time="60s", spawn_rate=9)["success"]
    answer = requests.post(f"{url}/swarm", data={"user_count": users, "spawn_rate": 9}, timeout=60).json()
    assert not answer["success"]
    assert said in answer["message"]
    assert live(url)["run"]["planned_users"] == 9


def test_weights_and_counts_of_single_classes_are_refused(page_with):
    """Locust's class picker lets people edit a class; the plan would overrule it without a word."""
    url, _, _ = page_with("--class-picker")
    told = requests.post(f"{url}/user", json={"user_class_name": "BurstUser", "fixed_count": 9}, timeout=60).json()
    assert told["success"] is False
    assert "set the counts of the start form" in told["message"]


def test_a_run_is_controlled_from_the_command_line(page_with):
    """Faster, paused, on again, more users, stopped: counts are the server's, and the report says what was when."""
    url, locust, standin = page_with(workers=2)
    assert start(url, user_count=9, run_time="600s", warm_up="0", spawn_rate=9, run_id="byhand")["success"]
    eventually(lambda: sent_so_far(url) > 20, "messages are sent")
    faster = control(url, "rate", "200%")
    assert "2 times the planned rate" in faster
    eventually(lambda: has_happened(url, faster), "it is faster")  # a pause before that would come in its place
    assert "paused from" in control(url, "pause")
    assert "paused already" in control(url, "pause")
    eventually(lambda: live(url)["run"]["speed"] == 0, "the page shows the pause")
    quiet = eventually(lambda: standing_still(url), "nothing more is sent")
    assert "2 times the planned rate" in control(url, "resume")
    eventually(lambda: sent_so_far(url) > quiet, "messages are sent again")
    assert "12 users" in control(url, "users", "12")
    eventually(lambda: stats(url)["user_count"] == 12, "12 users run")
    assert "share of the planned rate" in control(url, "rate", "fast", code=1)
    control(url, "stop")
    eventually(lambda: ended(url), "the run is judged")
    assert "No run is on" in control(url, "pause", code=1)
    summary = newest_summary(locust.results)
    *edits, stopped = summary["plan"]["edits"]
    assert [edit.get("speed", edit.get("users")) for edit in edits] == [2.0, 0.0, 2.0, 12]
    assert stopped["stopped"] is True
    accounting = summary["accounting"]["all"]["all"]
    assert accounting["adds_up"]
    assert accounting["sent"] == standin.counters("byhand")["sends_received"]
    assert "paused at" in locust.output
    assert "stopped by control at" in " ".join(locust.output.split())


def has_happened(url, told):
    """Whether the moment that a change was announced for has come."""
    moment_s = float(re.search(r"from ([\d.]+) s into the run", told)[1])
    return live(url)["run"]["elapsed_s"] > moment_s + 0.1  # which was rounded


def control(url, *words, code=0):
    """Return the output of `fleetlm-bench control`."""
    exit_code, output = bench("control", *words, "--web-url", url)
    assert exit_code == code, output
    return output


def sent_so_far(url):
    return live(url).get("accounting", {}).get("sent", 0)


def standing_still(url):
    """The messages sent, once two looks at the page a refresh apart show the same number."""
    before = live(url)
    again = eventually(lambda: newer(url, before["run"]["elapsed_s"]), "the page is newer")
    return again["accounting"]["sent"] if again["accounting"]["sent"] == before["accounting"]["sent"] else None


def newer(url, elapsed_s):
    told = live(url)
    return told if told["run"]["elapsed_s"] > elapsed_s + 2.5 else None
