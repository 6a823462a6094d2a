"""Whether a read of a session contains what the server accepted, with the same content. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

MISSING: Final = "unreplayed"
CHANGED: Final = "changed"
DOUBLED: Final = "doubled"


class Accepted(msgspec.Struct, frozen=True):
    """A message that the server accepted; `seq` is None if its answer does not state it."""

    client_ref: str
    text: str
    seq: int | None

    @property
    def content(self) -> dict[str, str]:
        """The content that was sent."""
        return {"text": self.text, "client_ref": self.client_ref}


class ReadBack(msgspec.Struct):
    """How many messages were looked for in a read, and those that it lacks or holds with another content.

    `doubled` is how many copies it shows for the first time.
    """

    checked: int = 0
    missing: list[Accepted] = msgspec.field(default_factory=list)
    changed: list[Accepted] = msgspec.field(default_factory=list)
    doubled: int = 0

    @property
    def is_flawless(self) -> bool:
        """Whether everything is there, unchanged and once."""
        return not (self.missing or self.changed or self.doubled)


class Coverage(NamedTuple):
    """The accepted messages that a single replay must hold: those from one place up to another.

    `may_begin_early` says that the first of them are missing, which may be a loss or just a server that has not flushed
    yet.
    """

    start: int
    stop: int
    may_begin_early: bool = False


def coverage(expected: Sequence[Accepted], messages: Sequence[Any], limit: int, sender_id: str) -> Coverage:
    """Return which messages a replay of the oldest ones must hold.

    A replay that is not full must hold all. A full one ends somewhere in the session, or begins there: some servers
    replay the newest messages, and one that has not flushed yet the first ones of its memory (wire record). So messages
    accepted after its last own message are left out, or those accepted before its first one if they are more, as so
    many are not lost at once.

    Args:
        expected: The messages accepted before the replay, in order of acceptance, which is that of their seqs.
        messages: The replay, untrusted.
        limit: How many messages a full replay holds.
        sender_id: Their sender.
    """
    if len(messages) < limit:
        return Coverage(0, len(expected))
    refs = {_ref_of(message, sender_id) for message in messages}
    places = [place for place, one in enumerate(expected) if one.client_ref in refs]
    if not places:
        return Coverage(0, 0)
    below, above = places[0], len(expected) - 1 - places[-1]
    if below > above:
        return Coverage(below, places[-1] + 1)
    return Coverage(0, places[-1] + 1, may_begin_early=below > 0)


def _ref_of(message: Any, sender_id: str) -> str | None:
    """Return the client_ref of a message of that sender: an agent's echo repeats it."""
    if not isinstance(message, Mapping) or message.get("sender_id") != sender_id:
        return None
    content = message.get("content")
    ref = content.get("client_ref") if isinstance(content, Mapping) else None
    return ref if isinstance(ref, str) else None


def doubles(messages: Iterable[Any], sender_id: str, seqs: MutableMapping[str, int]) -> Iterator[tuple[str, int]]:
    """Yield client_ref and seq of each copy of a message stored under a second seq.

    Args:
        messages: What the server returned, untrusted.
        sender_id: The sender of the messages to look for.
        seqs: The seq of each message by client_ref, as stated by the server or first shown by a read; new ones are
            added.
    """
    for message in messages:
        ref = _ref_of(message, sender_id)
        if ref is not None and type(seq := message.get("seq")) is int and seqs.setdefault(ref, seq) != seq:
            yield ref, seq


def are_kept(expected: Iterable[Accepted], content_of: Callable[[int], Any]) -> bool:
    """Return whether every message is found under its seq with the content that was sent: `judge_read` would find no
    flaw.

    Only for a read in which no seq occurs twice.

    Args:
        expected: As for `judge_read`.
        content_of: Returns the content of the last message with a seq, untrusted; None if there is none.
    """
    return all(one.seq is not None and content_of(one.seq) == one.content for one in expected)


def judge_read(expected: Iterable[Accepted], messages: Sequence[Any], sender_id: str) -> ReadBack:
    """Return how a read compares with the messages that it must hold.

    Args:
        expected: The messages of the requested range that were accepted before the read began.
        messages: What the server returned, untrusted.
        sender_id: Who sent the accepted messages.

    Returns:
        The verdict on each. A message is changed if its seq or client_ref occurs with different content, its content
        under a different seq, or its seq more than once.
    """
    by_seq: dict[int, Any] = {}
    repeated: set[int] = set()
    by_ref: dict[str, list[tuple[Any, Any]]] = {}
    for message in messages:
        if not isinstance(message, Mapping) or type(seq := message.get("seq")) is not int:
            continue
        content = message.get("content")
        if seq in by_seq:
            repeated.add(seq)
        by_seq[seq] = content
        ref = _ref_of(message, sender_id)
        if ref is not None:
            by_ref.setdefault(ref, []).append((seq, content))
    result = ReadBack()
    for one in expected:
        result.checked += 1
        candidates = by_ref.get(one.client_ref, [])
        if one.seq is None:
            is_kept = any(content == one.content for _, content in candidates)
            is_there = bool(candidates)
        else:
            is_kept = by_seq.get(one.seq) == one.content and one.seq not in repeated
            is_there = one.seq in by_seq or any(content == one.content for _, content in candidates)
        if not is_kept:
            (result.changed if is_there else result.missing).append(one)
    return result
