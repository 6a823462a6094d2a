"""Annotations in Grafana: the posts, and that the token is only ever in its one header."""

import pytest

from fleetlm_users.client.http.grafana_api import GrafanaApi, checked_token
from fleetlm_users.errors import RestFailed, UsageError

TOKEN = "glsa_s3cret"
ANNOTATION = {"time": 1_700_000_000_000, "timeEnd": 1_700_000_060_000, "tags": ["fleetlm"], "text": "x"}


@pytest.fixture
def grafana(serve):
    """Return an API on a fake Grafana that gives these answers, and the requests it got."""
    made = []

    def make(status="200 OK", body=b'{"message":"Annotation added","id":1}', *headers, query="", token=TOKEN):
        asked = []

        def script(peer):
            body_asked = peer.read_request()
            asked.append((peer.request_line, peer.headers, body_asked))
            peer.answer(status, body, *headers)

        url = f"{serve(script).http_url}/grafana/api/annotations{query}"
        made.append(GrafanaApi(url, token, timeout_s=60.0, insecure=False))
        return made[-1], asked

    yield make
    for api in made:
        api.close()


def test_an_annotation_is_posted_with_its_dashboard_and_the_token(grafana):
    """The dashboard comes from the URL's query; times are in ms."""
    api, asked = grafana(query="?dashboardUID=ab%20c&panelId=7")
    api.post(ANNOTATION)
    ((line, headers, body),) = asked
    assert line == "POST /grafana/api/annotations HTTP/1.1"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["content-type"] == "application/json"
    assert body == {"dashboardUID": "ab c", "panelId": 7, **ANNOTATION}


def test_without_a_dashboard_it_is_the_organizations_and_without_a_token_nothing_is_sent_for_one(grafana):
    """It suits a Grafana that lets everybody in."""
    api, asked = grafana(token="")
    api.post(ANNOTATION)
    ((_, headers, body),) = asked
    assert "authorization" not in headers
    assert body == ANNOTATION


@pytest.mark.parametrize(
    ("status", "body", "token", "words"),
    [
        ("401 Unauthorized", b'{"message":"Invalid API key"}', TOKEN, "the token in GRAFANA_TOKEN may not write"),
        ("403 Forbidden", b"", "", "the token in GRAFANA_TOKEN is not set"),
        ("500 Oops", f'{{"message":"{TOKEN} failed"}}'.encode(), TOKEN, "http_500"),
        ("404 Not Found", b"<html>", TOKEN, "http_404"),
    ],
)
def test_a_refusal_says_what_to_do_and_never_the_token(grafana, status, body, token, words):
    """It holds even if the server repeats the token."""
    api, _ = grafana(status, body, token=token)
    with pytest.raises(RestFailed) as caught:
        api.post(ANNOTATION)
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value) + repr(caught.value) + repr(api)


def test_a_redirect_is_not_followed_with_the_token(grafana):
    """Wherever it leads, the error says so."""
    other, asked_there = grafana()
    api, asked = grafana("302 Found", b"", f"location: {other._url}")
    with pytest.raises(RestFailed, match=r"redirects to .* and is not followed"):
        api.post(ANNOTATION)
    assert (len(asked), asked_there) == (1, [])


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "schlüssel", "x" * 5000, "nul\0"])
def test_what_no_header_can_hold_is_refused_without_being_shown(token):
    """White space around a token is not part of it, as when it was read from a file."""
    with pytest.raises(UsageError, match="GRAFANA_TOKEN") as caught:
        GrafanaApi("http://127.0.0.1/api/annotations", token, timeout_s=1.0, insecure=False)
    assert token not in str(caught.value)
    assert checked_token(" abc\n") == "abc"
