"""The result of an audit: how many acknowledged messages it covered, what it found, and whether that suffices.

All phases count. The warm-up excuses slow answers, not lost messages.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import structs

from fleetlm_users.measure import formatting
from fleetlm_users.measure.audit.comparison import (
    BEYOND_REPLAY,
    BY_DESIGN,
    CUT_SHORT,
    MAYBE_HIDDEN,
    MEMORY_BOUND,
    NO_SEQ,
    SUSPICIOUS,
    TIME_UP,
)
from fleetlm_users.measure.metrics.metric import ALL
from fleetlm_users.measure.totals import Totals

DEFAULT_THRESHOLDS: Final = (
    "messages_unstored: count==0",
    "messages_stored_changed: count==0",
    "answers_unstored: count==0",
    "answers_stored_changed: count==0",
)
"""The thresholds of every audited run. An answer that a user saw and that is gone is as lost as a message."""

FAILED_SHARE: Final = 0.01
"""The share of acknowledged messages that may go unaudited because something went wrong, such as a lost connection."""

NOT_PUSHED: Final = "not_pushed"
"""The label of messages that were lost although the server had acknowledged them (protocol/late_conversation.py)."""

UNREPORTED: Final = "unreported"
"""The cause for messages that only a lost worker remembered."""

_WORDS: Final[Mapping[str, str]] = {
    BEYOND_REPLAY: "beyond the 100 messages that a join replays",
    MEMORY_BOUND: "beyond --audit-messages",
    CUT_SHORT: "when the audit was cut short",
    TIME_UP: "when the audit's time was up",
    MAYBE_HIDDEN: "missing below a full page, so lost or not flushed yet",
    NO_SEQ: "acknowledged by a reply without `seq`, and never pushed",
    UNREPORTED: "that no worker reported on",
}
_BY: Final[Mapping[str, str]] = {"replay": "by replay", "rest": "over REST", "database": "in the database"}


class AuditedKind(msgspec.Struct, frozen=True):
    """The audit of own messages, or of answers: counts, and the unaudited ones by cause."""

    audited: int
    unstored: int
    changed: int
    unaudited: Mapping[str, int]

    @property
    def all(self) -> int:
        """The number acknowledged, or pushed."""
        return self.audited + sum(self.unaudited.values())

    @property
    def share(self) -> float:
        """The share that was audited; 1 if there was nothing to audit."""
        return self.audited / self.all if self.all else 1.0

    def seen(self, what: str) -> str:
        """Return how many were audited, in words; `what` names them."""
        return f"{self.audited:,} of {self.all:,} {what} ({_percent(self.share)})"

    def causes(self) -> str:
        """Return why the others were not audited, in words; empty if all were."""
        return ", ".join(f"{n:,} {_cause(cause)}" for cause, n in self.unaudited.items() if n)


NOTHING: Final = AuditedKind(0, 0, 0, {})


class AuditResult(msgspec.Struct, frozen=True):
    """The coverage and findings of an audit by `way`; `unconfirmed` are the messages whose outcome the server left
    open.
    """

    way: str
    messages: AuditedKind
    answers: AuditedKind
    unconfirmed: AuditedKind = NOTHING

    def words(self) -> str:
        """Return in one line what was audited and what was not."""
        kinds = [(self.messages, "acknowledged messages")]
        kinds += [(self.answers, "pushed answers")] if self.answers.all else []
        parts = [kind.seen(what) + (f"; {kind.causes()}" if kind.causes() else "") for kind, what in kinds]
        return f"audited {_BY.get(self.way, self.way)}: {'. '.join(parts)}"

    def findings(self) -> str:
        """Return the findings in one line."""
        counts = (
            (self.messages.unstored, "message", "not stored"),
            (self.messages.changed, "message", "stored with different content"),
            (self.answers.unstored, "answer", "not stored"),
            (self.answers.changed, "answer", "stored with different content"),
        )
        wrong = [f"{_counted(n, what)} {flaw}" for n, what, flaw in counts if n]
        if not self.messages.audited + self.answers.audited:
            return "nothing could be audited"
        return ", ".join(wrong) if wrong else "all that was audited is stored unchanged"

    def open_outcomes(self) -> str:
        """Return in one line the fate of the messages whose outcome the server left open; empty if there are none."""
        kind = self.unconfirmed
        if not kind.all:
            return ""
        stored = kind.audited - kind.unstored
        fates = [f"{stored:,} {'is' if stored == 1 else 'are'} stored"]
        fates += [f"{kind.unstored:,} {'is' if kind.unstored == 1 else 'are'} not"] if kind.unstored else []
        fates += [f"not looked for: {kind.causes()}"] if kind.causes() else []
        return f"of {kind.all:,} whose outcome the server left open, {', '.join(fates)}; none counts as lost"

    @property
    def is_flawed(self) -> bool:
        """Whether anything was found that is not stored as it should be."""
        return any(n for kind in (self.messages, self.answers) for n in (kind.unstored, kind.changed))


def result_of(totals: Totals, way: str) -> AuditResult:
    """Return the result of a run's audit."""
    messages, answers = _kind(totals, "messages"), _kind(totals, "answers")
    stored, unstored = (totals.count(f"unconfirmed_{fate}", phase=ALL) for fate in ("stored", "unstored"))
    unconfirmed = AuditedKind(stored + unstored, unstored, 0, totals.labels("unconfirmed_unaudited", phase=ALL))
    unreported = _to_audit(totals) - messages.all - unconfirmed.all
    if unreported > 0:
        messages = structs.replace(messages, unaudited={**messages.unaudited, UNREPORTED: unreported})
    return AuditResult(way, messages, answers, unconfirmed)


def audit_doubts(result: AuditResult, least_share: float, *, judged_by_thresholds: bool) -> Iterator[str]:
    """Yield why the audit does not suffice for a verdict.

    Args:
        result: The audit's result.
        least_share: The share of the acknowledged messages that it must have covered.
        judged_by_thresholds: False for a search, whose thresholds judge its steps and not the messages stored at the
            end.
    """
    messages = result.messages
    if messages.share < least_share:
        seen, causes = messages.seen("acknowledged messages"), messages.causes()
        yield f"the audit covered {seen}, less than --audit-share {least_share:g} requires: {causes}"
    for kind, what in ((messages, "acknowledged messages"), (result.answers, "pushed answers")):
        failed = {cause: n for cause, n in kind.unaudited.items() if cause not in BY_DESIGN and n}
        if sum(failed.values()) > FAILED_SHARE * kind.all or SUSPICIOUS & failed.keys():
            causes = ", ".join(f"{n:,} {_cause(cause)}" for cause, n in formatting.few_kinds(failed).items())
            yield f"the audit could not check {sum(failed.values()):,} of {kind.all:,} {what}: {causes}"
    if not judged_by_thresholds and result.is_flawed:
        yield f"the audit found that {result.findings()}"


def _to_audit(totals: Totals) -> int:
    """Return how many messages the processes should have audited: with a push, an ok reply, or an open outcome."""
    not_pushed = totals.labels("messages_lost", phase=ALL).get(NOT_PUSHED, 0)
    return sum(totals.count(metric, phase=ALL) for metric in ("messages_appended", "messages_unconfirmed")) + not_pushed


def _kind(totals: Totals, what: str) -> AuditedKind:
    audited, unstored, changed = (
        totals.count(f"{what}_{fate}", phase=ALL) for fate in ("audited", "unstored", "stored_changed")
    )
    return AuditedKind(audited, unstored, changed, totals.labels(f"{what}_unaudited", phase=ALL))


def _counted(n: int, what: str) -> str:
    return f"1 {what} is" if n == 1 else f"{n:,} {what}s are"


def _cause(cause: str) -> str:
    return _WORDS.get(cause, f"because of {cause}")


def _percent(share: float) -> str:
    """Return a share in whole percent, which is 100 % only if nothing is missing and 0 % only if everything is."""
    if 0 < share < 0.01:
        return "less than 1 %"
    return f"{int(share * 100)} %"
