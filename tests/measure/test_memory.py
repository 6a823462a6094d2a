"""Ten hours of constant load by a fake clock: worker, master and live page take no more memory than after minutes.

After ten hours the live page has dropped points of every width but the longest.
"""

import random
import sys
from array import array

import pytest

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.timeline.history import LiveHistory
from fleetlm_users.measure.timeline.worker_timeline import ROWS_TO_THANK_FOR

HOUR_S = 3600
REPORT_S = 10
MEGABYTE = 1_000_000


class LongRun:
    """A worker that measures, a master that merges, a page that shows it; reports and answers are lost now and then."""

    def __init__(self, messages_per_s):
        self.ledger, self.merge, self.live = Ledger(DEFAULT, "run", "w1"), SnapshotStore("run"), LiveHistory(DEFAULT)
        self.rng, self.messages_per_s, self.now_s, self.seq, self.sent = random.Random(1), messages_per_s, 0, 0, 0
        self.durations_us = [int(1000 * self.rng.paretovariate(3)) for _ in range(10_000)]

    def live_for(self, seconds):
        """One second after the other."""
        for _ in range(seconds):
            self._second()
            self.now_s += 1
            self.ledger.tick(self.now_s - 0.001)
            if self.now_s % REPORT_S == 0 and self.rng.random() > 0.1:
                self._report()

    def memory(self):
        """Bytes of everything that is held."""
        return sum(size_of(part) for part in (self.ledger, self.merge, self.live))

    def _second(self):
        n = self.messages_per_s + self.rng.randrange(-1, 2)
        self.ledger.count("messages_sent", "burst", MAIN, n)
        self.sent += n
        for metric in ("append_latency_ms", "generator_lateness_ms"):
            add = self.ledger.trend(metric, "burst", MAIN).add
            at = self.rng.randrange(len(self.durations_us) - n)
            for value_us in self.durations_us[at : at + n]:
                add(value_us)
        self.ledger.level("worker_cpu_percent", 10.0 + self.rng.random())

    def _report(self):
        self.seq += 1
        snapshot = self.ledger.snapshot(self.seq, final=False, elapsed_s=float(self.now_s))
        assert self.merge.absorb("w1", snapshot)
        if len(snapshot.rows) >= ROWS_TO_THANK_FOR and self.rng.random() > 0.1:
            self.ledger.forget_rows(self.merge.taken_to("w1"))
        self.live.absorb(self.merge.timeline)


@pytest.mark.parametrize(("messages_per_s", "hours"), [(2, 10), (100, 1)])
def test_an_hour_more_of_a_constant_load_is_less_than_a_megabyte(messages_per_s, hours):
    """It counts from the tenth minute, and every second is in the files at the end."""
    run = LongRun(messages_per_s)
    run.live_for(HOUR_S // 6)
    at_first = run.memory()
    run.live_for(HOUR_S)
    assert run.memory() - at_first < MEGABYTE
    run.live_for((hours - 1) * HOUR_S)
    assert run.memory() - at_first < hours * MEGABYTE
    final = run.ledger.snapshot(run.seq + 1, final=True, elapsed_s=float(run.now_s))
    assert len(final.rows) < 10 * ROWS_TO_THANK_FOR
    assert run.merge.absorb("w1", final)
    rows = list(run.merge.timeline.intervals(0, run.now_s))
    assert [row.second for row in rows] == list(range(run.now_s))
    assert sum(row.whole().count("sent") for row in rows) == run.sent
    assert sum(sum(row.whole().spreads.get("append", {}).values()) for row in rows) == run.sent


def size_of(root):
    """Bytes of an object and of all that it holds, each counted once; code is not counted."""
    seen, waiting, total = set(), [root], 0
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type) or callable(thing):
            continue
        seen.add(id(thing))
        total += sys.getsizeof(thing)
        if isinstance(thing, dict):
            waiting += [*thing.keys(), *thing.values()]
        elif not isinstance(thing, str | bytes | array | memoryview):
            waiting += [*(thing if hasattr(thing, "__iter__") and hasattr(thing, "__len__") else ())]
            waiting += vars(thing).values() if hasattr(thing, "__dict__") else ()
            names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
            waiting += [getattr(thing, name) for name in names if hasattr(thing, name)]
    return total
