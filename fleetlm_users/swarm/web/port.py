"""Check the web UI's port and certificate before Locust uses them, where an error would be a traceback."""

import ssl
from argparse import Namespace
from typing import Final

from gevent.pywsgi import WSGIServer

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.host.startup_error import StartupError

MAX_PORT: Final = 65_535


def try_web_port(parsed: Namespace) -> None:
    """Listen and stop again, as Locust will. Raise StartupError."""
    host = "" if parsed.web_host == "*" else parsed.web_host
    try:
        server = WSGIServer((host, parsed.web_port), log=None)
        server.init_socket()
        server.close()
    except (OSError, OverflowError, UnicodeError) as problem:
        accepted = f"a free port of {host or 'this machine'}, at most {MAX_PORT} ({problem})"
        usage = UsageError("--web-port (LOCUST_WEB_PORT)", parsed.web_port, accepted, "--web-port 8090")
        raise StartupError.of_usage(usage) from problem
    if parsed.tls_cert and parsed.tls_key:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(parsed.tls_cert, parsed.tls_key)
        except OSError as problem:  # includes ssl.SSLError
            accepted = f"a certificate in PEM form with its key in --tls-key ({problem})"
            usage = UsageError("--tls-cert (LOCUST_TLS_CERT)", parsed.tls_cert, accepted, "--tls-cert web.pem")
            raise StartupError.of_usage(usage) from problem
