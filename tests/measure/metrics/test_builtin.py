"""Every metric is documented, and the names people know from k6 are there."""

from pathlib import Path

import pytest

from fleetlm_users.measure.metrics.builtin import ALIASES, METRICS

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_has_its_row_in_the_documentation(metric):
    """The row holds its name, kind and the catalogue's own words."""
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{metric.name}`")]
    assert len(rows) == 1
    assert f"| {metric.kind} |" in rows[0]
    assert metric.help in rows[0]


@pytest.mark.parametrize("alias", ALIASES)
def test_every_alias_is_documented(alias):
    """Both names can be found."""
    assert f"`{alias}`" in DOCUMENT.read_text(encoding="utf-8")


def test_the_documentation_has_no_row_for_a_metric_that_does_not_exist():
    """A name in the first column of a metric table is a metric."""
    lines = DOCUMENT.read_text(encoding="utf-8").split("## The metrics", 1)[1].split("\n## ", 1)[0].splitlines()
    named = {line.split("`")[1] for line in lines if line.startswith("| `")}
    assert named == {metric.name for metric in METRICS}
