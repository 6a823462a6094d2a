"""A figure of the server is bounded where it was read, and never green where it was not."""

from random import Random

import pytest

from fleetlm_users.measure.judging.over_time.server_figures import by_source, judge_server, unknown_sources, wanted_of
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.server.figures import READINGS_KEPT, ReadingHistory
from fleetlm_users.measure.server.series import ServerSeries

MIB = 2**20


def history(values, missing=0, every_s=2.0):
    """Return the history of these readings."""
    read = ReadingHistory()
    for at, value in enumerate(values):
        read.add(every_s * at, value)
    for _ in range(missing):
        read.miss()
    return read


def judged(text, read):
    (threshold,) = parse_thresholds([text])
    return judge_server(threshold, lambda _source, _series: read)


def memory(per_h, noise, n=300, seed=1):
    """Memory in bytes that grows by that many MiB an hour, under noise in MiB."""
    random = Random(seed)
    return [(500 + per_h * 2 * at / 3600 + random.gauss(0, noise)) * MIB for at in range(n)]


@pytest.mark.parametrize(
    ("condition", "measured"), [("value<9", 4), ("max<9", 7), ("min>0", 1), ("avg<9", 4), ("max<7", 7), ("value>5", 4)]
)
def test_values(condition, measured):
    """The last, the highest, the lowest, and the mean of all readings."""
    found = judged(f"server.jobs: {condition}", history([1, 7, 4]))
    assert (found.measured, found.samples) == (measured, 3)
    assert found.ok == (condition not in ("max<7", "value>5"))


def test_no_reading_fails():
    """The threshold itself does not matter."""
    for read in (None, ReadingHistory()):
        found = judged("server.jobs: value<9", read)
        assert (found.ok, found.undecided, found.problem) == (False, False, "no reading")


def test_readings_that_failed_leave_a_kept_threshold_open():
    """But one that was missed stays missed."""
    kept, missed = (judged(f"server.jobs: max<{bound}", history([1] * 6, missing=4)) for bound in (9, 1))
    assert (kept.undecided, kept.problem) == (True, "4 of 10 readings failed")
    assert (missed.undecided, missed.ok) == (False, False)
    assert not judged("server.jobs: max<9", history([1] * 9, missing=1)).undecided


@pytest.mark.parametrize(
    ("per_h", "noise", "condition", "outcome"),
    [
        (0, 1, "growth<20MiB/h", "kept"),
        (60, 1, "growth<20MiB/h", "missed"),
        (0, 30, "growth<20MiB/h", "open"),
        (40, 20, "growth<20MiB/h", "open"),
        (0, 1, "growth>-20MiB/h", "kept"),
        (-60, 1, "growth>-20MiB/h", "missed"),
        (60, 0, "growth<=60MiB/h", "kept"),
    ],
)
def test_growth_is_judged_by_its_interval(per_h, noise, condition, outcome):
    """Kept and missed only where the whole interval is; else it is too short to tell, and no pass."""
    found = judged(f"server.memory_bytes: {condition}", history(memory(per_h, noise)))
    assert outcome == ("open" if found.undecided else "kept" if found.ok else "missed")
    assert "with 99 % confidence" in (found.problem if outcome == "open" else found.note)
    assert found.measured == pytest.approx(per_h * MIB, abs=noise * 20 * MIB + 1)


def test_too_short_a_run_is_told():
    """The words state its readings, or a sufficient length."""
    short = judged("server.memory_bytes: growth<20MiB/h", history(memory(0, 0, n=12)))
    assert short.problem == "too short to tell: 12 of the 60 readings that a growth needs"
    assert short.undecided
    noisy = judged("server.memory_bytes: growth<20MiB/h", history(memory(0, 30)))
    assert "would tell" in noisy.problem


def test_what_filled_up_and_levelled_off_is_kept():
    """A cache is not a leak; the report shows the later half, and says so."""
    filled = [min(at, 180) * MIB for at in range(400)]
    found = judged("server.memory_bytes: growth<20MiB/h", history(filled))
    assert (found.ok, found.undecided, found.measured) == (True, False, 0)
    assert "levelled off" in found.note


def test_each_source_that_has_a_figure_is_judged():
    """One that could not be asked may have it; one that has it not is left out."""
    thresholds = parse_thresholds(["server.memory_bytes: max<5", "server.db.jobs: max<5", "messages_lost: count==0"])
    offered = {"api": lambda series: series.name == "memory_bytes", "db": None, "proxy": lambda _series: False}
    became = {str(one): [str(each) for each in many] for one, many in by_source(thresholds, offered)}
    assert became == {
        "server.memory_bytes: max<5": ["server.api.memory_bytes: max<5", "server.db.memory_bytes: max<5"],
        "server.db.jobs: max<5": ["server.db.jobs: max<5"],
        "messages_lost: count==0": ["messages_lost: count==0"],
    }
    ((_, nobody),) = by_source(thresholds[:1], {"api": lambda _series: False})
    assert nobody == []


def test_what_is_asked_of_a_source():
    """Its own series, and those of all sources, each once."""
    thresholds = parse_thresholds(["server.a: max<5, min>1", "server.db.b: max<5", "messages_lost: count==0"])
    assert wanted_of(thresholds, "db") == [ServerSeries("a"), ServerSeries("b")]
    assert wanted_of(thresholds, "api") == [ServerSeries("a")]
    assert [str(one) for one in unknown_sources(thresholds, ["api"])] == ["server.db.b: max<5"]
    assert len(list(unknown_sources(thresholds, []))) == 3


def test_the_extremes_of_a_long_run_are_exact():
    """Its readings are thinned, for the growth alone."""
    values = [float(at % 977) for at in range(5 * READINGS_KEPT)]
    read = history(values)
    assert (read.count, read.lowest, read.highest, read.last) == (len(values), 0, 976, values[-1])
    assert read.mean == pytest.approx(sum(values) / len(values))
    assert len(read.kept) <= READINGS_KEPT
    assert [at for at, _ in read.kept] == sorted(at for at, _ in read.kept)
