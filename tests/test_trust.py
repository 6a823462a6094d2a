"""Unreadable CAs that the environment names are reported before a run, by name."""

import os
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

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
    return {variable: "" if kind == "blank" else f"{folder}/{kind}"}


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
    """The words are the system's."""
    unreadable = tmp_path / "ca.pem"
    unreadable.write_bytes(CERTIFICATE.read_bytes())

    class Context:
        def __init__(self, _protocol):
            pass

        def load_verify_locations(self, cafile):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fleetlm_users.trust.ssl.SSLContext", Context)
    with pytest.raises(UsageError, match="permission denied"):
        check_trust(TLS, insecure=False, environ={"SSL_CERT_FILE": str(unreadable)})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "there is no such file"),
        ("folder", "it is a folder"),
        ("pipe", "it is not a regular file"),
        ("empty", "it holds no certificate"),
        ("text", "it holds no certificate"),
        ("x" * 5000, "file name too long"),
    ],
)
def test_the_sentence_says_what_is_wrong_with_the_file(tmp_path, kind, words):
    """Each case has its own words."""
    with pytest.raises(UsageError, match=words):
        check_trust(TLS, insecure=False, environ=environ_of(tmp_path, "SSL_CERT_FILE", kind))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "there is no such file"),
        ("blank", "empty"),
        ("text", "not a directory"),
        ("folder", "it is empty"),
        ("pipe", "not a directory"),
        ("x" * 5000, "file name too long"),
    ],
)
def test_folders_that_give_no_certificate_are_refused_by_name(tmp_path, kind, words):
    """One of several is enough."""
    environ = environ_of(tmp_path, "SSL_CERT_DIR", kind)
    with pytest.raises(UsageError, match=rf"for SSL_CERT_DIR: .*{words}"):
        check_trust(TLS, insecure=False, environ=environ)
    good = tmp_path / "good"
    good.mkdir()
    (good / "0a1b2c3d.0").write_bytes(CERTIFICATE.read_bytes())
    check_trust(TLS, insecure=False, environ={"SSL_CERT_DIR": f"{tmp_path / 'missing'}:{good}"})


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_folder_whose_certificates_are_none_is_refused(tmp_path, content):
    """The files have the right names; the sentence has the first of them."""
    (tmp_path / "0a1b2c3d.0").write_text(content)
    with pytest.raises(UsageError, match=r"0a1b2c3d\.0: it holds no certificate"):
        check_trust(TLS, insecure=False, environ={"SSL_CERT_DIR": str(tmp_path)})


def test_a_folder_without_hashed_names_is_refused_unless_a_file_has_certificates(tmp_path, monkeypatch):
    """OpenSSL finds nothing in it; the system's file is read all the same, where there is one."""
    (tmp_path / "own-ca.pem").write_bytes(CERTIFICATE.read_bytes())
    environ = {"SSL_CERT_DIR": str(tmp_path)}
    for cafile, is_refused in (("/etc/ssl/cert.pem", False), (None, True)):
        monkeypatch.setattr(
            "fleetlm_users.trust.ssl.get_default_verify_paths", lambda it=cafile: SimpleNamespace(cafile=it)
        )
        with pytest.raises(UsageError, match="openssl rehash") if is_refused else nullcontext():
            check_trust(TLS, insecure=False, environ=environ)
    check_trust(TLS, insecure=False, environ={**environ, "SSL_CERT_FILE": str(CERTIFICATE)})
