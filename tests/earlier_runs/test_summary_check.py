"""A summary.json is accepted only if this project can have written it; for any other, the wrong place is named."""

import copy
import json
import math
import os

import pytest

from fleetlm_users.earlier_runs.summary_check import check_summary
from fleetlm_users.errors import ShapeError
from tests.cli.summaries import counter, gauge, made, rate, summary, threshold, trend, with_trend, written
from tests.mutations import cut, mutated

SAMPLES = [50 + index / 10 for index in range(2000)]


def changed(**parts):
    """A summary with all kinds of metrics, some parts of it replaced by what a function made of them."""
    figures, buckets = trend(SAMPLES)
    metrics = {"append_latency_ms": figures, "messages_sent": counter(10), "message_success_rate": rate(9, 10)}
    judged = [threshold("append_latency_ms: p(95)<500", figures["main"]["all"]["p95"], True)]
    found = summary(metrics | {"active_connections": gauge(1, 2)}, judged, distributions={"append_latency_ms": buckets})
    found = copy.deepcopy(found)
    for path, value in parts.items():
        *outer, last = path.split("__")
        holder = found
        for name in outer:
            holder = holder[int(name) if name.isdigit() else name]
        if value is GONE:
            del holder[last]
        else:
            holder[last] = value
    return found


GONE = object()
ALL = "metrics__append_latency_ms__main__all__"


def test_what_this_project_writes_passes():
    """It includes the summaries that the tests of comparing make."""
    check_summary(made())
    check_summary(changed())
    check_summary(with_trend([1.0, 2.0, 3.0]))
    check_summary(summary())


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"metrics__messages_sent__kind": GONE}, "metrics['messages_sent'].kind is missing"),
        ({"metrics__messages_sent__kind": "trend"}, "metrics['messages_sent'].main.all"),
        ({"metrics__messages_sent__kind": []}, "metrics['messages_sent'].kind is a list"),
        ({"metrics__messages_sent__main": None}, "metrics['messages_sent'].main is None"),
        ({"metrics__messages_sent__main__all__count": -1}, "main.all.count is -1"),
        ({"metrics__messages_sent__main__all__count": 10**15}, "main.all.count is 1000000000000000"),
        ({"metrics__message_success_rate__main__all__passes": 11}, "all.passes is 11, more than total, which is 10"),
        ({"metrics__message_success_rate__main__all__rate": 0.5}, "all.rate is 0.5, which is not 9 of 10"),
        ({"metrics__active_connections__peak": math.inf}, "metrics['active_connections'].peak is inf"),
        ({ALL + "p95": None}, "all.p95 is None of 2,000 samples"),
        ({ALL + "p95": 1e6}, "p95, which is 1000000.0"),
        ({ALL + "med": "fast"}, "all.med is 'fast'"),
        ({ALL + "avg": 1e9}, "all.avg is 1000000000.0, which is not between min and max"),
        ({ALL + "p99": GONE}, "all.p99 is missing"),
        ({ALL + "count": 1999}, "distributions.append_latency_ms holds other samples than the 1,999"),
        (
            {"distributions__append_latency_ms": [[5, 4, 2000]]},
            "append_latency_ms is not in rising order",
        ),
        ({"distributions__append_latency_ms": [[5, 4]]}, "distributions['append_latency_ms'][0] has 2 entries"),
        ({"metrics__append_latency_ms": GONE, "distributions": {}}, "thresholds[0].metric is 'append_latency_ms'"),
        ({"metrics__append_latency_ms__main": GONE, "distributions": {}}, "thresholds[0].measured was measured"),
        ({"thresholds__0__condition": GONE}, "thresholds[0].condition is missing"),
        ({"thresholds__0__condition": "p(1.2.3)<5"}, "thresholds[0].condition is 'p(1.2.3)<5'"),
        ({"thresholds__0__condition": "p(950)<5"}, "thresholds[0].condition is 'p(950)<5'"),
        ({"thresholds__0__condition": "count<5"}, "thresholds[0].condition is 'count<5', and the metric is a trend"),
        ({"thresholds__0__ok": False}, "thresholds[0].ok is False"),
        ({"thresholds__0__bound": math.nan}, "thresholds[0].bound is nan"),
        ({"thresholds__0__scenario": "burst"}, "thresholds[0].measured was measured, but the metrics do not have it"),
        ({"thresholds__0__expression": "\x1b[2J"}, "thresholds[0].expression is"),
        ({"thresholds": {}}, "thresholds is an object"),
        ({"verdict__kind": "green"}, "verdict.kind is 'green'"),
        ({"verdict__doubts": ["a doubt"]}, "verdict.kind is 'pass', which its failures and doubts contradict"),
        ({"verdict__doubts": None}, "verdict.doubts is None"),
        ({"run__duration_s": math.nan}, "run.duration_s is nan"),
        ({"run": GONE}, "run is missing"),
        ({"plan__users": [1]}, "plan.users is a list"),
        ({"plan__total_users": "5"}, "plan.total_users is '5'"),
        ({"options__run_id": "r1 or another"}, "options.run_id is 'r1 or another'"),
        ({"options__participant_prefix": "*"}, "options.participant_prefix is '*'"),
        ({"options__extra": 5}, "options.extra is 5"),
        ({"workers": 5}, "workers is 5"),
        ({"host": []}, "host is a list"),
        ({"streams": 5}, "streams is 5"),
        ({"streams": {"begins_s": 0, "step_s": 0, "scenarios": []}}, "streams.step_s is 0"),
        (
            {"streams": {"begins_s": 0, "step_s": 1, "scenarios": [{"scenario": "burst"}]}},
            "first_chunk_p95_ms is missing",
        ),
    ],
)
def test_anything_else_is_refused_by_its_place(parts, words):
    """Figures that cannot be, and figures that contradict each other."""
    with pytest.raises(ShapeError) as problem:
        check_summary(changed(**parts))
    assert words in str(problem.value)
    assert len(str(problem.value)) < 300


@pytest.mark.parametrize("rate", ["2.5", "stage1=30s:5,peak=120s:0.5", "fast", "nan", "1e400", "peak=1e9s:x"])
def test_a_rate_of_arrivals_is_one_that_could_be_asked_for(rate):
    """The page draws it."""
    counts = dict.fromkeys(("due", "begun", "dropped", "ended", "unfinished"), 5)
    law = dict.fromkeys(("rate_per_s", "stay_s", "expected", "edges", "measured", "accepted"), 1.0)
    visits = {"rate": rate, "arrivals": "even", "max_users": 9, "most_present": 4, "main": counts, "all": counts}
    document = changed() | {"visits": visits | {"little": law | {"agrees": True, "words": ""}}}
    if rate[:2] in ("2.", "st"):
        check_summary(document)
    else:
        with pytest.raises(ShapeError, match=r"visits.rate is .*; expected (sessions per|a rate)"):
            check_summary(document)


def test_a_search_shows_figures_that_its_thresholds_were_not_judged_by():
    """They are those of single steps."""
    found = changed(thresholds__0__ok=False)
    with pytest.raises(ShapeError):
        check_summary(found)
    search = {"unit": "sessions", "per_user": 1.0, "kept": 40, "missed": None, "words": "at least 40"}
    check_summary(found | {"capacity": search})


@pytest.mark.parametrize("first", range(0, 150, 50))
def test_comparing_a_damaged_file_ends_in_a_sentence_or_a_comparison(bench, tmp_path, first):
    """Never in a traceback, whichever of the two it is."""
    sound = made()
    good = written(tmp_path / "good", sound)
    for seed in range(first, first + 50):
        damaged = written(tmp_path / str(seed), {})
        content = json.dumps(mutated(sound, seed), default=repr)
        if seed % 4 == 0:
            content = cut(json.dumps(sound), seed)
        (damaged / "summary.json").write_text(content, encoding="utf-8", errors="surrogatepass")
        for arguments in ((good, damaged), (damaged, good, "--markdown", "--by-scenario")):
            done = bench("compare", *arguments)
            assert done.exception is None or isinstance(done.exception, SystemExit), (seed, done.exception)
            assert done.exit_code in (0, 2, 3, 4)
            assert done.exit_code != 2 or "summary.json" in done.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b'{"format": 1', "not JSON"),
        (b'{"format": 1, "x": NaN}', "it holds NaN, which is not a number"),
        (b'{"format": 1, "x": -Infinity}', "it holds -Infinity"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": ' + b"9" * 5_000 + b"}", "not JSON"),
        (b'{"format": 1, "x": "\xff"}', "not UTF-8 at byte 20"),
        (b'\xef\xbb\xbf{"format": 1}', "not JSON"),
        (b'{"format": true}', "this one has True"),
        (b'{"format": 2, "other": 1}', "this one has 2: use the version that wrote it"),
        (b'{"format": 1}', "verdict is missing"),
        (b'{"title": "somebody else\'s"}', "that this project wrote"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(bench, tmp_path, content, words):
    """The error states the fault, with the exit code of a usage error."""
    good, bad = written(tmp_path / "good", made()), written(tmp_path / "bad", {})
    (bad / "summary.json").write_bytes(content)
    for command in (("compare", good, bad), ("compare", good, good, "--noise", bad), ("cleanup", "--results", bad)):
        done = bench(*command)
        assert done.exit_code == 2
        assert words in done.output
        assert str(bad / "summary.json") in done.output


def test_what_is_no_regular_file_is_not_waited_for(bench, tmp_path):
    """A pipe that nobody writes to, a folder without runs, a folder in the place of the file."""
    good = written(tmp_path / "good", made())
    (tmp_path / "pipe").mkdir()
    pipe = tmp_path / "pipe" / "summary.json"
    os.mkfifo(pipe)
    (tmp_path / "folder" / "summary.json").mkdir(parents=True)
    for path, words in ((pipe.parent, "a pipe"), (pipe.parents[1] / "folder", "a directory"), (tmp_path, "No such")):
        done = bench("compare", good, path)
        assert done.exit_code == 2
        assert words in done.output


def test_what_the_check_lets_through_ends_in_a_sentence_too(bench, tmp_path, monkeypatch):
    """The last guard."""
    monkeypatch.setattr("fleetlm_users.cli.compare.command.compare_runs", lambda *_, **__: {}["x"])
    good = written(tmp_path / "good", made())
    done = bench("compare", good, good)
    assert done.exit_code == 2
    assert "these cannot (KeyError: 'x')" in done.output


def audited(**changes):
    """A summary of an audited run, with some figures of its messages replaced."""
    kind = {"all": 10, "audited": 8, "unstored": 1, "changed": 1, "unaudited": {"beyond_replay": 2}}
    audit = {"way": "replay", "words": "audited", "result": "stored", "answers": kind, "messages": {**kind, **changes}}
    return changed(audit=audit)


def test_the_figures_of_an_audit_agree_with_each_other():
    """Every acknowledged message was audited or not, and every finding was looked for."""
    check_summary(audited())
    for changes, words in (
        ({"audited": 9}, "messages.all is 10, and 11 were audited or not"),
        ({"unaudited": {}}, "messages.all is 10, and 8 were audited or not"),
        ({"unstored": 8}, "messages.audited is 8, fewer than were found unstored or changed"),
        ({"changed": -1}, "messages.changed is -1"),
    ):
        with pytest.raises(ShapeError) as problem:
            check_summary(audited(**changes))
        assert words in str(problem.value)
