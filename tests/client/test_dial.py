"""URLs into endpoints, and foreign errors into the words that statistics count by."""

import ssl

import gevent
import pytest
from gevent import socket

from fleetlm_users.client.dial import (
    Deadline,
    Endpoint,
    Overdue,
    connect_tcp,
    kind_of,
    parse_endpoint,
    resolve,
    words_of,
)
from fleetlm_users.errors import UsageError

WS = ("ws", "wss")


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "secure", "host_header"),
    [
        ("ws://localhost:4000/socket/websocket", "localhost", 4000, "/socket/websocket", False, "localhost:4000"),
        ("ws://fleet.example", "fleet.example", 80, "/", False, "fleet.example"),
        ("wss://fleet.example/a?b=c", "fleet.example", 443, "/a?b=c", True, "fleet.example"),
        ("wss://fleet.example:80/", "fleet.example", 80, "/", True, "fleet.example:80"),
        ("ws://[::1]:4000/x", "::1", 4000, "/x", False, "[::1]:4000"),
        ("ws://h/ä%20b?q=é", "h", 80, "/%C3%A4%20b?q=%C3%A9", False, "h"),
    ],
)
def test_where_a_url_points(url, host, port, target, secure, host_header):  # noqa: PLR0917  # columns of the table
    """Default ports by scheme; the request target keeps the query and is ASCII; IPv6 is bracketed in Host only."""
    endpoint = parse_endpoint(url, "WebSocket URL", WS, "ws://localhost:4000/")
    assert endpoint == Endpoint(url, host, port, target, secure)
    assert endpoint.host_header == host_header


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:4000",
        "http://h/",
        "ws://",
        "ws:///x",
        "ws://h:port/",
        "ws://h:99999/",
        "ws://[::1/",
        "ws://a b/",
        "ws://h/\n",
    ],
)
def test_what_is_no_url_names_the_setting_and_an_example(url):
    """A person reads what was wrong and what would be right."""
    with pytest.raises(UsageError, match=r"WebSocket URL.*ws://localhost:4000/"):
        parse_endpoint(url, "WebSocket URL", WS, "ws://localhost:4000/")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (UnicodeError("label too long"), "dns"),
        (ConnectionRefusedError(), "refused"),
        (ConnectionResetError(), "reset"),
        (BrokenPipeError(), "reset"),
        (TimeoutError(), "timeout"),
        (Overdue("late"), "timeout"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "tls"),
        (ssl.SSLEOFError(8, "EOF"), "eof"),
        (OSError(113, "No route to host"), "network"),
    ],
)
def test_each_foreign_error_has_one_word(error, kind):
    """The words are few and stable."""
    assert kind_of(error) == kind
    assert words_of(error)


def test_an_address_is_not_looked_up_and_the_next_one_is_tried():
    """Literal addresses resolve to themselves; a refused address does not end the attempt."""
    assert [entry[4] for entry in resolve(Endpoint("", "127.0.0.1", 80, "/", False))] == [("127.0.0.1", 80)]
    assert [entry[4][0] for entry in resolve(Endpoint("", "::1", 80, "/", False))] == ["::1"]
    with socket.socket() as closed, socket.socket() as listener:
        closed.bind(("127.0.0.1", 0))
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", one.getsockname()) for one in (closed, listener)]
        connect_tcp(addresses).close()
        with pytest.raises(ConnectionRefusedError):
            connect_tcp(addresses[:1])
    with pytest.raises(OSError, match="no address"):
        connect_tcp([])


def test_a_block_that_takes_too_long_is_overdue_and_a_quick_one_is_not():
    """However many waits it consists of; what comes after the block is free of it."""

    def wait_on_and_on():
        while True:
            gevent.sleep(0.001)

    with pytest.raises(Overdue), Deadline(0.01):
        wait_on_and_on()
    with Deadline(0.01):
        gevent.sleep(0)
    gevent.sleep(0.02)
    with pytest.raises(KeyError), Deadline(0.01):
        raise KeyError
    gevent.sleep(0.02)


def test_an_address_that_does_not_answer_at_once_is_waited_for():
    """A full backlog takes no further connection until somebody is accepted: the kernel asks again after a second. A
    deadline ends the wait, and leaves no socket behind.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", listener.getsockname())]
        full = [connect_tcp(address)]

        def fill():
            while True:
                with Deadline(0.05):
                    full.append(connect_tcp(address))

        with pytest.raises(Overdue):
            fill()
        late = gevent.spawn(connect_tcp, address)
        gevent.idle()
        assert not late.ready()
        accepted = [listener.accept()[0] for _ in full]
        full.append(late.get(timeout=10))
        assert full[-1].getpeername() == listener.getsockname()
        for sock in (*full, *accepted):
            sock.close()
