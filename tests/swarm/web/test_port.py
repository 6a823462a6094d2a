"""The web UI's address is tried before Locust begins."""

import socket
from argparse import Namespace

import pytest

from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError
from fleetlm_users.swarm.web.port import try_web_port
from tests.ports import free_port


def parsed(**changed):
    return Namespace(**{"web_host": "127.0.0.1", "web_port": 0, "tls_cert": "", "tls_key": "", **changed})


def test_a_free_port_is_free_afterwards_too():
    """Locust listens on it next."""
    port = free_port()
    try_web_port(parsed(web_port=port))
    try_web_port(parsed(web_port=port, web_host="*"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))


def test_a_taken_port_ends_the_start_in_a_sentence():
    """Locust would show a traceback, with a load under way."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(
            StartupError, match=rf"invalid value {port} for --web-port \(LOCUST_WEB_PORT\): expected a free port"
        ) as told:
            try_web_port(parsed(web_port=port))
    assert told.value.exit_code == USAGE_EXIT


@pytest.mark.parametrize(
    "changed", [{"web_port": 70_000}, {"web_host": "192.0.2.1"}, {"web_host": "no such host.invalid"}]
)
def test_an_address_that_is_not_ours_too(changed):
    """Or one that cannot be."""
    with pytest.raises(StartupError, match="expected a free port of"):
        try_web_port(parsed(**changed))


def test_a_certificate_that_cannot_be_read_too(tmp_path):
    """Missing, or no certificate."""
    (tmp_path / "web.pem").write_text("no certificate", encoding="ascii")
    for name in ("missing.pem", "web.pem"):
        with pytest.raises(StartupError, match=r"--tls-cert \(LOCUST_TLS_CERT\)"):
            try_web_port(parsed(tls_cert=str(tmp_path / name), tls_key=str(tmp_path / name)))
