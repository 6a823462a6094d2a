"""The URL that a socket connects to."""

from urllib.parse import quote

import pytest

from fleetlm_users.client.phoenix.socket_endpoint import socket_endpoint


@pytest.mark.parametrize(
    ("url", "participant_id", "expected"),
    [
        (
            "ws://h/socket/websocket",
            "u 1&x=ä/?",
            "ws://h/socket/websocket?participant_id=u%201%26x%3D%C3%A4%2F%3F&vsn=2.0.0",
        ),
        ("ws://h/s?token=a%2Bb&empty=", "u1", "ws://h/s?token=a%2Bb&empty=&participant_id=u1&vsn=2.0.0"),
        ("wss://h:1/s?participant_id=x&vsn=1.0.0#part", "u1", "wss://h:1/s?participant_id=u1&vsn=2.0.0"),
    ],
)
def test_the_url_says_who_and_which_version(url, participant_id, expected):
    """participant_id is percent-encoded, vsn is ours, other parameters stay."""
    endpoint = socket_endpoint(url, participant_id, "participant_id")
    assert endpoint.url == expected
    assert expected.endswith(endpoint.target)
    assert socket_endpoint(url, "another", "participant_id").url == expected.replace(
        quote(participant_id, safe=""), "another"
    )
