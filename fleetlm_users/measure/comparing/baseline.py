"""The differences between a run and an earlier one, in a few sentences for its own report. Pure.

The method is that of `fleetlm-bench compare`; its answer does not change the run's verdict, which depends on the
thresholds.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from fleetlm_users.measure import formatting
from fleetlm_users.measure.comparing import wording
from fleetlm_users.measure.comparing.comparison import ANYWAY, INCOMPARABLE, Comparison, RunFile, label, obstacles
from fleetlm_users.measure.comparing.figures import Measured
from fleetlm_users.measure.comparing.rows import FigureRow
from fleetlm_users.measure.comparing.thresholds import ThresholdPair
from fleetlm_users.measure.report.summary.related_types import BaselineEntry, BaselineSentence
from fleetlm_users.measure.report.summary.types import Summary, ThresholdEntry

MOST: Final = 3
"""The most differences that a report names; `fleetlm-bench compare` shows all."""

MOST_SETTINGS: Final = 3
MOST_OBSTACLES: Final = 2


def baseline_entry(comparison: Comparison) -> BaselineEntry:
    """Return the result of a comparison with an earlier run (A), as the summary of the later run (B) holds it."""
    differences = [*_differences(comparison)]
    return {
        "run_id": comparison.before.run_id,
        "path": str(comparison.before.path),
        "answer": wording.verdict(comparison),
        "exit_code": comparison.exit_code,
        "sentences": [_headline(comparison), *differences[:MOST]],
        "more": max(0, len(differences) - MOST),
    }


def no_baseline(path: str, reason: str) -> BaselineEntry:
    """Return the entry for a report when no earlier run could be compared."""
    return {
        "run_id": "",
        "path": path,
        "answer": wording.VERDICTS[INCOMPARABLE],
        "exit_code": INCOMPARABLE,
        "sentences": [{"text": f"Against the baseline {path}: not comparable, since {reason}.", "metric": ""}],
        "more": 0,
    }


def obstacles_beforehand(before: RunFile, planned: Summary) -> list[str]:
    """Return why an earlier run cannot be compared with one that has not begun: `planned` holds only its plan and
    options.
    """
    verdict: Summary = {**planned, "verdict": {"kind": "pass", "exit_code": 0, "failures": [], "doubts": []}}
    return _few(obstacles(before, RunFile(before.path / "planned", verdict), any_load=False))


def _headline(comparison: Comparison) -> BaselineSentence:
    before = comparison.before
    started = str(before.summary["run"].get("started_at") or "")
    when = f" of {started}" if started else ""
    text = f"Against run {before.run_id or before.path}{when}: {wording.verdict(comparison)}"
    if comparison.obstacles:
        text += f", since {'; '.join(_few(comparison.obstacles))}"
    elif comparison.differences:
        names = [item.name for item in comparison.differences]
        more = f" and {len(names) - MOST_SETTINGS} more" if len(names) > MOST_SETTINGS else ""
        text += f"; set up differently in {', '.join(names[:MOST_SETTINGS])}{more}"
    if comparison.redefined and not comparison.obstacles:
        text += (
            f"; {', '.join(changed.metric for changed in comparison.redefined)} not compared: another definition then"
        )
    return _sentence(text, "")


def _few(reasons: Iterable[str]) -> list[str]:
    """Return the first reasons in the words of one run's report: A is the baseline there, B this run, and no option of
    the run compares them anyway.
    """
    named = [
        reason.removesuffix(ANYWAY).replace("run A is", "the baseline is").replace("run B is", "this run is")
        for reason in reasons
    ]
    more = len(named) - MOST_OBSTACLES
    return named if more <= 0 else [*named[:MOST_OBSTACLES], f"{more} more reason{'s' if more > 1 else ''}"]


def _differences(comparison: Comparison) -> Iterator[BaselineSentence]:
    """Yield the differences in order of weight: what decides, what is open, what is better, what no threshold
    bounds.
    """
    if comparison.obstacles:
        return
    if comparison.worse_capacity:
        text = comparison.worse_capacity.replace("in A", "then").replace("in B", "now")
        yield _sentence(f"{text[0].upper()}{text[1:]}", "")
    broken = [pair for pair in comparison.thresholds if pair.broken]
    yield from map(_broken, broken)
    figures = {pair.figure for pair in broken if pair.is_of_figure}
    worse = [row for row in comparison.worse if row.figure not in figures]
    yield from (_changed(row, "is worse") for row in _by_size(worse))
    yield from (_sentence(text, row.figure.metric) for row, text in comparison.open_figures)
    judged = [row for row in comparison.rows if row.judged]
    yield from (_changed(row, "is better") for row in _by_size(judged) if row.change == "better")
    metrics = {row.figure.metric for row in judged if row.change in ("worse", "better")}
    others = _by_size([row for row in comparison.rows if not row.judged and row.change in ("worse", "better")])
    largest = {row.figure.metric: row for row in reversed(others) if row.figure.metric not in metrics}
    for row in _by_size(list(largest.values())):
        yield _changed(row, f"is {row.change}, and no threshold bounds it")


def _sentence(text: str, metric: str) -> BaselineSentence:
    return {"text": f"{text}.", "metric": metric}


def _by_size(rows: list[FigureRow]) -> list[FigureRow]:
    """Return rows with the largest change first, relative to the old value; a change from 0 is the largest."""
    return sorted(rows, key=lambda row: -abs(row.relative) if row.relative is not None else float("-inf"))


def _broken(pair: ThresholdPair) -> BaselineSentence:
    then = "" if pair.before is None else f" ({_measured(pair.before)})"
    now = _measured(pair.after) if pair.after else formatting.NOTHING
    return _sentence(f"{pair.entry['expression']} was kept{then} and is missed ({now})", pair.entry["metric"])


def _measured(entry: ThresholdEntry) -> str:
    return formatting.outcome(entry)


def _changed(row: FigureRow, how: str) -> BaselineSentence:
    change = wording.change(row)
    text = f"{label(row.figure)} {how}: {_value(row, row.before)}, then {_value(row, row.after)}"
    return _sentence(f"{text} ({change})" if change else text, row.figure.metric)


def _value(row: FigureRow, side: Measured) -> str:
    return wording.value(row, side) + (" ms" if row.unit == "ms" and side.value is not None else "")
