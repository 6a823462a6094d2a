"""ci/run.sh as GitHub and GitLab run it: verdicts, retries, baseline, gate, saved files, mistakes, a cancelled job."""

import signal
import subprocess

import pytest

from tests.ci.jobs import ROOT, Job
from tests.e2e.harness import eventually

DEADLINE_S = 60


@pytest.fixture
def job(tmp_path):
    """A repository's jobs."""
    return Job(tmp_path)


@pytest.mark.parametrize(
    ("codes", "inputs", "code", "verdict", "runs"),
    [
        (["0"], {}, 0, "pass", 1),
        (["3"], {}, 3, "fail", 1),
        (["3"], {"gate": "nothing"}, 0, "pass", 1),
        (["4", "0"], {}, 0, "pass", 2),
        (["4"], {"retries": "2"}, 4, "inconclusive", 3),
        (["4"], {"retries": "0", "inconclusive": "neutral"}, 0, "inconclusive", 1),
        (["5"], {}, 5, "error", 1),
        (["1"], {}, 1, "error", 1),
        (["2"], {"gate": "nothing"}, 2, "error", 1),
    ],
)
def test_the_gate_is_the_verdict(job, codes, inputs, code, verdict, runs):  # noqa: PLR0917  # a table's columns
    """Inconclusive is a third state: repeated, then failed or neutral by choice. A mistake is never green."""
    job.plan(*codes)
    done, outputs, page = job.github(**inputs)
    assert done.returncode == code, done.stdout + done.stderr
    assert (outputs["verdict"], outputs["exit-code"]) == (verdict, str(code))
    assert len(job.calls) == runs
    assert ("::warning::" in done.stdout) == (verdict == "inconclusive")
    assert ("--markdown of run" in page) == (codes[0] not in ("1", "2"))


def test_benchmarks_are_lines_with_options(job):
    """Words as a shell splits them, and nothing is run; the worst decides."""
    lines = "# by night\nmixed -t 5s --threshold 'append_latency_ms: p(95)<500, p(99)<900'\n"
    lines += "\n  ws_hot_path $(touch hacked)\n"
    job.plan("0", "3")
    done, outputs, _ = job.github(benchmarks=lines, args="--host http://staging:4000")
    assert (done.returncode, outputs["verdict"]) == (3, "fail"), done.stderr
    first, second = job.calls
    assert first[:3] == ["--headless", "-f", str(ROOT / "locustfiles/mixed.py")]
    assert "append_latency_ms: p(95)<500, p(99)<900" in first
    assert first[first.index("--host") + 1] == "http://staging:4000"
    assert "$(touch" in second
    assert not (job.work / "hacked").exists()


def test_a_locustfile_of_ones_own_may_have_any_name(job):
    """Its words may hold spaces, quotes and a leading dash; an inconclusive run that fails when repeated has failed."""
    (job.work / "load tests").mkdir()
    (job.work / "load tests" / "o'ur file.py").touch()
    job.plan("4", "3", "4", "4", "0")
    lines = '"load tests/o\'ur file.py" -t 5s --run-name \'night "1"\'\r\nmixed'
    done, outputs, page = job.github(benchmarks=lines, retries="2")
    assert (done.returncode, outputs["verdict"]) == (3, "fail"), done.stderr
    files = [call[call.index("-f") + 1] for call in job.calls]
    assert files == ["load tests/o'ur file.py"] * 2 + [str(ROOT / "locustfiles/mixed.py")] * 3
    assert job.calls[0][3:7] == ["-t", "5s", "--run-name", 'night "1"']
    assert page.count("--markdown of run") == 2


def test_a_history_that_cannot_be_read_fails_nothing(job):
    """A file that is cut off, of another program, or of a version to come: the page says why, the gate is the run's."""
    assert job.github(on_default_branch=True)[0].returncode == 0
    (kept,) = (job.work / "fleetlm-history" / "mixed").glob("*/summary.json")
    for text in ("", '{"format": 99}', kept.read_text()[:200]):
        kept.write_text(text)
        done, outputs, _ = job.github(on_default_branch=False, gate="thresholds regression trend")
        assert (done.returncode, outputs["verdict"]) == (0, "pass"), done.stderr
        assert "compared: " in done.stdout


def test_each_line_has_a_folder_of_its_own(job):
    """Named after it; also where two names would be the same, and none is left of an earlier job."""
    stale = job.work / "fleetlm-results" / "mixed" / "results" / "20990101T000000Z-mixed-old"
    lines = "mixed\nmixed -t 5s\nmixed --t 5s\nlocustfiles/ws_hot_path.py"
    (job.work / "locustfiles").mkdir()
    (job.work / "locustfiles" / "ws_hot_path.py").touch()
    job.github(benchmarks=lines)
    folders = {path.name for path in (job.work / "fleetlm-results").iterdir() if path.is_dir()}
    assert folders == {"mixed", "mixed-t-5s", "mixed-t-5s-2", "ws_hot_path.py"}
    stale.mkdir(parents=True)
    job.plan("1")
    assert job.github(keep_results=True)[0].returncode == 1
    assert not stale.exists()


def test_a_change_is_held_against_the_default_branch(job):
    """Nothing at first; then the newest runs of the default branch, which alone are kept."""
    done, _, _ = job.github()
    assert done.returncode == 0
    assert not (job.work / "fleetlm-history").exists()
    for _ in range(3):  # the baseline and NOISE_RUNS beside it
        done, _, page = job.github(on_default_branch=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((job.work / "fleetlm-history" / "mixed").glob("*/summary.json"))) == 3
    job.plan("0", factor=1.5)
    done, outputs, page = job.github()
    assert (done.returncode, outputs["verdict"]) == (3, "fail"), page
    assert "regression" in page
    assert job.github(gate="thresholds")[0].returncode == 0
    assert (job.work / "fleetlm-results" / "mixed" / "trend.html").exists()
    assert len(list((job.work / "fleetlm-history" / "mixed").glob("*/summary.json"))) == 3


def test_gitlab_runs_the_same(job):
    """Exit code 4 is what its job allows; the default branch is kept."""
    job.plan("4", "0")
    assert job.gitlab(FLEETLM_RETRIES="0").returncode == 4
    done = job.gitlab(branch="main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "::" not in done.stdout
    assert list((job.work / "fleetlm-history" / "mixed").glob("*/run.json"))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"retries": "many"}, "FLEETLM_RETRIES is 'many'"),
        ({"inconclusive": "green"}, "expected fail or neutral"),
        ({"gate": "thresholds luck"}, "FLEETLM_GATE has 'luck'"),
        ({"benchmarks": "chaos"}, "there is no benchmark 'chaos'"),
        ({"benchmarks": "mixed\nchaos --preset light"}, "there is no benchmark 'chaos'"),
        ({"benchmarks": "mixed\nmixed --threshold 'p(95)<5"}, "No closing quotation"),
        ({"benchmarks": "''"}, "there is no benchmark ''"),
        ({"args": "--host 'http://staging"}, "expected quotes in pairs"),
        ({"benchmarks": "# nothing"}, "names no benchmark"),
    ],
)
def test_a_mistake_ends_with_2_before_any_load(job, inputs, words):
    """The error names what is accepted."""
    done, _, _ = job.github(**inputs)
    assert done.returncode == 2
    assert words in done.stderr
    assert job.calls == []


def test_a_cancelled_job_ends_its_run_in_order_and_starts_no_other(job):
    """The run gets SIGTERM, and its exit code 4 leads to no retry."""
    job.plan("wait")
    environment = job.environment(FLEETLM_BENCHMARKS="mixed\nmixed", FLEETLM_RETRIES="3")
    environment["PATH"] = f"{job.bin}:{environment['PATH']}"
    process = subprocess.Popen(["bash", ROOT / "ci/run.sh"], cwd=job.work, env=environment, stdout=subprocess.DEVNULL)
    eventually((job.fake / "waiting").exists, "a run that waits", DEADLINE_S)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 4
    assert len(job.calls) == 1


def test_a_failure_before_a_job_is_cancelled_remains_one(job):
    """Findings are not made inconclusive by what was not run."""
    job.plan("3", "wait")
    environment = job.environment(FLEETLM_BENCHMARKS="mixed\nmixed -t 9s\nmixed -t 8s")
    environment["PATH"] = f"{job.bin}:{environment['PATH']}"
    process = subprocess.Popen(["bash", ROOT / "ci/run.sh"], cwd=job.work, env=environment, stdout=subprocess.DEVNULL)
    eventually((job.fake / "waiting").exists, "a run that waits", DEADLINE_S)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 3
    assert len(job.calls) == 2
