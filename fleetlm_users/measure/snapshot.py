"""A snapshot: everything that one process has measured in a run, in the form in which it is sent to the master.

It is cumulative, so a lost or repeated report does no harm. It is encoded as MessagePack, whose decoder checks every
type and bound declared here; snapshot_check.py adds what depends on the catalogue and the clock.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from fleetlm_users.measure.findings import Findings
from fleetlm_users.measure.metrics.metric import PHASE_PATTERN
from fleetlm_users.measure.slow_messages import SlowMessage
from fleetlm_users.measure.timeline.second import Second

SNAPSHOT_FORMAT: Final = 11
"""Raised when the meaning or layout of a snapshot changes: a snapshot of another format is refused by name."""

MAX_COUNTS: Final = 20_000
MAX_TRENDS: Final = 5_000
MAX_SLOWEST: Final = 5_000
MAX_SNAPSHOT_BYTES: Final = 1 << 28

LONGEST_RUN_S: Final = 32 * 86_400.0

Whole = Annotated[int, Meta(ge=0, le=2**53)]
"""Bounded by the highest whole number that every JSON reader keeps (RFC 8259 §6)."""

Ordinal = Annotated[int, Meta(ge=0, le=10**9)]
Reading = Annotated[float, Meta(ge=-1e18, le=1e18)]
Name = Annotated[str, Meta(max_length=200)]
Label = Annotated[str, Meta(max_length=1_000)]
Phase = Annotated[str, Meta(pattern=f"^({PHASE_PATTERN})$")]


class Count(msgspec.Struct, array_like=True, frozen=True, gc=False, forbid_unknown_fields=True):
    """A counter's value in one scenario and phase for one label: the reason, kind or close code."""

    metric: Name
    scenario: Name
    phase: Phase
    label: Label
    n: Whole

    @property
    def key(self) -> tuple[str, ...]:
        """The key that no other count of a snapshot shares."""
        return self.metric, self.scenario, self.phase, self.label


class FirstMoment(msgspec.Struct, array_like=True, frozen=True, gc=False, forbid_unknown_fields=True):
    """When the first event of a counter of trouble happened in one scenario and phase, in seconds of the run."""

    metric: Name
    scenario: Name
    phase: Phase
    at_s: Annotated[float, Meta(ge=0, le=LONGEST_RUN_S)]

    @property
    def key(self) -> tuple[str, ...]:
        """The key that no other first moment of a snapshot shares."""
        return self.metric, self.scenario, self.phase


class GaugeReading(msgspec.Struct, array_like=True, frozen=True, gc=False, forbid_unknown_fields=True):
    """A gauge in one scenario, "" for the whole process: its present and highest values."""

    metric: Name
    scenario: Name
    now: Reading
    peak: Reading

    @property
    def key(self) -> tuple[str, ...]:
        """The key that no other gauge of a snapshot shares."""
        return self.metric, self.scenario


class LevelReading(msgspec.Struct, array_like=True, frozen=True, gc=False, forbid_unknown_fields=True):
    """A property of the process, such as its CPU: the last reading and the highest."""

    metric: Name
    last: Reading
    peak: Reading

    @property
    def key(self) -> tuple[str, ...]:
        """The key that no other level of a snapshot shares."""
        return (self.metric,)


class EncodedTrend(msgspec.Struct, array_like=True, frozen=True, gc=False, forbid_unknown_fields=True):
    """The durations of one metric, scenario and phase, as Trend.encode wrote them."""

    metric: Name
    scenario: Name
    phase: Phase
    encoded: bytes

    @property
    def key(self) -> tuple[str, ...]:
        """The key that no other trend of a snapshot shares."""
        return self.metric, self.scenario, self.phase


class SnapshotHead(msgspec.Struct):
    """The identity of a snapshot: decoded first, since most snapshots that are not merged are dropped because of it.

    `epoch` names the run and `resets` counts how often its statistics were reset; `seq` grows from one snapshot of a
    process to the next; `final` marks the last one; `elapsed_s` is how long the process has been in the run.
    """

    format: Ordinal
    epoch: Annotated[str, Meta(max_length=64)]
    resets: Ordinal
    seq: Ordinal
    final: bool
    elapsed_s: Annotated[float, Meta(ge=0, le=LONGEST_RUN_S)]


class Snapshot(SnapshotHead):
    """The head, and the measurements up to one moment; `rows` are the seconds not yet confirmed by the master."""

    worker: Name
    counts: Annotated[list[Count], Meta(max_length=MAX_COUNTS)]
    gauges: Annotated[list[GaugeReading], Meta(max_length=MAX_COUNTS)]
    levels: Annotated[list[LevelReading], Meta(max_length=MAX_COUNTS)]
    findings: Findings
    trends: Annotated[list[EncodedTrend], Meta(max_length=MAX_TRENDS)] = msgspec.field(default_factory=list)
    rows: list[Second] = msgspec.field(default_factory=list)
    firsts: Annotated[list[FirstMoment], Meta(max_length=MAX_COUNTS)] = msgspec.field(default_factory=list)
    slowest: Annotated[list[SlowMessage], Meta(max_length=MAX_SLOWEST)] = msgspec.field(default_factory=list)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Return the snapshot as bytes, for a message to the master."""
    return msgspec.msgpack.encode(snapshot)
