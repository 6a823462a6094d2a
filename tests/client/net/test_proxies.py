"""Proxies that the load does not use are named."""

import pytest

from fleetlm_users.client.net.proxies import unused_proxies

API, SOCKET = "http://fleet.test:4000/api", "ws://fleet.test:4000/socket/websocket"
SECURE = "https://fleet.test/api", "wss://fleet.test/socket/websocket"
PROXY = "http://user:secret@proxy:3128"


@pytest.mark.parametrize(
    ("environ", "urls", "names"),
    [
        ({}, (API, SOCKET), []),
        ({"HTTP_PROXY": PROXY}, (API, SOCKET), ["HTTP_PROXY"]),
        ({"http_proxy": PROXY, "HTTP_PROXY": PROXY}, (API,), ["http_proxy"]),
        ({"HTTP_PROXY": ""}, (API,), []),
        ({"HTTPS_PROXY": PROXY}, (API, SOCKET), []),
        ({"HTTPS_PROXY": PROXY}, SECURE, ["HTTPS_PROXY"]),
        ({"HTTP_PROXY": PROXY}, SECURE, []),
        ({"ALL_PROXY": PROXY}, (API,), ["ALL_PROXY"]),
        ({"HTTP_PROXY": PROXY, "NO_PROXY": "fleet.test"}, (API, SOCKET), []),
        ({"HTTP_PROXY": PROXY, "NO_PROXY": "fleet.test:4000"}, (API, SOCKET), []),
        ({"HTTP_PROXY": PROXY, "no_proxy": "*"}, (API,), []),
        ({"HTTP_PROXY": PROXY, "no_proxy": ".test"}, (API,), []),
        ({"HTTP_PROXY": PROXY, "NO_PROXY": "localhost,127.0.0.1"}, (API,), ["HTTP_PROXY"]),
    ],
)
def test_which_variables_name_a_proxy_that_the_load_does_not_use(environ, urls, names):
    """They are found by scheme, lower case first, with the exceptions of NO_PROXY; each is named once."""
    found = unused_proxies(urls, environ)
    assert list(found) == names
    assert all(url in urls for url in found.values())
