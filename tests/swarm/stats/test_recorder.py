"""Facts become counts and durations under the right names, scenario and phase."""

import pytest

from fleetlm_users.errors import ConnectFailed, JoinRefused, RestFailed
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.protocol.observer import SentMessage
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.swarm.stats.recorder import Recorder, kind_of


@pytest.fixture
def events():
    return RunEvents()


@pytest.fixture
def totals(events):
    """Return the merged numbers so far."""
    ledger, recorder = Ledger(DEFAULT, "e", "w"), Recorder()
    recorder.record_into(ledger)
    recorder.listen(events)

    def merged():
        merge = SnapshotStore("e")
        merge.absorb("w", ledger.snapshot(1, True, 1.0))
        return merge.totals()

    return merged


WHERE = {"scenario": "burst", "phase": "main", "session_id": "s"}


def message():
    return SentMessage("c", 1.0, 1.002, "main")


@pytest.mark.parametrize(
    ("fate", "metric"),
    [("rejected", "messages_rejected"), ("lost", "messages_lost"), ("in_flight", "messages_in_flight")],
)
def test_each_fate_has_its_counter_with_the_reason(events, totals, fate, metric):
    """Reasons are kept as labels."""
    events.message_failed.fire(**WHERE, message=message(), fate=fate, reason="because")
    assert totals().labels(metric) == {"because": 1}


def test_a_presumed_rejection_is_taken_back(events, totals):
    """The count is what the server said in the end."""
    events.message_failed.fire(**WHERE, message=message(), fate="rejected", reason="backpressure: x")
    events.message_unfailed.fire(**WHERE, message=message(), fate="rejected", reason="backpressure: x")
    assert totals().count("messages_rejected") == 0


def test_connections_and_joins_that_fail_are_counted_by_kind(events, totals):
    """Both are connection failures; only joined sockets count as connected."""
    step = {**WHERE, "started_s": 1.0, "done_s": 1.5}
    events.connected.fire(**step, exception=ConnectFailed("ws://x", "refused", "no"))
    events.connected.fire(**step, exception=None)
    events.joined.fire(**step, exception=JoinRefused("session:s", "unauthorized"))
    events.joined.fire(**step, exception=None)
    found = totals()
    assert found.count("connections_attempted") == 2
    assert found.labels("connection_failures") == {"join_refused": 1, "refused": 1}
    assert found.gauge("active_connections").now == 1


@pytest.mark.parametrize("end", ["left", "disconnected"])
def test_whoever_is_gone_is_not_connected(events, totals, end):
    """Left or lost: one less, and a loss is counted by how."""
    events.joined.fire(**WHERE, started_s=1.0, done_s=1.1, exception=None)
    getattr(events, end).fire(**WHERE, **({"kind": "closed_1012"} if end == "disconnected" else {}))
    found = totals()
    assert (found.gauge("active_connections").now, found.gauge("active_connections").peak) == (0, 1)
    assert found.labels("disconnects") == ({"closed_1012": 1} if end == "disconnected" else {})


def test_a_session_that_could_not_be_created_was_started_all_the_same(events, totals):
    """So that its failure has something to be a share of."""
    problem = RestFailed("POST", "/sessions", "http_503", 503, "no")
    events.session_created.fire(**WHERE, started_s=1.0, done_s=1.1, exception=problem)
    events.session_ended.fire(**WHERE, exception=problem, cut_short=False)
    found = totals()
    assert found.count("sessions_started") == 1
    assert found.labels("session_failures") == {"http_503": 1}
    assert found.samples("session_creation_ms") == 0


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("duplicated", "messages_duplicated"),
        ("out_of_order", "messages_out_of_order"),
        ("seq_gap", "seq_gaps"),
        ("agent_unmatched", "agent_replies_unmatched"),
        ("appended_again", "messages_duplicated"),
        ("content_altered", "messages_altered"),
        ("seq_altered", "messages_altered"),
        ("session_altered", "messages_altered"),
        ("garbage", "malformed_frames"),
        ("malformed_chunk", "malformed_frames"),
        ("unknown_event", "client_anomalies"),
        ("not_pushed", "messages_not_pushed"),
    ],
)
def test_anomalies_count_under_their_own_name_or_by_kind(events, totals, kind, metric):
    """An anomaly with a metric of its own counts there."""
    events.anomaly.fire(**WHERE, kind=kind)
    assert totals().count(metric) == 1


def test_the_kind_of_a_foreign_error_is_its_type():
    """Every error can be counted."""
    assert kind_of(ValueError("x")) == "ValueError"
