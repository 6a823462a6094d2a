"""A Grafana for tests: accepts annotations over HTTP on loopback, and keeps the requests."""

import json

from tests.e2e.receiver import Receiver


class Grafana(Receiver):
    """`posted` are the annotations, `tokens` the Authorization of each request; every answer has the `status`."""

    def __init__(self, status=200):
        self.posted = []
        self.tokens = []
        self.status = status

    def take(self, path, headers, body):
        """Keep an annotation."""
        self.tokens.append(headers["Authorization"])
        self.posted.append((path, json.loads(body)))
        return self.status, b"{}"

    @property
    def url(self):
        """The address it listens on."""
        return self.base_url
