"""The handshake scenes of the wire record, byte for byte on raw connections."""

import re
import socket

from tests.standin.recorded import scenes

WAIT_S = 60


def exchange(connection, lines):
    """(head lines, body) of the answer to the request in the `>` lines."""
    request = "\r\n".join(line[2:] for line in lines if line.startswith(">"))
    connection.sendall(f"{request}\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        received = connection.recv(65536)
        assert received, data
        data += received
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head.decode().split("\r\n"), body.decode()


def as_compared(head):
    """Status line and headers, without those that differ in every run or that FleetLM does not send."""
    pairs = [line.split(": ", 1) for line in head[1:]]
    skipped = ("date", "x-request-id", "server")
    return head[0], sorted((name.lower(), value) for name, value in pairs if name.lower() not in skipped)


def test_every_handshake_scene(standin):
    """Status line, headers and body agree; the connection stays open, so that a refused client may ask again."""
    problems = {}
    for title, lines in scenes("handshake.txt"):
        recorded = [line[2:] for line in lines if line.startswith("<")]
        at = recorded.index("") if "" in recorded else len(recorded)
        with socket.create_connection(("127.0.0.1", standin.port), WAIT_S) as connection:
            head, body = exchange(connection, lines)
            if as_compared(head) != as_compared(recorded[:at]) or body != "".join(recorded[at + 1 :]):
                problems[title] = (head, body)
            elif "101" not in head[0] and exchange(connection, lines)[0][0] != head[0]:
                problems[title] = "not kept open"
    assert problems == {}
