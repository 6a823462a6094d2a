"""The published JSON Schemas are those of the types, and schemas at all."""

import json

import jsonschema
import pytest

from fleetlm_users.cli.schema.documents import KINDS, generated, published


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_the_published_schema_is_the_generated_one(kind):
    """After a change of measure/report/summary/types.py, `make docs` writes it again."""
    assert published(kind) == generated(kind), "run `make docs` and commit what it writes"
    document = json.loads(published(kind))
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
