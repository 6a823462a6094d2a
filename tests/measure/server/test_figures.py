"""The readings of a source, collected and worded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.server.exposition import MEMORY, Reading
from fleetlm_users.measure.server.figures import (
    MAX_SAMPLES,
    MIN_SESSIONS,
    READINGS_KEPT,
    ServerFigures,
    ServerSample,
    memory_per_session,
    server_lines,
    server_rows,
    server_seconds,
)

MIB = 1024 * 1024


def told(*points, source="http://localhost:4000/metrics"):
    """A source that reported memory in MiB at that many sessions, every two seconds."""
    figures = ServerFigures(source)
    for number, (sessions, mib) in enumerate(points):
        readings = {MEMORY: Reading(mib * MIB, "beam_bytes"), "beam_ports": Reading(float(sessions), "ports")}
        figures.add(2.0 * number, sessions, readings)
    return figures


def test_first_last_and_peak_of_each_figure():
    """The server's own name is included."""
    head, rows = server_rows(told((0, 50), (100, 80), (90, 70)).to_json())
    assert head == ("", "first", "last", "peak", "name at the server")
    assert rows == (
        ("memory_bytes", "50 MiB", "70 MiB", "80 MiB", "beam_bytes"),
        ("beam_ports", "0", "90", "100", "ports"),
    )


def test_memory_per_session_or_why_not():
    """Both in words."""
    held = told((0, 50), (100, 60), (100, 61), (100, 60)).to_json()
    assert server_lines(held) == ["memory per joined session: 102 KiB, ± 10 KiB, from 100 sessions"]
    few = told((0, 50), (5, 60), (5, 61), (5, 60)).to_json()
    assert server_lines(few) == ["memory per joined session: not measurable: the number of sessions changed by 5 only"]


def test_failures_are_reported_with_the_last_reason():
    """A source that never answered has no figures, and says so."""
    figures = ServerFigures("pid 1")
    figures.fail("refused")
    figures.fail("gone")
    assert server_rows(figures.to_json())[1] == ()
    assert server_lines(figures.to_json()) == ["2 of 2 readings failed: gone"]


def test_the_chart_holds_each_reading_until_the_next():
    """One row per second."""
    rows = server_seconds(told((0, 50), (10, 60)).to_json())
    assert [row["memory_mib"] for row in rows] == [50, 50, 60]
    assert [row["sessions"] for row in rows] == [0, 0, 10]
    assert server_seconds(ServerFigures("x").to_json()) == []


def test_a_long_run_is_thinned():
    """A day at a reading every two seconds."""
    assert len(told(*[(1, 50)] * 5_000).to_json()["samples"]) <= MAX_SAMPLES


def test_reports_show_it(healthy, summary_of):
    """Console and page; and nothing where no source was asked."""
    summary, _ = summary_of(healthy)
    assert "THE SERVER" not in render(summary)
    summary["server"] = [told((0, 50), (100, 60), (100, 61), (100, 60)).to_json()]
    shown = render(summary)
    assert "THE SERVER, ACCORDING TO http://localhost:4000/metrics" in shown  # a URL that can be copied
    assert "memory per joined session: 102 KiB" in shown
    page = render_html(summary, [])
    assert 'Server, according to <span class="name">http://localhost:4000/metrics</span>' in page
    assert "Memory of the server" in page
    assert "102 KiB" in page


def test_a_day_of_readings_is_thinned_evenly_and_says_the_same():
    """The reading from before the sessions is among those that stay."""
    day = told((0, 50), *((100, 60 + number % 2) for number in range(43_200)))
    entry = day.to_json()
    assert len(day._samples) <= READINGS_KEPT
    assert len(entry["samples"]) <= MAX_SAMPLES
    assert entry["samples"][0] == [0.0, 0, 50.0 * MIB]
    assert entry["readings"] == 43_201
    assert entry["memory_per_session"]["bytes_per_session"] in (10 * MIB / 100, 10.5 * MIB / 100, 11 * MIB / 100)


MB = 1_000_000.0


def samples(*points):
    """Samples two seconds apart from (sessions, MB)."""
    return [ServerSample(2.0 * number, sessions, mb * MB) for number, (sessions, mb) in enumerate(points)]


def test_a_ramp_and_a_plateau_give_the_slope():
    """100 sessions took 10 MB more; the plateau itself moved by 0.2 MB."""
    found = memory_per_session(samples((0, 50), (0, 50), (40, 54), (98, 59.9), (100, 60), (100, 60.1), (100, 60)))
    assert found.bytes_per_session == pytest.approx(100_000)
    assert found.spread_bytes == pytest.approx(2_000)
    assert found.sessions == 100
    assert found.problem == ""


def test_what_the_end_of_the_run_releases_does_not_count():
    """The baseline lies before the sessions, and the sessions that left are neither."""
    found = memory_per_session(samples((0, 50), (100, 60), (100, 60), (100, 60), (50, 70), (0, 70)))
    assert found.bytes_per_session == pytest.approx(100_000)


@pytest.mark.parametrize(
    ("points", "problem"),
    [
        ([], "only 0 readings"),
        ([(0, 50), (0, 50), (0, 51)], "only 0 readings"),
        ([(0, 50), (100, 60), (100, 60)], "only 2 readings"),
        ([(100, 60), (100, 60), (100, 60)], "no reading from before the sessions"),
        ([(0, 50), (12, 51), (12, 51), (12, 51)], "changed by 12 only"),
        ([(0, 50), (100, 51), (100, 55), (100, 53)], "moved more on the plateau itself"),
        ([(0, 50), (100, 40), (100, 40), (100, 40)], "moved more on the plateau itself"),
    ],
)
def test_what_cannot_be_said_is_said_to_be_so(points, problem):
    """The reason is given in words."""
    found = memory_per_session(samples(*points))
    assert found.bytes_per_session is None
    assert found.spread_bytes is None
    assert problem in found.problem


@given(
    st.floats(1.0, 5_000.0),
    st.integers(1, 100_000),
    st.integers(MIN_SESSIONS, 5_000),
    st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=20),
)
def test_the_true_slope_lies_within_the_spread(base_mb, true_bytes, sessions, noises):
    """It holds whatever moved on the plateau, as long as it moved less than the sessions took."""
    before = [ServerSample(0.0, 0, base_mb * MB)]
    taken = sessions * true_bytes
    after = [
        ServerSample(2.0 + number, sessions, base_mb * MB + taken * (1 + noise)) for number, noise in enumerate(noises)
    ]
    found = memory_per_session(before + after)
    assert found.bytes_per_session is not None
    worst = max(abs(noise) for noise in noises) * true_bytes
    assert abs(found.bytes_per_session - true_bytes) <= worst + 1
