"""ci/run.sh with a real Locust against the stand-in: what a first job leaves."""

import subprocess
import sys
from pathlib import Path

import pytest

from fleetlm_users.earlier_runs.result_folders import read_run
from tests.e2e.calm import calm
from tests.e2e.harness import END_S, ROOT, clean_env

pytestmark = pytest.mark.e2e


def test_a_job_runs_a_benchmark_and_keeps_it(tmp_path):
    """Verdict, JUnit, page of the trend, and the run in the history of the default branch."""
    environment = clean_env(
        FLEETLM_BENCHMARKS="message_correctness --iterations 2 --seed 7",
        FLEETLM_ARGS="--standin",
        **calm("message_correctness"),
        FLEETLM_KEEP="true",
        GITHUB_OUTPUT=str(tmp_path / "output"),
    )
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", ROOT / "ci/run.sh"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=END_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict=pass" in (tmp_path / "output").read_text()
    (folder,) = (tmp_path / "fleetlm-results").glob("message_correctness*")
    assert "message_correctness" in (folder / "junit.xml").read_text()
    (kept,) = (tmp_path / "fleetlm-history" / folder.name).iterdir()
    assert read_run(kept).benchmark == "message_correctness"
    assert (folder / "trend.html").exists()
