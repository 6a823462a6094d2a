"""`fleetlm-bench schema`."""

import json

import pytest


@pytest.mark.parametrize(("arguments", "number"), [((), "summary:1"), (("summary",), "summary:1"), (("run",), "run:1")])
def test_it_writes_the_schema_of_a_document(bench, arguments, number):
    """summary.json unless another is named; the number is the format's."""
    done = bench("schema", *arguments)
    assert done.exit_code == 0
    assert json.loads(done.output)["$id"] == f"urn:fleetlm-locust:schema:{number}"


def test_another_document_has_none(bench):
    """The choices are named."""
    done = bench("schema", "timeseries")
    assert done.exit_code == 2
    assert "summary" in done.output
