"""Every REST scene of the wire record, replayed in its order against a real stand-in under --quirks."""

import gzip
import http.client
import json

from tests.standin.recorded import Names, scenes

COMPARED = ("vary", "content-type", "cache-control", "content-encoding")
BIG_BODY = json.dumps({"sender_id": "u1", "recipient_id": "a", "metadata": {"x": "a" * 9_000_000}})


def parts(lines, mark):
    """(first line, headers, body) of the request (`>`) or response (`<`) lines."""
    mine = [line[2:] for line in lines if line.startswith(mark)]
    head = mine[1:]
    body = None
    if "" in head:
        at = head.index("")
        head, body = head[:at], "\n".join(head[at + 1 :])
    return mine[0], dict(line.split(": ", 1) for line in head), body


def ask(standin, first, headers, body):
    """The live response, with curl's default Accept header."""
    method, path = first.split(" ", 1)
    if body is not None and "(9000057 bytes)" in body:
        body = BIG_BODY
    connection = http.client.HTTPConnection("127.0.0.1", standin.port, timeout=20)
    connection.putrequest(method, path, skip_accept_encoding=True)
    sent = None if body is None else body.encode()
    for name, value in (
        {"Accept": "*/*"} | headers | ({} if sent is None else {"Content-Length": str(len(sent))})
    ).items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        if sent:
            connection.send(sent)
    except (BrokenPipeError, ConnectionResetError):
        pass  # a refused body need not be read to its end
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response, data


def ordered(value):
    """Lists of sessions in an order of their own: theirs depends on the second in which each was created."""
    if isinstance(value, dict) and "sessions" in value:
        return {"sessions": sorted(value["sessions"], key=lambda one: (one["agent_id"], json.dumps(one["metadata"])))}
    return value


def body_differences(names, recorded, live):
    if recorded is None or "not text" in recorded:
        return []
    try:
        return names.differences(ordered(json.loads(recorded)), ordered(json.loads(live)))
    except ValueError:
        return [] if recorded.encode() == live else [f"body {live!r} instead of {recorded!r}"]


def scene_differences(standin, names, lines):
    """Return the differences of one scene's response."""
    first, headers, body = parts([names.translate(line) for line in lines], ">")
    status_line, recorded_headers, recorded_body = parts(lines, "<")
    response, data = ask(standin, first, headers, body)
    problems = []
    if f"HTTP/1.1 {response.status} {response.reason}" != status_line:
        problems.append(f"{response.status} {response.reason} instead of {status_line}")
    problems += [
        f"{name}: {response.getheader(name)!r} instead of {recorded_headers.get(name)!r}"
        for name in COMPARED
        if response.getheader(name) != recorded_headers.get(name)
    ]
    recorded_id, live_id = recorded_headers.get("x-request-id"), response.getheader("x-request-id")
    if (recorded_id is None) != (live_id is None) or (recorded_id == headers.get("X-Request-Id") != live_id):
        problems.append(f"x-request-id: {live_id!r} instead of {recorded_id!r}")
    if response.getheader("content-encoding") == "gzip":
        data = gzip.decompress(data)
    return problems + body_differences(names, recorded_body, data)


def test_every_rest_scene(standin_with):
    """Status, headers and body agree with the record, scene by scene."""
    standin, names = standin_with("--quirks"), Names()
    problems = {title: scene_differences(standin, names, lines) for title, lines in scenes("rest.txt")}
    assert len(problems) == 76
    assert {title: found for title, found in problems.items() if found} == {}
