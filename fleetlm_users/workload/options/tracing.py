"""Trace contexts (W3C Trace Context, level 1): the ids by which a tracing UI knows the messages of a run. Pure.

They are drawn from the run's seed and the message's number, and so are the same in a run with the same seed, and
different on all workers. None has to be stored: a report derives a message's id from its client_ref.
"""

import hashlib
from itertools import count
from typing import Final, NamedTuple

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.model import Options

VERSION: Final = "00"
FIELD: Final = "traceparent"
"""The name of the HTTP header (§3.2), and of the key in a message's metadata."""

_TRACE_BYTES: Final = 16
_PARENT_BYTES: Final = 8
_SHARE_BYTES: Final = 7
"""Samplers decide by the last seven bytes of a trace id (level 2, §2.2.2.1), so that they agree with each other."""


class TraceContext(NamedTuple):
    """One trace: its id (32 lowercase hexadecimal digits), its caller's id (16), and the sampled flag."""

    trace_id: str
    parent_id: str
    is_sampled: bool

    @property
    def header(self) -> str:
        """The value of `traceparent`: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`."""
        return f"{VERSION}-{self.trace_id}-{self.parent_id}-{'01' if self.is_sampled else '00'}"


class TraceContexts:
    """The trace contexts of one run on one process; `share` of all traces carry the sampled flag.

    `worker_index` distinguishes the calls of one process from those of all others.
    """

    def __init__(self, seed: int, run_id: str, share: float, worker_index: int = 0) -> None:
        self._seeded = hashlib.blake2b(digest_size=_TRACE_BYTES + _PARENT_BYTES, key=seed.to_bytes(8, "big"))
        self._prefix = f"{run_id}-"
        self._below = round(share * 256**_SHARE_BYTES)
        self._worker_index = worker_index
        self._calls = count(1)

    def __repr__(self) -> str:
        return f"<TraceContexts {self._prefix}{self._worker_index}>"

    def of_message(self, client_ref: str) -> TraceContext:
        """Return the context of the message with that reference, the same on every call."""
        return self._drawn(f"message {client_ref.removeprefix(self._prefix)}")

    def next_call(self) -> TraceContext:
        """Return the context of the next REST call that is not a message itself."""
        return self._drawn(f"call {self._worker_index} {next(self._calls)}")

    def _drawn(self, name: str) -> TraceContext:
        hashed = self._seeded.copy()  # a fifth of the cost of a new one
        hashed.update(name.encode())
        drawn = hashed.digest()
        trace_id, parent_id = drawn[:_TRACE_BYTES], drawn[_TRACE_BYTES:]
        is_sampled = int.from_bytes(trace_id[-_SHARE_BYTES:], "big") < self._below
        return TraceContext(_not_zero(trace_id).hex(), _not_zero(parent_id).hex(), is_sampled)


def traces_of(options: Options, worker_index: int = 0) -> TraceContexts | None:
    """Return the trace contexts of a run; None if its messages carry none."""
    if not options.traceparent:
        return None
    share = 1.0 if options.trace_share is None else options.trace_share
    return TraceContexts(options.seed, options.run_id, share, worker_index)


def check_tracing(options: Options) -> None:
    """Raise UsageError for a share of traces in a run that traces nothing."""
    if options.trace_share is not None and not options.traceparent:
        accepted = "it together with --traceparent: nothing is traced otherwise"
        raise UsageError(
            "--trace-share (TRACE_SHARE)", options.trace_share, accepted, "--traceparent --trace-share 0.1"
        )


def _not_zero(drawn: bytes) -> bytes:
    """Return an id that is valid: not all zeros (§3.2.2.3 and §3.2.2.4)."""
    return drawn if any(drawn) else b"\1" * len(drawn)
