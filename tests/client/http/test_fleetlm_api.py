"""FleetLM's REST calls: paths, bodies, expected statuses, and the four shapes of an error body."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.client.http.error_body import error_detail
from fleetlm_users.client.http.fleetlm_api import RestApi, RestCallFailed
from fleetlm_users.errors import RestFailed, UsageError
from fleetlm_users.protocol.profile import EARLY

SESSION = b'{"session":{"id":"01M850DM7D2B8JSWB2VCTXY5GK","status":"active"}}'


class Scripted:
    """A fake that answers each request with the next of `answers` and keeps the requests."""

    def __init__(self, *answers: tuple[str, bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, object]] = []

    def __call__(self, peer) -> None:
        while self.answers:
            body = peer.read_request()
            self.asked.append((peer.request_line.removesuffix(" HTTP/1.1"), body))
            peer.answer(*self.answers.pop(0))


@pytest.fixture
def api_for(serve):
    made: list[RestApi] = []

    def make(*answers: tuple[str, bytes], prefix: str = "/api", **options) -> tuple[RestApi, Scripted]:
        script = Scripted(*answers)
        made.append(RestApi(serve(script).http_url + prefix, **options))
        return made[-1], script

    yield make
    for api in made:
        api.close()


def test_a_session_is_created(api_for):
    """The body that FleetLM wants, the id it gave, the stamps."""
    api, script = api_for(("201 Created", SESSION))
    created = api.create_session(EARLY.session_body("u 1", "bench-echo-agent", {"bench": True, "vu": 3}))
    assert created.session_id == "01M850DM7D2B8JSWB2VCTXY5GK"
    assert created.sent_s < created.done_s
    assert created.body == json.loads(SESSION)
    body = {"sender_id": "u 1", "recipient_id": "bench-echo-agent", "metadata": {"bench": True, "vu": 3}}
    assert script.asked == [("POST /api/sessions", body)]


def test_a_traced_call_has_its_context_and_no_other_has_a_field_for_it(serve):
    """An append has its message's own, any other call the next one of the process."""
    heads = []

    def script(peer):
        while len(heads) < 3:
            peer.read_request()
            heads.append(peer.headers.get("traceparent"))
            peer.answer("200 OK", b'{"message":{"seq":1},"messages":[]}')

    traced = RestApi(serve(script).http_url, traceparent=lambda: "00-ab-cd-01")
    traced.append_message("s", {}, "00-message-1")
    traced.read_messages("s", 0, 10)
    traced.close()
    plain = RestApi(serve(script).http_url)
    plain.read_messages("s", 0, 10)
    plain.close()
    assert heads == ["00-message-1", "00-ab-cd-01", None]


def test_every_call_has_its_route(api_for):
    """Ids are escaped into the path; a prefix of the API URL and a slash at its end do not matter."""
    api, script = api_for(
        ("200 OK", SESSION),
        ("200 OK", b'{"sessions":[]}'),
        ("204 No Content", b""),
        ("200 OK", b'{"message":{}}'),
        prefix="/fleet/api/",
    )
    assert api.call("GET", "/sessions/a%2Fb").body == json.loads(SESSION)
    assert api.list_sessions("u&1").body == {"sessions": []}
    deleted = api.delete_session("a b")
    assert (deleted.status, deleted.body) == (204, None)
    assert api.call("POST", "/sessions/s/messages", body={"content": {"text": "hi"}}).body == {"message": {}}
    assert script.asked == [
        ("GET /fleet/api/sessions/a%2Fb", None),
        ("GET /fleet/api/sessions?user_id=u%261", None),
        ("DELETE /fleet/api/sessions/a%20b", None),
        (
            "POST /fleet/api/sessions/s/messages",
            {"content": {"text": "hi"}},
        ),
    ]
    assert "RestApi http://127.0.0.1" in repr(api)


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (
            "422 Unprocessable Entity",
            b'{"error":"{:session_not_found, :not_found}"}',
            "{:session_not_found, :not_found}",
        ),
        ("422 Unprocessable Entity", b'{"errors":{"id":["has already been taken"]}}', "id has already been taken"),
        ("400 Bad Request", b'{"errors":{"detail":"Bad Request"}}', "Bad Request"),
        ("404 Not Found", b"Not Found", "Not Found"),
        ("503 Service Unavailable", b"", "no body"),
        ("500 Oops", b"first\nsecond", "first"),
        ("401 Unauthorized", b"<html>", "asks for a login"),
        ("403 Forbidden", b"", "let this machine in"),
        ("200 OK", SESSION, "{'session'"),  # not the 201 that a creation is answered with
    ],
)
def test_an_unexpected_status_says_the_servers_words(api_for, status, body, detail):
    """All shapes of FleetLM's error bodies; the path says :id; the stamps are there for the statistics."""
    api, _ = api_for((status, body))
    with pytest.raises(RestFailed) as caught:
        api.create_session(EARLY.session_body("u1", "a", {}))
    failed = caught.value
    code = int(status[:3])
    assert (failed.method, failed.path, failed.kind, failed.status) == ("POST", "/api/sessions", f"http_{code}", code)
    assert detail in failed.detail
    assert failed.detail.isprintable()
    assert isinstance(failed, RestCallFailed)
    assert failed.sent_s < failed.done_s


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "no session.id in None"),
        (b"<html>", "not JSON"),
        (b"[]", "no session.id in []"),
        (b"{}", "no session.id in {}"),
        (b"null", "no session.id in None"),
        (b'{"session":{}}', "no session.id in"),
        (b'{"session":[]}', "no session.id in"),
        (b'{"session":{"id":7}}', "session.id is not a text of 1 to 200 characters but 7, in "),
        (b'{"session":{"id":""}}', "session.id is not a text of 1 to 200 characters but ''"),
        (b'{"session":{"id":"' + b"x" * 201 + b'"}}', "not a text of 1 to 200 characters but 'xxx"),
    ],
)
def test_a_created_session_without_an_id_is_a_bad_body(api_for, body, told):
    """A 201 that does not name the session it made is a failure."""
    api, _ = api_for(("201 Created", body))
    with pytest.raises(RestFailed) as caught:
        api.create_session(EARLY.session_body("u1", "a", {}))
    assert (caught.value.kind, caught.value.status) == ("bad_body", 201)
    assert told in caught.value.detail


def test_the_path_of_an_error_names_the_route_not_the_id(api_for):
    """So that statistics have one row per route."""
    api, _ = api_for(*[("500 Internal Server Error", b"")] * 4)
    paths = []
    for call in (
        lambda: api.call("GET", "/sessions/s1", route="/sessions/:id"),
        lambda: api.delete_session("s1"),
        lambda: api.list_sessions("u1"),
        lambda: api.call("POST", "/sessions/s1/messages", route="/sessions/:id/messages", body={}),
    ):
        with pytest.raises(RestFailed) as caught:
            call()
        paths.append(caught.value.path)
    assert paths == ["/api/sessions/:id", "/api/sessions/:id", "/api/sessions", "/api/sessions/:id/messages"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed_and_says_where_to(serve, status):
    """The advice names the option that leads there."""

    def script(peer):
        peer.read_request()
        peer.answer(status, b"<html>\n", "Location: https://h:8443/api/sessions")

    api = RestApi(serve(script).http_url + "/api")
    with pytest.raises(RestFailed, match=r"to https://h:8443/api/sessions .*: set -H https://h:8443") as caught:
        api.create_session(EARLY.session_body("u1", "a", {}))
    assert caught.value.kind == f"http_{status[:3]}"
    api.close()


def test_no_answer_has_no_status(api_for):
    """The kinds of the pool are passed on, with whatever stamps exist."""
    api, _ = api_for()
    with pytest.raises(RestCallFailed) as caught:
        api.list_sessions("u1")
    assert (caught.value.kind in ("eof", "reset"), caught.value.status) == (True, None)
    assert caught.value.sent_s < caught.value.done_s


def test_a_url_that_is_none_is_a_usage_error():
    """It gives a valid example."""
    with pytest.raises(UsageError, match=r"API URL.*http://localhost:4000/api"):
        RestApi("ws://localhost:4000/api")


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["error", "errors", "detail", "id"]), inner)
        ),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_error_body_raises(body):
    """It holds whatever a server, or a proxy in front of it, sends: the words are bounded and printable."""
    detail = error_detail(body)
    assert isinstance(detail, str)
    assert len(detail) <= 200
    assert detail.isprintable()


@pytest.mark.parametrize(
    ("body", "messages"),
    [(b'{"messages":[{"seq":4}]}', [{"seq": 4}]), (b'{"messages":{}}', None), (b"[]", None), (b"", None)],
)
def test_the_messages_of_a_session_are_a_list(api_for, body, messages):
    """Anything else is a bad body."""
    api, script = api_for(("200 OK", body))
    if messages is None:
        with pytest.raises(RestFailed) as caught:
            api.list_messages("s/1", 3, 50)
        assert (caught.value.kind, caught.value.path) == ("bad_body", "/api/sessions/:id/messages")
    else:
        assert api.list_messages("s/1", 3, 50) == messages
    assert script.asked == [("GET /api/sessions/s%2F1/messages?after_seq=3&limit=50", None)]
