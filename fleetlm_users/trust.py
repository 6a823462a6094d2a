"""Which certificates are trusted: the system's CAs, or those of SSL_CERT_FILE and SSL_CERT_DIR, for all connections.

OpenSSL silently skips a file that it cannot read, and then refuses every certificate as if the server's were wrong. So
the files that the variables name are tried before a run.
"""

import os
import re
import ssl
import stat
from collections.abc import Iterable, Mapping
from typing import Final

from fleetlm_users.errors import UsageError

FILE: Final = "SSL_CERT_FILE"
FOLDERS: Final = "SSL_CERT_DIR"
SECURE: Final = ("https://", "wss://")

_HASHED: Final = re.compile(r"[0-9a-f]{8}\.\d{1,4}")
"""The names under which OpenSSL looks up certificates in a folder (X509_LOOKUP_hash_dir(3))."""

MAX_TRIED: Final = 100
"""The most files of a folder that are tried until one holds a certificate."""


def check_trust(urls: Iterable[str], *, insecure: bool, environ: Mapping[str, str] = os.environ) -> None:
    """Raise UsageError if certificates must be checked for one of the URLs and the named CAs cannot be read."""
    if insecure or not any(url.lower().startswith(SECURE) for url in urls):
        return
    named = environ.get(FILE)
    if named is not None and (problem := _problem_of_file(named)):
        raise UsageError(FILE, named, f"a readable file of certificates in PEM form ({problem})", "/etc/ssl/own-ca.pem")
    folders = environ.get(FOLDERS)
    if folders is not None:
        has_file = named is not None or ssl.get_default_verify_paths().cafile is not None
        problems = [_problem_of_folder(folder, has_file) for folder in folders.split(os.pathsep) if folder] or ["empty"]
        if all(problems):
            accepted = f"a readable folder of certificates in PEM form ({problems[0]})"
            raise UsageError(FOLDERS, folders, accepted, "/etc/ssl/certs")


def _problem_of_file(name: str) -> str:
    """Return why no CA can be read from a file; empty if one can."""
    try:
        mode = os.stat(name).st_mode
        if not stat.S_ISREG(mode):  # nor a pipe or a device, which reading could block on
            return "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=name)
    except ssl.SSLError:
        return "it holds no certificate"
    except (OSError, ValueError) as error:
        return _words_of(error)
    return ""


def _problem_of_folder(name: str, has_file: bool) -> str:
    """Return why no CA can be read from a folder; empty if one can, or if a file has others."""
    try:
        names = sorted(os.listdir(name))
    except (OSError, ValueError) as error:
        return _words_of(error)
    hashed = [entry for entry in names if _HASHED.fullmatch(entry)]
    if not names:
        return "it is empty"
    if not hashed:
        return "" if has_file else "its files are not named by their hashes: `openssl rehash` does that"
    problems = [_problem_of_file(os.path.join(name, entry)) for entry in hashed[:MAX_TRIED]]
    return f"{hashed[0]}: {problems[0]}" if all(problems) else ""


def _words_of(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return (getattr(error, "strerror", None) or str(error)).lower()
