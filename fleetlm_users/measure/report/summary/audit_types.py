"""What summary.json holds of an audit."""

from typing import NotRequired, TypedDict


class AuditedEntry(TypedDict):
    """The audit of own messages, or of answers; `unaudited` by cause."""

    all: int
    audited: int
    unstored: int
    changed: int
    unaudited: dict[str, int]


class AuditEntry(TypedDict):
    """What was stored of what was acknowledged: how much the audit saw (`words`), and what it found (`result`).

    `unconfirmed` and `open_outcomes` are of messages whose outcome the server left open, where there were any.
    """

    way: str
    words: str
    result: str
    messages: AuditedEntry
    answers: AuditedEntry
    unconfirmed: NotRequired[AuditedEntry]
    open_outcomes: NotRequired[str]
