"""`fleetlm-bench compare`: is run B worse than run A?"""

from collections.abc import Sequence
from pathlib import Path

import click

from fleetlm_users.cli.compare import markdown as compare_markdown
from fleetlm_users.cli.compare import text as compare_text
from fleetlm_users.cli.comparing_options import comparing_options, tolerances_of
from fleetlm_users.cli.terminal import style
from fleetlm_users.earlier_runs.result_folders import EXAMPLE, UNREADABLE, read_run
from fleetlm_users.errors import UsageError
from fleetlm_users.measure.comparing.comparison import compare as compare_runs


@click.command(short_help="Is run B worse than run A? Every figure, with intervals and a verdict for CI.")
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@comparing_options("A judged figure", 5.0, 1.0)
@click.option(
    "--confidence",
    type=click.FloatRange(50, 99.999),
    default=99.0,
    show_default=True,
    metavar="PERCENT",
    help="Confidence of the intervals.",
)
@click.option(
    "--noise",
    multiple=True,
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="A further run of what A ran: differences between them are not a regression. Repeatable.",
)
@click.option("--any-load", is_flag=True, help="Compare runs with different loads anyway.")
@click.option("--markdown", is_flag=True, help="Write Markdown, for a comment in CI.")
@click.pass_context
def compare(  # noqa: PLR0913, PLR0917  # click passes each option as an argument of its own
    ctx: click.Context,
    /,
    before: Path,
    after: Path,
    tolerance: float,
    rate_tolerance: float,
    confidence: float,
    noise: Sequence[Path],
    by_scenario: bool,
    any_load: bool,
    markdown: bool,
) -> None:
    """Compare run B with run A: two result folders, or their summary.json.

    Every metric of both is shown side by side with the difference and its confidence interval; then the thresholds
    and the settings that changed. B is a regression when a threshold that was kept is missed, or when a figure that a
    threshold bounds is worse beyond the interval and beyond the tolerance.

    \b
    Examples:
      fleetlm-bench compare results/before results/after
      fleetlm-bench compare A B --tolerance 10 --markdown > comment.md
      fleetlm-bench compare A B --noise A2 --noise A3

    \b
    Exit code: 0 no regression, 3 regression,
               4 not comparable, or too few samples to say
    """  # noqa: D301  # \b is what click looks for
    tolerances = tolerances_of(tolerance, rate_tolerance, confidence)
    old, new, *others = runs = [read_run(path) for path in (before, after, *noise)]
    try:
        comparison = compare_runs(old, new, tolerances, noise=others, by_scenario=by_scenario, any_load=any_load)
        text = compare_markdown.render(comparison) if markdown else compare_text.render(comparison, style())
    except UNREADABLE as problem:  # faults that the files' validation (summary_check.py) missed
        given = ", ".join(str(run.path) for run in runs)
        expected = f"files that can be compared; these cannot ({type(problem).__name__}: {problem})"
        raise UsageError("results", given, expected, EXAMPLE) from problem
    click.echo(text, nl=False)
    ctx.exit(comparison.exit_code)
