"""Whether a read of a session holds what the server accepted, content and all. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MISSING: Final = "unreplayed"
CHANGED: Final = "changed"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that the server accepted; `seq` is None where its answer does not say it."""

    client_ref: str
    text: str
    seq: int | None

    @property
    def content(self) -> dict[str, str]:
        """The content that was sent."""
        return {"text": self.text, "client_ref": self.client_ref}


@dataclass(slots=True)
class ReadBack:
    """How many messages were looked for in a read, and those that it lacks or holds with another content."""

    checked: int = 0
    missing: list[Accepted] = field(default_factory=list)
    changed: list[Accepted] = field(default_factory=list)


def judge_read(expected: Iterable[Accepted], messages: Sequence[Any]) -> ReadBack:
    """Return what a read says of the messages that it must hold.

    Args:
        expected: The messages that were accepted before the read began, of the range that was asked for.
        messages: What the server returned, untrusted.

    Returns:
        The verdict on each. One is changed when its seq or its client_ref is there with another content, or its content
        under another seq.
    """
    by_seq: dict[int, Any] = {}
    by_ref: dict[str, list[tuple[Any, Any]]] = {}
    for message in messages:
        if not isinstance(message, Mapping) or type(seq := message.get("seq")) is not int:
            continue
        content = message.get("content")
        by_seq[seq] = content
        ref = content.get("client_ref") if isinstance(content, Mapping) else None
        if isinstance(ref, str):
            by_ref.setdefault(ref, []).append((seq, content))
    result = ReadBack()
    for one in expected:
        result.checked += 1
        candidates = by_ref.get(one.client_ref, [])
        if one.seq is None:
            is_kept = any(content == one.content for _, content in candidates)
            is_there = bool(candidates)
        else:
            is_kept = by_seq.get(one.seq) == one.content
            is_there = one.seq in by_seq or any(content == one.content for _, content in candidates)
        if not is_kept:
            (result.changed if is_there else result.missing).append(one)
    return result
