"""Which files a run leaves behind, and that a file which cannot be written is told, not fatal."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fleetlm_users.measure.junit import render_junit
from fleetlm_users.measure.markdown import render_markdown
from fleetlm_users.measure.report import render
from fleetlm_users.measure.report_html import render_html
from fleetlm_users.measure.timeseries import SeriesRow, to_csv
from fleetlm_users.swarm.results import write_file, write_results
from fleetlm_users.workload.options import Options

logger = logging.getLogger(__name__)

REPORT_WIDTH = 100

RUN_PARTS = ("run", "plan", "options", "workers", "host", "versions")
"""What run.json holds of the summary: what ran where."""


def write_reports(options: Options, told: dict[str, Any], rows: Sequence[SeriesRow]) -> Path | None:
    """Writes the files asked for by path and the result folder; returns the folder, None where there is none."""
    for path, renderer in ((options.junit, render_junit), (options.markdown, render_markdown)):
        if path is not None:
            _try(path, partial(write_file, path, renderer(told)))
    if options.no_results:
        return None
    files: dict[str, str | dict[str, Any]] = {
        "summary.json": told,
        "run.json": {name: told[name] for name in RUN_PARTS},
        "timeseries.csv": to_csv(rows),
        "report.html": render_html(told, rows),
        "report.txt": render(told, REPORT_WIDTH, colour=False),
    }
    folder = options.results_dir
    return _try(folder, partial(write_results, folder, options.benchmark, options.run_id, files))


def _try(path: Path, write: Callable[[], Path]) -> Path | None:
    try:
        return write()
    except OSError as problem:
        logger.error("The report cannot be written to %s: %s", path, problem)
        return None
