"""TLS on top of a connected socket. gevent's own socket and ssl are named, so it works without monkey-patching too."""

import _socket
import functools
from typing import Any

from gevent import socket, ssl

from fleetlm_users.client.net.endpoint import Endpoint


def wrap_tls(sock: _socket.socket, endpoint: Endpoint, insecure: bool) -> Any:
    """The socket after the TLS handshake; raises SSLError. `insecure` trusts any certificate but still sends SNI."""
    layered = socket.socket(sock.family, sock.type, sock.proto, sock.detach())  # gevent's: it waits in the handshake
    try:
        return tls_context(insecure).wrap_socket(layered, server_hostname=endpoint.host)
    except BaseException:
        layered.close()
        raise


@functools.cache  # reading the system's CAs takes tens of milliseconds: once per process, not once per socket
def tls_context(insecure: bool) -> Any:
    """The TLS settings of all connections: the CAs that trust.py tells of, or no verification."""
    # Not create_default_context: where nothing is monkey-patched it makes a context whose sockets block the whole hub.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
