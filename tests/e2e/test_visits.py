"""Sessions that arrive at a rate, in real processes: the counts equal the stand-in's own, in every layout."""

import pytest

from tests.e2e.harness import Locust, targets

pytestmark = pytest.mark.e2e

QUICK = ["--warm-up", "0", "-t", "3s"]
LAYOUTS = pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])


def check_books(finished, truth):
    visits = finished.summary["visits"]
    for counts in (visits["main"], visits["all"]):
        assert counts["due"] == counts["begun"] + counts["dropped"]
    assert visits["all"]["begun"] == visits["all"]["ended"] + visits["all"]["unfinished"]
    assert truth["sessions_created"] == visits["all"]["begun"] == finished.count("sessions_started")
    assert visits["little"]["agrees"] is not False, visits["little"]
    assert not any("add up" in doubt for doubt in finished.summary["verdict"]["doubts"])
    return visits


@LAYOUTS
def test_sessions_arrive_at_a_rate(tmp_path, standin, processes):
    """Each that is due is one of the stand-in's, and the same ones arrive in every layout."""
    with Locust(
        tmp_path,
        *[*targets(standin), *QUICK, *processes, "--session-rate", 40, "--max-users", 3 * 40, "--run-id", "rate"],
        *["--threshold", "visits_dropped: count==0", "--seed", 5],
        locustfile="locustfiles/session_lifecycle.py",
    ) as locust:
        finished = locust.finish()
    visits = check_books(finished, standin.counters("rate"))
    # the last ones may fall behind the end of a process that began a moment after its master
    assert 40 < visits["all"]["due"] <= 3 * 40
    dropped = finished.summary["metrics"]["visits_dropped"]["main"]["all"]
    assert dropped.get("labels", {}).keys() <= {"late"}, dropped  # there was a user for each
    assert "Little's law" in finished.output
    assert visits["most_present"] <= 3 * 40
    assert "of lifecycle, arriving evenly, at most 120 users" in finished.output
    assert "Traceback" not in finished.output


@LAYOUTS
def test_stages_of_a_poisson_process(tmp_path, standin, processes):
    """A mixture in its proportion, the bound kept, what had no user counted and inconclusive."""
    stages = "up=1s:60,hold=2s:60"
    with Locust(
        tmp_path,
        *[*targets(standin), *processes, "--time-scale", "0.02", "--run-id", "stages"],
        *["--session-rate", stages, "--arrivals", "poisson", "--max-users", 24, "--seed", 5],
        *["--threshold", "visits_due{stage:hold}: count>0"],
    ) as locust:
        finished = locust.finish()
    visits = check_books(finished, standin.counters("stages"))
    assert (visits["arrivals"], visits["max_users"]) == ("poisson", 24)
    assert visits["most_present"] <= 24
    assert visits["all"]["dropped"] > 0
    assert any("could not begin" in doubt and "--max-users" in doubt for doubt in finished.summary["verdict"]["doubts"])
    spans = [(stage["name"], stage["rate_before"], stage["rate"]) for stage in finished.summary["stages"]]
    assert spans == [("up", 0, 60), ("hold", 60, 60)]
    assert {"long_lived", "burst", "churn"} <= set(finished.summary["run"]["scenarios"])
    assert "Traceback" not in finished.output


@pytest.mark.parametrize(
    ("locustfile", "words", "said"),
    [
        ("session_lifecycle", ["-u", "5"], "no value with --session-rate (SESSION_RATE)"),
        ("session_lifecycle", ["--iterations", "5"], "with which each user lives one journey"),
        ("capacity", [], "no session rate with capacity"),
        ("rest_read_write_mix", ["--protocol", "late"], "whose sessions last to the end of the run"),
        ("message_throughput", [], "unless RUNTIME_MS is set"),
    ],
)
def test_what_contradicts_it_is_refused_in_a_sentence(tmp_path, locustfile, words, said):
    """Before any user starts."""
    with Locust(tmp_path, "--session-rate", 20, *words, locustfile=f"locustfiles/{locustfile}.py") as locust:
        finished = locust.finish()
    assert finished.code == 2
    assert said in " ".join(finished.output.split())
    assert "Traceback" not in finished.output
