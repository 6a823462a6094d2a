"""The advice in an answer, as a sentence: where redirects lead, and what to do about logins and bans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.http.failure_advice import ADVISED, RequestedUrl, advice, explained
from fleetlm_users.foreign_text import MAX_SHOWN

API = ("http://h:4000/api/agents", "http://h:4000/api", "--api-url")
SOCKET = ("ws://h:4000/socket/websocket?vsn=2.0.0", "ws://h:4000/socket/websocket", "--ws-url")
AGENT = ("http://h:4001/health", "http://h:4001", "--agent-url")
OWN_API = ("http://h/v2/agents", "http://h/v2", "--api-url")
OWN_SOCKET = ("ws://h/live?vsn=2.0.0", "ws://h/live", "--ws-url")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("asked", "location", "told"),
    [
        (API, "https://h:8443/api/agents", "set -H https://h:8443"),
        (API, "https://h/fleet/api/agents", "set -H https://h/fleet"),
        (API, "//other/api/agents", "set -H http://other"),
        (API, "https://h:8443/api/agents?x=1#y", "set -H https://h:8443"),
        (API, "https://user:secret@h/api/agents", "set -H https://h"),
        (API, "https://h/v3/agents", "set --api-url https://h/v3"),
        (API, "https://login.example/", "set -H or --api-url to where FleetLM itself answers"),
        (API, "/login", "redirects to http://h:4000/login"),
        (API, "/api/agents/", "set -H or --api-url to where FleetLM itself answers"),
        (API, "ftp://h/api/agents", "set -H or --api-url to where"),
        (API, "http://[::1/api/agents", "which is not a URL"),
        (SOCKET, "https://h:8443/socket/websocket?vsn=2.0.0", "set -H https://h:8443"),
        (SOCKET, "wss://h:8443/socket/websocket", "set -H https://h:8443"),
        (OWN_SOCKET, "https://other/live", "set --ws-url wss://other/live"),
        (OWN_API, "https://other/v2/agents", "set --api-url https://other/v2"),
        (AGENT, "https://agent/health", "set --agent-url https://agent"),
        (API, "", "without saying where"),
        (API, None, "without saying where"),
    ],
)
def test_a_redirect_says_where_to_and_what_to_set(status, asked, location, told):
    """Every status that redirects; a path that is not the same thing elsewhere suggests no URL."""
    fields = {} if location is None else {"location": location}
    assert told in advice(status, fields, RequestedUrl(*asked))


@pytest.mark.parametrize(("status", "told"), [(401, "login"), (403, "let this machine in"), (407, "proxy")])
def test_a_login_and_a_ban_say_what_to_do(status, told):
    """The advice is in our words, without the server's."""
    assert told in advice(status, {}, RequestedUrl(*API))


def test_other_answers_have_their_body_to_speak_for_them():
    """Statuses with advice of their own are in the table."""
    assert [advice(status, {}, RequestedUrl(*API)) for status in (200, 204, 304, 400, 404, 500, 503)] == [""] * 7
    assert all(advice(status, {"location": "/x"}, RequestedUrl(*API)) for status in ADVISED)


@given(st.text(max_size=400), st.sampled_from([API, SOCKET, AGENT]))
def test_no_location_raises_or_reaches_the_terminal_as_it_is(location, asked):
    """One line of printable characters, and the advice is not cut off."""
    told = advice(302, {"location": location}, RequestedUrl(*asked))
    assert told.isprintable()
    assert len(told) <= MAX_SHOWN


def test_the_servers_own_words_follow_the_advice_or_stand_alone():
    """The page of a redirect only repeats the target."""
    asked = RequestedUrl(*API)
    assert explained(404, {}, asked, "Not Found") == "Not Found"
    assert explained(403, {}, asked, "Forbidden").startswith("Forbidden; let")
    assert explained(403, {}, asked, "") == advice(403, {}, asked)
    assert explained(301, {"location": "https://x/"}, asked, "Moved") == advice(301, {"location": "https://x/"}, asked)
