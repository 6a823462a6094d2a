"""Kinds are bounded per counter, on each process and on the master, and nothing counted is lost."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.foreign_text import MAX_LABEL
from fleetlm_users.measure.counter_kinds import MAX_KINDS, OTHER, Kinds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.snapshot import Count
from fleetlm_users.measure.snapshot_store import SnapshotStore

LABELS = st.text(max_size=3) | st.integers(0, 200).map("reason {}".format)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), LABELS, st.integers(1, 9)), max_size=300))
def test_kinds_are_bounded_and_the_sum_is_exact(counted):
    """Per counter; what has no kind keeps none."""
    merged = Kinds().merged(Count(metric, "burst", MAIN, label, n) for metric, label, n in counted)
    for metric in ("a", "b"):
        ours = [row for row in merged if row.metric == metric]
        assert sum(row.n for row in ours) == sum(n for name, _, n in counted if name == metric)
        assert len({row.label for row in ours} - {"", OTHER}) <= MAX_KINDS
        assert sum(row.n for row in ours if not row.label) == sum(
            n for name, label, n in counted if name == metric and not label
        )


@given(st.lists(LABELS, max_size=120))
def test_a_label_counts_as_the_same_kind_for_ever(labels):
    """So a count can always be taken back from its kind."""
    kinds = Kinds()
    first = [kinds.of("messages_rejected", label) for label in labels]
    assert [kinds.of("messages_rejected", label) for label in labels] == first


def test_a_ledger_and_its_snapshot_stay_small():
    """Tried with 2,000 different reasons of 20,000 characters."""
    ledger = Ledger(DEFAULT, "e", "w")
    for number in range(2_000):
        ledger.count("messages_rejected", "burst", MAIN, label=f"{number} " + "\x1b" * 20_000)
    counts = ledger.snapshot(1, final=True, elapsed_s=1.0).counts
    assert len(counts) == MAX_KINDS + 1
    assert sum(count.n for count in counts) == 2_000
    assert max(len(count.label) for count in counts) <= MAX_LABEL


def test_a_presumed_rejection_that_was_counted_as_other_is_taken_back_there():
    """The total is what the server said in the end, whatever its reason."""
    ledger = Ledger(DEFAULT, "e", "w")
    for number in range(MAX_KINDS + 2):
        ledger.count("messages_rejected", "burst", MAIN, label=f"reason {number}")
    ledger.count("messages_rejected", "burst", MAIN, -1, f"reason {MAX_KINDS}")
    counts = {count.label: count.n for count in ledger.snapshot(1, final=True, elapsed_s=1.0).counts}
    assert counts[OTHER] == 1
    assert f"reason {MAX_KINDS}" not in counts


def test_two_hundred_workers_have_no_more_kinds_than_one(summary_of):
    """Each with 50 of its own; reports, tables and labels of them all stay small, and the count is exact."""

    def worker(number):
        def write(ledger):
            for kind in range(MAX_KINDS):
                ledger.count("messages_rejected", "burst", MAIN, label=f"worker {number} kind {kind}: " + "x" * 200)
            ledger.count("messages_rejected", "burst", WARM_UP, label="in warm-up")

        return write

    told, merge = summary_of(*(worker(number) for number in range(200)))
    entry = told["metrics"]["messages_rejected"][MAIN]["all"]
    assert entry["count"] == sum(entry["labels"].values()) == 200 * MAX_KINDS
    assert len(entry["labels"]) == MAX_KINDS + 1
    assert len(json.dumps(told)) < 200_000
    assert len(render(told)) < 50_000
    assert len(render_markdown(told)) < 20_000
    assert len(render_html(told, merge.series())) < 200_000


def test_counts_of_a_kind_never_shrink_while_snapshots_come_in():
    """A reader of counters, such as Prometheus, would take that for a restart."""
    merge, ledgers = SnapshotStore("e"), [Ledger(DEFAULT, "e", f"w{number}") for number in range(4)]
    before: dict[str, int] = {}
    for seq in range(1, 20):
        for number, ledger in enumerate(ledgers):
            for kind in range(seq):
                ledger.count("messages_rejected", "burst", MAIN, label=f"{number}-{kind * seq}")
            merge.absorb(ledger.worker, ledger.snapshot(seq, final=False, elapsed_s=float(seq)))
            now = merge.totals().labels("messages_rejected")
            assert all(now[kind] >= n for kind, n in before.items())
            before = now


def test_a_snapshot_of_another_version_is_bounded_too():
    """One that kept every reason as it came."""
    ledger, merge = Ledger(DEFAULT, "e", "w"), SnapshotStore("e")
    snapshot = ledger.snapshot(1, final=True, elapsed_s=1.0)
    snapshot.counts = [Count("messages_rejected", "burst", MAIN, f"\x1b[2J{number}", 2) for number in range(10_000)]
    assert merge.absorb("w", snapshot)
    labels = merge.totals().labels("messages_rejected")
    assert len(labels) == MAX_KINDS + 1
    assert sum(labels.values()) == 20_000
    assert all(label.isprintable() for label in labels)
