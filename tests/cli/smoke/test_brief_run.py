"""What a run of a few seconds shows: whether a benchmark works, and nothing about its speed."""

import copy
import sys

import pytest

from fleetlm_users.cli.smoke import brief_run
from fleetlm_users.cli.smoke.brief_run import judged, smoke
from fleetlm_users.errors import UsageError
from tests.cli.summaries import made, run_file, written


def run(name="mixed", *, failures=(), doubts=(), appended=None, too_few=False):
    """The sign and the words for a run."""
    summary = copy.deepcopy(made())
    summary["verdict"] |= {"failures": list(failures), "doubts": list(doubts)}
    if appended is not None:
        summary["accounting"]["all"]["all"]["appended"] = appended
    summary["thresholds"][0]["too_few"] = too_few
    result = judged(name, run_file(summary))
    return result.sign, result.words


def test_a_run_whose_messages_arrive_works():
    """The result names their number and their median."""
    sign, words = run()
    assert sign == "✓"
    assert words.startswith("300 of 300 messages appended, median ")


@pytest.mark.parametrize(
    ("parts", "sign", "words"),
    [
        ({"failures": ["agent_reply_rate: rate>0.9: 0.00 %"]}, "✗", "agent_reply_rate"),
        ({"appended": 0}, "✗", "none of 300 messages was appended"),
        ({"failures": ["append_latency_ms: p(95)<500: measured 600.0 ms"]}, "!", "measured 600.0 ms"),
        ({"failures": ["append_latency_ms: p(95)<500: no samples"]}, "✗", "no samples"),
        ({"doubts": ["the generator was late"]}, "!", "the generator was late"),
        ({"doubts": ["append_latency_ms: p(95)<500: only 9 of the 20 samples it needs"], "too_few": True}, "✓", "300"),
        ({"doubts": ["append_latency_ms: p(95)<500: only 9"], "failures": ["x"], "too_few": True}, "✗", "x"),
    ],
)
def test_only_too_few_samples_are_no_reason_to_doubt(parts, sign, words):
    """A failure outweighs a doubt."""
    found = run(**parts)
    assert found[0] == sign
    assert words in found[1]


@pytest.mark.parametrize(("joined", "sign"), [(True, "✓"), (False, "✗")])
def test_where_no_message_is_due_sessions_must_be_joined(joined, sign):
    """In concurrent_sessions, for example, thresholds on messages have no samples then, which is no failure here."""
    summary = copy.deepcopy(made())
    summary["accounting"]["all"]["all"] |= {"sent": 0, "appended": 0}
    summary["thresholds"][0] |= {"samples": 0, "measured": None, "ok": False}
    summary["verdict"] |= {"failures": [f"{summary['thresholds'][0]['expression']}: no samples"]}
    if joined:
        summary["metrics"]["ws_join_ms"] = summary["metrics"]["append_latency_ms"]
    assert judged("concurrent_sessions", run_file(summary)).sign == sign


def counter_of(count):
    """A counter of the summary."""
    return {"kind": "counter", "main": {"all": {"count": count, "per_s": None, "labels": {}}, "scenarios": {}}}


@pytest.mark.parametrize(
    ("replied", "sign", "words"),
    [(4, "✓", "4 of 4 pushes replied to, median "), (0, "✗", "none of 4 pushes was replied to")],
)
def test_a_run_of_pushes_is_told_in_pushes(replied, sign, words):
    """It is so for a benchmark of any Phoenix application."""
    summary = copy.deepcopy(made())
    summary["run"]["sends"] = ["pushes"]
    summary["metrics"] |= {"pushes_sent": counter_of(4), "pushes_replied": counter_of(replied)}
    summary["metrics"]["push_latency_ms"] = summary["metrics"]["append_latency_ms"]
    found = judged("chat", run_file(summary))
    assert (found.sign, found.words[: len(words)]) == (sign, words)


def fake_locust(tmp_path, monkeypatch, code):
    """Python as `python -m locust` with this program in its place."""
    script = tmp_path / "locust.py"
    script.write_text(code)
    (tmp_path / "python").write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {script} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(brief_run.sys, "executable", str(tmp_path / "python"))


def test_a_run_without_a_result_says_how_it_ended(tmp_path, monkeypatch):
    """The last lines of its output, made printable."""
    fake_locust(
        tmp_path, monkeypatch, "print('one'); print('FleetLM cannot be tested: \\x1b[2Jnobody'); raise SystemExit(1)"
    )
    result = smoke(tmp_path / "mixed.py", 1, [], tmp_path / "results")
    assert (result.benchmark, result.sign) == ("mixed", "✗")
    assert "exit code 1" in result.words
    assert "FleetLM cannot be tested" in result.words
    assert "\x1b" not in result.words


def test_locust_gets_the_options_of_a_short_run(tmp_path, monkeypatch):
    """Those given last, so that they win; the result is read."""
    written(tmp_path / "results" / "run", made())
    fake_locust(
        tmp_path,
        monkeypatch,
        f"import sys, pathlib; pathlib.Path({str(tmp_path / 'calls')!r}).write_text(' '.join(sys.argv[1:]))",
    )
    assert smoke(tmp_path / "capacity.py", 3, ["--standin", "-t", "9s"], tmp_path / "results").sign == "✓"
    called = (tmp_path / "calls").read_text()
    assert "--hold 2s" in called
    assert called.index("-t 3s") < called.index("--standin -t 9s") < called.index("--results-dir")


def test_a_run_that_does_not_end_is_ended(tmp_path, monkeypatch):
    """SIGTERM ends it in order."""
    monkeypatch.setattr(brief_run, "SPARE_S", 0.0)
    fake_locust(tmp_path, monkeypatch, "import signal; signal.pause()")
    assert "exit code -15" in smoke(tmp_path / "mixed.py", 0.2, [], tmp_path / "results").words


def test_what_no_benchmark_knows_ends_the_check_at_the_first(monkeypatch, tmp_path):
    """All others would say the same."""
    said = "usage: locust\n__main__.py: error: unrecognized arguments: --target http://x\n"
    monkeypatch.setattr(brief_run, "_finished", lambda command, within_s: (2, said))
    with pytest.raises(UsageError, match="'--target http://x' for options: expected options that Locust has"):
        brief_run.smoke(tmp_path / "mixed.py", 1.0, ["--target", "http://x"], tmp_path / "none")


def test_why_a_benchmark_was_not_run_is_said_without_the_log(monkeypatch, tmp_path):
    """It is whole, and a sentence, without the routine lines of the log."""
    refusal = "invalid value 'early' for the server's protocol (--protocol): expected " + "one that can be read " * 9
    log = "[2026-11-28 12:05:59,395] vm/INFO/locust.main: Starting Locust 2.47.0\n"
    said = f"{log}created agent a with webhook b\n{refusal}, for example --protocol late\n"
    monkeypatch.setattr(brief_run, "_finished", lambda command, within_s: (2, said))
    result = brief_run.smoke(tmp_path / "rest.py", 1.0, [], tmp_path / "none")
    assert (result.sign, result.words[:29]) == ("✓", "not run: invalid value 'early'"[:29])
    assert result.words.endswith("for example --protocol late")
    monkeypatch.setattr(brief_run, "_finished", lambda command, within_s: (1, f"{log}it broke\n{log}"))
    assert (
        brief_run.smoke(tmp_path / "rest.py", 1.0, [], tmp_path / "none").words == "no result (exit code 1): it broke"
    )
