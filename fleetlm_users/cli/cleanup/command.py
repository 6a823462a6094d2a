"""`fleetlm-bench cleanup`: delete the sessions that benchmarks left in FleetLM."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from fleetlm_users.cli.cleanup.api import Sweep, Unreachable
from fleetlm_users.cli.cleanup.finder import Cleaner
from fleetlm_users.cli.cleanup.sessions import RunMark, merged
from fleetlm_users.cli.cleanup.text import done_text, found_text
from fleetlm_users.cli.target_options import common_option, seconds, sources_of, target_options, targets_of, typed
from fleetlm_users.cli.terminal import Progress, style
from fleetlm_users.client import Connector, RestApi
from fleetlm_users.earlier_runs.result_folders import read_runs
from fleetlm_users.errors import RestFailed
from fleetlm_users.measure.comparing.comparison import RunFile
from fleetlm_users.measure.report.summary.types import counter_of
from fleetlm_users.workload.identity import check_run_id

CONCURRENCY: Final = 16
MAX_CONCURRENCY: Final = 256


@click.command(short_help="Delete the sessions that benchmarks left in FleetLM.")
@target_options
@common_option("participant_prefix")
@click.option("--run-id", "run_ids", multiple=True, metavar="ID", help="Only sessions of this run; repeatable.")
@click.option(
    "--results",
    "folders",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Only sessions of the run in this result folder, or of all runs below it; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--yes", "-y", is_flag=True, help="Delete without asking.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    default=CONCURRENCY,
    show_default=True,
    help="Parallel requests.",
)
@click.option(
    "--timeout", "timeout_s", default="30s", show_default=True, metavar="DURATION", callback=seconds("--timeout"),
    help="For each request.",
)  # fmt: skip
@click.pass_context
def cleanup(  # noqa: PLR0913, PLR0917  # click passes each option as an argument of its own
    ctx: click.Context,
    /,
    run_ids: Sequence[str],
    folders: Sequence[Path],
    dry_run: bool,
    yes: bool,
    concurrency: int,
    timeout_s: float,
    participant_prefix: str | None,
    **given: Any,
) -> None:
    """Find the sessions whose metadata says `bench: true`, show how many there are, ask, and delete them.

    FleetLM lists only the newest 50 sessions, overall or of one participant. A run's participants are numbered, so with
    --run-id or --results the command looks up every one of them; without these options, it only finds runs among the
    newest 50 sessions. Deleted sessions stay in FleetLM as archived, and are skipped.

    \b
    Examples:
      fleetlm-bench cleanup --dry-run
      fleetlm-bench cleanup --run-id r1124-2135-7f3a
      fleetlm-bench cleanup --results results --yes

    Exit code: 0 if everything found was deleted, 1 if something failed or you answered no.
    """  # noqa: D301  # \b is what click looks for
    targets = targets_of(given)
    marks = _marks(run_ids, folders, typed("participant_prefix", participant_prefix))
    api = RestApi(
        targets.api_url,
        timeout_s=timeout_s,
        concurrency=concurrency,
        connector=Connector(insecure=targets.insecure, sources=sources_of(given)),
    )
    progress = Progress()
    cleaner = Cleaner(api, Sweep(api, concurrency), concurrency, progress.tell)
    try:
        leftovers = cleaner.find(marks)
        progress.clear()
        click.echo(found_text(leftovers, marks, style()), nl=False)
        is_to_be = bool(leftovers.deletable) and not dry_run and (yes or _agrees(len(leftovers.deletable)))
        deleted = cleaner.delete(leftovers) if is_to_be else 0
    except (RestFailed, Unreachable) as failed:
        progress.clear()
        raise click.ClickException(
            f"FleetLM cannot be reached: {failed}. `fleetlm-bench doctor` finds out why."
        ) from failed
    finally:
        api.close()
    progress.clear()
    failures = cleaner.sweep.failures
    if is_to_be or failures:
        click.echo(done_text(deleted, failures, style=style()), nl=False)
    is_refused = bool(leftovers.deletable) and not dry_run and not is_to_be
    ctx.exit(1 if failures or is_refused else 0)


def _marks(run_ids: Sequence[str], folders: Sequence[Path], prefix: str) -> list[RunMark]:
    runs = [run for folder in folders for run in read_runs(folder)]
    named = [RunMark(check_run_id(run_id), prefix) for run_id in run_ids]
    return merged([*(_mark(run, prefix) for run in runs if run.run_id), *named])


def _mark(run: RunFile, prefix: str) -> RunMark:
    """Return the run of a result folder; `prefix` is used if its summary names none."""
    return RunMark(
        run.run_id,
        str(run.summary["options"].get("participant_prefix") or prefix),
        users=int(run.summary["plan"].get("total_users") or 0),
        workers=len(run.summary.get("workers") or []),
        sessions=_sessions_begun(run),
    )


def _sessions_begun(run: RunFile) -> int:
    started = counter_of(run.summary, "sessions_started")
    if started is None:
        return 0
    phases = (started.get("main"), started.get("warm_up"))
    return sum(phase["all"]["count"] for phase in phases if phase is not None)


def _agrees(count: int) -> bool:
    """Return whether the user says yes; the end of standard input means no."""
    try:
        is_agreed = click.confirm(f"  Delete {'this session' if count == 1 else f'these {count:,} sessions'}?")
    except click.Abort:
        is_agreed = False
    if not sys.stdin.isatty():  # a user's own newline ends the question; a pipe's does not show
        click.echo()
    if is_agreed:
        return True
    click.echo("  Nothing was deleted. (--yes deletes without asking.)")
    return False
