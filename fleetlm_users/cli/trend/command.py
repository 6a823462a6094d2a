"""`fleetlm-bench trend`: is the newest run worse than those before it, and since when?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from fleetlm_users.cli.comparing_options import comparing_options, tolerances_of
from fleetlm_users.cli.terminal import FILE, check_distinct, check_spares, style, write_output
from fleetlm_users.cli.trend import page
from fleetlm_users.cli.trend import text as trend_text
from fleetlm_users.cli.trend.analysis import TrendAnalysis, trend_of
from fleetlm_users.cli.trend.change_points import SIGNIFICANCE
from fleetlm_users.cli.trend.exports import FORMATS
from fleetlm_users.cli.trend.history import PastRun, RunHistory, read_history
from fleetlm_users.cli.trend.series import TrendSettings
from fleetlm_users.earlier_runs.result_folders import EXAMPLE, UNREADABLE
from fleetlm_users.errors import UsageError

LOWEST_SIGNIFICANCE: Final = 0.002


@click.command(short_help="Many runs over time: which figures changed, when, and is the newest run worse?")
@click.argument("folders", metavar="FOLDER…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--html", type=FILE, metavar="FILE", help="Write a page with a chart per figure.")
@click.option(
    "--export",
    "exports",
    multiple=True,
    metavar="FORMAT=FILE",
    help=f"Write for another program; FORMAT is {', '.join(FORMATS)}. Repeatable.",
)
@click.option("--last", type=click.IntRange(1), metavar="N", help="Use only the newest N runs.")
@click.option("--accept", metavar="RUN", help="Changes up to this run (its id) are known and decide nothing.")
@click.option(
    "--ignore", multiple=True, metavar="SETTING", help="A setting in which runs may differ, such as cpu. Repeatable."
)
@comparing_options("A judged figure's level", 2.0, 0.5)
@click.option(
    "--significance",
    type=click.FloatRange(LOWEST_SIGNIFICANCE, 0.1),
    default=SIGNIFICANCE,
    show_default=True,
    help="Probability that chance alone shows a change in a figure.",
)
@click.pass_context
def trend(  # noqa: PLR0913, PLR0917  # click passes each option as an argument of its own
    ctx: click.Context,
    /,
    folders: Sequence[Path],
    html: Path | None,
    exports: Sequence[str],
    last: int | None,
    accept: str | None,
    ignore: Sequence[str],
    tolerance: float,
    rate_tolerance: float,
    significance: float,
    by_scenario: bool,
) -> None:
    """Show many runs over time, and where their figures changed.

    FOLDER is a result folder, or a folder of them. Runs are comparable when
    benchmark, options and kind of machine are the same; others are kept apart, with the reason. The set-up of each
    benchmark's newest run decides.

    \b
    Examples:
      fleetlm-bench trend results
      fleetlm-bench trend results --html trend.html --last 90
      fleetlm-bench trend nightly/* --accept r1103-0200-7f3a
      fleetlm-bench trend results --export bencher=bmf.json

    \b
    Exit code: 0 no unwanted change
               3 the newest run comes after an unwanted change of a figure
                 that a threshold bounds
               4 too few runs to find a change, or a newest run without a value
                 of such a figure
    """  # noqa: D301  # \b is what click looks for
    files = dict(_export(item) for item in exports)
    outputs = {f"--export {name}": path for name, path in files.items()} | ({"--html": html} if html else {})
    check_distinct(outputs)
    history = read_history(folders, last)
    check_spares(outputs, (run.file.path for run in history.runs))
    tolerances = tolerances_of(tolerance, rate_tolerance)
    settings = TrendSettings(significance, tolerances, by_scenario, _accepted(history, accept))
    try:
        analysis = trend_of(history, settings, ignore)
        shown = trend_text.render(analysis, style())
        written = [*_pages(analysis, html), *((path, FORMATS[name](analysis)) for name, path in files.items())]
    except UNREADABLE as problem:  # faults that the files' validation (summary_check.py) missed
        given = ", ".join(map(str, folders))
        expected = f"results that can be shown over time; these cannot ({type(problem).__name__}: {problem})"
        raise UsageError("FOLDER", given, expected, EXAMPLE) from problem
    if not any(str(path) == "-" for path, _ in written):
        click.echo(shown, nl=False)
    for path, text in written:
        write_output(path, text)
    ctx.exit(analysis.exit_code)


def _pages(analysis: TrendAnalysis, html: Path | None) -> list[tuple[Path, str]]:
    return [] if html is None else [(html, page.render(analysis))]


def _export(item: str) -> tuple[str, Path]:
    name, equals, path = item.partition("=")
    if name not in FORMATS or not equals or not path:
        raise UsageError(
            "--export", item, f"FORMAT=FILE, where FORMAT is one of {', '.join(FORMATS)}", "otava=runs.csv"
        )
    return name, Path(path)


def _accepted(history: RunHistory, run_id: str | None) -> PastRun | None:
    if run_id is None:
        return None
    accepted = next((run for run in history.runs if run.name == run_id), None)
    if accepted is None:
        raise UsageError("--accept", run_id, "the id of one of the runs", "r1103-0200-7f3a")
    return accepted
