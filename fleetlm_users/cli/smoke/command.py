"""`fleetlm-bench smoke`: does every benchmark work here?"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from fleetlm_users.cli.listing.command import locustfiles
from fleetlm_users.cli.smoke.brief_run import Sign, SmokeResult, smoke
from fleetlm_users.cli.terminal import Progress, style
from fleetlm_users.errors import UsageError
from fleetlm_users.measure.report.terminal_style import Style

STOPS_THE_SERVER: Final = "durability"  # with --standin it is ours to stop
_LOOKS: Final[dict[Sign, str]] = {"✓": "green", "!": "yellow", "✗": "red"}
WORKS, FAILS, TO_LOOK_AT = 0, 1, 4


@click.command(
    "smoke",
    short_help="Run every benchmark for a few seconds: do they all work here?",
    context_settings={"ignore_unknown_options": True},
)
@click.option("--only", multiple=True, metavar="BENCHMARK", help="Only this benchmark. Repeatable.")
@click.option("--folder", type=click.Path(path_type=Path), help="Your own locustfiles.  [default: locustfiles]")
@click.option("--seconds", type=click.FloatRange(1, 600), default=5, show_default=True, help="Length of each run.")
@click.option("--results-dir", type=click.Path(path_type=Path), metavar="FOLDER", help="Keep the runs' results there.")
@click.argument("arguments", metavar="[LOCUST OPTIONS]", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def smoke_(  # noqa: PLR0913, PLR0917  # click passes each option as an argument of its own
    ctx: click.Context,
    /,
    only: Sequence[str],
    folder: Path | None,
    seconds: float,
    results_dir: Path | None,
    arguments: Sequence[str],
) -> None:
    """Run every benchmark for a few seconds, and say of each whether it works.

    The check before a long night. All other options go to Locust, such as
    where FleetLM is. It says nothing of speed: thresholds with too few
    samples count as kept. A benchmark that stops the server runs only with
    --standin. Ctrl-C ends the present run in order, and runs no other.

    \b
    Examples:
      fleetlm-bench smoke --standin
      fleetlm-bench smoke -H https://fleetlm.example.org
      fleetlm-bench smoke --only mixed --seconds 10 -H http://fleetlm:4000

    \b
    Exit code: 0 all work, 1 one does not, 4 one needs a look or was not run
               to its end
    """  # noqa: D301  # \b is what click looks for
    files = _files(folder, only)
    if results_dir is not None:
        _check_folder(results_dir)
    signs: set[Sign] = set()
    progress, look = Progress(), style()
    with tempfile.TemporaryDirectory(prefix="fleetlm-smoke-") as results:
        for at, file in enumerate(files):
            if file.stem == STOPS_THE_SERVER and "--standin" not in arguments and not only:
                click.echo(f"  –  {file.stem}: not run, since it stops the server")
                continue
            progress.tell(f"{file.stem} for {seconds:g} s …")
            own, is_interrupted = Path(results) / file.stem, False
            try:
                result = smoke(file, seconds, arguments, own)
            except KeyboardInterrupt:
                rest, is_interrupted = [other.stem for other in files[at + 1 :]], True
                result = SmokeResult(file.stem, "!", f"interrupted; not run: {', '.join(rest) or 'no other'}")
            if results_dir is not None:
                _keep(own, results_dir)
            progress.clear()
            signs.add(result.sign)
            click.echo(_shown(result, look), nl=False)
            if is_interrupted:
                break
    ctx.exit(FAILS if "✗" in signs else TO_LOOK_AT if "!" in signs else WORKS)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        expected = f"a folder for results ({problem.strerror})"
        raise UsageError("--results-dir", str(folder), expected, "--results-dir smoke") from problem


def _keep(results: Path, folder: Path) -> None:
    """Move the files a run left, even an interrupted one; a failure to keep them changes no answer."""
    for run in sorted(results.iterdir()) if results.is_dir() else ():
        try:
            shutil.move(run, folder)
        except OSError as problem:
            click.echo(f"warning: {folder / run.name} is not kept: {problem}", err=True)


def _shown(result: SmokeResult, look: Style) -> str:
    first, *rest = look.wrapped(f"{result.benchmark}: {result.words}", f"  {result.sign}  ", "       ")
    return look.finish([first.replace(result.sign, look.paint(result.sign, _LOOKS[result.sign]), 1), *rest])


def _files(folder: Path | None, only: Sequence[str]) -> list[Path]:
    where = folder or locustfiles()
    if where is None or not where.is_dir():
        raise UsageError("--folder", str(where or ""), "a folder of locustfiles", "--folder locustfiles")
    files = {file.stem: file for file in sorted(where.glob("*.py")) if not file.name.startswith("_")}
    for name in only:
        if name not in files:
            raise UsageError("--only", name, f"one of {', '.join(files)}", "--only mixed")
    chosen = [file for name, file in files.items() if not only or name in only]
    if not chosen:
        raise UsageError("--folder", str(where), "a folder of locustfiles", "--folder locustfiles")
    return chosen
