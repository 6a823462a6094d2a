"""The slowest messages are named: bounded, merged over workers, with the part that was slow."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.report.content.slow_messages import slow_message_rows, slowest_of
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.slow_messages import MAX_SLOW, Slowest, merged_slowest
from fleetlm_users.measure.snapshot import encode_snapshot
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.protocol.observer import SentMessage

UTC_OFFSET_S = 1_770_000_000.0  # 2026-02-02T02:40:00Z


def message(n=1, lateness_s=0.0, due_s=10.0):
    made = SentMessage(f"r1-1-1-{n}", due_s, due_s + lateness_s, "main")
    made.seq = n
    return made


def offer(slowest, latency_s, of, done_s, session_id):
    """Offer a message as a tally does."""
    if latency_s > slowest.floor_s:
        slowest.add(latency_s, of, done_s, session_id)


def write(ledger, latencies_s=(0.1, 0.5, 0.3), scenario="burst"):
    for n, latency_s in enumerate(latencies_s):
        place = ledger.slowest("append_latency_ms", scenario, "main")
        offer(place, latency_s, message(n), 10.0 + latency_s, f"session-{n}")


@given(st.lists(st.floats(0, 100), max_size=200))
def test_exactly_the_slowest_are_kept(latencies_s):
    """Their order does not matter, and equal ones are included."""
    slowest = Slowest()
    for n, latency_s in enumerate(latencies_s):
        offer(slowest, latency_s, message(n), 10.0 + latency_s, "s")
    kept = [entry.append_s for entry in slowest.named("append_latency_ms", "burst", "main", 0.0)]
    assert sorted(kept) == pytest.approx(sorted(latencies_s)[-MAX_SLOW:], abs=1e-9)


def test_a_hot_path_adds_few():
    """Of 100,000 messages in random order, about MAX_SLOW * ln(n / MAX_SLOW) are slower than the floor."""
    chance, slowest, added = random.Random(7), Slowest(), 0
    for n in range(100_000):
        latency_s = chance.lognormvariate(0, 1)
        if latency_s > slowest.floor_s:
            slowest.add(latency_s, message(n), latency_s, "s")
            added += 1
    assert added < 200


@pytest.mark.parametrize(
    ("lateness_s", "done_s", "slow_part"), [(0.0, 10.5, "append"), (0.4, 10.5, "generator"), (0.2, 10.5, "append")]
)
def test_the_slow_part_of_an_append_is_the_longer_one(lateness_s, done_s, slow_part):
    """The parts are the generator's own and the time it waited."""
    slowest = Slowest()
    slowest.add(0.5, message(lateness_s=lateness_s), done_s, "s")
    (entry,) = slowest.named("append_latency_ms", "burst", "main", UTC_OFFSET_S)
    assert (entry.slow_part, entry.latency_s) == (slow_part, pytest.approx(0.5))
    assert entry.due_at_s == UTC_OFFSET_S + 10.0
    assert entry.agent_s is None


def test_a_slow_answer_counts_from_the_broadcast():
    """So does agent_latency_ms."""
    slowest, of = Slowest(), message()
    of.appended_s = 10.25
    slowest.add(2.0, of, 12.25, "s")
    (entry,) = slowest.named("agent_latency_ms", "burst", "main", UTC_OFFSET_S)
    assert (entry.slow_part, entry.latency_s, entry.append_s) == ("agent", 2.0, 0.25)


def test_an_answer_that_came_later_is_known_of_a_slow_append():
    """The message is looked at when it is reported, not when it was appended."""
    slowest, of = Slowest(), message()
    slowest.add(0.5, of, 10.5, "s")
    of.replied_s = 11.0
    (entry,) = slowest.named("append_latency_ms", "burst", "main", 0.0)
    assert entry.agent_s == 0.5


def test_the_slowest_of_all_workers_are_merged():
    """Through snapshots, which are cumulative: a repeated one changes nothing."""
    store = SnapshotStore("e")
    for worker, latencies_s in (("a", [0.1] * 15 + [3.0]), ("b", [0.2] * 5 + [2.0])):
        ledger = Ledger(DEFAULT, "e", worker, utc_offset_s=UTC_OFFSET_S)
        write(ledger, latencies_s)
        for seq, final in ((1, False), (2, True)):
            store.absorb_encoded(worker, encode_snapshot(ledger.snapshot(seq, final, float(seq))))
    slowest = store.totals().slowest
    assert len(slowest) == MAX_SLOW
    assert [entry.latency_s for entry in slowest] == pytest.approx([3.0, 2.0, *[0.2] * 5, *[0.1] * 3])


def test_a_renewed_ledger_begins_without_any():
    """After a reset of the statistics, the old ones do not count."""
    ledger = Ledger(DEFAULT, "e", "w", utc_offset_s=UTC_OFFSET_S)
    write(ledger)
    new = ledger.renewed(1, 0.0, 0.0)
    assert new.snapshot(1, True, 1.0).slowest == []
    write(new)
    assert new.snapshot(2, True, 1.0).slowest[0].due_at_s == UTC_OFFSET_S + 10.0


def test_one_that_no_ledger_can_have_written_is_refused():
    """As with everything in a snapshot: a time that no date can show would end the report."""
    ledger = Ledger(DEFAULT, "e", "w")
    write(ledger)
    encoded = encode_snapshot(ledger.snapshot(1, True, 1.0)).replace(b"append_latency_ms\xa5", b"append_latency_xx\xa5")
    with pytest.raises(ShapeError, match="slowest"):
        SnapshotStore("e").absorb_encoded("w", encoded)


@pytest.mark.parametrize("seq", [-1, 2**70])
def test_a_seq_beyond_reason_is_unknown(seq):
    """The server's number, which MessagePack may not even hold."""
    slowest, of = Slowest(), message()
    of.seq = seq
    slowest.add(0.5, of, 10.5, "s")
    assert slowest.named("append_latency_ms", "burst", "main", 0.0)[0].seq is None


def test_texts_of_the_server_become_printable():
    """A session's id comes from the server."""
    slowest = Slowest()
    slowest.add(0.5, message(), 10.5, "a\x1b[31mb")
    (entry,) = merged_slowest([slowest.named("append_latency_ms", "burst", "main", 0.0)])
    assert "\x1b" not in entry.session_id


def test_reports_name_them(summary_of):
    """Every page gives session, seq and client_ref, in order of latency."""
    document, _ = summary_of(lambda ledger: write(ledger, [0.1, 0.5, 0.3, 0.2]))
    assert [entry["latency_ms"] for entry in slowest_of(document)] == pytest.approx([500, 300, 200, 100])
    _, rows = slow_message_rows(document)
    assert rows[0][0:3] == ("append", "500.0", "append")
    assert rows[0][10:] == ("session-1", "1", "r1-1-1-1")
    text = " ".join(render(document, 100).split())
    assert "append 500.0 ms (late 0.000, append 500.0): due 1970-01-01T00:00:10.000Z, burst, session session-1" in text
    assert "session-0" not in text
    for page in (render_html(document, []), render_markdown(document)):
        assert all(f"session-{n}" in page for n in range(4))


def test_what_was_slow_in_warm_up_is_kept_but_not_shown(summary_of):
    """Reports show the judged ones; summary.json has both."""

    def slow_warm_up(ledger):
        ledger.slowest("append_latency_ms", "burst", "warm_up").add(9.0, message(), 19.0, "s")

    document, _ = summary_of(slow_warm_up)
    assert [entry["phase"] for entry in document["slowest"]] == ["warm_up"]
    assert slowest_of(document) == []
    assert "slowest" not in render(document, 100)


def test_a_traced_message_shows_its_trace_on_every_page(summary_of):
    """So that a tracing UI finds it; one that is not sampled says so, and without traces nothing is said of them."""
    document, _ = summary_of(lambda ledger: write(ledger, [0.1, 0.5]))
    assert "trace" not in " ".join(slow_message_rows(document)[0])
    assert "trace" not in render(document, 200)
    for entry, is_sampled in zip(slowest_of(document), (True, False), strict=True):
        entry["trace_id"], entry["trace_sampled"] = f"{entry['client_ref']:0>32}", is_sampled
    head, rows = slow_message_rows(document)
    assert head[-1] == "trace id"
    assert [row[-1] for row in rows] == [f"{'r1-1-1-1':0>32}", f"{'r1-1-1-0':0>32} (not sampled)"]
    for page in (render_html(document, []), render_markdown(document), render(document, 400)):
        assert f"{'r1-1-1-1':0>32}" in page
