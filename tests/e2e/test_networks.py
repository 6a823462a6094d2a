"""Realistic networks, seen by whole processes: slow targets, redirects, unusable CAs."""

import contextlib
import re
import signal
import socket
import threading

import pytest

from tests.e2e.harness import Locust, eventually

pytestmark = pytest.mark.e2e

REDIRECT = (
    b"HTTP/1.1 301 Moved\r\nLocation: https://fleet.example%s\r\nContent-Length: 7\r\nConnection: close\r\n\r\n<html>\n"
)


@contextlib.contextmanager
def listening(answer):
    """A server on a free port that hands every connection to `answer`; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def silent(connection):
    """Reads, and says nothing."""
    with connection, contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


def redirecting(connection):
    """Sends everybody to https."""
    with connection, contextlib.suppress(OSError):
        path = connection.recv(65536).split(b" ")[1]
        connection.sendall(REDIRECT % path)


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_a_slow_target_is_waited_for_and_an_interrupt_ends_the_wait(tmp_path, processes):
    """It waits as long as --connect-timeout says, and reports it; Ctrl-C ends it with the code of an interrupted
    run.
    """
    with listening(silent) as url, Locust(tmp_path, "-H", url, "--connect-timeout", "60s", *processes) as locust:
        eventually(lambda: re.search(r"\d+ s of 60 s", locust.output), "it says what it waits for")
        locust.process.send_signal(signal.SIGINT)
        finished = locust.finish()
    assert finished.code == 4, finished.output
    assert "interrupted before the run began" in finished.output
    assert "Traceback" not in finished.output


def test_a_redirect_is_explained_and_not_followed(tmp_path):
    """The text says where it leads and what to set, without a page of HTML or advice to start what is running."""
    with listening(redirecting) as url, Locust(tmp_path, "-H", url) as locust:
        finished = locust.finish()
    assert finished.code == 1
    assert finished.output.count("set -H https://fleet.example") == 2
    assert "<html>" not in finished.output
    assert "mix phx.server" not in finished.output


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_a_file_of_cas_that_is_none_is_refused_by_name_before_anything_is_asked(tmp_path, processes):
    """A usage error; OpenSSL would pass over it."""
    environment = {"SSL_CERT_FILE": str(tmp_path / "missing.pem")}
    with Locust(tmp_path, "-H", "https://127.0.0.1:9", *processes, env=environment) as locust:
        finished = locust.finish()
    assert finished.code == 2, finished.output
    assert "SSL_CERT_FILE" in finished.output
    assert "missing.pem" in finished.output
    assert "Traceback" not in finished.output
