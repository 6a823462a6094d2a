"""Files that the user requests: refused before the load, written through at the end, never missing silently."""

import subprocess

import pytest

from tests.e2e.calm import calm
from tests.e2e.harness import END_S, LOCUST, ROOT, clean_env, own_port, targets

pytestmark = pytest.mark.e2e

RUN = [*LOCUST, "--headless", "-f", str(ROOT / "locustfiles/session_lifecycle.py"), "-u", "2", "--warm-up", "0"]
SHORT = ["--iterations", "2", "--messages-per-session", "2"]


def run(folder, shell, *flags):
    """The run of a shell line in which "$@" is the command."""
    command = ["bash", "-c", shell, "bash", *RUN, *flags, *own_port(flags)]
    env = clean_env(**calm("session_lifecycle"))
    return subprocess.run(
        command, cwd=folder, env=env, check=False, capture_output=True, encoding="utf-8", timeout=END_S
    )


def test_nothing_is_loaded_when_a_place_cannot_be_written(tmp_path):
    """With `--processes` neither, and nothing is left behind; the target would not answer at all."""
    done = run(tmp_path, '"$@"', "--processes", "2", "--junit", "/proc/x/j.xml", "--results-dir", "new", "-t", "5s")
    assert done.returncode == 2
    assert "invalid value '/proc/x/j.xml' for --junit (JUNIT): expected a file that can be written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_each_kind_of_place_gets_its_text(tmp_path, standin):
    """Standard output through a link, a process substitution, a file that is linked elsewhere, Locust's own files."""
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    (tmp_path / "mounted.html").write_text("old", encoding="utf-8")
    (tmp_path / "held.html").hardlink_to(tmp_path / "mounted.html")
    done = run(
        tmp_path,
        'mkfifo done; "$@" --junit >(cat >junit.xml; echo >done) >out; code=$?; read <done; exit $code',
        *(*targets(standin), *SHORT, "--no-results", "--markdown", "stdout", "--html", "mounted.html"),
        *("--json-file", "new/stats", "--threshold", "ws_join_ms: avg<60000"),
    )
    out = (tmp_path / "out").read_text(encoding="utf-8")
    assert "| " in out.partition("VERDICT")[0]
    assert "VERDICT" in out
    assert (tmp_path / "stdout").is_symlink()
    assert (tmp_path / "junit.xml").read_text(encoding="utf-8").startswith("<?xml")
    assert "<html" in (tmp_path / "held.html").read_text(encoding="utf-8")
    assert (tmp_path / "new" / "stats.json").is_file()
    assert done.returncode == 0, done.stderr


def test_a_file_that_was_lost_is_not_green(tmp_path, standin):
    """The device is full: everything else is written, and the last lines say what is missing."""
    done = run(tmp_path, '"$@"', *targets(standin), *SHORT, "--junit", "/dev/full", "--html", "/dev/full")
    assert done.returncode == 5, done.stdout
    assert "! not written: --junit /dev/full: No space left on device" in done.stdout
    assert "! not written: --html /dev/full: No space left on device" in done.stdout
    assert "Traceback" not in done.stderr
    assert len(list(tmp_path.glob("results/*/summary.json"))) == 1
