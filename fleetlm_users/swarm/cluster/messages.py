"""Our messages between master and worker: one typed struct each, with its name, its shape, and both directions.

A message is checked against its shape before it is acted on, and decoded by its handler. The shapes are checks of
`fleetlm_users/shape.py` and not msgspec's own: they also refuse control characters, and quote the value that is wrong.
Entries that a struct does not name are not checked: another version may send more.
"""

from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self

import msgspec
from locust.rpc import Message

from fleetlm_users.errors import ShapeError
from fleetlm_users.measure.snapshot import MAX_SNAPSHOT_BYTES
from fleetlm_users.shape import (
    Check,
    binary,
    each,
    either,
    flag,
    lines,
    nothing_or,
    number,
    record,
    row,
    shown,
    table,
    text,
    whole,
)
from fleetlm_users.swarm.cluster.locust_messages import LOCUST_FROM_MASTER, LOCUST_FROM_WORKER, TIMES
from fleetlm_users.swarm.cluster.process_identity import IDENTITY_SHAPE, ProcessIdentity
from fleetlm_users.swarm.options.wire import LONGEST_S, MAX_KINDS, MAX_USERS, check_options, from_wire, to_wire
from fleetlm_users.swarm.run import HeadcountReport
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.orders.load_clock import MAX_CHANGES, MAX_SPEED, NO_ORDER, LoadOrder
from fleetlm_users.workload.orders.step_order import StepOrder
from fleetlm_users.workload.stages.grammar import MAX_STAGES

EPOCH: Final = text(64)
"""The shape of a run's name, which is generated for each run."""

PROBLEM: Final = lines(20_000)
PROCESS: Final = nothing_or(IDENTITY_SHAPE)
RESETS: Final = whole(high=MAX_USERS)
SNAPSHOT: Final = nothing_or(binary(MAX_SNAPSHOT_BYTES))
"""The shape of an encoded snapshot, which is decoded and checked when it is merged (measure/snapshot_check.py)."""

SPEEDS: Final = each(row(number(0, LONGEST_S), number(0, MAX_SPEED)), MAX_CHANGES)
STAGES: Final = each(row(number(0, LONGEST_S), text(30)), MAX_STAGES)
LOAD_ORDER: Final = row(SPEEDS, STAGES)
USERS: Final = whole(high=MAX_USERS)
HEADCOUNT_SHAPE: Final = nothing_or(record({"epoch": EPOCH, "headcount": row(USERS, USERS, USERS)}))


class ClusterMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of ours; `kind` is its type on the wire, `shape` the check of its data."""

    kind: ClassVar[str]
    shape: ClassVar[Check]

    def to_wire(self) -> dict[str, Any]:
        """Return plain values, for Locust's msgpack."""
        wire: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(bytes,))
        return wire

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Return the message whose data has been checked against `shape`."""
        return msgspec.convert(data, cls)


# ---- from a worker ---------------------------------------------------------------------------------------------------


class Introduction(ClusterMessage, frozen=True, kw_only=True):
    """A worker's introduction, sent before it may take part.

    `version` is its code version in plain values: a different version may have other entries, and the refusal says what
    differs. `family` is the mark of the master that forked it, empty for a worker that was started on its own.
    """

    kind = "fleetlm_introduction"
    shape = record(
        {
            "version": table(text(100), either("text or names", text(500), each(text(500), MAX_KINDS)), 100),
            "process": PROCESS,
        },
        {"family": text(64)},
    )
    version: dict[str, Any]
    process: ProcessIdentity | None
    family: str = ""


class FinalReport(ClusterMessage, frozen=True, kw_only=True):
    """The last snapshot of a worker in a run, sent on a drain request or on its own; None if it had no part in it."""

    kind = "fleetlm_final_report"
    shape = record({"epoch": EPOCH, "snapshot": SNAPSHOT})
    epoch: str
    snapshot: bytes | None


class SnapshotReply(ClusterMessage, frozen=True, kw_only=True):
    """The snapshot of the moment in which the master asked for one; None if the worker has no part in the run."""

    kind = "fleetlm_snapshot"
    shape = record({"epoch": EPOCH, "snapshot": SNAPSHOT})
    epoch: str
    snapshot: bytes | None


class WorkDone(ClusterMessage, frozen=True, kw_only=True):
    """No user of a worker has work left."""

    kind = "fleetlm_work_done"
    shape = record({"users": HEADCOUNT_SHAPE})
    users: HeadcountReport | None


class RunRefused(ClusterMessage, frozen=True, kw_only=True):
    """A worker's machine cannot do its part in a run; `problem` says why."""

    kind = "fleetlm_run_refused"
    shape = record({"epoch": EPOCH, "problem": PROBLEM})
    epoch: str
    problem: str


class ReportExtras(msgspec.Struct, frozen=True, kw_only=True):
    """Our part of each of Locust's reports: encoded snapshot, headcount, and the worker's wall clock in seconds."""

    shapes: ClassVar[Mapping[str, Check]] = MappingProxyType(
        {"fleetlm": SNAPSHOT, "fleetlm_headcount": HEADCOUNT_SHAPE, "fleetlm_wall_clock": TIMES}
    )
    snapshot: bytes | None = msgspec.field(name="fleetlm", default=None)
    users: HeadcountReport | None = msgspec.field(name="fleetlm_headcount", default=None)
    wall_clock_s: float | None = msgspec.field(name="fleetlm_wall_clock", default=None)

    def add_to(self, data: dict[str, Any]) -> None:
        """Add this part to one of Locust's reports."""
        data.update(msgspec.to_builtins(self, builtin_types=(bytes,)))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return this part of a report that has been checked; all fields are None in a plain Locust's report."""
        return msgspec.convert({name: data.get(name) for name in cls.shapes}, cls)


# ---- from the master -------------------------------------------------------------------------------------------------


class DrainRequest(ClusterMessage, frozen=True, kw_only=True):
    """The end of a run: drain, then send the final report; `cut_short` says not to wait for it."""

    kind = "fleetlm_drain"
    shape = record({"epoch": EPOCH}, {"cut_short": flag})
    epoch: str
    cut_short: bool = False


class SnapshotRequest(ClusterMessage, frozen=True, kw_only=True):
    """A request for a snapshot of this moment."""

    kind = "fleetlm_snapshot_request"
    shape = record({"epoch": EPOCH})
    epoch: str


class ResetRequest(ClusterMessage, frozen=True, kw_only=True):
    """A person has reset the statistics, for the `resets`-th time in this run."""

    kind = "fleetlm_reset"
    shape = record({"epoch": EPOCH, "resets": RESETS})
    epoch: str
    resets: int


class RowsReceived(ClusterMessage, frozen=True, kw_only=True):
    """The master has the rows of the seconds `before` this one, since the `resets`-th reset: they need not be kept."""

    kind = "fleetlm_rows_received"
    shape = record({"epoch": EPOCH, "resets": RESETS, "before": whole()})
    epoch: str
    resets: int
    before: int


class StepOrdered(ClusterMessage, frozen=True, kw_only=True):
    """The current step of a capacity search, as in StepOrder: its bounds in seconds of the run, and a share."""

    kind = "fleetlm_step"
    shape = record(
        {
            "epoch": EPOCH,
            "held_from_s": number(0, LONGEST_S),
            "held_to_s": number(0, LONGEST_S),
            "share": number(0, 1),
        }
    )
    epoch: str
    held_from_s: float
    held_to_s: float
    share: float

    @property
    def order(self) -> StepOrder:
        """The order itself."""
        return StepOrder(self.held_from_s, self.held_to_s, self.share)


class LoadOrdered(ClusterMessage, frozen=True, kw_only=True):
    """Everything ordered in the run so far."""

    kind = "fleetlm_load_order"
    shape = record({"epoch": EPOCH, "order": LOAD_ORDER})
    epoch: str
    order: LoadOrder


class WorkerRejected(ClusterMessage, frozen=True, kw_only=True):
    """The worker may not take part; `problem` says why."""

    kind = "fleetlm_worker_rejected"
    shape = record({"problem": PROBLEM})
    problem: str


class WorkerAdmitted(ClusterMessage, frozen=True, kw_only=True):
    """The worker may take part; `process` is its master's identity."""

    kind = "fleetlm_worker_admitted"
    shape = record({"process": PROCESS})
    process: ProcessIdentity | None


class RunDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its workers get it, in the options of Locust's spawn message.

    `dispatched_to` lists the indexes of the workers in the order in which Locust dispatches users to them; `elapsed_s`
    is how long the run has lasted; `resets` counts the resets of its statistics; `order` is everything ordered in it so
    far.
    """

    option: ClassVar[str] = "fleetlm_run"
    shape: ClassVar[Check] = record(
        {
            "epoch": EPOCH,
            "options": check_options,
            "dispatched_to": each(USERS, 100_000),
            "elapsed_s": number(0, LONGEST_S),
            "resets": RESETS,
        },
        {"order": LOAD_ORDER},
    )
    epoch: str
    options: Options
    dispatched_to: list[int]
    elapsed_s: float
    resets: int
    order: LoadOrder = NO_ORDER

    def to_wire(self) -> dict[str, Any]:
        """Return plain values, for Locust's msgpack."""
        wire = {name: getattr(self, name) for name in self.__struct_fields__}
        return wire | {"options": to_wire(self.options), "order": msgspec.to_builtins(self.order)}

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Return the description from which `to_wire` made these values. Raise ShapeError for anything else."""
        cls.shape(data)
        order = msgspec.convert(data.get("order", ((), ())), LoadOrder)
        values = {name: data[name] for name in cls.__struct_fields__ if name != "order"}
        return cls(**{**values, "options": from_wire(data["options"]), "order": order})


# ---- all of them -----------------------------------------------------------------------------------------------------


def _with_extras(report: Check) -> Check:
    extras = record({}, ReportExtras.shapes)

    def check(value: Any) -> None:
        report(value)
        extras(value)

    return check


FROM_WORKER: Final[Mapping[str, Check]] = MappingProxyType(
    {
        **LOCUST_FROM_WORKER,
        "stats": _with_extras(LOCUST_FROM_WORKER["stats"]),
        **{kind.kind: kind.shape for kind in (Introduction, FinalReport, SnapshotReply, WorkDone, RunRefused)},
    }
)
FROM_MASTER: Final[Mapping[str, Check]] = MappingProxyType(
    {
        **LOCUST_FROM_MASTER,
        **{
            kind.kind: kind.shape
            for kind in (
                *(DrainRequest, SnapshotRequest, ResetRequest, RowsReceived, StepOrdered, LoadOrdered),
                *(WorkerRejected, WorkerAdmitted),
            )
        },
    }
)


def problem_with(msg: Message, shapes: Mapping[str, Check], others: Container[str]) -> str:
    """Return why a message must be refused; empty for a good one. `others` are types that another listener handles."""
    kind: Any = msg.type
    if not isinstance(kind, str):
        return f"its type {ShapeError(f'is {shown(kind)}; expected text').problem}"
    check = shapes.get(kind)
    if check is None:
        return "" if kind in others else "no such message is known"
    try:
        check(msg.data)
    except ShapeError as problem:
        return str(problem)
    return ""
