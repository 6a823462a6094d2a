"""Write the reference results into docs/performance.md and into the chart."""

from pathlib import Path

from benchmarks.figures import ROWS
from benchmarks.publishing.chart import chart
from benchmarks.publishing.markdown import render
from benchmarks.publishing.results import REFERENCE, Results
from benchmarks.running.child import ROOT

PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "images" / "bench.svg"
BEGIN = "<!-- Results: made by `python -m benchmarks report`; do not edit by hand. -->"
END = "<!-- End of the results. -->"


def adopt(path: Path) -> None:
    """Put the figures of a results file in place of the reference's. Raises ValueError for a file of another format."""
    known = Results.load(REFERENCE) if REFERENCE.exists() else Results()
    known.updated(Results.load(path)).save(REFERENCE)


def write() -> None:
    """Write the page and the chart."""
    reference = Results.load(REFERENCE)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), reference), encoding="utf-8")
    CHART.write_text(chart(ROWS, reference.figures), encoding="utf-8")


def page(text: str, results: Results) -> str:
    """Return the page with these results between its marks. Raises ValueError if it has none."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"no {BEGIN} … {END} in the page")
    return f"{before}{BEGIN}\n\n{render(ROWS, results.figures)}\n\n{END}{after}"
