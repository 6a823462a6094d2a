"""The result of a run with a crash: how the server was stopped and came back, and what that cost, in words."""

from collections.abc import Iterator
from typing import Final, TypedDict

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.histogram import Trend, TrendSummary
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.totals import Totals
from fleetlm_users.units import US_PER_S

PLANNED: Final = frozenset(("disconnects", "messages_not_sent"))
"""Counters of trouble that a crash causes as planned."""

UNTESTED: Final = "no connection broke, so the run does not show what a crash costs"


class CrashEntry(TypedDict):
    """How the server was stopped and answered again, in seconds of the run; `lines` say what that cost."""

    how: str
    stopped_s: float | None
    back_s: float | None
    lines: list[str]


class CrashRecord(msgspec.Struct, frozen=True):
    """How the server was stopped and how it came back.

    Attributes:
        how: In words, such as `by SIGKILL to process 12`; empty if this run was not to stop it.
        stopped_s: Seconds from the start of the run until it was told to stop; None if it was not.
        back_s: Seconds from the start of the run until it answered again; None if it did not.
        problem: What went wrong; empty if nothing did.
    """

    how: str
    stopped_s: float | None = None
    back_s: float | None = None
    problem: str = ""


def crash_doubts(crash: CrashRecord) -> Iterator[str]:
    """Yield why the crash did not go as requested."""
    if crash.problem:
        yield f"the crash did not go as planned: {crash.problem}"
    elif crash.how and crash.stopped_s is None:
        yield "the run ended before the server was to be stopped"
    elif crash.how and crash.back_s is None:
        yield "the run ended before the server answered again"


def untested(crash: CrashRecord, totals: Totals) -> Iterator[str]:
    """Yield that the run shows nothing about a crash, unless something else already says so."""
    is_over = not crash.how or crash.back_s is not None
    if is_over and not crash.problem and not totals.count("disconnects", phase=ALL):
        yield UNTESTED


def crash_entry(crash: CrashRecord | None, totals: Totals) -> CrashEntry | None:
    """Return the summary's entry on the crash and its cost; None without a crash."""
    if crash is None:
        return None
    return {
        "how": crash.how,
        "stopped_s": None if crash.stopped_s is None else round(crash.stopped_s, 3),
        "back_s": None if crash.back_s is None else round(crash.back_s, 3),
        "lines": [*_course(crash), *_cost(totals)],
    }


def _course(crash: CrashRecord) -> Iterator[str]:
    if crash.stopped_s is not None:
        line = f"the server was stopped {crash.how}, {crash.stopped_s:.1f} s into the run"
        if crash.back_s is not None:
            line += f", and answered again {crash.back_s - crash.stopped_s:.1f} s later"
        yield line
    elif not crash.how:
        yield "nothing here stopped the server (--crash none)"
    if crash.problem:
        yield crash.problem


def _cost(totals: Totals) -> Iterator[str]:
    broken = totals.count("disconnects", phase=ALL)
    if not broken:
        yield "no connection broke"
        return
    resumed = totals.count("sessions_resumed", phase=ALL)
    outage = _trend(totals, "outage_ms")
    longest = "" if outage.max_us is None else f", the last after {_seconds(outage.max_us)}"
    yield f"{_counted(broken, 'connection')} broke; {formatting.count(resumed)} came back{longest}"
    yield from _ages(totals)
    yield _open(totals)
    yield from _numbers(totals)


def _ages(totals: Totals) -> Iterator[str]:
    """Yield how many seconds of acknowledgements were lost: age is counted back from the break of the connection."""
    lost, kept = _trend(totals, "lost_ack_age_ms"), _trend(totals, "kept_ack_age_ms")
    acknowledged = lost.count + kept.count
    if not acknowledged:
        yield "what became of the messages acknowledged before it is not known"
        return
    if lost.max_us is None:
        yield f"all of {formatting.count(acknowledged)} messages acknowledged before it are stored"
    else:
        gone = f"{formatting.count(lost.count)} of {formatting.count(acknowledged)}"
        yield f"{gone} messages acknowledged before it are gone, the oldest of them {_seconds(lost.max_us)} old"
    if kept.min_us is not None:
        yield f"the youngest that is stored was {_seconds(kept.min_us)} old"
    answers = sum(totals.count(f"answers_{fate}", phase=ALL) for fate in ("unstored", "stored_changed"))
    if totals.count("answers_audited", phase=ALL):
        yield f"pushed answers that are gone: {formatting.count(answers)}"
    messages = sum(totals.count(f"messages_{fate}", phase=ALL) for fate in ("unstored", "stored_changed"))
    if messages > lost.count:
        yield f"messages that are gone although no crash followed them: {formatting.count(messages - lost.count)}"


def _open(totals: Totals) -> str:
    stored, unstored, unknown = (
        totals.count(f"open_messages_{fate}", phase=ALL) for fate in ("stored", "unstored", "unaudited")
    )
    words = f"open when it broke: {_counted(stored + unstored + unknown, 'message')}"
    parts = [(stored, "stored"), (unstored, "not stored"), (unknown, "not known")]
    listed = ", ".join(f"{formatting.count(n)} {what}" for n, what in parts if n)
    return f"{words}, {listed}" if listed else words


def _numbers(totals: Totals) -> Iterator[str]:
    """Yield how the server numbered messages: after a loss it may assign a seq a second time."""
    twice, below = (totals.count(name, phase=ALL) for name in ("seqs_given_twice", "messages_below_resume"))
    yield f"seqs that were assigned twice, with different contents: {formatting.count(twice)}"
    yield f"new messages that a client resuming after its last seq would never show: {formatting.count(below)}"


def _trend(totals: Totals, name: str) -> TrendSummary:
    return (totals.trend(name, phase=ALL) or Trend()).summary()


def _counted(n: int, what: str) -> str:
    return f"{formatting.count(n)} {what}{'' if n == 1 else 's'}"


def _seconds(us: int) -> str:
    return f"{us / US_PER_S:.3f} s"
