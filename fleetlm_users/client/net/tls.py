"""TLS on a connected socket. It names gevent's own socket and ssl, so it also works without monkey-patching."""

import _socket
import functools
from typing import Any

from gevent import socket, ssl

from fleetlm_users.client.net.endpoint import Endpoint


def wrap_tls(sock: _socket.socket, endpoint: Endpoint, insecure: bool) -> Any:
    """Return the socket after the TLS handshake; raise SSLError. `insecure` accepts any certificate; SNI is sent."""
    layered = socket.socket(sock.family, sock.type, sock.proto, sock.detach())  # gevent's: waits in the handshake
    try:
        return tls_context(insecure).wrap_socket(layered, server_hostname=endpoint.host)
    except BaseException:
        layered.close()
        raise


@functools.cache  # reading the system's CAs takes tens of milliseconds: once per process, not once per socket
def tls_context(insecure: bool) -> Any:
    """Return the TLS settings that all connections of the load share."""
    return new_tls_context(insecure)


def new_tls_context(insecure: bool) -> Any:
    """Return TLS settings with the CAs that trust.py describes, or without verification; the caller may change them."""
    # Not create_default_context: without monkey-patching it makes a context whose sockets block the whole hub.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
