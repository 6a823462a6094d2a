"""Summaries against their schema and their types: both take what a run writes, and what older versions wrote."""

import functools
import json
from typing import get_type_hints

import jsonschema
import pytest

from fleetlm_users.cli.schema.documents import KINDS, check_types, published
from fleetlm_users.earlier_runs.summary_check import check_summary
from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.summary.types import RunRecord, Summary, ThresholdEntry
from tests.cli.summaries import made
from tests.mutations import mutated, seeds


@functools.cache
def validator(name):
    """The validator of a published schema."""
    return jsonschema.Draft202012Validator(json.loads(published(KINDS[name])))


def is_valid(document, name="summary"):
    """Whether a document keeps the published schema."""
    return validator(name).is_valid(document)


def optional_keys(kind):
    """The keys that older versions did not write."""
    return set(get_type_hints(kind)) & kind.__optional_keys__


def test_what_a_run_writes_keeps_schema_and_types():
    """summary.json, and the part of it that is run.json."""
    document = made()
    check_types(document)
    assert is_valid(document)
    assert is_valid({name: part for name, part in document.items() if name in RunRecord.__annotations__}, "run")


def test_a_summary_of_the_first_version_is_still_read():
    """Without every key that came later, and with one that is not known yet."""
    document = made() | {"of a later version": 1}
    for name in optional_keys(Summary):
        document.pop(name, None)
    for entry in document["thresholds"]:
        for name in optional_keys(ThresholdEntry):
            entry.pop(name, None)
    check_types(document)
    check_summary(document)
    assert is_valid(document)
    assert "<h1>" in render_html(document, [])


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda document: document.pop("run"), "run"),
        (lambda document: document["run"].pop("scenarios"), "run.scenarios"),
        (lambda document: document["run"].update(elapsed_s="long"), "run.elapsed_s"),
        (lambda document: document["metrics"]["messages_sent"].update(kind="sum"), "metrics.messages_sent"),
        (lambda document: document["metrics"]["messages_sent"].pop("help"), "metrics.messages_sent.help"),
        (lambda document: document.update(workers=[1]), "workers[0]"),
    ],
)
def test_what_is_missing_or_of_another_type_is_named(change, place):
    """Schema and types agree on it."""
    document = made()
    change(document)
    with pytest.raises(ShapeError) as problem:
        check_types(document)
    assert problem.value.place == place
    assert not is_valid(document)


def test_what_the_types_accept_the_schema_accepts():
    """Tried on damaged summaries; the types are stricter, since 1.0 is a whole number to JSON Schema."""
    refused = []
    sound = made()
    each_kind = {metric["kind"]: name for name, metric in sound["metrics"].items()}
    sound["metrics"] = {name: sound["metrics"][name] for name in each_kind.values()}  # the others are alike, only slow
    for seed in seeds(1000):
        document = json.loads(json.dumps(mutated(sound, seed), default=repr))
        if isinstance(document, dict):
            document["format"] = sound["format"]  # read_run has looked at it before
        try:
            check_types(document)
        except ShapeError:
            refused.append(document)
        else:
            assert is_valid(document)
    assert sum(not is_valid(document) for document in refused[:150]) > 100
