"""Upgrade requests, beyond the recorded scenes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.standin.websocket.handshake import Refusal, Upgrade, UpgradeHead, judge, parse_head

TARGET = "/socket/websocket?participant_id=u1&vsn=2.0.0"
GOOD = {
    "host": ["a"],
    "connection": ["keep-alive, Upgrade"],
    "upgrade": ["WebSocket"],
    "sec-websocket-key": ["dGhlIHNhbXBsZSBub25jZQ=="],
    "sec-websocket-version": ["13"],
}


def verdict(method="GET", target=TARGET, origin_host="localhost", **headers):
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(UpgradeHead(method, target, {**GOOD, **given_headers}), origin_host)


def test_granted():
    """The accept key of RFC 6455 §1.3; tokens and case as the RFC has them."""
    granted = verdict()
    assert isinstance(granted, Upgrade)
    assert (granted.participant_id, granted.accept) == ("u1", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"method": "POST"}, Refusal(400)),
        ({"target": TARGET + "&x=%FF"}, Refusal(400, "Bad Request")),
        ({"target": "/socket/websocket?participant_id=u&vsn[]=2.0.0"}, Refusal(403)),
        ({"origin": ["http://[bad"]}, Refusal(403)),
        ({"host": []}, Refusal(400, "'host' header is absent")),
        ({"sec_websocket_key": [""]}, Refusal(400, "'sec-websocket-key' header is absent")),
        ({"upgrade": ["h2c"]}, Refusal(400, "'upgrade' header must contain 'websocket', got [\"h2c\"]")),
    ],
)
def test_refused(changes, expected):
    """Origin and parameters first, then the upgrade's own headers."""
    assert verdict(**changes) == expected


def test_any_origin():
    """FleetLM's development configuration allows it."""
    assert isinstance(verdict(origin=["http://elsewhere"], origin_host="any"), Upgrade)


@given(st.binary(max_size=200))
def test_any_head_is_judged_or_none(data):
    """No exception."""
    head = parse_head(data)
    if head is not None:
        assert isinstance(judge(head, "localhost"), Upgrade | Refusal)


@given(st.text(alphabet="abv=&[]%2.0sn_participant", max_size=60))
def test_any_query_is_judged(query):
    """No exception."""
    assert isinstance(verdict(target=f"/socket/websocket?{query}"), Upgrade | Refusal)
