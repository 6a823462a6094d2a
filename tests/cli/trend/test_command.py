"""`fleetlm-bench trend` from the command line: exit codes, the page, exports, mistakes."""

import csv
import io
import json
from html.parser import HTMLParser

import pytest

from tests.cli.histories import history
from tests.cli.summaries import made, written
from tests.mutations import mutated

WORSE = [1] * 15 + [1.2] * 8


@pytest.fixture
def worse(tmp_path):
    """A history whose latency rose by a fifth."""
    return history(tmp_path / "results", WORSE)


def test_the_exit_code_is_the_answer(bench, worse, tmp_path):
    """3, 0 once the change is accepted or tolerated, 4 with too few runs."""
    done = bench("trend", worse)
    assert done.exit_code == 3, done.output
    assert "worse since run r015-1 of 2026-08-16, commit 00000000000f" in " ".join(done.output.split())
    assert bench("trend", worse, "--accept", "r015-1").exit_code == 0
    assert bench("trend", worse, "--accept", "r014-1").exit_code == 3
    assert bench("trend", worse, "--tolerance", "30").exit_code == 0
    assert bench("trend", worse, "--last", "6").exit_code == 4
    assert bench("trend", history(tmp_path / "even", [1] * 15)).exit_code == 0


def test_what_is_kept_apart_and_left_out_is_said(bench, worse):
    """Each has its reason; --ignore includes it."""
    history(worse / "apart", [1] * 3, seed=2, host={"cpu": "EPYC"})
    (worse / "broken").mkdir()
    (worse / "broken" / "summary.json").write_text("{")
    output = " ".join(bench("trend", worse).output.split())
    assert "kept apart: 3 runs of mixed with cpu EPYC instead of Xeon" in output
    assert "broken/summary.json" in output
    assert "kept apart" not in bench("trend", worse, "--ignore", "cpu").output


def test_a_newest_run_that_is_left_out_is_said(bench, tmp_path):
    """The answer is that of the run before: an inconclusive one by its start, a damaged one by its folder's name."""
    history(tmp_path, [1] * 15)
    assert "nothing is said" not in bench("trend", tmp_path).output
    late = tmp_path / "run-014-1" / "summary.json"
    summary = json.loads(late.read_text())
    summary["verdict"] = {"kind": "inconclusive", "exit_code": 4, "failures": [], "doubts": ["late"]}
    late.write_text(json.dumps(summary))
    damaged = tmp_path / "20991124T113500Z-mixed-r9"
    damaged.mkdir()
    (damaged / "summary.json").write_text("{")
    output = " ".join(bench("trend", tmp_path).output.split())
    assert "nothing is said" not in bench("trend", damaged.parent / "run-014-1").output
    assert "2 results after run r013-1 left out: the trend says nothing of the time since" in output


def test_standard_output_takes_one_thing(bench, worse):
    """The page alone where it is asked for there, so that it can be piped."""
    done = bench("trend", worse, "--html", "-")
    assert done.output.startswith("<!doctype html>")
    assert done.output.rstrip().endswith("</html>")


def test_the_page_is_one_file_that_loads_nothing(bench, worse, tmp_path):
    """A chart per figure, with change, level and interval; names are escaped."""
    history(worse / "more", [1] * 2, seed=3, plan={"preset": "<script>alert(1)</script>"})
    page = tmp_path / "trend.html"
    assert bench("trend", worse, "--html", page).exit_code == 3
    text = page.read_text()
    assert "<script>alert" not in text
    assert text.count('class="chart"') >= 8
    for part in ('class="mark"', 'class="band c1"', 'class="line c2"', "WORSE", "prefers-color-scheme: dark"):
        assert part in text
    links = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: links.extend(v for k, v in attrs if k in ("src", "href"))
    parser.feed(text)
    assert links == []


def test_other_programs_get_their_formats(bench, worse, tmp_path):
    """Bencher and github-action-benchmark the newest run, Otava all."""
    files = {name: tmp_path / name for name in ("bencher", "github-smaller", "github-bigger", "otava")}
    flags = [word for name, path in files.items() for word in ("--export", f"{name}={path}")]
    assert bench("trend", worse, *flags).exit_code == 3
    p95 = json.loads(files["bencher"].read_text())["mixed"]["append_latency_ms p(95)"]
    assert p95["lower_value"] <= p95["value"] <= p95["upper_value"]
    smaller, bigger = (json.loads(files[f"github-{name}"].read_text()) for name in ("smaller", "bigger"))
    by_name = {entry["name"]: entry for entry in smaller}
    assert by_name["mixed append_latency_ms p(95)"]["value"] == p95["value"]
    assert by_name["mixed append_latency_ms p(95)"]["unit"] == "ms"
    assert [entry["name"] for entry in bigger] == ["mixed messages_sent count", "mixed message_success_rate rate"]
    rows = list(csv.DictReader(io.StringIO(files["otava"].read_text())))
    assert len(rows) == len(WORSE)
    assert rows[0]["time"] == "2026-08-01T02:00:00+00:00"
    assert float(rows[-1]["mixed.append_latency_ms p(95)"]) == p95["value"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "No such file"),
        (("--export", "excel=x"), "FORMAT is one of bencher"),
        (("--export", "otava"), "FORMAT=FILE"),
        (("--accept", "r999"), "the id of one of the runs"),
        (("--html", "same", "--export", "otava=same"), "a file that no other option writes"),
        (("--significance", "0.5"), "not in the range"),
    ],
)
def test_a_mistake_ends_with_2(bench, worse, arguments, words):
    """The error names what is accepted."""
    done = bench("trend", worse, *arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())


def test_no_damaged_history_ends_in_a_traceback(bench, tmp_path):
    """Unreadable files are left out."""
    sound = made()
    for seed in range(60):
        sound["run"]["started_at"] = f"2026-08-01T02:00:{seed:02}+00:00"
        sound["options"]["run_id"] = f"r{seed}"
        folder = written(tmp_path / str(seed), {})
        content = json.dumps(mutated(sound, seed), default=repr)
        (folder / "summary.json").write_text(content, encoding="utf-8", errors="surrogatepass")
    done = bench("trend", tmp_path, "--html", "-")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (0, 3, 4)
