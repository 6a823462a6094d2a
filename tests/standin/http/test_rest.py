"""REST routes where the stand-in does better than FleetLM, and the truth it tells about itself."""

import pytest


def test_messages_list(standin):
    """The newest without a cursor; after `after_seq` ascending, at most `limit`; odd numbers fall back."""
    session = standin.session("lister")
    for number in range(4):
        standin.append(session, str(number), "lister")

    def seqs(query):
        answer = standin.call("GET", f"/api/sessions/{session}/messages{query}")
        assert answer.status == 200
        return [message["seq"] for message in answer.json()["messages"]]

    assert seqs("") == list(range(1, 9))
    assert seqs("?limit=3") == [6, 7, 8]
    assert seqs("?after_seq=2&limit=2") == [3, 4]
    assert seqs("?after_seq=0&limit=2") == [1, 2]
    assert seqs("?after_seq=x&limit=-1") == []


def test_counters_by_run(standin):
    """Concurrent runs can be distinguished."""
    before = standin.counters()
    for run_id, count in (("run-a", 1), ("run-b", 2)):
        session = standin.session("counted", run_id=run_id)
        for number in range(count):
            standin.append(session, str(number), "counted")
    standin.call("DELETE", f"/api/sessions/{session}")
    after = standin.counters()
    runs = after["runs"]
    assert (runs["run-a"]["messages_appended_user"], runs["run-b"]["messages_appended_user"]) == (1, 2)
    assert (runs["run-a"]["messages_appended_agent"], runs["run-b"]["messages_appended_agent"]) == (1, 2)
    assert (runs["run-a"]["sessions_deleted"], runs["run-b"]["sessions_deleted"]) == (0, 1)
    assert after["sessions_created"] - before["sessions_created"] == 2
    assert after["messages_appended_user"] - before["messages_appended_user"] == 3


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/standin/nope", 404),
        ("POST", "/standin/counters", 404),
        ("GET", "/standin/messages?session_id=nope", 404),
        ("GET", "/standin/messages", 404),
        ("GET", "/api/sessions/%FF", 400),
        ("GET", "/api/agents?a=%FF", 400),
        ("GET", "/api//agents/", 200),
        ("TRACE", "/api/agents", 404),
    ],
)
def test_odd_requests(standin, method, path, status):
    """Each has an answer."""
    assert standin.call(method, path).status == status


@pytest.mark.parametrize("body", ["\x00", "null", '"x"', "[[[[", "1", '{"a":1}' * 2, "[" * 2000, "{}"])
@pytest.mark.parametrize("path", ["/api/sessions", "/api/agents", "/api/sessions/x/messages", "/standin/faults"])
def test_odd_bodies(standin, path, body):
    """4xx, except for a change of faults that changes nothing."""
    answer = standin.call("POST", path, body, {"Content-Type": "application/json"})
    assert answer.status // 100 == 4 or (path, body) == ("/standin/faults", "{}")


def test_a_rest_message_that_cannot_be_written_takes_no_number(standin):
    """The answer is 500, as with anything FleetLM cannot handle; the session goes on."""
    session = standin.session("deep")
    deep = '{"a":' * 300 + "1" + "}" * 300
    body = f'{{"sender_id":"deep","content":{deep}}}'
    path = f"/api/sessions/{session}/messages"
    assert standin.call("POST", path, body, {"Content-Type": "application/json"}).status == 500
    assert standin.append(session, "x", "deep")
    assert standin.messages(session)[0][0] == 1


def test_sessions_are_bounded(standin_with):
    """The oldest archived, then the longest unjoined session makes room; its id is unknown from then on."""
    standin = standin_with("--max-sessions", "2", "--max-messages-per-session", "4", "--builtin-agent")
    first, second = standin.session(), standin.session()
    standin.call("DELETE", f"/api/sessions/{second}")
    third = standin.session()
    assert [standin.call("GET", f"/api/sessions/{one}").status for one in (first, second, third)] == [200, 404, 200]
    for number in range(10):
        standin.append(third, str(number))
    assert len(standin.messages(third)) <= 5
    assert standin.counters()["sessions_evicted"] == 1
