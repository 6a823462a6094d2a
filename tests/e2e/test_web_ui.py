"""The web UI's form runs what it shows: presets by name, our options checked, one result folder per run."""

import json
import re

import pytest
import requests

from tests.e2e.harness import Locust, eventually, free_port, newest_summary, targets

pytestmark = pytest.mark.e2e

STANDARD = "standard: 30 long-lived, 15 burst, 10 churn · 5 min"


@pytest.fixture
def page(tmp_path, standin):
    """A locust with web UI on a free loopback port: its URL, its process and its server."""
    port = free_port()
    arguments = [*targets(standin), "--time-scale", "0.2", "--web-port", port]
    with Locust(tmp_path, *arguments, headless=False) as locust:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url), "the page answers")
        yield url, locust, standin


def answers(url):
    try:
        return requests.get(url, timeout=60).status_code == 200
    except requests.ConnectionError:
        return False


def form(**changed):
    """Return what the page sends if nothing was touched, with some fields changed."""
    untouched = {"user_count": "18", "spawn_rate": "3.6", "run_time": "120", "host": ""}
    return {**untouched, **changed}


def page_args(url):
    """Return the arguments that Locust's page is rendered from."""
    return json.loads(re.search(r"templateArgs = (.*)", requests.get(url, timeout=60).text)[1])


def start(url, **changed):
    return requests.post(f"{url}/swarm", data=form(**changed), timeout=60).json()


def judged(locust, run_id):
    return newest_summary(locust.results).get("options", {}).get("run_id") == run_id


def stats(url):
    return requests.get(f"{url}/stats/requests", timeout=60).json()


def state(url):
    return stats(url)["state"]


def test_the_form_shows_the_preset_and_our_options(page):
    """The page carries users, spawn rate and time of the preset, a drop-down of presets, and our fields."""
    url, _, _ = page
    args = page_args(url)
    assert args["num_users"] == 18
    fields = list(args["extra_options"])
    assert fields[0] == "Preset"
    assert {"API URL", "Socket URL", "Agent id", "Run id", "Thresholds", "Users: long-lived"} < set(fields)
    assert fields.index("API URL") < fields.index("Reply timeout")
    assert STANDARD in args["extra_options"]["Preset"]["choices"]
    assert "Time scale" not in fields


def test_choosing_a_preset_runs_exactly_that_preset(page):
    """Untouched users and time follow the preset that was chosen."""
    url, locust, _ = page
    answer = start(url, Preset=STANDARD, run_id="web-standard")
    assert answer["success"], answer
    eventually(lambda: stats(url)["user_count"] == 55, "55 users run")
    requests.post(f"{url}/stop", timeout=60)
    summary = eventually(lambda: newest_summary(locust.results), "the run is judged")
    assert summary["plan"]["users"] == {"long_lived": 30, "burst": 15, "churn": 10, "inbox_watcher": 0}
    assert summary["plan"]["duration_s"] == 300
    args = page_args(url)
    assert (args["num_users"], args["run_time"]) == (55, 300)
    assert args["extra_options"]["Preset"]["default_value"] == STANDARD
    assert summary["verdict"]["kind"] == "inconclusive"


def test_changed_fields_are_wishes_and_each_run_has_its_own_accounting(page):
    """Two runs in one session: users and time as typed, two folders, counts equal to the server's."""
    url, locust, standin = page
    for run_id in ("web-one", "web-two"):
        assert start(url, user_count=9, run_time="4s", warm_up="1s", run_id=run_id)["success"]
        eventually(lambda run_id=run_id: judged(locust, run_id), "the run is judged")
        summary = newest_summary(locust.results)
        assert summary["plan"]["users"] == {"long_lived": 5, "burst": 3, "churn": 1, "inbox_watcher": 0}
        assert summary["accounting"]["all"]["all"]["sent"] == standin.counters(run_id)["sends_received"] > 0
        assert summary["verdict"]["kind"] == "pass", locust.output
        eventually(lambda: state(url) in ("stopped", "ready"), "Locust is ready for the next run")
    assert len(list(locust.results.iterdir())) == 2


def test_users_that_are_edited_in_mid_run_keep_the_plans_proportions(page):
    """Locust alone would give all that go beyond the plan to the class that has none in it."""
    url, _, _ = page
    assert start(url, run_time="")["success"]
    eventually(lambda: stats(url)["user_count"] == 18, "18 users run")
    assert requests.post(f"{url}/swarm", data={"user_count": "36", "spawn_rate": "36"}, timeout=60).json()["success"]
    eventually(lambda: stats(url)["user_count"] == 36, "36 users run")
    shares = requests.get(f"{url}/tasks", timeout=60).json()["total"]
    assert {name: round(36 * found["ratio"]) for name, found in shares.items()} == {
        "LongLivedUser": 20,
        "BurstUser": 10,
        "ChurnUser": 6,
        "InboxWatcher": 0,
    }
    assert not start(url, user_count="many")["success"]
    requests.post(f"{url}/stop", timeout=60)


MISTAKES = [
    ("preset", "nope", "light, standard, stress, soak"),
    ("api_url", "nonsense", "http://localhost:4000/api"),
    ("threshold", "append_latncy: p(95)<1", "append_latency_ms"),
    ("user_count", "many", "whole number"),
    ("warm_up", "a while", "a duration such as 90s, 2m or 1h"),
    ("api_url", "http://127.0.0.1:9/api", "127.0.0.1:9"),
    ("host", "nowhere", "http://"),
    ("presets_file", "/etc/passwd", "a flag or a variable, where Locust is started"),
    ("junit", "/tmp/x.xml", "a flag or a variable, where Locust is started"),
    ("html_file", "/tmp/x.html", "a field of it"),
    ("run_id", "x" * 5000, "5,000 characters"),
]


def test_a_mistake_in_the_form_is_reported_and_starts_nothing(page):
    """The answer carries the message, with little of the value; no user starts, and nothing of the form stays."""
    url, _, _ = page
    for field, value, said in MISTAKES:
        answer = start(url, **{field: value})
        assert answer["success"] is False, field
        assert said in answer["message"]
        assert len(answer["message"]) < 1000
        assert "root:" not in answer["message"]
        assert state(url) == "ready"
    assert page_args(url)["host"] == ""


def test_only_the_classes_that_were_picked_run(tmp_path, standin):
    """With --class-picker: the preset's users of those, none of the others, and the accounting is complete."""
    port = free_port()
    arguments = [*targets(standin), "--time-scale", "0.2", "--web-port", port]
    with Locust(tmp_path, *arguments, "--class-picker", headless=False) as locust:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url), "the page answers")
        picked = ["LongLivedUser", "BurstUser"]
        for chosen, users in ((picked[1:], {"burst": 5}), (picked, {"long_lived": 10, "burst": 5})):
            run_id = f"pick-{len(users)}"
            assert start(url, run_time="4s", warm_up="1s", run_id=run_id, user_classes=chosen)["success"]
            eventually(lambda run_id=run_id: judged(locust, run_id), "the run is judged")
            summary = newest_summary(locust.results)
            assert {name: count for name, count in summary["plan"]["users"].items() if count} == users
            assert summary["verdict"]["kind"] == "pass", locust.output
            eventually(lambda: state(url) in ("stopped", "ready"), "Locust is ready for the next run")
            assert page_args(url)["num_users"] == 18
