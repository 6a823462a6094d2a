"""Shapes of replies by the Accept header."""

import pytest

from fleetlm_users.standin.http.replies import rendered, renders_json, takes_json


@pytest.mark.parametrize(
    ("accept", "takes", "renders"),
    [
        (None, True, False),
        ("*/*", True, False),
        ("application/json", True, True),
        ("text/html", False, False),
        ("text/html, */*;q=0.8", True, False),
        ("application/json, text/html", True, True),
        ("image/png", False, False),
        ("", True, False),
        ("application/*", True, True),
    ],
)
def test_accept(accept, takes, renders):
    """The API takes what includes JSON; Phoenix renders errors as html unless JSON comes first."""
    assert (takes_json(accept), renders_json(accept)) == (takes, renders)


def test_rendered():
    """JSON with errors.detail, or the bare reason."""
    assert rendered(404).body == b'{"errors":{"detail":"Not Found"}}'
    assert rendered(404, as_json=False).body == b"Not Found"
