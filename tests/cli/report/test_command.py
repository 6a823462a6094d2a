"""`fleetlm-bench report`: the reports of a run from its folder, as the run wrote them."""

import json

import pytest

from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.junit import render_junit
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render
from fleetlm_users.measure.timeline.rows import flat, to_csv
from fleetlm_users.measure.timeline.second import Stretch
from tests.cli.summaries import made, written
from tests.mutations import mutated, seeds

ROWS = [flat(Stretch.empty(second)) | {"sent": second, "append_p95_ms": second + 0.5} for second in range(9)]


@pytest.fixture
def folder(tmp_path):
    """The result folder of a run."""
    found = written(tmp_path / "run", made())
    (found / "timeseries.csv").write_text(to_csv(ROWS))
    return found


def test_every_report_is_written_as_the_run_wrote_it(bench, folder, tmp_path):
    """Each is identical to the letter, including the page with its charts over time."""
    flags = {name: tmp_path / "new" / name for name in ("html", "markdown", "junit", "text")}
    done = bench("report", folder, *(word for name, path in flags.items() for word in (f"--{name}", path)))
    assert (done.exit_code, done.output) == (0, "")
    assert flags["html"].read_text() == render_html(made(), ROWS)
    assert flags["markdown"].read_text() == render_markdown(made())
    assert flags["junit"].read_text() == render_junit(made())
    assert flags["text"].read_text() == render(made())


def test_without_an_option_the_text_is_shown(bench, folder):
    """A dash means standard output."""
    assert "VERDICT" in bench("report", folder).output
    assert bench("report", folder / "summary.json", "--markdown", "-").output == render_markdown(made())


def test_a_baseline_adds_what_differs_from_it(bench, folder, tmp_path):
    """It follows the rules of `compare`; both files are checked as strictly, and the exit code stays."""
    before = written(tmp_path / "before", made())
    done = bench("report", folder, "--baseline", before)
    assert done.exit_code == 0
    assert "Against" in done.output
    assert "Against" in bench("report", folder, "--baseline", before, "--markdown", "-").output
    assert "Against" in bench("report", folder, "--baseline", before, "--html", "-").output
    assert bench("report", folder, "--baseline", tmp_path / "none").exit_code == 2


def test_without_the_seconds_the_page_has_no_charts_over_time(bench, folder, tmp_path):
    """The rest is there."""
    (folder / "timeseries.csv").unlink()
    assert bench("report", folder, "--html", tmp_path / "page.html").exit_code == 0
    page = (tmp_path / "page.html").read_text()
    assert "Over time" not in page
    assert "Thresholds" in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "expected columns"),
        ("second,sent\n0,1\n0,2\n", "line 3 is not a later second"),
        ("second,sent\n0,many\n", "line 2 holds 'many'"),
        ("second,sent\n0,1e300\n", "line 2 holds"),
        ("second,sent\n0\n", "line 2 has 1 fields"),
    ],
)
def test_damaged_seconds_are_refused_by_line(bench, folder, content, words):
    """Only the page reads the seconds."""
    (folder / "timeseries.csv").write_text(content)
    done = bench("report", folder, "--html", "-")
    assert done.exit_code == 2
    assert words in done.output
    assert bench("report", folder).exit_code == 0


def test_no_damaged_summary_ends_in_a_traceback(bench, tmp_path):
    """It is shown, or refused with its name."""
    codes, sound = set(), made()
    for seed in seeds(150):
        path = tmp_path / "summary.json"
        content = json.dumps(mutated(sound, seed), default=repr)
        path.write_text(content, encoding="utf-8", errors="surrogatepass")
        done = bench("report", path, "--html", "-", "--junit", "-", "--markdown", "-", "--text", "-")
        assert done.exception is None or isinstance(done.exception, SystemExit), (seed, done.exception)
        codes.add(done.exit_code)
    assert codes <= {0, 2}


def test_two_reports_do_not_share_a_file(bench, folder, tmp_path):
    """The second would replace the first."""
    done = bench("report", folder, "--html", tmp_path / "a", "--junit", tmp_path / "a")
    assert done.exit_code == 2
    assert "--junit" in done.output


def test_what_cannot_be_written_is_said(bench, folder, tmp_path):
    """The exit code is 1."""
    done = bench("report", folder, "--html", tmp_path)
    assert done.exit_code == 1
    assert "cannot be written" in done.output


@pytest.mark.parametrize("name", ["summary.json", "timeseries.csv", "run.json"])
def test_what_was_measured_is_not_written_over(bench, folder, tmp_path, name):
    """It is refused under any name, to a trend as well: a report can be written again, a measurement cannot."""
    (folder / name).touch()
    (tmp_path / "link").symlink_to(folder)
    kept, other = (folder / name).read_text(), written(tmp_path / "other", made())
    for words in (
        ("report", folder, "--html", folder / name),
        ("report", folder, "--junit", tmp_path / "link" / name),
        ("report", other, "--baseline", folder, "--text", folder / name),
        ("trend", folder, "--html", folder / name),
        ("trend", folder, "--export", f"bencher={folder / name}"),
    ):
        done = bench(*words)
        assert done.exit_code == 2, done.output
        assert "a run's own record" in " ".join(done.output.split())
    assert (folder / name).read_text() == kept
    assert bench("report", folder, "--html", folder / "report.html").exit_code == 0
