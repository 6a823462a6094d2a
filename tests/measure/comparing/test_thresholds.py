import pytest

from fleetlm_users.measure.comparing.figures import Figure
from fleetlm_users.measure.comparing.thresholds import keeps, pair_thresholds, sign_of
from tests.cli.summaries import threshold

P95 = "append_latency_ms: p(95)"


def pair(before, after, was=None):
    return pair_thresholds([before] if before else [], [after] if after else [], lambda _figure: was)[0]


@pytest.mark.parametrize(
    ("before", "after", "was", "broken", "note"),
    [
        (threshold(f"{P95}<500", 100, True), threshold(f"{P95}<500", 200, True), None, False, ""),
        (threshold(f"{P95}<500", 100, True), threshold(f"{P95}<500", 600, False), None, True, ""),
        (threshold(f"{P95}<500", 600, False), threshold(f"{P95}<500", 700, False), None, False, ""),
        # a stricter bound that A would have missed too breaks nothing by itself
        (threshold(f"{P95}<500", 300, True), threshold(f"{P95}<200", 300, False), None, False, "was p(95)<500"),
        (threshold(f"{P95}<500", 100, True), threshold(f"{P95}<200", 300, False), None, True, "was p(95)<500"),
        # too few samples on either side: no claim
        (threshold(f"{P95}<500", 100, True, too_few=True), threshold(f"{P95}<500", 600, False), None, False, ""),
        (threshold(f"{P95}<500", 100, True), threshold(f"{P95}<500", 600, False, too_few=True), None, False, ""),
        # the generator of B was late: no claim either
        (threshold(f"{P95}<500", 100, True), threshold(f"{P95}<500", 600, False, late=True), None, False, ""),
        (threshold(f"{P95}<500", 600, False, late=True), threshold(f"{P95}<500", 600, False), None, False, ""),
        # no samples at all in B is a failure, which A did not have
        (threshold(f"{P95}<500", 100, True), threshold(f"{P95}<500", None, False), None, True, ""),
        # new in B: held against what A measured
        (None, threshold(f"{P95}<500", 600, False), 100.0, True, "only in B"),
        (None, threshold(f"{P95}<500", 600, False), 700.0, False, "only in B"),
        (None, threshold(f"{P95}<500", 600, False), None, False, "only in B"),
        (threshold(f"{P95}<500", 100, True), None, None, False, "only in A"),
    ],
)
def test_a_threshold_is_broken_when_a_kept_what_b_misses(before, after, was, broken, note):
    """Every way in which two runs' thresholds can stand to each other."""
    found = pair(before, after, was)
    assert (found.broken, found.note) == (broken, note)
    assert found.figure == Figure("append_latency_ms", None, "p(95)")


def test_two_bounds_of_one_metric_are_two_pairs():
    """p95 and p99, and a lower and an upper bound of one figure, are not mixed up."""
    names = [f"{P95}<500", "append_latency_ms: p(99)<900", f"{P95}>1"]
    entries = [threshold(name, 100, True) for name in names]
    pairs = pair_thresholds(entries, list(reversed(entries)), lambda _figure: None)
    assert [found.before["expression"] for found in pairs] == names
    assert all(found.before == found.after for found in pairs)


@pytest.mark.parametrize(
    ("condition", "direction"),
    [("p(95)<5", "lower"), ("p(95)<=5", "lower"), ("rate>0.9", "higher"), ("rate>=0.9", "higher"), ("count==0", None)],
)
def test_the_sign_says_which_way_is_better(condition, direction):
    """== and != say neither."""
    entry = threshold(f"append_latency_ms: {condition}", 1, True)
    assert pair(entry, entry).direction == direction


@pytest.mark.parametrize(
    ("condition", "value", "kept"),
    [
        ("count==0", 0, True),
        ("count==0", 1, False),
        ("count!=0", 1, True),
        ("rate>=0.9", 0.9, True),
        ("p(95)<5", 5, False),
    ],
)
def test_a_bound_is_held_against_a_value(condition, value, kept):
    """The answer is the run's own."""
    assert keeps(threshold(f"append_latency_ms: {condition}", None, False), value) is kept
    assert keeps(threshold(f"append_latency_ms: {condition}", None, False), None) is None


def test_the_sign_of_no_condition():
    """Nothing is found in a text without one."""
    assert sign_of("p(95)") == ""


def test_windows_and_figures_of_the_server_are_apart_from_the_whole_run():
    """Each is paired with itself, broken by itself, and no figure of the whole run stands for it."""
    whole = threshold(f"{P95}<500", 100, True)
    window = threshold(f"{P95}<500", 300, True) | {"window_s": 60, "expression": "append_latency_ms[60s]: p(95)<500"}
    missed = window | {"measured": 812.0, "ok": False}
    pairs = pair_thresholds([whole, window], [missed, whole], lambda _figure: 1.0)
    assert [(found.broken, found.is_of_figure) for found in pairs] == [(False, True), (True, False)]
    assert not pair(None, missed, 1.0).broken
    server = threshold("append_latency_ms: max<5", 4, True) | {"metric": "server.db.memory_bytes"}
    assert not pair(server, server).is_of_figure
