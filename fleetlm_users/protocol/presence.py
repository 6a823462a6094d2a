"""Who is present on a topic: the state that Phoenix.Presence sends after a join, and the changes that follow. Pure.

Rules as in phoenix `assets/js/phoenix/presence.js`, which tests hold this against: a state replaces what is known, as
the joins and leaves that lead there; a change that comes before the first state of a join waits for it; `metas`, one
for each connection of a key, are told apart by their `phx_ref`, and new ones stand last. Anything a key carries besides
its metas comes from the latest message that added a meta to it. One rule differs: changes waiting for the state of a
join that has ended are dropped, because they are older than the next join's state.
"""

from typing import Any, Final

STATE: Final = "presence_state"
DIFF: Final = "presence_diff"

MAX_WAITING_DIFFS: Final = 1000
"""The most changes kept before the first state. A server sends its state at the join; one that never does must not fill
the memory.
"""

Entries = dict[str, dict[str, Any]]


class Presence:
    """The presence of one joined topic.

    `state` has an entry for each present key, with its `metas` and whatever else the server puts there. `changes`
    counts the states and diffs taken, `refused` those that were malformed or came in excess before the first state.
    """

    def __init__(self) -> None:
        self.state: Entries = {}
        self.is_synced = False
        self.changes = 0
        self.refused = 0
        self._waiting: list[tuple[Entries, Entries]] = []

    def __repr__(self) -> str:
        return f"Presence({len(self.state)} keys, {'synced' if self.is_synced else 'no state yet'})"

    def __len__(self) -> int:
        return len(self.state)

    def __contains__(self, key: object) -> bool:
        return key in self.state

    def metas(self, key: str) -> list[dict[str, Any]]:
        """Return the metas of a key; empty when it is absent."""
        metas: list[dict[str, Any]] = self.state.get(key, {}).get("metas", [])
        return metas

    def begin(self) -> None:
        """Start again for a new join: changes wait for its state."""
        self.is_synced = False
        self._waiting.clear()

    def take(self, event: str, payload: Any) -> bool:
        """Take a presence_state or presence_diff as received; return whether it was well-formed."""
        if event == STATE:
            entries = _entries(payload)
            if entries is not None:
                self._sync(entries)
                return True
        elif event == DIFF and isinstance(payload, dict):
            joins, leaves = _entries(payload.get("joins")), _entries(payload.get("leaves"))
            if joins is not None and leaves is not None and self._change(joins, leaves):
                return True
        self.refused += 1
        return False

    def _sync(self, entries: Entries) -> None:
        joins, leaves = _between(self.state, entries)
        self._apply(joins, leaves)
        self.is_synced = True
        self.changes += 1
        waiting, self._waiting = self._waiting, []
        for joins, leaves in waiting:
            self._apply(joins, leaves)

    def _change(self, joins: Entries, leaves: Entries) -> bool:
        if self.is_synced:
            self._apply(joins, leaves)
        elif len(self._waiting) < MAX_WAITING_DIFFS:
            self._waiting.append((joins, leaves))
        else:
            return False
        self.changes += 1
        return True

    def _apply(self, joins: Entries, leaves: Entries) -> None:
        for key, entry in joins.items():
            joined = _refs(entry)
            stayed = [meta for meta in self.metas(key) if meta["phx_ref"] not in joined]
            self.state[key] = {**entry, "metas": [*stayed, *entry["metas"]]}
        for key, entry in leaves.items():
            if key not in self.state:
                continue
            left = _refs(entry)
            metas = [meta for meta in self.metas(key) if meta["phx_ref"] not in left]
            if metas:
                self.state[key]["metas"] = metas
            else:
                del self.state[key]


def _between(before: Entries, after: Entries) -> tuple[Entries, Entries]:
    """Return the joins and leaves that lead from one state to another."""
    joins: Entries = {}
    leaves = {key: entry for key, entry in before.items() if key not in after}
    for key, entry in after.items():
        known = before.get(key)
        if known is None:
            joins[key] = entry
            continue
        refs, known_refs = _refs(entry), _refs(known)
        joined = [meta for meta in entry["metas"] if meta["phx_ref"] not in known_refs]
        left = [meta for meta in known["metas"] if meta["phx_ref"] not in refs]
        if joined:
            joins[key] = {**entry, "metas": joined}
        if left:
            leaves[key] = {**known, "metas": left}
    return joins, leaves


def _refs(entry: dict[str, Any]) -> set[str]:
    return {meta["phx_ref"] for meta in entry["metas"]}


def _entries(payload: Any) -> Entries | None:
    """Return the entries if they have the shape that Phoenix.Presence sends, else None."""
    if not isinstance(payload, dict):
        return None
    for entry in payload.values():
        metas = entry.get("metas") if isinstance(entry, dict) else None
        if not isinstance(metas, list) or not all(
            isinstance(meta, dict) and isinstance(meta.get("phx_ref"), str) for meta in metas
        ):
            return None
    return payload
