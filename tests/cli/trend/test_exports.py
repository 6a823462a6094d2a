"""The limits of other programs' formats."""

from fleetlm_users.cli.trend.exports import MAX_MEASURE, _measure


def test_a_measures_name_fits_and_stays_alone():
    """Bencher takes 64 characters; two that begin alike are still two."""
    long = "append_latency_ms{scenario:" + "x" * 80
    names = [_measure(f"{long}{end}}} p(95)") for end in "ab"]
    assert {len(name) for name in names} == {MAX_MEASURE}
    assert len(set(names)) == 2
    assert _measure("append_latency_ms p(95)") == "append_latency_ms p(95)"
