"""Which certificates are believed: the system's CAs, or those of SSL_CERT_FILE and SSL_CERT_DIR, for all connections.

OpenSSL passes over a file that it cannot read, and every certificate is then refused as if the server's were wrong. So
what the variables name is tried before a run.
"""

import os
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from fleetlm_users.errors import UsageError

FILE: Final = "SSL_CERT_FILE"
FOLDERS: Final = "SSL_CERT_DIR"
SECURE: Final = ("https://", "wss://")


def check_trust(urls: Iterable[str], *, insecure: bool, environ: Mapping[str, str] = os.environ) -> None:
    """Raise UsageError when certificates are to be checked for one of the URLs and the named CAs cannot be read."""
    if insecure or not any(url.lower().startswith(SECURE) for url in urls):
        return
    named = environ.get(FILE)
    if named is not None and (problem := _problem_of(named)):
        raise UsageError(FILE, named, f"a readable file of certificates in PEM form ({problem})", "/etc/ssl/own-ca.pem")
    folders = environ.get(FOLDERS)
    if folders is not None and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep) if folder):
        raise UsageError(FOLDERS, folders, "a folder of certificates that exists", "/etc/ssl/certs")


def _problem_of(name: str) -> str:
    """Why no CA can be read from a file, empty when one can."""
    if not Path(name).is_file():  # not a pipe or a device either, which reading could wait for
        return "there is no such file"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=name)
    except ssl.SSLError:
        return "it holds no certificate"
    except OSError as error:
        return error.strerror or str(error)
    return ""
