"""The documents with a published schema, their JSON Schemas, and the check of a document against its types.

Everything is generated from the types of measure/report/summary/types.py. msgspec does not accept a union of
TypedDicts, which metrics are: the schema has `oneOf` their schemas instead, and a check chooses the member by its
`kind`.

A reader must ignore keys that it does not know: within one format, keys are added and never change their meaning. So a
schema accepts further keys, and the files of every version with the same format.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from inspect import cleandoc
from types import MappingProxyType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    NamedTuple,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.report.summary.document import SUMMARY_FORMAT
from fleetlm_users.measure.report.summary.metric_types import MetricEntry
from fleetlm_users.measure.report.summary.types import RunRecord, Summary
from fleetlm_users.shape import converted

PACKAGE: Final = "fleetlm_users.cli.schema"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final = "#/$defs/{name}"


class DocumentKind(NamedTuple):
    """A file of a result folder: its name without `.json`, the type of its content, and its description."""

    name: str
    content: type
    title: str


KINDS: Final[Mapping[str, DocumentKind]] = MappingProxyType(
    {
        "summary": DocumentKind(
            "summary", Summary, "summary.json of a FleetLM load test: everything that was measured"
        ),
        "run": DocumentKind("run", RunRecord, "run.json of a FleetLM load test: what ran where"),
    }
)


def file_name(kind: DocumentKind) -> str:
    """Return the name of the schema's file; a new format is a new file."""
    return f"{kind.name}-{SUMMARY_FORMAT}.schema.json"


def published(kind: DocumentKind) -> str:
    """Return the schema shipped with the package, as JSON text."""
    return (files(PACKAGE) / file_name(kind)).read_text(encoding="utf-8")


def generated(kind: DocumentKind) -> str:
    """Return the schema generated from the types, as JSON text."""
    members: dict[str, Any] = {}
    content = _with_one_of(kind.content, members)
    (reference,), definitions = msgspec.json.schema_components([content], ref_template=_REFERENCE)
    if members:
        definitions |= msgspec.json.schema_components(members.values(), ref_template=_REFERENCE)[1]
    definitions[kind.content.__name__]["properties"]["format"] = {"const": SUMMARY_FORMAT}
    document = {
        "$schema": DIALECT,
        "$id": f"urn:fleetlm-locust:schema:{kind.name}:{SUMMARY_FORMAT}",
        "title": kind.title,
        **reference,
        "$defs": dict(sorted(definitions.items())),
    }
    return json.dumps(_dedented(document), indent=2, ensure_ascii=False) + "\n"


def _dedented(part: Any) -> Any:
    """Return a part of a schema with dedented descriptions, the same on every Python: from 3.13 on docstrings are
    dedented.
    """
    if isinstance(part, dict):
        return {
            name: cleandoc(value) if name == "description" and isinstance(value, str) else _dedented(value)
            for name, value in part.items()
        }
    return [_dedented(item) for item in part] if isinstance(part, list) else part


def check_types(document: Any) -> None:
    """Raise ShapeError unless a summary has every required part, each of its type.

    It checks neither bounds nor whether the figures agree with each other (earlier_runs/summary_check.py).
    """
    converted(document, _with_one_of(Summary, {}))
    for name, metric in document["metrics"].items():
        try:
            converted(metric, _member_of(metric))
        except ShapeError as problem:
            raise problem.within(f"metrics.{name}") from None


def _member_of(metric: Any) -> Any:
    """Return the type of a metric by its `kind`."""
    kind = metric.get("kind") if isinstance(metric, Mapping) else None
    for member in get_args(MetricEntry):
        if kind in get_args(get_type_hints(member)["kind"]):
            return member
    raise ShapeError("is of no known kind")


def _with_one_of(kind: Any, members: dict[str, Any]) -> Any:
    """Return a type in which each union of TypedDicts is replaced by any value; collect the members of the unions by
    name.
    """
    arguments = get_args(kind)
    if get_origin(kind) in (Union, UnionType) and sum(map(is_typeddict, arguments)) > 1:
        members |= {member.__name__: member for member in arguments}
        one_of = [{"$ref": _REFERENCE.format(name=member.__name__)} for member in arguments]
        return Annotated[Any, msgspec.Meta(extra_json_schema={"oneOf": one_of})]
    if get_origin(kind) is dict:
        return dict[arguments[0], _with_one_of(arguments[1], members)]  # type: ignore[misc, valid-type]  # made at run time
    return _rebuilt(kind, members) if is_typeddict(kind) else kind


def _rebuilt(kind: Any, members: dict[str, Any]) -> Any:
    """Return a TypedDict without unions of TypedDicts; the same object if it has none."""
    before = get_type_hints(kind, include_extras=True)
    after = {name: _with_one_of(hint, members) for name, hint in before.items()}
    if all(after[name] is before[name] for name in after):
        return kind
    rebuilt: Any = TypedDict(kind.__name__, after)  # type: ignore[misc]  # made at run time
    rebuilt.__doc__ = kind.__doc__
    return rebuilt
