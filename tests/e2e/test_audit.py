"""The audit of real runs: one acknowledged message in many that the server forgot is found and named, by every way."""

import json
import re
from xml.etree import ElementTree

import pytest
import requests

from tests.e2e.benchmarks import RUN_ID, SHORT_RAMP, SPREADS, run
from tests.e2e.harness import Locust, eventually, targets

pytestmark = pytest.mark.e2e

USERS, MESSAGES = 4, 25
ROUNDS = ["-u", USERS, "--iterations", 10, "--messages", MESSAGES, "--reply-timeout", "60s"]
SENT = USERS * 10 * MESSAGES  # with the answers 2,000 messages
UNSTORED = ("messages_unstored", "answers_unstored")
WAYS = ["replay", "rest"]
MOMENT = re.compile(r"([\d.]+) s into the run")
STEADY = ["-u", "4", "--send-interval", "250", "-t", "4s", "--warm-up", "1s"]
"""A join replays the newest 100 messages: a run may last three times as long as planned, and still all are replayed."""


def findings(finished, *kinds):
    return [finding for finding in finished.summary["findings"]["shown"] if finding["kind"] in kinds]


def check_named(finished, standin):
    """Each finding is a message that the stand-in appended and does not have."""
    named = findings(finished, "unstored", "answer_unstored")
    for finding in named:
        session = {"session_id": finding["session_id"]}
        said = requests.get(f"{standin.url}/standin/messages", params=session, timeout=60).json()
        assert finding["seq"] not in [message["seq"] for message in said["messages"]]
        assert 1 <= finding["seq"] <= said["seq"]
        assert " s into the run, at 20" in finding["detail"]
        assert finding["client_ref"].startswith(f"{RUN_ID}-") == (finding["kind"] == "unstored")
    return named


@pytest.mark.parametrize(("way", "spread"), [("replay", ["--processes", "2"]), ("rest", [])], ids=WAYS)
def test_one_lost_message_in_a_thousand_is_found_and_named(tmp_path, standin_with, way, spread):
    """Nothing live shows it: every broadcast and every answer came. The stand-in loses two of the two thousand."""
    standin = standin_with("--builtin-agent", "--lose-replay-every", "1000")
    junit, markdown = tmp_path / "junit.xml", tmp_path / "summary.md"
    flags = [*ROUNDS, "--audit", way, "--junit", junit, "--markdown", markdown, *spread]
    finished = run(tmp_path, "message_correctness", standin, *flags)
    assert finished.code == 3, finished.output
    assert finished.count("messages_lost") == finished.count("messages_unanswered") == 0
    assert sum(finished.count(metric) for metric in UNSTORED) == 2
    assert finished.count("messages_audited") == finished.count("messages_appended") == SENT
    assert finished.summary["audit"]["messages"]["audited"] == SENT
    # the check of the round's own replay came first and has named them
    assert len(findings(finished, "unreplayed")) == 2
    assert findings(finished, "unstored", "answer_unstored") == []
    assert finished.summary["findings"]["total"] == 2
    texts = ElementTree.parse(junit).getroot().find("system-out").text, markdown.read_text(encoding="utf-8")
    assert all(f"{SENT:,} of {SENT:,} acknowledged messages (100 %)" in text for text in texts)
    assert all("unreplayed: run" in text.replace("\\", "") for text in texts)


@pytest.mark.parametrize("way", WAYS)
def test_any_benchmark_can_be_audited(tmp_path, standin_with, way):
    """Lost messages are named with session, seq, client_ref and moment, and no part of the audit counts as load."""
    standin = standin_with("--builtin-agent", "--lose-replay-every", "10")
    finished = run(tmp_path, "message_throughput", standin, *STEADY, "--audit", way)
    standin.await_leaving()
    assert finished.code == 3, finished.output
    appended = finished.count("messages_appended")
    assert finished.count("messages_audited") == appended >= 10
    lost = 2 * appended // 10
    assert sum(finished.count(metric) for metric in UNSTORED) == lost == len(check_named(finished, standin))
    joins = finished.summary["metrics"]["ws_join_ms"]
    assert sum(joins[phase]["all"]["count"] for phase in ("main", "warm_up") if phase in joins) == 4
    assert "durability_rate" in finished.summary["metrics"]
    for metric, kind in zip(UNSTORED, ("unstored", "answer_unstored"), strict=True):
        moments_s = [float(MOMENT.search(finding["detail"])[1]) for finding in findings(finished, kind)]
        entries = [entry for entry in finished.summary["thresholds"] if entry["metric"] == metric and not entry["ok"]]
        if moments_s and finished.summary["findings"]["total"] == len(finished.summary["findings"]["shown"]):
            assert {entry["first_s"] for entry in entries} == {int(min(moments_s))}


def test_a_changed_message_is_found_and_named(tmp_path, standin_with):
    """The stored message differs from the pushed one."""
    standin = standin_with("--builtin-agent", "--change-every", "10")
    finished = run(tmp_path, "message_throughput", standin, *STEADY, "--audit", "rest")
    assert finished.code == 3, finished.output
    changed = [finished.count(f"{whose}_stored_changed") for whose in ("messages", "answers")]
    assert sum(changed) == 2 * finished.count("messages_appended") // 10 >= 2
    assert len(findings(finished, "stored_changed", "answer_stored_changed")) == sum(changed)
    assert sum(finished.count(metric) for metric in UNSTORED) == 0


def test_sessions_that_share_their_storage_are_found(tmp_path, standin_with):
    """They overwrite each other by seq, as in FleetLM's last chat protocol: the seqs that are gone are those named."""
    standin = standin_with("--builtin-agent", "--storage-groups", "1", "--flush-ms", "300")
    finished = run(tmp_path, "message_throughput", standin, *STEADY, "--audit", "replay", "--audit-after", "2s")
    assert finished.code == 3, finished.output
    books = requests.get(f"{standin.url}/standin/storage", timeout=60).json()
    lost = sum(finished.count(metric) for metric in UNSTORED)
    assert lost == books["lost_total"] == books["lost_by_cause"]["group"] > 0, finished.output
    assert finished.count("messages_audited") == finished.count("messages_appended") > 0


@pytest.mark.parametrize("flags", [[], ["--lose-replay-every", "10"]], ids=["nothing lost", "one in ten lost"])
def test_a_real_database_is_read(tmp_path, standin_with, database, flags):
    """The stand-in writes behind into FleetLM's table; every message is looked for there, whatever a join replays."""
    standin = standin_with("--builtin-agent", "--database", database.address, "--flush-ms", "200", *flags)
    environment = {"AUDIT_DATABASE": database.address}
    steady = [*STEADY, "--send-interval", "50", "--audit", "database", "--audit-after", "8s", "--processes", "2"]
    finished = run(tmp_path, "message_throughput", standin, *steady, env=environment)
    assert finished.code == (3 if flags else 0), finished.output
    appended = finished.count("messages_appended")
    assert finished.count("messages_audited") == finished.count("answers_audited") == appended > 20
    lost = 2 * appended // 10 if flags else 0
    assert sum(finished.count(metric) for metric in UNSTORED) == lost
    assert database.rows("SELECT count(*) FROM messages")[0][0] == 2 * appended - lost
    written = "".join(path.read_text(errors="replace") for path in finished.results.glob("*/*") if path.is_file())
    secret = database.address.partition("//")[2].partition("@")[0].partition(":")[2]
    for shown in (written, finished.output):
        assert secret not in shown
        assert database.address.partition("@")[2] not in shown


@SPREADS
def test_a_server_that_forgets_nothing_is_green(tmp_path, standin, spread):
    """message_correctness is audited by default, in words too."""
    finished = run(tmp_path, "message_correctness", standin, *ROUNDS, *spread)
    assert finished.code == 0, finished.output
    assert finished.count("messages_audited") == finished.count("messages_stored") == SENT
    assert finished.count("answers_audited") == finished.count("answers_stored") == SENT
    assert finished.summary["findings"] == {"total": 0, "shown": []}
    assert "all that was audited is stored unchanged" in finished.said
    assert {entry["metric"] for entry in finished.summary["thresholds"]} >= {"messages_unstored", "answers_unstored"}


def test_what_the_replay_does_not_reach_is_said(tmp_path, standin):
    """A tenth is enough by default; less than the requested share makes the run inconclusive."""
    flags = ["-u", "1", "--iterations", "1", "--messages", "200", "--audit", "replay"]
    finished = run(tmp_path, "message_correctness", standin, *flags, "--audit-share", "0.9")
    assert finished.count("messages_audited") + finished.count("messages_unaudited") == 200
    assert finished.count("messages_audited") + finished.count("answers_audited") == 100
    assert finished.code == 4, finished.output
    assert "beyond the 100 messages that a join replays" in str(finished.summary["verdict"]["doubts"])


def test_a_server_without_the_list_is_not_green(tmp_path, standin_with):
    """As with FleetLM at the recorded commit, every message counts as unaudited, by its cause."""
    flags = ["-u", "2", "--iterations", "1", "--messages", "5", "--audit", "rest"]
    finished = run(tmp_path, "message_correctness", standin_with("--builtin-agent", "--quirks"), *flags)
    assert finished.code == 3, finished.output
    assert finished.summary["metrics"]["messages_unaudited"]["main"]["all"]["labels"] == {"http_500": 10}
    assert "messages_unstored: count==0: no samples" in finished.summary["verdict"]["failures"]


@SPREADS
def test_a_run_that_is_stopped_is_audited(tmp_path, standin_with, spread):
    """Ctrl-C in a terminal reaches every process; everything acknowledged until then is read back."""
    standin = standin_with("--builtin-agent", "--lose-replay-every", "10")
    flags = [*targets(standin), *SHORT_RAMP, "--run-id", RUN_ID, *STEADY, "-t", "60s", "--audit", "replay", *spread]
    with Locust(tmp_path, *flags, locustfile="locustfiles/message_throughput.py") as locust:
        eventually(lambda: standin.counters()["messages_appended_user"] > 25, "some messages")
        locust.interrupt(group=True)
        finished = locust.finish()
    assert finished.code == 3, finished.output
    assert finished.count("messages_audited") == finished.count("messages_appended") > 25
    assert len(check_named(finished, standin)) == sum(finished.count(metric) for metric in UNSTORED) >= 5


def test_a_second_signal_cuts_the_audit_short(tmp_path, standin):
    """Sessions not read by then are counted, and the run does not pass."""
    flags = [*targets(standin), *SHORT_RAMP, "--run-id", RUN_ID, *STEADY, "-t", "60s", "--audit", "replay"]
    with Locust(tmp_path, *flags, "--audit-after", "60s", locustfile="locustfiles/message_throughput.py") as locust:
        eventually(lambda: standin.counters()["messages_appended_user"] > 20, "twenty messages")
        locust.interrupt()
        standin.await_leaving()
        locust.interrupt()
        finished = locust.finish()
    assert finished.code == 4, finished.output
    labels = finished.summary["metrics"]["messages_unaudited"]["main"]["all"]["labels"]
    assert labels == {"cut_short": finished.count("messages_appended")}


def test_what_cannot_be_audited_is_refused_before_any_load(tmp_path, standin):
    """The error is one sentence with exit code 2, and contains nothing of the address."""
    for flags, said in (
        (["--audit", "database"], "--audit-database (AUDIT_DATABASE)"),
        (["--audit", "tape"], "expected one of off, auto, replay, rest, database"),
        (
            ["--audit", "database", "--audit-database", "postgresql://somebody:s3cret@127.0.0.1:9/no_such"],
            "nothing listens there",
        ),
    ):
        finished = run(tmp_path, "message_throughput", standin, *STEADY, *flags)
        assert finished.code == 2, finished.output
        assert said in finished.said
        assert not any(part in finished.output for part in ("s3cret", "somebody", "no_such", "Traceback"))
    assert standin.counters()["messages_appended_user"] == 0
    assert not json.dumps(finished.summary).count("s3cret")
