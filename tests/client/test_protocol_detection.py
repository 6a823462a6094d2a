"""The protocol of a server is detected without side effects, and an unknown server is described by its answer."""

import pytest

from fleetlm_users.client.http.fleetlm_api import RestApi
from fleetlm_users.client.protocol_detection import Detected, chosen_profile, detect, is_of_mid_version
from fleetlm_users.protocol.profile import EARLY, LATE

EARLY_BODY = b'{"errors":{"detail":"Bad Request"}}'
DEBUG_PAGE = b"# Phoenix.ActionClauseError at POST /api/sessions\n\nException:\n\n    ** (Phoenix.ActionClauseError)\n"
LATE_BODY = b'{"error":"user_id and agent_id are required"}'


def detected(serve, status, body):
    """Return the detection for a server with these answers, and the requests it got."""
    asked = []

    def answer(peer):
        asked.append(peer.read_request())
        peer.answer(status, body)

    api = RestApi(serve(answer).http_url + "/api", timeout_s=60.0)
    try:
        return detect(api), asked
    finally:
        api.close()


@pytest.mark.parametrize(
    ("status", "body", "profile"),
    [
        ("400 Bad Request", EARLY_BODY, EARLY),
        ("400 Bad Request", DEBUG_PAGE, EARLY),  # of `mix phx.server`
        ("400 Bad Request", b'{"error":"which session?"}', None),
        ("400 Bad Request", b"", None),
        ("400 Bad Request", b"<html><title>400 Bad Request</title></html>", None),
        ("500 Internal Server Error", DEBUG_PAGE, None),
        ("422 Unprocessable Entity", LATE_BODY, LATE),
        ("422 Unprocessable Entity", b'{"error":"something else"}', None),
        ("422 Unprocessable Entity", b"[1]", None),
        ("404 Not Found", b'{"errors":{"detail":"Not Found"}}', None),
        ("200 OK", b"{}", None),
        ("500 Internal Server Error", b"oops", None),
    ],
)
def test_each_version_refuses_an_empty_session_in_its_own_way(serve, status, body, profile):
    """Both records show it; anything else is neither."""
    found, asked = detected(serve, status, body)
    assert found.profile is profile
    assert len(asked) == 1
    assert status.partition(" ")[0] in found.seen


@pytest.mark.parametrize(
    ("requested", "second", "profile"),
    [
        ("early", b'{"error":"#Ecto.Changeset<...>"}', EARLY),
        ("early", LATE_BODY, LATE),
        ("early", b"[1]", LATE),
        ("late", b'{"error":"#Ecto.Changeset<...>"}', LATE),
    ],
)
def test_a_server_of_both_speaks_the_one_that_is_given(serve, requested, second, profile):
    """It is asked for a session of nobody, in the early protocol's words."""
    bodies = []

    def answer(peer):
        peer.read_head()
        bodies.append(peer.read(int(peer.headers["content-length"])))
        peer.answer("422 Unprocessable Entity", LATE_BODY if len(bodies) == 1 else second)

    api = RestApi(serve(answer).http_url + "/api", timeout_s=60.0)
    assert detect(api, requested).profile is profile
    api.close()
    assert bodies[1:] == ([b'{"sender_id":null,"recipient_id":null}'] if requested == "early" else [])


def test_what_was_asked_creates_nothing(serve):
    """A session without anything in it."""
    requests = []

    def answer(peer):
        head = peer.read_head()
        requests.append((peer.request_line, peer.read(int(peer.headers["content-length"]))))
        peer.answer("400 Bad Request", EARLY_BODY)
        del head

    api = RestApi(serve(answer).http_url + "/api", timeout_s=60.0)
    detect(api)
    api.close()
    assert requests == [("POST /api/sessions HTTP/1.1", b"{}")]


def test_what_a_foreign_server_says_is_bounded_and_printable(serve):
    """It may say anything."""
    found, _ = detected(serve, "422 Unprocessable Entity", b'{"error":"\\u001b[2J' + b"x" * 100_000 + b'"}')
    assert found.profile is None
    assert len(found.seen) < 500
    assert found.seen.isprintable()


@pytest.mark.parametrize(
    ("requested", "found", "profile", "says"),
    [
        ("auto", EARLY, EARLY, ""),
        ("auto", LATE, LATE, ""),
        ("auto", None, None, "neither protocol"),
        ("early", EARLY, EARLY, ""),
        ("late", None, LATE, ""),
        ("late", EARLY, None, "it speaks the early protocol, but --protocol late was given; set --protocol early"),
    ],
)
def test_what_was_asked_for_counts_unless_the_server_says_otherwise(requested, found, profile, says):
    """An unknown server may be one of them all the same: its person may know better."""
    chosen, problem = chosen_profile(requested, Detected(found, "418: I am a teapot"))
    assert chosen is profile
    assert says in problem
    assert bool(problem) == (profile is None)
    if found is None and profile is None:
        assert "418: I am a teapot" in problem


@pytest.mark.parametrize(
    ("profile", "body", "expected"),
    [
        (LATE, {"agent": {"message_history_mode": "tail"}}, True),
        (LATE, {"agent": {"context": {"strategy": "last_n"}}}, False),
        (EARLY, {"agent": {"message_history_mode": "tail"}}, False),
        (LATE, {"agent": {"message_history_mode": "tail", "context": {}}}, False),  # a server of both
        (LATE, {"agent": None}, False),
        (LATE, None, False),
    ],
)
def test_the_versions_in_between_are_known_by_their_agents(profile, body, expected):
    """They refuse an empty session as late ones do, and keep agents as early ones."""
    assert is_of_mid_version(body, Detected(profile, "")) is expected
