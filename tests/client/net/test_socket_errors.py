"""Foreign errors into the words that statistics count by."""

import ssl

import pytest
from gevent import socket

from fleetlm_users.client.net.socket_errors import NotResolved, kind_of, words_of
from fleetlm_users.client.net.waits import Overdue


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (UnicodeError("label too long"), "dns"),
        (NotResolved("the name x cannot be resolved"), "dns"),
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
