"""`python -m benchmarks`: run the bench, list its figures."""

import argparse
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contenders import TOOLS
from benchmarks.figure import Figure
from benchmarks.figures import FIGURES
from benchmarks.publishing import report
from benchmarks.publishing.results import FOLDER
from benchmarks.publishing.table import lines
from benchmarks.running import rounds
from benchmarks.settings import FULL_PAIRS, QUICK_PAIRS, Settings

S_PER_MIN = 60
INTERRUPTED = 130  # as a shell has it for SIGINT


def parser() -> argparse.ArgumentParser:
    """Its options."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description="Side-by-side measurements.")
    commands = made.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure; all figures unless some are named")
    run.add_argument("figures", nargs="*", type=figure, metavar="FIGURE", help=", ".join(FIGURES))
    run.add_argument(
        "--pairs", type=positive, help=f"rounds of each figure (default: {FULL_PAIRS}; quick: {QUICK_PAIRS})"
    )
    run.add_argument("--minutes", type=positive, help="as many rounds as fit into so many minutes, instead of --pairs")
    run.add_argument("--seconds", type=positive, help="length of each timed load (default: the figure's own)")
    run.add_argument("--only", action="append", type=contender, metavar="NAME", help="only this contender; repeatable")
    run.add_argument("--quick", action="store_true", help="short and small, for a first look; not for publishing")
    run.add_argument("--output", type=Path, help="the results (default: benchmarks/results/<utc time>.json)")
    run.set_defaults(action=_run)
    writing = commands.add_parser("report", help="write docs/performance.md and its chart anew from the reference")
    writing.add_argument("results", nargs="?", type=Path, help="first put this file's figures into the reference")
    writing.set_defaults(action=_report)
    commands.add_parser("list", help="the figures and their goals").set_defaults(action=_list)
    return made


def figure(name: str) -> Figure:
    """A figure by its name. Raises ArgumentTypeError for another name."""
    if name not in FIGURES:
        raise argparse.ArgumentTypeError(f"got {name!r}; accepted are {', '.join(FIGURES)}")
    return FIGURES[name]


def contender(name: str) -> str:
    """A contender of some figure. Raises ArgumentTypeError for another name."""
    known = sorted({one for each in FIGURES.values() for one in each.contenders})
    if name not in known:
        raise argparse.ArgumentTypeError(f"got {name!r}; accepted are {', '.join(known)}")
    return name


def positive(text: str) -> int:
    """A whole number from 1 on. Raises ValueError otherwise, which argparse tells."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code."""
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("the bench pins processes to cores, which it can do on Linux only")
    options = parser().parse_args(arguments)
    return int(options.action(options))


def _run(options: argparse.Namespace) -> int:
    path = options.output or FOLDER / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    chosen = _narrowed(options.figures or list(FIGURES.values()), options.only or _present())
    settings = _settings(options, chosen)
    if options.quick:
        print("QUICK: short and small runs, for a first look; these are not the figures of the table.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the children too, as Ctrl-C does
    is_whole = True
    try:
        for done, measured in rounds.run(chosen, settings, path, _say):
            is_whole &= len(measured.pairs) == settings.pairs
            _say("\n".join(["", *lines(done, measured.pairs), ""]))
    except KeyboardInterrupt:
        _say(f"\nstopped; {_kept(path)}")
        return INTERRUPTED
    _say(f"results: {path}" if is_whole else f"some pairs failed, see above; {_kept(path)}")
    return 0 if is_whole else 1


def _settings(options: argparse.Namespace, figures: Sequence[Figure]) -> Settings:
    """Return how thoroughly to measure. Raises SystemExit if not even one round fits into the given minutes."""
    settings = Settings(options.pairs or (QUICK_PAIRS if options.quick else FULL_PAIRS), options.seconds, options.quick)
    if options.minutes is None:
        return settings
    if options.pairs:
        raise SystemExit("--minutes and --pairs both say how many rounds there are: give one of them")
    round_min = sum(each.seconds(settings) * len(each.contenders) for each in figures) / S_PER_MIN
    if round_min > options.minutes:
        fewer = "name fewer figures, or shorten their loads with --seconds or --quick"
        raise SystemExit(f"--minutes {options.minutes}: one round takes about {round_min:.0f} min; {fewer}")
    return replace(settings, pairs=int(options.minutes / round_min))


def _narrowed(figures: Sequence[Figure], names: Sequence[str] | None) -> list[Figure]:
    """The figures with these contenders only, without those that have none of them."""
    if not names:
        return list(figures)
    narrowed = [replace(each, contenders=tuple(one for one in each.contenders if one in names)) for each in figures]
    return [each for each in narrowed if each.contenders]


def _present() -> list[str]:
    """Return all contenders except tools not installed here, each of which is reported."""
    absent = {name: why for name, tool in TOOLS.items() if (why := tool.absent())}
    for name, why in absent.items():
        print(f"without {name}: {why}")
    return [name for each in FIGURES.values() for name in each.contenders if name not in absent]


def _kept(path: Path) -> str:
    return f"finished pairs are in {path}" if path.exists() else "no pair was finished"


def _report(options: argparse.Namespace) -> int:
    if options.results:
        report.adopt(options.results)
    report.write()
    return 0


def _list(_: argparse.Namespace) -> int:
    for each in FIGURES.values():
        print(f"{each.name:<12} {each.title}: {each.work}")
        for goal in each.goals:
            print(f"{'':12}   goal {goal.text}")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
