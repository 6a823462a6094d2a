"""Convert a run's options between master and worker: to plain values for msgpack, and back by the fields' types.

A worker does not resolve options itself: presets files and environment may differ from its master's.
"""

import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from fleetlm_users.errors import ShapeError
from fleetlm_users.quoting import cut
from fleetlm_users.shape import MAX_WHOLE, Check, each, either, flag, nothing_or, number, record, table, text, whole
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.plan import Plan

LONGEST_S: Final = 1e9
MAX_USERS: Final = 10_000_000
MAX_KINDS: Final = 10_000
"""The most entries of anything listed by name: user classes, options, lines of the log."""

_TEXT: Final = text(20_000, printable=False)
_TEXTS: Final = each(_TEXT, MAX_KINDS)
_VALUE: Final = either("text, a number, true, false or nothing", nothing_or(number()), _TEXT, flag)
_BY_TYPE: Final[Mapping[Any, Check]] = types.MappingProxyType(
    {
        str: _TEXT,
        int: whole(-MAX_WHOLE),
        float: number(0, LONGEST_S),
        bool: flag,
        Path: _TEXT,
        tuple[str, ...]: _TEXTS,
        frozenset[str]: _TEXTS,
        Mapping[str, int]: table(text(200), whole(high=MAX_USERS), MAX_KINDS),
        # a benchmark's own options, whatever they are
        Mapping[str, Any]: table(text(200), either("a value or values", _VALUE, each(_VALUE, MAX_KINDS)), MAX_KINDS),
    }
)


def to_wire(options: Options) -> dict[str, Any]:
    """Return options as plain values."""
    wire: dict[str, Any] = msgspec.to_builtins(options, enc_hook=str)  # str for paths
    return wire


def from_wire(wire: object) -> Options:
    """Return the options from which `to_wire` made these values. Raise ShapeError for anything else."""
    check_options(wire)
    return msgspec.convert(wire, Options, dec_hook=lambda kind, text: kind(text))


def check_options(wire: object) -> None:
    """Raise ShapeError unless `to_wire` could have made these values."""
    _check(wire)
    assert isinstance(wire, Mapping)  # for mypy: already checked
    for part, kind in ((wire, Options), (wire["plan"], Plan)):
        unknown = sorted(set(part) - set(typing.get_type_hints(kind)), key=str)
        if unknown:
            raise ShapeError("is an option that this version does not know", cut(str(unknown[0]), 60))


def _of_type(hint: Any) -> Check:
    if isinstance(hint, types.UnionType):
        return nothing_or(_BY_TYPE[typing.get_args(hint)[0]])
    return _BY_TYPE[hint]


def _fields(kind: type, **others: Check) -> Check:
    checks = {name: others.get(name) or _of_type(hint) for name, hint in typing.get_type_hints(kind).items()}
    return record(checks)


_check: Final = _fields(Options, plan=_fields(Plan))
