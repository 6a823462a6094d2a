"""CAs that the environment names and that cannot be read are told before a run, by name."""

import os
from pathlib import Path

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.trust import check_trust

CERTIFICATE = Path(__file__).parent / "client" / "self_signed.pem"
TLS = ("https://fleet.test/api", "wss://fleet.test/socket/websocket")
PLAIN = ("http://fleet.test/api", "ws://fleet.test/socket/websocket")


def environ_of(folder, variable, kind):
    if kind == "pipe":
        os.mkfifo(folder / kind)
    elif kind == "folder":
        (folder / kind).mkdir()
    elif kind in ("empty", "text"):
        (folder / kind).write_text("" if kind == "empty" else "no certificate")
    return {variable: "" if kind == "blank" else str(folder / kind)}


@pytest.mark.parametrize("kind", ["missing", "blank", "empty", "text", "folder", "pipe"])
def test_a_file_without_certificates_is_refused_by_name(tmp_path, kind):
    """OpenSSL would pass over it, and blame each certificate of the server."""
    environ = environ_of(tmp_path, "SSL_CERT_FILE", kind)
    with pytest.raises(UsageError, match="SSL_CERT_FILE") as caught:
        check_trust(TLS, insecure=False, environ=environ)
    assert caught.value.value == environ["SSL_CERT_FILE"]
    check_trust(TLS, insecure=True, environ=environ)  # nothing is checked
    check_trust(PLAIN, insecure=False, environ=environ)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    """With the system's words."""
    unreadable = tmp_path / "ca.pem"
    unreadable.write_bytes(CERTIFICATE.read_bytes())

    class Context:
        def __init__(self, _protocol):
            pass

        def load_verify_locations(self, cafile):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fleetlm_users.trust.ssl.SSLContext", Context)
    with pytest.raises(UsageError, match="Permission denied"):
        check_trust(TLS, insecure=False, environ={"SSL_CERT_FILE": str(unreadable)})


@pytest.mark.parametrize("kind", ["missing", "blank", "text"])
def test_folders_of_which_none_exists_are_refused_by_name(tmp_path, kind):
    """One of several is enough."""
    environ = environ_of(tmp_path, "SSL_CERT_DIR", kind)
    with pytest.raises(UsageError, match="SSL_CERT_DIR"):
        check_trust(TLS, insecure=False, environ=environ)
    check_trust(TLS, insecure=False, environ={"SSL_CERT_DIR": f"{tmp_path / 'missing'}:{tmp_path}"})


def test_a_good_file_and_no_variable_are_fine():
    """The system's CAs are not our business."""
    check_trust(TLS, insecure=False, environ={"SSL_CERT_FILE": str(CERTIFICATE)})
    check_trust(TLS, insecure=False, environ={})
