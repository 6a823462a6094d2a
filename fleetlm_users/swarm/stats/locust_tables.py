"""Bounds for Locust's own tables: errors and exceptions, requests per second, and the points of its charts.

Locust has a row per error text, in every process and on the master that merges them. A text with an id in it makes a
row per request, which Locust's reports, page and CSV files then all contain.

Locust keeps a number per second and request forever, but only reads the last twelve (`current_rps`), and a point of 1
KB every five seconds (`stats_history`): together 2 MB an hour on a master. On workers each report restarts them.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from locust.env import Environment
from locust.runners import Runner
from locust.stats import RequestStats, StatsError

from fleetlm_users.errors import ClientError
from fleetlm_users.foreign_text import printable, printable_lines
from fleetlm_users.measure.counter_kinds import MAX_KINDS, OTHER
from fleetlm_users.swarm.locust_internals import drop_old_seconds, intercept_errors, intercept_exceptions

MAX_TRACEBACK: Final = 10_000

Row = tuple[str, str]  # an entry of Locust's statistics: method and name


def bound_tables(environment: Environment) -> None:
    """Bound both tables of this process to MAX_KINDS rows each: per request, and of exceptions."""
    stats: RequestStats = environment.stats

    def log_bounded(method: str, name: str, error: Exception | str | None) -> None:
        text = text_of(error)
        if StatsError.create_key(method, name, text) not in stats.errors:
            text = text if rows_of(stats.errors.values())[method, name] < MAX_KINDS else OTHER
        log_error(method, name, text)

    log_error = intercept_errors(stats, log_bounded)
    if environment.runner is not None:
        _bound_exceptions(environment.runner)


def bound_report(stats: RequestStats, data: dict[str, Any]) -> None:
    """Bound the errors in a worker's report before Locust adds them to its own: many workers have many texts.

    Call it from a listener that runs before Locust's. Anything not in Locust's form is left to Locust.
    """
    reported = data.get("errors")
    if not isinstance(reported, dict) or not all(isinstance(error, dict) for error in reported.values()):
        return
    rows = rows_of(stats.errors.values())
    bounded: dict[str, dict[str, Any]] = {}
    for error in reported.values():
        method, name, text = str(error.get("method")), str(error.get("name")), printable(error.get("error"))
        key = StatsError.create_key(method, name, text)
        if key not in stats.errors and key not in bounded:
            if rows[method, name] >= MAX_KINDS:
                text = OTHER
                key = StatsError.create_key(method, name, text)
            rows[method, name] += 1
        _add(bounded, key, {**error, "error": text})
    data["errors"] = bounded


def text_of(error: Exception | str | None) -> str:
    """Return the text of an error's row; for one of our errors its kind and reason, without ids."""
    return printable(error.row if isinstance(error, ClientError) else StatsError.parse_error(error))


def rows_of(errors: Iterable[StatsError]) -> Counter[Row]:
    """Return how many texts each request has."""
    return Counter((error.method, error.name) for error in errors)


def _add(bounded: dict[str, dict[str, Any]], key: str, error: dict[str, Any]) -> None:
    known = bounded.setdefault(key, error)
    if known is not error:
        known["occurrences"] += error["occurrences"]
        for moment, which in (("first_seen", min), ("last_seen", max)):
            known[moment] = which(filter(None, (known.get(moment), error.get(moment))), default=None)


def _bound_exceptions(runner: Runner) -> None:
    """Bound the table of exceptions, which has a row per traceback: one mistake can have many."""

    def log_bounded(node_id: str, msg: str, formatted_tb: str) -> None:
        traceback = printable_lines(formatted_tb, MAX_TRACEBACK)
        if hash(traceback) not in runner.exceptions and len(runner.exceptions) >= MAX_KINDS:
            msg, traceback = OTHER, ""
        log_exception(node_id, printable(msg), traceback)

    log_exception = intercept_exceptions(runner, log_bounded)


SECONDS_KEPT: Final = 60
POINTS_KEPT: Final = 360
POINTS_WHOLE: Final = 60
"""The newest five minutes stay as they are; older points are spread evenly over the run."""


def bound_history(stats: RequestStats) -> None:
    """Drop old data. Call it now and then during a run."""
    for entry in (stats.total, *stats.entries.values()):
        drop_old_seconds(entry, SECONDS_KEPT)
    thin(stats.history)


def thin(points: list[dict[str, Any]]) -> None:
    """Remove older points where they are densest, if there are too many."""
    if len(points) <= POINTS_KEPT:
        return
    first_s, last_s = _moment_s(points[0]), _moment_s(points[-1])
    gap_s = (last_s - first_s) / (POINTS_KEPT - 2 * POINTS_WHOLE)
    spread = points[:1]
    for point in points[1:-POINTS_WHOLE]:
        if _moment_s(point) - _moment_s(spread[-1]) >= gap_s:
            spread.append(point)
    points[:-POINTS_WHOLE] = spread


def _moment_s(point: dict[str, Any]) -> float:
    return datetime.fromisoformat(point["time"]).timestamp()
