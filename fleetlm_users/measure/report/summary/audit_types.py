"""The entries of an audit in summary.json."""

from typing import NotRequired, TypedDict


class AuditedEntry(TypedDict):
    """The audit of own messages, or of answers; `unaudited` by cause."""

    all: int
    audited: int
    unstored: int
    changed: int
    unaudited: dict[str, int]


class AuditEntry(TypedDict):
    """How many acknowledged messages were stored: the audit's coverage (`words`), and its findings (`result`).

    `unconfirmed` and `open_outcomes` cover messages whose outcome the server left open, if there were any.
    """

    way: str
    words: str
    result: str
    messages: AuditedEntry
    answers: AuditedEntry
    unconfirmed: NotRequired[AuditedEntry]
    open_outcomes: NotRequired[str]
