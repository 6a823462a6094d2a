"""Whatever standard output and error are, a run goes on, writes its files and ends with its own exit code."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios

import pytest

from tests.e2e.calm import LENIENT
from tests.e2e.harness import LOCUST, ROOT, clean_env, newest_summary, targets

pytestmark = pytest.mark.e2e

RUN = ["--headless", "-f", "locustfiles/message_throughput.py", "-u", "2", "--warm-up", "0", "--send-interval", "100"]


def run(tmp_path, standin, redirected, **env):
    """(exit code, what reached standard output, what reached standard error, the summary)"""
    command = [
        *LOCUST,
        *RUN,
        *targets(standin),
        "-t",
        "3s",
        "--results-dir",
        str(tmp_path),
        "--threshold",
        "append_latency_ms: avg<9000",
    ]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {redirected}; exit "${{PIPESTATUS[0]}}"', "bash", *command],
        cwd=ROOT,
        env=clean_env(**LENIENT, **env),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr, newest_summary(tmp_path)


@pytest.mark.parametrize(
    ("redirected", "env"),
    [
        ("<&- >&-", {}),
        (">/dev/full 2>&1", {}),
        ("2>&1 | head -1", {}),
        ("", {"PYTHONIOENCODING": "latin-1"}),
        ("", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    ],
)
def test_the_exit_code_is_that_of_the_verdict(tmp_path, standin, redirected, env):
    """There is no traceback, and the output holds as much of the report as it can take."""
    code, out, err, summary = run(tmp_path, standin, redirected, **env)
    assert code == summary["verdict"]["exit_code"]
    assert b"Traceback" not in out + err
    if not redirected:
        assert "+ append_latency_ms: avg<9000".encode("ascii") in out


def test_a_run_starts_and_reports_in_a_locale_without_utf_8(tmp_path, standin):
    """Locust reads the checkout's pyproject.toml with the locale's encoding."""
    if shutil.which("localedef") is None:
        pytest.skip("there is no localedef to make a GBK locale with")
    subprocess.run(["localedef", "-i", "zh_CN", "-f", "GBK", tmp_path / "zh_CN.GBK"], check=False, capture_output=True)
    if not (tmp_path / "zh_CN.GBK").exists():
        pytest.skip("there are no sources of locales to make a GBK locale of")
    code, out, err, summary = run(tmp_path, standin, "", LOCPATH=str(tmp_path), LC_ALL="zh_CN.GBK")
    assert code == summary["verdict"]["exit_code"]
    assert b"Traceback" not in out + err
    assert "+ append_latency_ms: avg<9000" in out.decode("gbk")


def test_the_live_line_stays_in_one_row_of_a_narrow_terminal(tmp_path, standin):
    """Each is shorter than the terminal, and erased before the next."""
    seen, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    command = [*LOCUST, *RUN, *targets(standin), "-t", "4s", "--results-dir", str(tmp_path), "--loglevel", "ERROR"]
    process = subprocess.Popen(command, cwd=ROOT, env=clean_env(TERM="xterm"), stdin=its, stdout=its, stderr=its)
    os.close(its)
    shown = b""
    while True:
        try:
            shown += os.read(seen, 65536)
        except OSError:  # the terminal's other end is closed
            break
    process.wait(60)
    os.close(seen)
    lines = re.findall(r"\r\x1b\[2K\x1b\[J([^\r\n\x1b]+)\r(?!\n)", shown.decode())
    assert lines
    assert [line for line in lines if len(line) >= 40 or " failed" not in line] == []
