"""The process: its ready line, its end by signal or with its parent, its mistakes."""

import asyncio
import re
import signal
import socket
import subprocess
import sys

import pytest

from tests.standin.raw_socket import CLOSE, RawSocket

COMMAND = [sys.executable, "-m", "fleetlm_users.standin"]
WAIT_S = 60


def test_the_ready_line(standin):
    """Exactly this form, on standard output."""
    form = r"standin ready on (http://127\.0\.0\.1:(\d+)) \(ws ws://127\.0\.0\.1:\2/socket/websocket\)\n"
    assert re.fullmatch(form, standin.ready_line)
    assert standin.call("GET", "/health").json()["status"] == "ok"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_every_socket_with_1012(standin_with, number):
    """CLOSE 1012 to all, also under load, then exit code 0."""
    standin = standin_with("--builtin-agent")

    async def run():
        session = await asyncio.to_thread(standin.session)
        sockets = [await RawSocket.open(standin) for _ in range(20)]
        for client in sockets:
            await client.join(f"session:{session}")
        sockets[0].say(f"session:{session}", "before")
        await sockets[1].take(2)
        standin.process.send_signal(number)
        for client in sockets:
            client.say(f"session:{session}", "during shutdown")
        return [await client.closed() for client in sockets]

    assert set(asyncio.run(run())) == {1012}
    assert standin.stop() == 0


def test_a_client_that_never_closes_does_not_hold_up_the_end(standin_with):
    """Its connection is cut after a moment."""
    standin = standin_with()

    async def run():
        client = await RawSocket.open(standin)
        standin.process.send_signal(signal.SIGTERM)
        assert await client.frame_in() == (CLOSE, (1012).to_bytes(2, "big"))
        code = await asyncio.to_thread(standin.process.wait, WAIT_S)
        await client.close()
        return code

    assert asyncio.run(run()) == 0


def test_it_ends_with_its_parent(standin_with):
    """When the parent's end of the pipe closes, whatever happened to the parent."""
    standin = standin_with()
    standin.process.stdin.close()
    assert standin.process.wait(WAIT_S) == 0


def test_without_the_flag_an_empty_stdin_is_no_reason_to_end():
    """Service managers start programs so."""
    process = subprocess.Popen([*COMMAND, "--port", "0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline().split(" (")[0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), WAIT_S):
            assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(WAIT_S) == 0
        process.stdout.close()


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--port", "{port}"], 1, ["cannot listen on 127.0.0.1:{port}", "already in use"]),
        (["--host", "999.1.1.1", "--port", "0"], 1, ["cannot listen on 999.1.1.1:0"]),
        (["--port", "x"], 2, ["--port", "'x'", "whole number"]),
    ],
)
def test_mistakes_are_reported_in_one_line(standin, flags, code, words):
    """No traceback; exit code 1 for the address, 2 for a flag."""
    arguments = [flag.format(port=standin.port) for flag in flags]
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=WAIT_S, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == code
    assert [word.format(port=standin.port) for word in words if word.format(port=standin.port) not in last] == []
    assert "Traceback" not in done.stderr
    assert code == 2 or len(done.stderr.strip().splitlines()) == 1
