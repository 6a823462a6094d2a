"""`fleetlm-bench report`: write the reports of a run again from its result folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from fleetlm_users.cli.schema.documents import check_types
from fleetlm_users.cli.terminal import FILE, check_distinct, check_spares, style, write_output
from fleetlm_users.earlier_runs.result_folders import EXAMPLE, UNREADABLE, read_run, read_seconds
from fleetlm_users.errors import ShapeError, UsageError
from fleetlm_users.measure.comparing.baseline import baseline_entry
from fleetlm_users.measure.comparing.comparison import RunFile, compare
from fleetlm_users.measure.comparing.rows import Tolerances
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.junit import render_junit
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render

TEXT_WIDTH: Final = 100  # in characters; also that of report.txt

_RENDERERS: Final[Mapping[str, Callable[[RunFile], str]]] = MappingProxyType(
    {
        "html": lambda run: render_html(run.summary, read_seconds(run)),
        "markdown": lambda run: render_markdown(run.summary),
        "junit": lambda run: render_junit(run.summary),
        "text": lambda run: render(run.summary, TEXT_WIDTH, colour=False),
    }
)


@click.command(short_help="Write a run's report again: HTML, Markdown, JUnit or text.")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--html", type=FILE, metavar="FILE", help="Write the page with all charts.")
@click.option("--markdown", type=FILE, metavar="FILE", help="Write Markdown, for a comment or a job's page.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write JUnit XML, a test per threshold.")
@click.option("--text", type=FILE, metavar="FILE", help="Write the text that a run ends with.")
@click.option("--baseline", type=FILE, metavar="FOLDER", help="Say what differs from this earlier run.")
def report(folder: Path, baseline: Path | None, **files: Path | None) -> None:
    """Write reports of a run again, from its result folder.

    FOLDER is a result folder or its summary.json, of this version or an
    older one. The page's charts over time come from timeseries.csv beside
    it; without that file the page has none. FILE is a path, or - for
    standard output. Without an option the text is shown here. With
    --baseline the sentences at the top say what differs from another run,
    by the same rules as `fleetlm-bench compare`.

    \b
    Examples:
      fleetlm-bench report results/RUN
      fleetlm-bench report results/RUN --html report.html --junit junit.xml
      fleetlm-bench report results/RUN --markdown - >> comment.md
      fleetlm-bench report results/RUN --baseline results/BEFORE

    \b
    Exit code: 0 whatever the run's verdict, 2 what cannot be read, 1 what
               cannot be written
    """  # noqa: D301  # \b is what click looks for
    outputs = {f"--{name}": path for name, path in files.items() if path is not None}
    check_distinct(outputs)
    run = read_run(folder)
    earlier = None if baseline is None else read_run(baseline)
    check_spares(outputs, (one.path for one in (run, earlier) if one is not None))
    try:
        check_types(run.summary)
        if earlier is not None:
            run.summary["baseline"] = baseline_entry(compare(earlier, run, Tolerances()))
        wanted = [(path, _RENDERERS[name](run)) for name, path in files.items() if path is not None]
        shown = "" if wanted else render(run.summary, style().width, style().colour)
    except ShapeError as problem:
        expected = f"a summary.json as this project wrote it; in this one, {problem}"
        raise UsageError("result", str(run.path), expected, EXAMPLE) from problem
    except UNREADABLE as problem:  # parts without a type, such as the server's own figures
        expected = f"a summary.json that can be shown; this one cannot ({type(problem).__name__}: {problem})"
        raise UsageError("result", str(run.path), expected, EXAMPLE) from problem
    click.echo(shown, nl=False)
    for path, text in wanted:
        write_output(path, text)
