"""Errors of the socket layer: the kind under which statistics count them, and their text."""

import ssl
from typing import Final

from gevent import socket

from fleetlm_users.client.net.waits import Overdue


class NotResolved(OSError):
    """A host name has no address; the text names it and says why."""


RESET: Final = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


def kind_of(error: BaseException) -> str:
    """Return the kind of a socket error: dns, tls, refused, reset, eof, timeout or network."""
    if isinstance(error, (NotResolved, socket.gaierror, UnicodeError)):  # UnicodeError: a name that DNS cannot hold
        return "dns"
    if isinstance(error, ssl.SSLEOFError):
        return "eof"
    if isinstance(error, ssl.SSLError):  # includes certificate errors
        return "tls"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, RESET):
        return "reset"
    if isinstance(error, (Overdue, TimeoutError)):
        return "timeout"
    return "network"


def words_of(error: BaseException) -> str:
    """Return the text of a foreign error, without its number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
