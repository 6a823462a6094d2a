"""A report that no ledger can have written is refused whole, by name; whatever is accepted can be judged and shown."""

import math
import random
import struct

import pytest
from msgspec import msgpack

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.judging.verdict import RunFacts, decide
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.summary.document import summary
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.snapshot import encode_snapshot
from fleetlm_users.measure.snapshot_store import SnapshotStore
from fleetlm_users.measure.timeline.rows import to_csv
from fleetlm_users.measure.timeline.second import COUNTER_COLUMNS
from tests.mutations import mutated, seeds

ELAPSED_S = 4.0


def plain(snapshot):
    """Return it as lists and objects, to be damaged."""
    return msgpack.decode(encode_snapshot(snapshot), strict=False)


def packed(damaged):
    """Return it as bytes; values that MessagePack cannot hold, such as a number of 128 bits, become their text."""
    return msgpack.encode(_within_64_bits(damaged))


def _within_64_bits(value):
    if isinstance(value, dict):
        return {_within_64_bits(key): _within_64_bits(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_within_64_bits(item) for item in value]
    return str(value) if type(value) is int and not -(2**63) <= value < 2**64 else value


def sound(seq=1, final=False):
    """A small report with something of everything."""
    rng = random.Random(7)
    ledger = Ledger(DEFAULT, "run", "w")
    ledger.gauge("active_connections", "burst", 2)
    ledger.level("worker_cpu_percent", 35.0)
    for second in range(4):
        for _ in range(20):
            ledger.count("messages_sent", "burst", MAIN)
            ledger.count("messages_appended", "burst", MAIN)
            ledger.trend("append_latency_ms", "burst", MAIN).add(rng.randrange(500, 90_000))
        ledger.count("connection_failures", "burst", MAIN, label="refused")
        ledger.tick(second + 1.0)
    return plain(ledger.snapshot(seq, final, ELAPSED_S))


def absorbed(snapshot, merge=None, elapsed_s=ELAPSED_S):
    merge = merge or SnapshotStore("run")
    merge.absorb_encoded("w", packed(snapshot), elapsed_s)
    return merge


def shown(merge):
    """The whole of a report, as at a run's end."""
    totals = merge.totals()
    facts = RunFacts(False, 1, 1, workers=merge.workers)
    verdict = decide(judge(parse_thresholds(["append_latency_ms: p(95)<500"]), totals, ELAPSED_S), totals, facts)
    told = summary(verdict, totals, {"preset": "p"}, {"benchmark": "mixed"}, {}, {}, merge.workers)
    rows = merge.series()
    return render(told, 80, False), render_html(told, rows), to_csv(rows)


def with_rows(*rows):
    return {"rows": [[second, 0, 0.0, {}] for second in rows]}


WIDTH = len(COUNTER_COLUMNS)
PART = [[0] * WIDTH, [0, 0, 0, 0], {}]


def with_part(counts=PART[0], backlogs=PART[1], spreads=PART[2]):
    return {"rows": [[9, 0, 0.0, {"burst": [counts, backlogs, spreads]}]]}


def count(n, metric="messages_sent", scenario="burst", phase=MAIN, label=""):
    return {"counts": [[metric, scenario, phase, label, n]]}


TREND = ["append_latency_ms", "burst", MAIN]

REFUSED = {
    "not an object": (None, "it is None"),
    "no format": ({"format": None}, "format is None"),
    "another format": ({"format": 1}, "format is 1; expected 11"),
    "text for a number": ({"seq": "1"}, "seq is '1'"),
    "a wild sequence number": ({"seq": 10**18}, "seq is 1000000000000000000"),
    "elapsed is not a number": ({"elapsed_s": math.nan}, "elapsed_s is nan"),
    "elapsed is negative": ({"elapsed_s": -1.0}, "elapsed_s is -1.0"),
    "elapsed longer than the run": ({"elapsed_s": 5_000_001.0}, "elapsed_s is"),
    "final is no flag": ({"final": 1}, "final is 1"),
    "counts are a number": ({"counts": 5}, "counts is 5"),
    "a first moment after the report": (
        {"firsts": [["seq_gaps", "burst", MAIN, 4_900_001.0 / 1000]]},
        "firsts[0][3] is",
    ),
    "a first moment of no counter": ({"firsts": [["append_latency_ms", "burst", MAIN, 1.0]]}, "firsts[0][0] is"),
    "a first moment twice": ({"firsts": [["seq_gaps", "burst", MAIN, 1.0]] * 2}, "firsts names something twice"),
    "a negative count": (count(-100), "counts[0][4] is -100"),
    "a count that is not a number": (count(math.nan), "counts[0][4] is nan"),
    "a huge count": (count(2**63), "counts[0][4] is 9223372036854775808"),
    "an unknown metric": (count(1, metric="<script>"), "counts[0][0] is '<script>'"),
    "a metric of another kind": (count(1, metric="append_latency_ms"), "expected a counter"),
    "a sum of other counters": (count(1, metric="message_failures"), "expected a counter"),
    "an unknown phase": (count(1, phase="afterwards"), "counts[0][2] is 'afterwards'"),
    "a count of a list": (count(1, metric=[]), "counts[0][0] is a list"),
    "twice the same": ({"counts": [["messages_sent", "a", MAIN, "", 1]] * 2}, "counts names something twice"),
    "too many labels": (
        {"counts": [["connection_failures", "burst", MAIN, str(n), 1] for n in range(20_001)]},
        "counts is a list; expected a list of length <= 20000",
    ),
    "thousands of scenarios": (
        {"counts": [["messages_sent", str(n), MAIN, "", 1] for n in range(9_999)]},
        "names 10,001 scenarios; expected at most 100",
    ),
    "a long label": (
        count(1, metric="connection_failures", label="x" * 100_000),
        "expected text of length <= 1000",
    ),
    "levels are nothing": ({"levels": None}, "levels is None"),
    "a level that is not finite": ({"levels": [["worker_cpu_percent", math.nan, math.inf]]}, "levels[0][1] is nan"),
    "gauges are text": ({"gauges": "x"}, "gauges is 'x'"),
    "findings without a number": ({"findings": [None, []]}, "findings[0] is None"),
    "too many findings": (
        {"findings": [1, [["k", "s", "i", 1, "r", "d"]] * 51]},
        "findings[1] is a list; expected a list of length <= 50",
    ),
    "trends are an object": ({"trends": {}}, "trends is an object"),
    "a trend that does not decode": ({"trends": [[*TREND, b"garbage"]]}, "trends[0] is not an encoded trend"),
    "a trend without its histogram": (
        {"trends": [[*TREND, struct.pack(">qqqqqq", 1000, 1500, 1, 2, 0, 0)]]},
        "trends[0] is not an encoded trend",
    ),
    "rows are a number": ({"rows": 7}, "rows is 7"),
    "a second far away": (with_rows(0, 5_000_000), "rows[1] is of second 5000000"),
    "a negative second": (with_rows(-1), "rows[0][0] is -1"),
    "seconds that fall": (with_rows(2, 1), "rows[1] is of second 1"),
    "a row without its end": ({"rows": [[9, 0]]}, "rows[0] is a list; expected a list of at least"),
    "a row of another width": (with_part(counts=[0] * 9), "rows[0][3][...][0]"),
    "a row with a wild count": (with_part(counts=[-(10**13), *[0] * (WIDTH - 1)]), "rows[0][3][...][0][0]"),
    "a row with a wild backlog": (with_part(backlogs=[10**13, 0, 0, 0]), "rows[0][3][...][1][0]"),
    "a row without a backlog": (with_part(backlogs=[1]), "rows[0][3][...][1]"),
    "a row of many scenarios": ({"rows": [[9, 0, 0.0, {str(n): PART for n in range(101)}]]}, "rows[0][3]"),
    "a row with CPU that is not a number": ({"rows": [[9, 0, math.nan, {}]]}, "rows[0][2] is nan"),
    "a row with an unknown column": (with_part(spreads={"x": []}), "rows[0][3][...][2]"),
    "a negative number of durations": (with_part(spreads={"append": {1: -1}}), "rows[0][3][...][2][...]"),
    "a distribution beyond an hour": (with_part(spreads={"append": {10**9: 1}}), "rows[0][3][...][2][...]"),
    "a distribution of text": (with_part(spreads={"append": "ab"}), "rows[0][3][...][2][...]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_ledger_wrote_is_refused_by_name(name):
    """Nothing of it is taken: earlier and later reports count as if it had never been sent."""
    changed, words = REFUSED[name]
    merge = absorbed(sound())
    before = shown(merge)
    broken = None if changed is None else sound(seq=2) | changed
    with pytest.raises(ShapeError) as problem:
        merge.absorb_encoded("w", packed(broken), ELAPSED_S)
    assert words in str(problem.value)
    assert len(str(problem.value)) < 300
    assert shown(merge) == before
    assert merge.absorb_encoded("w", packed(sound(seq=3)), ELAPSED_S)


def test_a_worker_may_be_ahead_of_its_master():
    """A master's machine may have slept; its workers have gone on."""
    assert absorbed(sound() | {"elapsed_s": 3000.0} | with_rows(0, 2999)).series()


def test_rows_that_were_summed_before_are_not_summed_again():
    """Every report repeats them until the master has confirmed them."""
    merge = absorbed(sound())
    before = merge.series()
    assert merge.absorb_encoded("w", packed(sound(seq=2)), ELAPSED_S)
    assert merge.series() == before


def _outcome(snapshot):
    """Return the outcome of a report: refused, dropped, or shown completely."""
    merge = SnapshotStore("run")
    try:
        is_taken = merge.absorb_encoded("w", packed(snapshot), ELAPSED_S)
    except ShapeError:
        return "refused"
    if is_taken is not None:
        shown(merge)
    return is_taken is not None


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_whatever_is_let_in_can_be_judged_and_shown(first):
    """Tried with reports damaged in one to three places."""
    outcomes = [_outcome(mutated(sound(), seed)) for seed in range(first, first + len(seeds(100)))]
    assert outcomes.count("refused") > len(outcomes) / 2
