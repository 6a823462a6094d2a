"""One run in several layouts of processes, and what each of its users sent, according to the stand-in."""

from contextlib import ExitStack

import requests

from tests.e2e.benchmarks import RUN_ID, SHORT_RAMP
from tests.e2e.harness import Locust, free_port, targets

SEED = ["--seed", "7", "--run-id", RUN_ID]


def in_one(tmp_path, standin, benchmark, *arguments):
    """One process."""
    return _run(tmp_path, standin, benchmark, *arguments)


def in_five(tmp_path, standin, benchmark, *arguments):
    """A master and four workers that are its forks."""
    return _run(tmp_path, standin, benchmark, "--processes", "4", *arguments)


def apart(tmp_path, standin, benchmark, *arguments):
    """Start a master and four separately started workers."""
    port = free_port()
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(worker(tmp_path, benchmark, "--master-port", port))
        flags = ["--master", "--expect-workers", "4", "--master-bind-port", port]
        return _run(tmp_path, standin, benchmark, *flags, *arguments)


def worker(tmp_path, benchmark, *arguments):
    """A worker process, or several with `--processes`."""
    return Locust(tmp_path, "--worker", *arguments, locustfile=f"locustfiles/{benchmark}.py", headless=False)


def _run(tmp_path, standin, benchmark, *arguments):
    flags = [*targets(standin), *SHORT_RAMP, *SEED, *arguments]
    with Locust(tmp_path, *flags, locustfile=f"locustfiles/{benchmark}.py") as locust:
        return locust.finish()


def told(standin, users):
    """What the planned users of the run did: {number: (scenario, [texts of a session, in order, for each session])}.

    Sessions are in the order in which the user began them, which the references of its messages tell.
    """
    return {n: _told_by(standin, n) for n in range(1, users + 1)}


def _told_by(standin, number):
    listed = _get(f"{standin.api_url}/sessions", user_id=f"bench-{RUN_ID}-{number}")["sessions"]
    assert {session["metadata"]["vu"] for session in listed} == {number}
    (scenario,) = {session["metadata"]["scenario"] for session in listed}
    by_turn = {}
    for session in listed:
        messages = _get(f"{standin.url}/standin/messages", session_id=session["id"])["messages"]
        own = [message for message in messages if message["sender_id"] == session["user_id"]]
        if own:
            run_id, vu, turn, _ = own[0]["content"]["client_ref"].rsplit("-", 3)
            assert (run_id, vu) == (RUN_ID, str(number))
            by_turn[int(turn)] = [message["content"]["text"] for message in own]
    return scenario, [texts for _, texts in sorted(by_turn.items())]


def _get(url, **params):
    answer = requests.get(url, params=params, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


TIMED, LEFT_OUT = "agent_latency_ms", "agent_latencies_left_out"


def figures(finished):
    """Every count of the run that does not depend on a clock: accounting, counters, number of samples of each trend.

    Left out is what counts readings of the generator's own state. An answer that is read together with the message that
    it answers has no latency: which ones are is a matter of the reader's luck, how many answers there were is not.
    """
    counts = {}
    for name, metric in finished.summary["metrics"].items():
        if not name.startswith(("worker_", "event_loop_")):
            for phase in ("main", "warm_up"):
                if phase in metric:
                    counts[name, phase] = metric[phase]["all"].get("count", metric[phase]["all"].get("total"))
    for phase in ("main", "warm_up"):
        left_out = counts.pop((LEFT_OUT, phase), None)
        if left_out is not None:
            counts[TIMED, phase] = counts.get((TIMED, phase), 0) + left_out
    return finished.summary["accounting"], counts


def check_percentiles(finished):
    """Each percentile lies where the merged histogram has the sample of that rank."""
    checked = 0
    for name, buckets in finished.summary["distributions"].items():
        shown = finished.summary["metrics"][name]["main"]["all"]
        assert sum(n for _, _, n in buckets) == shown["count"]
        for percent, key in ((50, "med"), (95, "p95"), (99, "p99")):
            if shown[key] is not None:
                low_ms, high_ms = _bucket_of(buckets, -(-shown["count"] * percent // 100))
                assert low_ms * 0.999 <= shown[key] <= high_ms * 1.001, (name, key)  # 3 digits, as HDR has them
                checked += 1
    return checked


def _bucket_of(buckets, rank):
    for low_ms, high_ms, n in buckets:
        rank -= n
        if rank <= 0:
            return low_ms, high_ms
    raise AssertionError("fewer samples than the rank")
