"""Errors of the socket layer: the kind under which statistics count them, and their text."""

import ssl
from typing import Final

from gevent import socket

from fleetlm_users.client.net.waits import Overdue


class NotResolved(OSError):
    """A host name has no address; the text names it and says why."""


RESET: Final = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


def kind_of(error: BaseException) -> str:
    """Return dns, tls, refused, reset, eof, timeout or network: what an error of the socket layer counts as."""
    if isinstance(error, (NotResolved, socket.gaierror, UnicodeError)):  # UnicodeError: a name that no DNS can hold
        return "dns"
    if isinstance(error, ssl.SSLEOFError):
        return "eof"
    if isinstance(error, ssl.SSLError):  # certificate errors too
        return "tls"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, RESET):
        return "reset"
    if isinstance(error, (Overdue, TimeoutError)):
        return "timeout"
    return "network"


def words_of(error: BaseException) -> str:
    """Return what a foreign error says, without its number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
