"""A real stand-in process for tests, and plain HTTP to it."""

import http.client
import json
import os
import signal
import subprocess
from typing import NamedTuple

from tests.fork_server.client import ROOT, python

STARTS_WITHIN_S = 60
ENDS_WITHIN_S = 60


class Answer(NamedTuple):
    """A response with its header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class Standin:
    """One child process on a free port; `stop` ends it and returns its exit code."""

    def __init__(self, *flags):
        arguments = ["-m", "fleetlm_users.standin", "--port", "0", "--exit-with-parent", *map(str, flags)]
        self.process = python("standin", arguments, cwd=ROOT, env=dict(os.environ), stdin=subprocess.PIPE)
        self.ready_line = self.process.stdout.readline()
        assert self.ready_line.startswith("standin ready on "), self.ready_line
        self.port = int(self.ready_line.split(" (")[0].rpartition(":")[2])
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(ENDS_WITHIN_S)
        finally:
            self.process.kill()
            self.process.stdin.close()
            self.process.stdout.close()

    def call(self, method, path, body=None, headers=()):
        """One request on a connection of its own; a dict or list goes as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            given = dict(headers)
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                given.setdefault("Content-Type", "application/json")
            connection.request(method, path, body, given)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def session(self, user="u1", agent="bench-echo-agent", **metadata):
        """The id of a new session."""
        body = {"sender_id": user, "recipient_id": agent, "metadata": metadata}
        answer = self.call("POST", "/api/sessions", body)
        assert answer.status == 201, answer
        return answer.json()["session"]["id"]

    def agent(self, agent_id, origin_url, **fields):
        """Registers an agent."""
        body = {"agent": {"id": agent_id, "name": agent_id, "origin_url": origin_url, **fields}}
        assert self.call("POST", "/api/agents", body).status == 201

    def append(self, session_id, text, sender="u1"):
        """Appends over REST."""
        body = {"sender_id": sender, "kind": "text", "content": {"text": text}}
        answer = self.call("POST", f"/api/sessions/{session_id}/messages", body)
        assert answer.status == 200, answer
        return answer.json()["message"]

    def faults(self, **changes):
        assert self.call("POST", "/standin/faults", changes).status == 200

    def counters(self):
        return self.call("GET", "/standin/counters").json()

    def messages(self, session_id):
        """(seq, content) of everything that is stored."""
        stored = self.call("GET", f"/standin/messages?session_id={session_id}").json()["messages"]
        return [(message["seq"], message["content"]) for message in stored]
