"""Unreadable messages neither stop nor delay a master; a worker's are named, and then nothing is green."""

import pytest

from tests.e2e.calm import calm
from tests.e2e.cluster import cluster
from tests.e2e.harness import eventually, targets

pytestmark = pytest.mark.e2e

RUN_ID = "malformed"
LOCUSTFILE = '''
"""A worker whose reports name a second far away, and a stranger on the master's port that says anything."""

import msgpack
import zmq
from locust import events

from fleetlm_users import ThroughputUser, install

install("message_throughput", [ThroughputUser])
FAR = 5_000_000
SAID = [b"", b"\\xc1\\xc1", msgpack.packb(5), msgpack.packb(("stats", {})), msgpack.packb(("quit", None, None))]
KINDS = ("fleetlm_introduction", "locustfile", "client_ready", "zzz")
SAID += [msgpack.packb((kind, None, "stranger")) for kind in KINDS]


@events.report_to_master.add_listener
def damage(data, **_):
    """Only this process sends reports to a master; its final one goes another way."""
    if data.get("fleetlm"):
        report = msgpack.unpackb(data["fleetlm"], strict_map_key=False)
        report["rows"] = [[FAR + n, *row[1:]] for n, row in enumerate(report["rows"])]
        data["fleetlm"] = msgpack.packb(report)


@events.test_start.add_listener
def intrude(environment, **_):
    """On the worker alone."""
    if hasattr(environment.runner, "master_port"):
        stranger = zmq.Context().socket(zmq.DEALER)
        stranger.setsockopt(zmq.IDENTITY, b"stranger")
        stranger.connect(f"tcp://127.0.0.1:{environment.runner.master_port}")
        for said in SAID:
            stranger.send(said)
'''


def test_a_run_with_messages_that_cannot_be_read_ends_with_its_report(tmp_path, standin):
    """The stranger changes nothing; the worker's damaged reports make the run inconclusive, its last one is whole."""
    locustfile = tmp_path / "odd.py"
    locustfile.write_text(LOCUSTFILE)
    refused = ("stats", "unreadable", "quit", "fleetlm_introduction", "locustfile", "client_ready", "zzz")
    flags = [*targets(standin), "--run-id", RUN_ID, "-u", "2", "--send-interval", "100", "-t", "60s"]
    with cluster(tmp_path, *flags, workers=1, locustfile=locustfile, env=calm("message_throughput")) as it:
        for kind in refused:
            eventually(lambda kind=kind: f"A message ({kind}) from " in it.master.output, f"{kind} is refused")
        it.master.interrupt()
        finished = it.master.finish()
    assert finished.code == 4, finished.output
    assert "Traceback" not in finished.output
    accounting, truth = finished.accounting(), standin.counters(RUN_ID)
    assert accounting["sent"] == truth["sends_received"] > 0
    assert accounting["adds_up"]
    (doubt,) = (text for text in finished.summary["verdict"]["doubts"] if "could not be read" in text)
    assert "(stats) in its report rows[0] is of second 5000000" in doubt
    for kind in refused[1:]:
        assert f"A message ({kind}) from stranger was refused: " in finished.output
