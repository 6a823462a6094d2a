"""The first moment of each counter of trouble: by phase, over all workers, and not for counts taken back."""

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import ALL, MAIN, WARM_UP
from fleetlm_users.measure.snapshot import encode_snapshot
from fleetlm_users.measure.snapshot_store import SnapshotStore

PEAK = f"{MAIN}:peak"


def totals_of(*ledgers, elapsed_s=60.0):
    store = SnapshotStore("run")
    for ledger in ledgers:
        store.absorb_encoded(ledger.worker, encode_snapshot(ledger.snapshot(1, final=True, elapsed_s=elapsed_s)))
    return store.totals()


def test_it_is_the_second_of_the_first_one_by_phase_and_scenario(ledger):
    """Labels do not matter; a counter that no process counted has none."""
    ledger.count("messages_lost", "burst", WARM_UP, label="timeout")
    ledger.tick(4.0)
    ledger.tick(9.5)
    ledger.count("messages_lost", "burst", PEAK, label="eof")
    ledger.tick(10.0)
    ledger.count("messages_lost", "burst", MAIN, label="timeout")
    ledger.count("messages_sent", "burst", MAIN)
    other = Ledger(DEFAULT, "run", "worker-2", elapsed_s=7.0)
    other.count("messages_lost", "churn", MAIN)
    totals = totals_of(ledger, other)
    assert totals.first_s("messages_lost", "burst") == 9
    assert totals.first_s("messages_lost", phase=PEAK) == 9
    assert totals.first_s("messages_lost") == totals.first_s("message_failures") == 7
    assert totals.first_s("messages_lost", phase=ALL) == 0
    assert totals.first_s("messages_rejected") is totals.first_s("messages_sent") is None


def test_what_is_found_out_later_has_its_own_moment(ledger):
    """As a gap, which is counted when its session ends, or what an audit misses."""
    for at_s in (12.3, 7.9, 30.0):
        ledger.first("seq_gaps", "burst", MAIN, at_s)
        ledger.count("seq_gaps", "burst", MAIN)
    ledger.tick(55.0)
    assert totals_of(ledger).first_s("seq_gaps") == 7.9


def test_what_was_taken_back_has_no_moment(ledger):
    """A refusal that was only presumed."""
    ledger.tick(3.0)
    ledger.count("messages_rejected", "burst", MAIN, label="full")
    ledger.tick(4.0)
    assert totals_of(ledger, elapsed_s=4.0).first_s("messages_rejected") == 3
    ledger.count("messages_rejected", "burst", MAIN, -1, "full")
    ledger.tick(5.0)
    assert totals_of(ledger, elapsed_s=5.0).first_s("messages_rejected") is None
    ledger.count("messages_rejected", "burst", MAIN, label="full")
    assert totals_of(ledger, elapsed_s=6.0).first_s("messages_rejected") == 5


def test_a_reset_forgets_it(ledger):
    """Earlier events no longer belong to this run's statistics."""
    ledger.count("messages_lost", "burst", MAIN)
    ledger.tick(4.0)
    renewed = ledger.renewed(0, 4.0, 4.0)
    renewed.tick(9.0)
    assert totals_of(renewed).first_s("messages_lost") is None
