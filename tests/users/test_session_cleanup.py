"""The clean-up at a run's end: every remaining session is deleted once, in parallel, and a missing server is
reported.
"""

import gevent
import pytest
from gevent.event import Event

from fleetlm_users.client import RestCallFailed
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.swarm.stats.recorder import Recorder
from fleetlm_users.users import session_cleanup
from fleetlm_users.users.session_cleanup import CONCURRENCY, GIVE_UP_AFTER, SessionCleanup
from tests.swarm.samples import numbering, options


class Rest:
    """A REST API that deletes, fails, or does not come back."""

    def __init__(self):
        self.asked, self.at_once, self.most_at_once = [], 0, 0
        self.fails = lambda session_id: False
        self.blocks = None

    def delete_session(self, session_id):
        self.asked.append(session_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            (self.blocks.wait if self.blocks else lambda: gevent.sleep(0))()
        finally:
            self.at_once -= 1
        if self.fails(session_id):
            raise RestCallFailed("DELETE", "/sessions/:id", "refused", None, "", sent_s=None, done_s=0.0)


class Scene:
    """A run with sessions, and its cleanup."""

    def __init__(self):
        self.run = Run(options(cleanup=True), "e", numbering(), Ledger(DEFAULT, "e", "local"), RunEvents())
        recorder = Recorder()
        recorder.record_into(self.run.ledger)
        recorder.listen(self.run.events)
        self.rest = Rest()
        self.cleanup = SessionCleanup(self.run, self.rest)

    def create(self, *session_ids, exception=None):
        for session_id in session_ids:
            self.tell(self.run.events.session_created, session_id, exception)

    def delete(self, session_id, exception=None):
        self.tell(self.run.events.session_deleted, session_id, exception)

    def tell(self, event, session_id, exception):
        facts = {"scenario": "burst", "phase": "main", "started_s": 0.0, "done_s": 0.0}
        event.fire(**facts, session_id=session_id, exception=exception)

    def totals(self):
        merge = SnapshotStore("e")
        merge.absorb("local", self.run.ledger.snapshot(1, final=True, elapsed_s=1.0))
        return merge.totals()

    def failed(self):
        return self.totals().labels("cleanup_failed")


@pytest.fixture
def scene():
    with gevent.Timeout(20.0):
        yield Scene()


def ids(count):
    return [f"s{number}" for number in range(count)]


def test_every_session_of_the_run_is_deleted_once(scene):
    """Those that were never created, or are already deleted, are left out."""
    scene.create(*ids(5))
    scene.create("", exception=RestCallFailed("POST", "/sessions", "http_503", 503, "", sent_s=None, done_s=0.0))
    scene.delete("s1")
    scene.cleanup.close()
    assert sorted(scene.rest.asked) == ["s0", "s2", "s3", "s4"]
    assert scene.totals().rate("cleanup_success_rate") == (5, 5)
    assert scene.failed() == {}


def test_a_session_whose_own_deletion_failed_is_asked_for_again(scene):
    """It still exists."""
    scene.create("s0")
    scene.delete("s0", exception=RestCallFailed("DELETE", "/", "http_500", 500, "", sent_s=None, done_s=0.0))
    scene.cleanup.close()
    assert scene.rest.asked == ["s0"]


def test_deletions_run_side_by_side_but_not_all_at_once(scene):
    """The server is not flooded with deletions."""
    scene.create(*ids(10 * CONCURRENCY))
    scene.cleanup.close()
    assert len(scene.rest.asked) == 10 * CONCURRENCY
    assert 1 < scene.rest.most_at_once <= CONCURRENCY


def test_failures_are_counted_by_kind_and_told(scene, caplog):
    """The report has the number left, and the command that deletes them later."""
    scene.create(*ids(50))
    scene.rest.fails = lambda session_id: session_id in ("s7", "s8")
    scene.cleanup.close()
    assert scene.failed() == {"refused": 2}
    assert scene.totals().rate("cleanup_success_rate") == (48, 50)
    assert "2 of 50 sessions of this run are left" in caplog.text
    assert "fleetlm-bench cleanup --run-id r1" in caplog.text


def test_a_server_that_is_gone_is_not_asked_for_ever(scene):
    """After a number of failures in a row, the rest counts as not tried."""
    scene.create(*ids(1_000))
    scene.rest.fails = lambda _: True
    scene.cleanup.close()
    failed = scene.failed()
    assert GIVE_UP_AFTER <= failed["refused"] < GIVE_UP_AFTER + CONCURRENCY
    assert failed["refused"] + failed["not_tried"] == 1_000
    assert scene.totals().rate("cleanup_success_rate") == (0, 1_000)


def test_a_server_that_does_not_answer_is_waited_for_only_so_long(scene, monkeypatch):
    """Requests without an answer count as not tried, too."""
    monkeypatch.setattr(session_cleanup, "CLEANUP_S", 0.05)
    scene.create(*ids(100))
    scene.rest.blocks = Event()
    scene.cleanup.close()
    assert scene.failed() == {"not_tried": 100}


def test_a_drain_cut_short_does_not_wait_for_it(scene):
    """A second Ctrl-C during the drain, and one during the clean-up itself."""
    scene.create(*ids(3))
    scene.run.cut_drain_short()
    scene.cleanup.close()
    assert scene.rest.asked == []
    assert scene.failed() == {"not_tried": 3}


def test_the_memory_for_ids_is_bounded(scene, monkeypatch):
    """Ids that were not kept are counted, so the rate stays true."""
    monkeypatch.setattr(session_cleanup, "MAX_SESSION_IDS", 10)
    scene.create(*ids(25))
    scene.cleanup.close()
    assert len(scene.rest.asked) == 10
    assert scene.failed() == {"not_kept": 15}
    assert scene.totals().rate("cleanup_success_rate") == (10, 25)


def test_it_hears_nothing_of_the_next_run(scene):
    """The hooks outlive a run, the cleanup does not."""
    scene.cleanup.close()
    scene.create("later")
    assert repr(scene.cleanup) == "<SessionCleanup 0 sessions>"
